"""`callback`: promise to call back, in the caller's turn."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from callrouter.flow.actions import BookCallback, LookupDone
from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Node, NodeName, Signal, Source, Typed, Wake


class Callback(Node):
    """Promise to call back. The callback holds a place in the queue like a waiting caller."""

    verb: ClassVar[str] = "callback"
    example: ClassVar[str] = """
        promise:
          callback: {queue: province, skills: bo-kham, next: registered, refused: seat}
    """

    queue: str = Field(min_length=1, max_length=64, json_schema_extra={"x-queue": True})
    """The queue that calls back."""
    number: Source = "caller"
    """An expression for the number to call."""
    skills: str = Field(default="", max_length=200)
    """Skills a seat must have."""
    priority: int = Field(default=5, ge=0, le=9)
    """0 (lowest) to 9."""
    next: NodeName
    """Where to go when the callback is filed."""
    refused: NodeName | None = None
    """Where to go when it cannot be filed (number withheld, say); left out: to a person."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.ENTER:
            number = frame.evaluate(self.number)
            if not isinstance(number, str) or not number:
                return "refused"
            token = frame.ask(5)
            frame.act(BookCallback(token, self.queue, number, self.skills, self.priority, frame.language))
            return None
        if isinstance(signal, LookupDone):
            return "next" if signal.ok else "refused"
        return "refused" if signal is Signal.TIMEOUT else None

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.SYSTEM, ("next",), served=True)
        yield Exit("refused", self.refused, Choice.FAILURE, ("refused",))

    def expressions(self) -> Iterator[Typed]:
        yield Typed(self.number, "string", ("number",))

"""`language`: speak another language from here on."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Node, NodeName, Wake


class Language(Node):
    """Speak another language from here on. Queues and seats see it, too."""

    verb: ClassVar[str] = "language"
    example: ClassVar[str] = """
        kham:
          language: {to: bo-kham, next: kham_seat}
    """

    to: str = Field(min_length=2, max_length=16)
    """One of the flow's languages, such as `zh` or `bo-amdo`."""
    next: NodeName | None = None
    """Where to go afterwards; left out: to a person."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        frame.language = self.to
        frame.assign("language", self.to)
        return "next"

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.SYSTEM, ("next",))

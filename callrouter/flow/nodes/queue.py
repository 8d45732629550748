"""`queue`: hand the caller to the people of a queue."""

from collections.abc import Iterator
from typing import ClassVar, Final

from pydantic import Field, model_validator

from callrouter.flow.actions import Returned, ToQueue
from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Node, NodeName, Part, Pause, Signal, Source, Typed, Wake

REASONS: Final = ("full", "closed", "unstaffed", "timeout", "callback")


class Announcements(Part):
    """When the caller hears how long it will take."""

    after: Pause = 20
    """Seconds until the first announcement; 0: none."""
    every: Pause = 60
    """Seconds between announcements."""


class Queue(Node):
    """Hand the caller to the people of a queue. Music plays and waiting is announced until one answers."""

    verb: ClassVar[str] = "queue"
    hands_over: ClassVar[bool] = True
    awaits_person: ClassVar[bool] = True
    example: ClassVar[str] = """
        kham_seat:
          queue:
            queue: province
            skills: bo-kham | bo-amdo >= 3
            priority: 6
            wait_at_most: 60
            callback: goodbye
            otherwise: choice
    """

    queue: str = Field(min_length=1, max_length=64, json_schema_extra={"x-queue": True})
    """The queue; with `choose`, the one taken when the value is not in `among`."""
    choose: Source | None = None
    """An expression that names the queue."""
    among: tuple[str, ...] = Field(default=(), max_length=64)
    """The queues that `choose` may name."""
    skills: str = Field(default="", max_length=200)
    """Skills a seat must have, such as `bo-kham | bo-amdo`."""
    priority: int = Field(default=5, ge=0, le=9)
    """0 (lowest) to 9; within one priority the longest waiting comes first."""
    sticky: bool = False
    """Try first, for a while, the seat that served this caller last."""
    music: str = Field(default="default", max_length=64)
    """The music class played while waiting."""
    wait_at_most: float = Field(default=0, ge=0, le=7200, allow_inf_nan=False)
    """Seconds until the queue gives the caller back as `timeout`; 0: never."""
    announce: Announcements = Announcements()
    """When waiting is announced."""
    callback_after: Pause = 60
    """Offer a callback once the expected wait is longer than this; 0: never."""
    full: NodeName | None = None
    """Where to go when the queue takes no more callers."""
    closed: NodeName | None = None
    """Where to go outside the queue's hours."""
    unstaffed: NodeName | None = None
    """Where to go when nobody is signed in."""
    timeout: NodeName | None = None
    """Where to go after `wait_at_most`."""
    callback: NodeName | None = None
    """Where to go when the caller has taken the callback."""
    otherwise: NodeName | None = None
    """Where every way back leads that is not named above; left out: to a person."""
    next: NodeName | None = None
    """Where the caller goes when the conversation is over; left out: the call ends."""

    @model_validator(mode="after")
    def _among(self) -> "Queue":
        if bool(self.choose) != bool(self.among):
            raise ValueError("`choose` and `among` belong together. Give both, or neither")
        return self

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.ENTER:
            frame.buffer.clear()
            frame.act(self._hand_over(frame))
            return None
        if isinstance(signal, Returned):
            if signal.source == "conversation":
                if self.next is not None:
                    return "next"
                frame.end(16, "conversation over")
                return None
            named = signal.reason in REASONS and getattr(self, signal.reason) is not None
            return signal.reason if named else "otherwise"
        return None

    def exits(self) -> Iterator[Exit]:
        for reason in REASONS:
            target: str | None = getattr(self, reason)
            if target is not None:
                callback = reason == "callback"
                yield Exit(reason, target, Choice.CALLER if callback else Choice.FAILURE, (reason,), callback)
        yield Exit("otherwise", self.otherwise, Choice.FAILURE, ("otherwise",))
        if self.next is not None:
            yield Exit("next", self.next, Choice.SYSTEM, ("next",), served=True)

    def expressions(self) -> Iterator[Typed]:
        if self.choose is not None:
            yield Typed(self.choose, "string", ("choose",))

    def _hand_over(self, frame: Frame) -> ToQueue:
        chosen = frame.evaluate(self.choose) if self.choose is not None else None
        return ToQueue(
            queue=chosen if isinstance(chosen, str) and chosen in self.among else self.queue,
            skills=self.skills,
            priority=self.priority,
            sticky="last" if self.sticky else "",
            music=self.music,
            language=frame.language,
            wait_at_most=self.wait_at_most,
            announce_after=self.announce.after,
            announce_every=self.announce.every,
            callback_after=self.callback_after,
            comes_back=self.next is not None,
        )

"""`queue`: hand the caller to the people of a queue."""

from collections.abc import Iterator
from typing import ClassVar, Final

from pydantic import Field, model_validator

from callrouter.flow.actions import Returned, ToQueue
from callrouter.flow.frame import Frame
from callrouter.flow.node import NodeName, Part, Pause, Signal, Source, Typed, Wake
from callrouter.flow.nodes.handing_over import HandingOver

REASONS: Final = ("full", "closed", "unstaffed", "timeout", "callback")


class Announcements(Part):
    """When the caller hears how long it will take."""

    after: Pause = 20
    """Seconds until the first announcement; 0: none."""
    every: Pause = 60
    """Seconds between announcements."""


class Queue(HandingOver):
    """Hand the caller to the people of a queue. Music plays and waiting is announced until one answers."""

    verb: ClassVar[str] = "queue"
    awaits_person: ClassVar[bool] = True
    reasons: ClassVar[tuple[str, ...]] = REASONS
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
    """The music class (`musiconhold.conf`) that this caller hears from now on, waiting or on hold.

    Asterisk plays its default for a class that it does not know.
    """
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
        return self.come_back(frame, signal) if isinstance(signal, Returned) else None

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

"""`consent`: ask whether the call may be recorded."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from callrouter.flow.actions import AllowRecording, MediaFinished
from callrouter.flow.frame import Frame
from callrouter.flow.node import (
    Assigned,
    Choice,
    Exit,
    Listening,
    NodeName,
    Pause,
    Prompts,
    Say,
    Signal,
    VariableName,
    Wake,
)
from callrouter.flow.nodes.collect import OneKey


class Consent(Listening):
    """Ask whether the call may be recorded. The answer holds for the rest of the call."""

    verb: ClassVar[str] = "consent"
    example: ClassVar[str] = """
        may_we_record:
          consent: {prompt: consent_recording, silence: forbid, next: seat}
    """

    prompt: Prompts
    """The question."""
    yes: OneKey = "1"
    """The key that allows recording."""
    no: OneKey = "2"
    """The key that forbids it."""
    silence: Literal["allow", "forbid"] = "forbid"
    """What silence, or another key, means."""
    wait: Pause = 4
    """Seconds after the prompt."""
    into: VariableName | None = None
    """A bool variable that takes the answer."""
    next: NodeName | None = None
    """Where to go afterwards; left out: to a person."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.DIGIT or (signal is Signal.ENTER and frame.buffer):
            frame.stop()
            key = frame.buffer.popleft()
            allowed = {self.yes: True, self.no: False}.get(key, self.silence == "allow")
            return self._answer(frame, allowed)
        if signal is Signal.ENTER and frame.say(self.prompt):
            return None
        if signal is Signal.TIMEOUT or self.wait == 0:
            return self._answer(frame, self.silence == "allow")
        if signal is Signal.ENTER or isinstance(signal, MediaFinished):
            frame.wait(self.wait)
        return None

    def exits(self) -> Iterator[Exit]:
        yield Exit("allowed", self.next, Choice.SYSTEM, ("next",))
        yield Exit("forbidden", self.next, Choice.SYSTEM, ("next",))
        yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)

    def assigns(self) -> Iterator[Assigned]:
        if self.into is not None:
            yield Assigned(self.into, "bool", ("into",))

    def takes_zero(self) -> bool:
        return "0" in (self.yes, self.no)

    def _answer(self, frame: Frame, allowed: bool) -> str:
        frame.act(AllowRecording(allowed))
        if self.into is not None:
            frame.assign(self.into, allowed)
        return "allowed" if allowed else "forbidden"

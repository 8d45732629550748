"""`hangup`: end the call, saying goodbye first."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from callrouter.flow.actions import MediaFinished
from callrouter.flow.frame import Frame
from callrouter.flow.node import Exit, Listening, Prompts, Say, Signal, Wake


class Hangup(Listening):
    """End the call. Callers who have met nobody may be hung up on only with `without_person`."""

    verb: ClassVar[str] = "hangup"
    ends: ClassVar[bool] = True
    example: ClassVar[str] = """
        goodbye:
          hangup: {prompt: [thank_you, goodbye], reason: served}
    """

    prompt: Prompts = ()
    """Said before."""
    reason: str = Field(default="flow ended", max_length=80)
    """Written to the call's record."""
    cause: int = Field(default=16, ge=1, le=127)
    """The Q.850 cause: 16 normal clearing, 17 busy, 1 unallocated number."""
    without_person: str = Field(default="", max_length=200)
    """Why a caller may be hung up on here who has reached neither a person nor a callback or voicemail."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        frame.buffer.clear()
        if (signal is Signal.ENTER and not frame.say(self.prompt)) or isinstance(signal, MediaFinished):
            frame.end(self.cause, self.reason)
        return None

    def exits(self) -> Iterator[Exit]:
        yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)

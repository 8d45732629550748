"""`voicemail`: take a message.

prompt ─▶ recording ──key, silence or `max_seconds`──▶ kept: next
              └── nothing usable (counted) ──▶ prompt again, in the end: empty
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from callrouter.flow.actions import MediaFinished, RecordingFinished, RecordVoice, StopRecord
from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Listening, NodeName, Prompts, Say, Signal, Wake


class Voicemail(Listening):
    """Take a message into a mailbox, where staff list, play and delete it."""

    verb: ClassVar[str] = "voicemail"
    example: ClassVar[str] = """
        complaint:
          voicemail:
            prompt: voicemail_invite
            mailbox: complaints
            max_seconds: 90
            next: thanks
            empty: seat
    """

    prompt: Prompts
    """What is said before the tone."""
    mailbox: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,47}$")
    """The mailbox; it comes to be with its first message."""
    max_seconds: float = Field(default=120, ge=5, le=600, allow_inf_nan=False)
    """The longest message."""
    min_seconds: float = Field(default=1, ge=0, le=30, allow_inf_nan=False)
    """Anything shorter does not count as a message."""
    silence_seconds: float = Field(default=5, ge=1, le=60, allow_inf_nan=False)
    """So much silence ends the message."""
    finish: Annotated[str, Field(pattern=r"^[0-9*#]$")] = "#"
    """The key that ends the message."""
    tries: int = Field(default=2, ge=1, le=5)
    """How often an empty message may be tried again."""
    empty_prompt: Prompts = ()
    """Said before the prompt after an empty message."""
    next: NodeName
    """Where to go when the message is kept."""
    empty: NodeName | None = None
    """Where to go without a message; left out: to a person."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.ENTER:
            frame.buffer.clear()
            return self._speak(frame, self.prompt)
        if isinstance(signal, MediaFinished):
            return self._record(frame)
        if signal is Signal.DIGIT:
            return self._key(frame)
        if isinstance(signal, RecordingFinished):
            frame.recording = False
            kept = signal.ok and signal.seconds >= self.min_seconds
            return "next" if kept else self._again(frame)
        if signal is Signal.TIMEOUT:
            frame.abandon()
            return self._again(frame)
        return None

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.SYSTEM, ("next",), served=True)
        yield Exit("empty", self.empty, Choice.MISTAKE, ("empty",))
        yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)
        yield self.empty_prompt, ("empty_prompt",)

    def takes_zero(self) -> bool:
        return self.finish == "0"

    def _speak(self, frame: Frame, prompts: tuple[str | Say, ...]) -> str | None:
        return None if frame.say(prompts) else self._record(frame)

    def _record(self, frame: Frame) -> str | None:
        token = frame.ask(self.max_seconds + 10)
        frame.recording = True
        frame.act(
            RecordVoice(
                token,
                self.mailbox,
                self.max_seconds,
                self.silence_seconds,
                min_seconds=self.min_seconds,
            )
        )
        return None

    def _key(self, frame: Frame) -> str | None:
        keys = set(frame.buffer)
        frame.buffer.clear()
        if frame.media is not None:
            frame.stop()
            return self._record(frame)
        if frame.recording and self.finish in keys and frame.waiting is not None:
            frame.act(StopRecord(frame.waiting))
        return None

    def _again(self, frame: Frame) -> str | None:
        frame.tries += 1
        if frame.tries >= self.tries:
            return "empty"
        return self._speak(frame, self.empty_prompt + self.prompt)

"""`play`: say something, then go on."""

from collections.abc import Iterator
from typing import ClassVar

from callrouter.flow.actions import MediaFinished
from callrouter.flow.frame import Frame
from callrouter.flow.node import Choice, Exit, Listening, NodeName, Prompts, Say, Signal, Wake


class Play(Listening):
    """Say something, then go on. A key cuts the speech short and is kept for the next menu."""

    verb: ClassVar[str] = "play"
    example: ClassVar[str] = """
        welcome:
          play:
            prompt: [progress_order_before, {digits: order}, progress_done]
            next: anything_else
    """

    prompt: Prompts
    """What is said."""
    interruptible: bool = True
    """Whether a key cuts it short."""
    next: NodeName | None = None
    """Where to go afterwards; left out: to a person."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.ENTER:
            if frame.buffer and self.interruptible:
                return "next"
            return None if frame.say(self.prompt) else "next"
        if isinstance(signal, MediaFinished):
            return "next"
        if signal is Signal.DIGIT and self.interruptible:
            frame.stop()
            return "next"
        return None

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.SYSTEM, ("next",))
        yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)

"""`survey`: ask for a grade by key."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from callrouter.flow.actions import MediaFinished, SaveAnswers
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


class Survey(Listening):
    """Ask for a grade by key, 1 (worst) to 5 (best), and keep it with the call. Nobody is pressed for one."""

    verb: ClassVar[str] = "survey"
    example: ClassVar[str] = """
        rate:
          survey: {prompt: survey_invite, into: grade, next: thanks, poor: complaint}
    """

    prompt: Prompts
    """The question."""
    grades: int = Field(default=5, ge=2, le=9)
    """The best grade."""
    wait: Pause = 5
    """Seconds after the prompt."""
    tries: int = Field(default=2, ge=1, le=3)
    """How often the question is asked when another key is pressed."""
    into: VariableName | None = None
    """An int variable that takes the grade; 0 when none was given."""
    next: NodeName
    """Where to go afterwards, with a grade or without."""
    poor: NodeName | None = None
    """Where the two lowest grades lead instead."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.DIGIT or (signal is Signal.ENTER and frame.buffer):
            return self._graded(frame)
        if signal is Signal.ENTER:
            return self._ask(frame)
        if isinstance(signal, MediaFinished):
            frame.wait(self.wait)
            return None
        return "silence" if signal is Signal.TIMEOUT else None

    def exits(self) -> Iterator[Exit]:
        yield Exit("graded", self.next, Choice.CALLER, ("next",))
        yield Exit("silence", self.next, Choice.MISTAKE, ("next",))
        if self.poor is not None:
            yield Exit("poor", self.poor, Choice.CALLER, ("poor",))
        yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)

    def assigns(self) -> Iterator[Assigned]:
        if self.into is not None:
            yield Assigned(self.into, "int", ("into",))

    def _ask(self, frame: Frame) -> str | None:
        if not frame.say(self.prompt):
            frame.wait(self.wait)
        return None

    def _graded(self, frame: Frame) -> str | None:
        frame.stop()
        key = frame.buffer.popleft()
        frame.buffer.clear()
        if not key.isdigit() or not 1 <= int(key) <= self.grades:
            frame.tries += 1
            return "silence" if frame.tries >= self.tries else self._ask(frame)
        grade = int(key)
        frame.act(SaveAnswers("survey", {"grade": grade, "of": self.grades}))
        if self.into is not None:
            frame.assign(self.into, grade)
        return "poor" if self.poor is not None and grade <= 2 else "graded"

"""`collect`: take a run of digits, check it, have it confirmed.

    prompt ─▶ typing ──terminator, full length or pause──▶ checked ──▶ confirming ─▶ next
       ▲         │ `*` clears                                │ no         │ no
       └─────────┴────────── silence, mistake (counted) ─────┴────────────┘

`0` alone is a call for a person unless a single digit is what is wanted.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from callrouter.flow.actions import MediaFinished
from callrouter.flow.expression import ExpressionError, pattern
from callrouter.flow.frame import Frame
from callrouter.flow.node import (
    PERSON,
    Assigned,
    Choice,
    Exit,
    Listening,
    NodeName,
    Part,
    Pause,
    Prompts,
    Say,
    Signal,
    VariableName,
    Wake,
)

Digits = Annotated[int, Field(ge=1, le=32)]
OneKey = Annotated[str, Field(pattern=r"^[0-9*#]$")]


class Confirm(Part):
    """Say the digits back and ask whether they are right."""

    prompt: Prompts
    """What is said; include the digits, for example `{digits: order}`."""
    yes: OneKey = "1"
    """The key that accepts."""
    no: OneKey = "2"
    """The key that starts over."""


class Collect(Listening):
    """Take a run of digits into a variable. `*` clears what was typed."""

    verb: ClassVar[str] = "collect"
    example: ClassVar[str] = """
        order_number:
          collect:
            prompt: progress_enter_order
            into: order
            min: 6
            max: 14
            confirm: {prompt: [you_entered, {digits: order}, confirm_or_correct]}
            next: look_up
    """

    prompt: Prompts
    """What is said before the caller types."""
    into: VariableName
    """The variable (string or int) that takes the digits."""
    length: Digits | None = None
    """Exactly so many digits; then no terminator is needed."""
    min: Digits = 1
    """At least so many digits."""
    max: Digits = 20
    """At most so many digits; the last one ends the input."""
    terminator: Literal["#", ""] = "#"
    """The key that ends the input; "" for none."""
    pattern: str = Field(default="", max_length=200)
    """A regular expression (RE2) that all the digits together must match."""
    confirm: Confirm | None = None
    """Have the caller confirm the digits."""
    wait: Pause = 5
    """Seconds after the prompt for the first digit."""
    between: Pause = 3
    """Seconds between digits; a longer pause ends the input."""
    tries: int = Field(default=3, ge=1, le=9)
    """After so many silences or mistakes the node is left."""
    silence_prompt: Prompts = ()
    """Said before the prompt after a silence."""
    wrong_prompt: Prompts = ()
    """Said before the prompt after wrong digits."""
    next: NodeName | None = None
    """Where to go with good digits; left out: to a person."""
    silence: NodeName | None = None
    """Where silence leads in the end; left out: to a person."""
    wrong: NodeName | None = None
    """Where wrong digits lead in the end; left out: to a person."""

    @model_validator(mode="after")
    def _consistent(self) -> "Collect":
        if self.min > self.max:
            raise ValueError(f"`min` ({self.min}) is above `max` ({self.max})")
        if self.confirm is not None and self.confirm.yes == self.confirm.no:
            raise ValueError("`yes` and `no` are the same key")
        try:
            pattern(self.pattern)
        except ExpressionError as error:
            raise ValueError(f"{self.pattern!r} is no regular expression: {error}") from None
        return self

    @property
    def bounds(self) -> tuple[int, int]:
        return (self.length, self.length) if self.length is not None else (self.min, self.max)

    def takes_zero(self) -> bool:
        return True

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.DIGIT or (signal is Signal.ENTER and frame.buffer):
            return self._confirming(frame) if frame.phase == "confirm" else self._typing(frame)
        if signal is Signal.ENTER:
            return self._speak(frame, self.prompt)
        if isinstance(signal, MediaFinished):
            frame.wait(self.wait)
            return None
        if signal is Signal.TIMEOUT:
            if frame.phase == "confirm" or not frame.input:
                return self._again(frame, "silence")
            return self._complete(frame)
        return None

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.CALLER, ("next",))
        yield Exit("silence", self.silence, Choice.MISTAKE, ("silence",))
        yield Exit("wrong", self.wrong, Choice.MISTAKE, ("wrong",))
        yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)
        yield self.silence_prompt, ("silence_prompt",)
        yield self.wrong_prompt, ("wrong_prompt",)
        if self.confirm is not None:
            yield self.confirm.prompt, ("confirm", "prompt")

    def assigns(self) -> Iterator[Assigned]:
        yield Assigned(self.into, "digits", ("into",))

    def _speak(self, frame: Frame, prompts: tuple[str | Say, ...]) -> str | None:
        frame.input, frame.phase = "", ""
        if not frame.say(prompts):
            frame.wait(self.wait)
        return None

    def _typing(self, frame: Frame) -> str | None:
        frame.stop()
        while frame.buffer:
            key = frame.buffer.popleft()
            if key == self.terminator:
                return self._complete(frame)
            if key == "*":
                frame.input = ""
            elif key.isdigit():
                frame.input += key
                if len(frame.input) >= self.bounds[1]:
                    return self._complete(frame)
            else:
                return self._again(frame, "wrong")
        frame.wait(self.between if frame.input else self.wait)
        return None

    def _complete(self, frame: Frame) -> str | None:
        digits = frame.input
        if digits == "0" and self.bounds[1] > 1 and not self.no_person_key:
            return PERSON
        if len(digits) < self.bounds[0] or (self.pattern and not pattern(self.pattern).matches(digits)):
            return self._again(frame, "wrong")
        whole = frame.flow.variables[self.into].type == "int"
        frame.assign(self.into, int(digits) if whole else digits)
        if self.confirm is None:
            return "next"
        frame.phase = "confirm"
        if frame.buffer:
            return self._confirming(frame)
        if not frame.say(self.confirm.prompt):
            frame.wait(self.wait)
        return None

    def _confirming(self, frame: Frame) -> str | None:
        assert self.confirm is not None
        frame.stop()
        key = frame.buffer.popleft()
        if key == self.confirm.yes:
            return "next"
        if key == "0" and self.confirm.no != "0" and not self.no_person_key:
            return PERSON
        return self._again(frame, "wrong", spoken=key != self.confirm.no)

    def _again(self, frame: Frame, why: str, *, spoken: bool = True) -> str | None:
        frame.buffer.clear()
        frame.tries += 1
        if frame.tries >= self.tries:
            return why
        first = self.silence_prompt if why == "silence" else self.wrong_prompt if spoken else ()
        return self._speak(frame, first + self.prompt)

"""`menu`: speak, then go where the key says.

    prompt ──played out──▶ waiting ──`wait` over──▶ silence
       │ key                  │ key
       └──────────┬───────────┘
          more keys may follow ──`between` over──▶ key or wrong

Silences and wrong keys share one count; at `tries` the menu is left.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final

from pydantic import Field

from callrouter.flow.actions import MediaFinished
from callrouter.flow.frame import Frame
from callrouter.flow.node import (
    PERSON,
    Choice,
    Exit,
    Listening,
    NodeName,
    Pause,
    Prompts,
    Say,
    Signal,
    Wake,
)

MAX_REPEATS: Final = 5
Key = Annotated[str, Field(pattern=r"^[0-9*#A-D]{1,6}$")]


class Menu(Listening):
    """Speak, then go where the caller's key says. Keys may come at any time."""

    verb: ClassVar[str] = "menu"
    example: ClassVar[str] = """
        choice:
          menu:
            prompt: [menu_tibetan, menu_enterprise, menu_repeat]
            keys: {2: tibetan, 3: enterprise}
            repeat: "*"
            wait: 3
            tries: 2
            wrong_prompt: invalid_key
            silence: seat
            wrong: seat
    """

    prompt: Prompts
    """What is said before the caller chooses."""
    keys: dict[Key, NodeName] = Field(min_length=1, max_length=24)
    """Where each key (or run of keys) leads."""
    repeat: Annotated[str, Field(pattern=r"^[0-9*#A-D]$")] | None = None
    """The key that says the prompt again."""
    wait: Pause = 5
    """Seconds after the prompt for the first key; 0 takes silence during the prompt as the answer."""
    between: Pause = 3
    """Seconds between keys where longer runs are possible."""
    tries: int = Field(default=2, ge=1, le=9)
    """After so many silences or wrong keys the menu is left."""
    silence_prompt: Prompts = ()
    """Said before the prompt after a silence."""
    wrong_prompt: Prompts = ()
    """Said before the prompt after a wrong key."""
    silence: NodeName | None = None
    """Where silence leads in the end; left out: to a person."""
    wrong: NodeName | None = None
    """Where wrong keys lead in the end; left out: to a person."""

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.DIGIT or (signal is Signal.ENTER and frame.buffer):
            return self._keys(frame)
        if signal is Signal.ENTER:
            return self._speak(frame, self.prompt)
        if isinstance(signal, MediaFinished):
            return self._listen(frame)
        if signal is Signal.TIMEOUT:
            return self._timeout(frame)
        return None

    def takes_zero(self) -> bool:
        return any(key[0] == "0" for key in self.keys) or self.repeat == "0"

    def exits(self) -> Iterator[Exit]:
        for key, target in self.keys.items():
            yield Exit(f"key {key}", target, Choice.CALLER, ("keys", key))
        yield Exit("silence", self.silence, Choice.MISTAKE, ("silence",))
        yield Exit("wrong", self.wrong, Choice.MISTAKE, ("wrong",))
        if not self.takes_zero():
            yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)
        yield self.silence_prompt, ("silence_prompt",)
        yield self.wrong_prompt, ("wrong_prompt",)

    def _speak(self, frame: Frame, prompts: tuple[str | Say, ...]) -> str | None:
        frame.input = ""
        return None if frame.say(prompts) else self._listen(frame)

    def _listen(self, frame: Frame) -> str | None:
        if self.wait == 0:
            return self._timeout(frame)
        frame.wait(self.wait)
        return None

    def _keys(self, frame: Frame) -> str | None:
        frame.stop()
        while frame.buffer:
            key = frame.buffer.popleft()
            if key == self.repeat and not frame.input:
                frame.repeats += 1
                if frame.repeats > MAX_REPEATS:
                    return self._again(frame, "wrong")
                if not frame.buffer:
                    return self._speak(frame, self.prompt)
                continue
            frame.input += key
            if not any(known != frame.input and known.startswith(frame.input) for known in self.keys):
                return self._chosen(frame)
        frame.wait(self.between)
        return None

    def _chosen(self, frame: Frame) -> str | None:
        if frame.input in self.keys:
            return f"key {frame.input}"
        if frame.input == "0" and not self.no_person_key:
            return PERSON
        frame.buffer.clear()
        return self._again(frame, "wrong")

    def _timeout(self, frame: Frame) -> str | None:
        return self._chosen(frame) if frame.input else self._again(frame, "silence")

    def _again(self, frame: Frame, why: str) -> str | None:
        frame.tries += 1
        if frame.tries >= self.tries:
            return why
        first = self.silence_prompt if why == "silence" else self.wrong_prompt
        return self._speak(frame, first + self.prompt)

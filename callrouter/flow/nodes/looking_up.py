"""What `http` and `sql` share: ask, let the caller hear something meanwhile, take the answer.

    asked ──answer──▶ (prompt still playing: wait for its end) ──▶ values taken ─▶ next
       └──`timeout` or refusal──▶ failed

The answer is the variable `answer` for the expressions of `into`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import Field

from callrouter.flow.actions import Lookup, LookupDone, MediaFinished
from callrouter.flow.expression import EvaluationError
from callrouter.flow.frame import Frame
from callrouter.flow.node import (
    Choice,
    Exit,
    Listening,
    NodeName,
    Prompts,
    Say,
    Signal,
    Source,
    VariableName,
    Wake,
)

MAX_VALUES: Final = 5_000


class LookingUp(Listening):
    """Base of the verbs that ask a service."""

    prompt: Prompts = ()
    """Said while the answer is awaited."""
    timeout: float = Field(default=3, ge=0.1, le=15, allow_inf_nan=False)
    """Seconds for the answer; then `failed` is taken."""
    into: dict[VariableName, Source] = Field(default_factory=dict, max_length=40)
    """Variables with expressions over `answer`, such as `answer.status`."""
    next: NodeName | None = None
    """Where to go with the answer; left out: to a person."""
    not_found: NodeName | None = None
    """Where to go when there is no such thing; left out: like `failed`."""
    failed: NodeName | None = None
    """Where to go without an answer; left out: to a person."""

    def request(self, frame: Frame) -> Mapping[str, object]:
        raise NotImplementedError

    def is_empty(self, answer: object) -> bool:
        """Whether a good answer says that there is nothing."""
        raise NotImplementedError

    def step(self, frame: Frame, signal: Wake) -> str | None:
        if signal is Signal.ENTER:
            request = self.request(frame)
            frame.say(self.prompt)
            # The machinery has the first word on time; this timer is for an answer that never comes.
            token = frame.ask(self.timeout + 1)
            frame.act(Lookup(token, self.verb, request, self.timeout))
            return None
        if isinstance(signal, LookupDone):
            frame.result = signal
            return None if frame.media is not None else self._taken(frame)
        if isinstance(signal, MediaFinished):
            return None if frame.result is None else self._taken(frame)
        if signal is Signal.TIMEOUT:
            frame.stop()
            return "failed"
        return None

    def exits(self) -> Iterator[Exit]:
        yield Exit("next", self.next, Choice.SYSTEM, ("next",))
        if self.not_found is not None:
            yield Exit("not_found", self.not_found, Choice.SYSTEM, ("not_found",))
        yield Exit("failed", self.failed, Choice.FAILURE, ("failed",))
        yield from self.person_exit()

    def said(self) -> Iterator[tuple[tuple[str | Say, ...], tuple[str | int, ...]]]:
        yield self.prompt, ("prompt",)

    def fills(self) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
        for name, source in self.into.items():
            yield name, source, ("into", name)

    def _taken(self, frame: Frame) -> str:
        result = frame.result
        assert result is not None
        absent = "not_found" if self.not_found is not None else "failed"
        if not result.ok:
            frame.note("reason", result.reason)
            return absent if result.reason == "not_found" else "failed"
        answer = plain(result.value)
        if self.is_empty(answer):
            return absent
        frame.variables["answer"] = answer
        try:
            frame.assign_all(
                {name: frame.typed(name, frame.evaluate(source)) for name, source in self.into.items()}
            )
        except EvaluationError as error:
            frame.note("fault", str(error))
            return "failed"
        return "next"


def plain(value: object, left: int = MAX_VALUES) -> object:
    """`value` with nothing but JSON's types in it, bounded: what is beyond the bound is cut off."""
    budget = [left]

    def walk(part: object, depth: int) -> object:
        budget[0] -= 1
        if budget[0] < 0 or depth > 20:
            return None
        if isinstance(part, Mapping):
            return {str(key): walk(item, depth + 1) for key, item in part.items() if budget[0] > 0}
        if isinstance(part, list | tuple):
            return [walk(item, depth + 1) for item in part if budget[0] > 0]
        if part is None or isinstance(part, bool | int | float):
            return part
        return str(part)[:10_000]

    return walk(value, 0)

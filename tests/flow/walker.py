"""A caller for flow tests: builds flows from text and walks them with a clock of its own."""

from collections.abc import Mapping
from dataclasses import replace

from callrouter.config.document import read_document
from callrouter.flow.actions import (
    Answered,
    BookCallback,
    Digit,
    EndCall,
    FlowAction,
    FlowEvent,
    Lookup,
    LookupDone,
    MediaFinished,
    PlayMedia,
    RecordingFinished,
    RecordVoice,
    Returned,
    StopMedia,
    ToQueue,
    ToTransfer,
)
from callrouter.flow.compiling import compile_flow
from callrouter.flow.program import Flow, FlowSet
from callrouter.flow.session import CallFacts, FlowSession

NOON = 1_795_147_200.0  # 2026-11-20 12:00 in Xining, a Friday


class Speech:
    """A voice that has every prompt but those called missing…; media names tell what was said."""

    def media(self, prompt: str, language: str) -> tuple[str, ...]:
        return () if prompt.startswith("missing") or language.startswith("bo") else (f"{prompt}.{language}",)

    def spoken(self, kind: str, value: object, language: str) -> tuple[str, ...]:
        return (f"{kind}:{value}.{language}",)


def flow(text: str) -> Flow:
    return compile_flow(read_document(text, "test.yaml"))


def flows(*texts: str, calendars: Mapping[str, object] | None = None) -> FlowSet:
    made = [flow(text) for text in texts]
    return FlowSet({one.id: one for one in made}, Speech(), "v1", "province", calendars or {})  # type: ignore[arg-type]


class Walker:
    """Feeds a session and keeps what it did: `heard`, `actions`, `at`."""

    def __init__(
        self, flow_set: FlowSet, name: str = "", now: float = NOON, answer: bool = True, **facts: str
    ) -> None:
        self.now = now
        call = replace(CallFacts(call="c1", dialled="12345", caller="13900001111"), **facts)
        self.session = FlowSession(flow_set, name or next(iter(flow_set.flows)), call, now)
        self.actions: list[FlowAction] = []
        self.heard: list[str] = []
        self.playing: int | None = None
        self._take(self.session.start(now))
        if answer:
            self.give(Answered())

    def give(self, event: FlowEvent) -> "Walker":
        self._take(self.session.handle(event, self.now))
        return self

    def keys(self, digits: str) -> "Walker":
        for digit in digits:
            self.give(Digit(digit))
        return self

    def listen(self) -> "Walker":
        """Hear the present prompt to its end."""
        assert self.playing is not None, "nothing is being played"
        token, self.playing = self.playing, None
        return self.give(MediaFinished(token))

    def wait(self, seconds: float | None = None) -> "Walker":
        """Let time pass: `seconds`, or until the session's deadline."""
        deadline = self.session.deadline
        if seconds is None:
            assert deadline is not None, "the session waits for nothing"
            self.now = deadline
        else:
            self.now += seconds
        self._take(self.session.tick(self.now))
        return self

    def comes_back(self, reason: str, source: str = "queue") -> "Walker":
        return self.give(Returned(source, reason))

    def found(self, value: object) -> "Walker":
        return self.give(LookupDone(self._token(), ok=True, value=value))

    def not_found(self, reason: str) -> "Walker":
        return self.give(LookupDone(self._token(), ok=False, reason=reason))

    def recorded(self, seconds: float, ok: bool = True) -> "Walker":
        return self.give(RecordingFinished(self._token(), ok, seconds))

    @property
    def at(self) -> str:
        return self.session.node

    @property
    def last(self) -> FlowAction:
        return self.actions[-1]

    @property
    def queued(self) -> ToQueue:
        assert isinstance(self.last, ToQueue), self.last
        return self.last

    @property
    def transferred(self) -> ToTransfer:
        assert isinstance(self.last, ToTransfer), self.last
        return self.last

    @property
    def ended(self) -> EndCall:
        assert isinstance(self.last, EndCall), self.last
        return self.last

    def _token(self) -> int:
        asked = [a for a in self.actions if isinstance(a, Lookup | BookCallback | RecordVoice)]
        return asked[-1].token

    def _take(self, actions: list[FlowAction]) -> None:
        for action in actions:
            if isinstance(action, PlayMedia):
                self.heard += action.media
                self.playing = action.token
            elif isinstance(action, StopMedia) and action.token == self.playing:
                self.playing = None
        self.actions += actions

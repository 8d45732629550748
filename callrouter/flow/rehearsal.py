"""A call without a telephone: a flow session with a caller, a clock and answers of our choosing.

`flow try`, `flow test`, coverage and the brute-force walks of the tests all run
the very interpreter that live calls run; only what surrounds it is pretended.
Prompts take as long as their audio (or as their text would), look-ups are
answered at once from `answers`, callbacks and recordings are accepted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from acd.ids import Instant, Seconds
from acd.record import FlowStep
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
    StopRecord,
    ToQueue,
    ToTransfer,
)
from callrouter.flow.program import FlowSet
from callrouter.flow.prompts import Catalogue
from callrouter.flow.session import CallFacts, FlowSession
from callrouter.flow.voice import CatalogueVoice

SECONDS_A_SIGN: Final = 0.22
"""Spoken Mandarin, for prompts that have no audio yet."""
MAX_EVENTS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Heard:
    """A prompt as the caller hears it; values have the form ``digits:12345``."""

    at: Instant
    prompt: str
    language: str
    text: str
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class Refusal:
    """A look-up that fails, with the reason the flow is told."""

    reason: str


class ScriptVoice:
    """Speaks by name: media are ``language prompt``. What has a text or audio can be heard."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._words = CatalogueVoice(catalogue).words

    def media(self, prompt: str, language: str) -> tuple[str, ...]:
        has_text = self._catalogue.text(prompt, language) is not None
        return (f"{language} {prompt}",) if has_text or self._catalogue.speak(prompt, language) else ()

    def spoken(self, kind: str, value: object, language: str) -> tuple[str, ...]:
        return (f"{language} {kind}:{value}",) if self._words(kind, value, language) else ()

    def heard(self, media: str, at: Instant) -> Heard:
        language, _, prompt = media.partition(" ")
        if (text := self._catalogue.text(prompt, language)) is not None:
            seconds = self._catalogue.seconds(prompt, language) or len(text) * SECONDS_A_SIGN
            return Heard(at, prompt, language, text, seconds)
        kind, _, value = prompt.partition(":")
        words = self._words(kind, value, language) if value else ()
        text = "".join(self._catalogue.text(word, language) or "" for word in words) or prompt
        return Heard(at, prompt, language, text, len(text) * SECONDS_A_SIGN)


class Rehearsal:
    """One pretended call. Every method lets the caller, or the world, do one thing."""

    def __init__(
        self,
        flows: FlowSet,
        catalogue: Catalogue,
        flow: str,
        call: CallFacts,
        now: Instant,
        answers: Mapping[str, object] | None = None,
        on_heard: Callable[[Heard], None] | None = None,
    ) -> None:
        self.voice = ScriptVoice(catalogue)
        scripted = FlowSet(flows.flows, self.voice, flows.version, flows.default_queue, flows.calendars)
        self.began = self.now = now
        self.session = FlowSession(scripted, flow, call, now)
        self.answers = dict(answers or {})
        self.heard: list[Heard] = []
        self.actions: list[FlowAction] = []
        self.trace: list[FlowStep] = []
        self.handed: ToQueue | ToTransfer | None = None
        self.ended: EndCall | None = None
        self._on_heard = on_heard
        self._playing: tuple[int, Instant] | None = None
        self._recording: int | None = None
        self._events = 0
        self._take(self.session.start(now))
        self.give(Answered())

    # --- what the caller does ---------------------------------------------------------------------

    def press(self, keys: str) -> None:
        for key in keys:
            self.give(Digit(key))

    def listen(self) -> None:
        """Hear what is being said to its end."""
        if self._playing is not None:
            token, until = self._playing
            self._playing = None
            self.now = max(self.now, until)
            self.give(MediaFinished(token))

    def be_silent(self) -> None:
        """Do nothing until the flow goes on by itself: to another node, or back to its prompt."""
        node, heard = self.session.node, len(self.heard)
        while not self.over and self.session.node == node and len(self.heard) == heard:
            if self._playing is not None:
                self.listen()
            elif not self.wait():
                return

    def wait(self, seconds: Seconds | None = None) -> bool:
        """Let time pass, or let the session's next deadline come. False when it waits for nothing."""
        deadline = self.session.deadline
        if seconds is None:
            if deadline is None:
                return False
            self.now = max(self.now, deadline)
            self._take(self.session.tick(self.now))
            return True
        until = self.now + seconds
        while not self.over and (due := self._next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            if self._playing is not None and self._playing[1] <= due:
                self.listen()
            else:
                self._take(self.session.tick(self.now))
        self.now = until
        return True

    # --- what the world does ------------------------------------------------------------------------

    def comes_back(self, source: str, reason: str) -> None:
        """A queue, transfer or conversation gives the caller back."""
        self.handed = None
        self.give(Returned(source, reason))

    def recorded(self, seconds: Seconds) -> None:
        if self._recording is not None:
            token, self._recording = self._recording, None
            self.now += seconds
            self.give(RecordingFinished(token, seconds > 0, seconds))

    def run(self, patience: int = 400) -> None:
        """Be silent until the call is handed over or over."""
        for _ in range(patience):
            if self.over or self.handed is not None:
                return
            if self._recording is not None:
                self.recorded(8)
            else:
                self.be_silent()

    def give(self, event: FlowEvent) -> None:
        self._events += 1
        if self._events > MAX_EVENTS:
            raise RuntimeError(f"{self.session.call.call}: more than {MAX_EVENTS} events")
        self._take(self.session.handle(event, self.now))

    # --- what can be seen ------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        return self.session.finished

    @property
    def place(self) -> str:
        """Where the call is, in a word or two."""
        if self.ended is not None:
            return "hangup"
        if isinstance(self.handed, ToQueue):
            return f"queue {self.handed.queue}"
        if isinstance(self.handed, ToTransfer):
            return f"transfer {self.handed.target}"
        return self.session.node

    def finish(self) -> list[FlowStep]:
        """The whole trace."""
        self.trace += self.session.take_trace(final=True)
        return self.trace

    def _next_due(self) -> Instant | None:
        dues = [self.session.deadline, self._playing[1] if self._playing else None]
        return min((due for due in dues if due is not None), default=None)

    def _take(self, actions: list[FlowAction]) -> None:
        for action in actions:
            self.actions.append(action)
            if isinstance(action, PlayMedia):
                self._play(action)
            elif isinstance(action, StopMedia):
                self._playing = None
            elif isinstance(action, ToQueue | ToTransfer):
                self.handed = action
            elif isinstance(action, EndCall):
                self.ended = action
            elif isinstance(action, RecordVoice):
                self._recording = action.token
            elif isinstance(action, StopRecord):
                self._stopped(action)
            elif isinstance(action, Lookup | BookCallback):
                self._answer(action)
        self.trace += self.session.take_trace()

    def _play(self, action: PlayMedia) -> None:
        until = self.now
        for media in action.media:
            heard = self.voice.heard(media, until)
            until += heard.seconds
            self.heard.append(heard)
            if self._on_heard is not None:
                self._on_heard(heard)
        self._playing = (action.token, until)

    def _stopped(self, action: StopRecord) -> None:
        if action.keep and self._recording == action.token:
            self.recorded(8)
        self._recording = None

    def _answer(self, action: Lookup | BookCallback) -> None:
        if isinstance(action, BookCallback):
            known = self.answers.get("callback", "rehearsed")
        else:
            name = action.request.get("service") or action.request.get("database")
            known = self.answers.get(str(name), Refusal("no answer given"))
        if isinstance(known, Refusal):
            self.give(LookupDone(action.token, ok=False, reason=known.reason))
        else:
            self.give(LookupDone(action.token, ok=True, value=known))

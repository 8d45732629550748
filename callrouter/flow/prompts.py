"""The prompt catalogue: what is said, in which languages, and whether audio of it exists.

Two documents make a catalogue. People write the texts (`catalogue.yaml`);
tools keep the ledger (`rendered.json`): which text, source and bytes each audio
file was made from. Their comparison gives every prompt and language a status,
so that a changed text, a lost file or a missing language can't go unseen.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from callrouter.config.document import Document, parse
from callrouter.config.faults import Fault
from callrouter.config.validation import did_you_mean

PromptId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""Also the audio's file name; no dot, which Asterisk would take for a file type."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z0-9]{2,8})*$")]


class Status(StrEnum):
    """What a caller would hear."""

    RECORDED = "recorded"
    SYNTHESISED = "synthesised"
    DRAFT = "draft"
    """Spoken by a stand-in voice: fine for trying a flow, not for callers."""
    STALE = "stale"
    """The text was changed after the audio was made: the old words are still played."""
    DAMAGED = "damaged"
    """The audio file is gone or is not the one that was made."""
    MISSING = "missing"


PLAYABLE: Final = frozenset({Status.RECORDED, Status.SYNTHESISED, Status.DRAFT, Status.STALE})


def _wording(value: Any) -> Any:
    return {"text": value} if isinstance(value, str | int) and not isinstance(value, bool) else value


class Wording(BaseModel):
    """A prompt in one language. `say` is a spelling for the voice where it errs on `text`."""

    model_config = ConfigDict(frozen=True)

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
    say: Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)] = ""

    def digest(self) -> str:
        """Names this wording in the ledger: SHA-256 of text and spelling, shortened to 16 digits."""
        return hashlib.sha256(f"{self.text}\0{self.say}".encode()).hexdigest()[:16]


class LanguageEntry(BaseModel):
    """A language of the catalogue. Without a `voice` it can only be recorded."""

    model_config = ConfigDict(frozen=True)

    name: str
    voice: str = ""
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    """1 is the voice's own pace."""
    note: str = ""


class CatalogueFile(BaseModel):
    """The schema of `catalogue.yaml`."""

    model_config = ConfigDict(frozen=True)

    languages: dict[Language, LanguageEntry]
    fallback: dict[Language, list[Language]] = Field(default_factory=dict)
    max_seconds: dict[str, float] = Field(default_factory=dict)
    """Longest audio by prompt id or pattern (`greeting_*`)."""
    prompts: dict[PromptId, dict[Language, Annotated[Wording, BeforeValidator(_wording)]]]


class Rendering(BaseModel):
    """The ledger's entry for one audio file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["recorded", "synthesised", "draft"]
    text: str
    """`Wording.digest()` of what was spoken."""
    audio: str
    """SHA-256 of the file, shortened to 16 digits."""
    seconds: float
    voice: str = ""


class Ledger(BaseModel):
    """The schema of `rendered.json`: language → prompt id → entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audio: dict[str, dict[str, Rendering]] = Field(default_factory=dict)

    def entry(self, prompt_id: str, language: str) -> Rendering | None:
        return self.audio.get(language, {}).get(prompt_id)

    def changed(self, prompt_id: str, language: str, entry: Rendering | None) -> "Ledger":
        """A ledger with this entry written, or struck out when it is None."""
        entries = dict(self.audio.get(language, {}))
        entries.pop(prompt_id, None)
        if entry is not None:
            entries[prompt_id] = entry
        return Ledger(audio={**self.audio, language: entries})


@dataclass(frozen=True, slots=True)
class Spoken:
    """Audio for a prompt: `language` is the one really spoken, which a fallback may have chosen."""

    media: str
    language: str
    status: Status
    seconds: float


class Catalogue:
    """Look-up and faults. `audio` tells which files exist: (language, prompt id) → shortened SHA-256."""

    def __init__(
        self, document: Document, ledger: Ledger, audio: Mapping[tuple[str, str], str], folder: str
    ) -> None:
        """Raises ConfigError with every fault of the document."""
        self._document = document
        self._file = parse(document, CatalogueFile)
        self._ledger = ledger
        self._audio = audio
        self._folder = folder.rstrip("/")

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self._file.prompts

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.prompts)

    def __len__(self) -> int:
        return len(self._file.prompts)

    @property
    def languages(self) -> Mapping[str, LanguageEntry]:
        return self._file.languages

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    def wording(self, prompt_id: str, language: str) -> Wording | None:
        return self._file.prompts.get(prompt_id, {}).get(language)

    def text(self, prompt_id: str, language: str) -> str | None:
        """The words as printed, None when the language has none."""
        wording = self.wording(prompt_id, language)
        return wording.text if wording is not None else None

    def status(self, prompt_id: str, language: str) -> Status:
        """Of exactly this language; an unknown prompt is MISSING."""
        entry = self._ledger.entry(prompt_id, language)
        if entry is None or prompt_id not in self._file.prompts:
            return Status.MISSING
        if self._audio.get((language, prompt_id)) != entry.audio:
            return Status.DAMAGED
        wording = self.wording(prompt_id, language)
        # A recording may come before anyone has written its words down: then nothing can go stale.
        if wording is not None and entry.text and wording.digest() != entry.text:
            return Status.STALE
        return Status(entry.source)

    def seconds(self, prompt_id: str, language: str) -> float:
        """Length of the audio, 0 when there is none."""
        entry = self._ledger.entry(prompt_id, language)
        return entry.seconds if entry is not None else 0.0

    def speak(self, prompt_id: str, language: str) -> Spoken | None:
        """The audio in `language`, else in the first of its fallbacks that has it, else None.

        Only `fallback` in the catalogue lets another language stand in: a caller
        is never addressed in a language that nobody chose.
        """
        for candidate in (language, *self._file.fallback.get(language, ())):
            status = self.status(prompt_id, candidate)
            if status in PLAYABLE:
                media = f"sound:{self._folder}/{candidate}/{prompt_id}"
                return Spoken(media, candidate, status, self.seconds(prompt_id, candidate))
        return None

    def media(self, prompt_id: str, language: str) -> str | None:
        """Asterisk's media URI of `speak`, None when nothing may be played."""
        spoken = self.speak(prompt_id, language)
        return spoken.media if spoken is not None else None

    def longest(self, prompt_id: str) -> float | None:
        """The most seconds this prompt may last, None when it is not limited."""
        limits = [
            limit for pattern, limit in self._file.max_seconds.items() if fnmatchcase(prompt_id, pattern)
        ]
        return min(limits, default=None)

    def faults(self) -> tuple[Fault, ...]:
        """What must be mended before this catalogue goes live, in file order."""
        found = [*self._language_faults()]
        for prompt_id, wordings in self._file.prompts.items():
            for language in self._file.languages:
                found += self._prompt_faults(prompt_id, language, language in wordings)
        found += self._ledger_faults()
        return tuple(sorted(set(found)))

    def notices(self) -> tuple[Fault, ...]:
        """What callers will not hear although nothing is wrong: unrecorded languages, stand-in voices."""
        found = []
        for language, entry in self._file.languages.items():
            statuses = [self.status(prompt_id, language) for prompt_id in self._file.prompts]
            missing, drafts = statuses.count(Status.MISSING), statuses.count(Status.DRAFT)
            if missing and not entry.voice:
                message = f"{entry.name} ({language}): {missing} of {len(statuses)} prompts have no recording"
                hint = f"{entry.note}. " if entry.note else ""
                hint += "Bring recordings in with `callrouter prompts import`"
                found.append(self._document.fault(("languages", language), message, hint, key=True))
            if drafts:
                message = f"{entry.name} ({language}): {drafts} prompts are spoken by the drafting voice"
                hint = "Render them with `callrouter prompts render`"
                found.append(self._document.fault(("languages", language), message, hint, key=True))
        return tuple(found)

    def _language_faults(self) -> Iterator[Fault]:
        known = self._file.languages
        for language, others in self._file.fallback.items():
            for path, name in (((language,), language), *(((language, i), o) for i, o in enumerate(others))):
                if name not in known:
                    yield self._document.fault(
                        ("fallback", *path), f"unknown language {name!r}", did_you_mean(name, known)
                    )
        for prompt_id, wordings in self._file.prompts.items():
            for language in wordings:
                if language not in known:
                    path = ("prompts", prompt_id, language)
                    message = f"unknown language {language!r}"
                    yield self._document.fault(path, message, did_you_mean(language, known), key=True)
        for pattern in self._file.max_seconds:
            if not any(fnmatchcase(prompt_id, pattern) for prompt_id in self._file.prompts):
                message = f"no prompt is called {pattern!r}"
                hint = did_you_mean(pattern, self._file.prompts)
                yield self._document.fault(("max_seconds", pattern), message, hint, key=True)

    def _prompt_faults(self, prompt_id: str, language: str, written: bool) -> Iterator[Fault]:
        status = self.status(prompt_id, language)
        path = ("prompts", prompt_id, language) if written else ("prompts", prompt_id)
        voice = self._file.languages[language].voice
        where = f"{prompt_id!r} in {language}"
        remedy = (
            "Run `callrouter prompts render`" if voice else "Record it and run `callrouter prompts import`"
        )
        if status is Status.STALE:
            yield self._document.fault(path, f"{where}: the text was changed, the audio was not", remedy)
        elif status is Status.DAMAGED:
            message = f"{where}: {language}/{prompt_id}.wav is gone or is not the file that was made"
            yield self._document.fault(path, message, remedy)
        elif status is Status.MISSING and voice:
            hint = remedy if written else f"Write its text under {language}:, then render it"
            yield self._document.fault(path, f"{where}: there is no audio", hint, key=not written)
        limit, seconds = self.longest(prompt_id), self.seconds(prompt_id, language)
        if limit is not None and seconds > limit:
            message = f"{where} lasts {seconds:.1f} s, longer than max_seconds allows ({limit:g} s)"
            yield self._document.fault(path, message, "Shorten the text")

    def _ledger_faults(self) -> Iterator[Fault]:
        for language, entries in self._ledger.audio.items():
            for prompt_id in entries:
                if prompt_id not in self._file.prompts or language not in self._file.languages:
                    message = f"{language}/{prompt_id}.wav belongs to no prompt"
                    hint = did_you_mean(prompt_id, self._file.prompts)
                    yield Fault(
                        self._document.name, 0, 0, message, f"{hint} Else run `callrouter prompts prune`"
                    )
        for language, prompt_id in self._audio:
            if self._ledger.entry(prompt_id, language) is None:
                message = f"{language}/{prompt_id}.wav was put there by hand"
                hint = "Bring it in with `callrouter prompts import`, which levels and trims it"
                yield Fault(self._document.name, 0, 0, message, hint)

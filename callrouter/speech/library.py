"""The prompts' folder: catalogue, ledger and audio on disk, and the changes tools make to it."""

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callrouter.flow.loader import read_catalogue
from callrouter.flow.mandarin import readable
from callrouter.flow.prompts import Catalogue, Ledger, Rendering, Status, Wording
from callrouter.speech.audio_files import file_digest, read_audio, write_prompt
from callrouter.speech.levels import JOINED_TAIL, TAIL, AudioRefused, Prepared, prepare, silence
from callrouter.speech.voice import Voice

LEDGER: Final = "rendered.json"
LONGEST: Final = 60.0
"""Seconds; nobody listens to a longer prompt."""
PAUSE_SECONDS: Final = 0.3
SENTENCE_ENDS: Final = ("。", "！", "？", ".", "!", "?")
_NO_WORD: Final = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Work:
    """A prompt that the voice still has to speak."""

    prompt_id: str
    language: str
    wording: Wording
    voice: str
    speed: float


def save_ledger(folder: Path, ledger: Ledger) -> None:
    """Write it in one step, one line an entry, so that version control merges it. Raises OSError."""
    languages = []
    for language, entries in sorted(ledger.audio.items()):
        lines = [
            f"{json.dumps(prompt_id)}: {json.dumps(entry.model_dump(exclude_defaults=True))}"
            for prompt_id, entry in sorted(entries.items())
        ]
        languages.append(f"{json.dumps(language)}: {{\n" + ",\n".join(lines) + "\n}")
    path = folder / LEDGER
    draft = path.with_name(f".{path.name}.new")
    draft.write_text("{\n" + ",\n".join(languages) + "\n}\n", encoding="utf-8")
    draft.replace(path)


def to_render(
    catalogue: Catalogue, voice: Voice, *, only: Iterable[str] = (), again: bool = False
) -> list[Work]:
    """What `voice` has to speak: the prompts without good audio of its own, or all of them `again`.

    A drafting voice leaves what the better one has spoken. Recordings are never
    overwritten by a voice unless named in `only` together with `again`: a person
    took the trouble.
    """
    wanted = frozenset(only)
    work = []
    for language, entry in catalogue.languages.items():
        for prompt_id in catalogue if entry.voice else ():
            wording = catalogue.wording(prompt_id, language)
            if wording is None or (wanted and prompt_id not in wanted):
                continue
            made = catalogue.ledger.entry(prompt_id, language)
            status = catalogue.status(prompt_id, language)
            if made is not None and made.source == "recorded":
                due = again and bool(wanted)
            elif status is Status.SYNTHESISED and voice.draft:
                due = again
            else:
                fresh = status in (Status.SYNTHESISED, Status.DRAFT)
                label = voice.label(entry.voice, entry.speed)
                due = again or not fresh or made is None or made.voice != label
            if due:
                work.append(Work(prompt_id, language, wording, entry.voice, entry.speed))
    return work


def render(folder: Path, catalogue: Catalogue, work: Work, voice: Voice) -> Prepared:
    """Speak one prompt and enter it in the ledger. Raises AudioRefused, VoiceError, OSError."""
    text = readable(work.wording.say or work.wording.text)
    if _NO_WORD.fullmatch(text):
        prompt = silence(PAUSE_SECONDS)
    else:
        samples, rate = voice.speak(text, work.voice, work.speed)
        prompt = prepare(samples, rate, longest=LONGEST, tail=_tail(work.wording), recorded=False)
    source = "draft" if voice.draft else "synthesised"
    _enter(
        folder, catalogue, work.prompt_id, work.language, prompt, source, voice.label(work.voice, work.speed)
    )
    return prompt


def bring_in(folder: Path, catalogue: Catalogue, prompt_id: str, language: str, source: Path) -> Prepared:
    """Import a recording: to 8 kHz, levelled, trimmed, limited. Raises AudioRefused, OSError."""
    samples, rate = read_audio(source)
    try:
        longest = catalogue.longest(prompt_id) or LONGEST
        # A language without a text of its own still has the same prompt: a fragment is one in all of them.
        texts = (catalogue.wording(prompt_id, name) for name in (language, *catalogue.languages))
        wording = next((found for found in texts if found is not None), None)
        prompt = prepare(samples, rate, longest=longest, tail=_tail(wording))
    except AudioRefused as error:
        raise AudioRefused(f"{source}: {error}") from None
    _enter(folder, catalogue, prompt_id, language, prompt, "recorded", "")
    return prompt


def prune(folder: Path, catalogue: Catalogue) -> list[Path]:
    """Delete the audio and ledger entries of prompts that the catalogue no longer has."""
    removed = []
    with _alone(folder):
        ledger = read_catalogue(folder).ledger
        for language, entries in tuple(ledger.audio.items()):
            for prompt_id in entries:
                if prompt_id not in catalogue or language not in catalogue.languages:
                    ledger = ledger.changed(prompt_id, language, None)
                    path = folder / language / f"{prompt_id}.wav"
                    path.unlink(missing_ok=True)
                    removed.append(path)
        save_ledger(folder, ledger)
    return removed


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One command at a time changes the ledger: two engineers may import side by side."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _tail(wording: Wording | None) -> float:
    """A text without a full stop is a fragment, which other prompts continue."""
    whole = wording is None or wording.text.endswith(SENTENCE_ENDS)
    return TAIL if whole else JOINED_TAIL


def _enter(
    folder: Path,
    catalogue: Catalogue,
    prompt_id: str,
    language: str,
    prompt: Prepared,
    source: str,
    voice: str,
) -> None:
    path = folder / language / f"{prompt_id}.wav"
    wording = catalogue.wording(prompt_id, language)
    with _alone(folder):
        write_prompt(path, prompt)
        entry = Rendering.model_validate(
            {
                "source": source,
                "text": wording.digest() if wording is not None else "",
                "audio": file_digest(path),
                "seconds": round(prompt.seconds, 2),
                "voice": voice,
            }
        )
        save_ledger(folder, read_catalogue(folder).ledger.changed(prompt_id, language, entry))

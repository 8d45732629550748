"""The prompts' folder: catalogue, ledger and audio on disk, and the changes tools make to it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from callrouter.config.document import ConfigError, Fault, read_document
from callrouter.flow.mandarin import readable
from callrouter.flow.prompts import Catalogue, Ledger, Rendering, Status, Wording
from callrouter.speech.audio_files import file_digest, read_audio, write_prompt
from callrouter.speech.levels import AudioRefused, Prepared, prepare, silence
from callrouter.speech.voice import Voice

CATALOGUE: Final = "catalogue.yaml"
LEDGER: Final = "rendered.json"
LONGEST: Final = 60.0
"""Seconds; nobody listens to a longer prompt."""
PAUSE_SECONDS: Final = 0.3
_NO_WORD: Final = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A prompt that the voice still has to speak."""

    prompt_id: str
    language: str
    wording: Wording
    voice: str


def load_catalogue(folder: Path) -> Catalogue:
    """The catalogue with what is really in the folder. Raises ConfigError with every fault."""
    document = read_document(folder / CATALOGUE)
    audio = {
        (path.parent.name, path.stem): file_digest(path)
        for path in folder.glob("*/*.wav")
        if not path.name.startswith(".")
    }
    return Catalogue(document, load_ledger(folder), audio, str(folder.resolve()))


def load_ledger(folder: Path) -> Ledger:
    """The ledger, empty when there is none. Raises ConfigError when it was damaged."""
    path = folder / LEDGER
    try:
        return Ledger(audio=json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Ledger()
    except OSError as error:
        raise ConfigError([Fault(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    except (ValidationError, ValueError):
        hint = "Restore it from version control, or delete it and render and import again"
        raise ConfigError([Fault(str(path), 0, 0, "not a ledger that these tools wrote", hint)]) from None


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


def to_render(catalogue: Catalogue, *, only: Iterable[str] = (), again: bool = False) -> list[Work]:
    """What a voice has to speak: the prompts without good audio, or all of them `again`.

    Recordings are never overwritten by a voice unless named in `only` together
    with `again`: a person took the trouble.
    """
    wanted = frozenset(only)
    work = []
    for language, entry in catalogue.languages.items():
        for prompt_id in catalogue if entry.voice else ():
            wording = catalogue.wording(prompt_id, language)
            if wording is None or (wanted and prompt_id not in wanted):
                continue
            made = catalogue.ledger.entry(prompt_id, language)
            recorded = made is not None and made.source == "recorded"
            fine = catalogue.status(prompt_id, language) is Status.SYNTHESISED
            if (again and (not recorded or wanted)) or not (fine or recorded):
                work.append(Work(prompt_id=prompt_id, language=language, wording=wording, voice=entry.voice))
    return work


def render(folder: Path, catalogue: Catalogue, work: Work, voice: Voice) -> Prepared:
    """Speak one prompt and enter it in the ledger. Raises AudioRefused, VoiceError, OSError."""
    text = readable(work.wording.say or work.wording.text)
    if _NO_WORD.fullmatch(text):
        prompt = silence(PAUSE_SECONDS)
    else:
        samples, rate = voice.speak(text, work.voice)
        prompt = prepare(samples, rate, longest=LONGEST)
    source = "draft" if voice.draft else "synthesised"
    _enter(folder, catalogue, work.prompt_id, work.language, prompt, source, voice.label(work.voice))
    return prompt


def bring_in(folder: Path, catalogue: Catalogue, prompt_id: str, language: str, source: Path) -> Prepared:
    """Import a recording: to 8 kHz, levelled, trimmed, limited. Raises AudioRefused, OSError."""
    samples, rate = read_audio(source)
    try:
        prompt = prepare(samples, rate, longest=catalogue.longest(prompt_id) or LONGEST)
    except AudioRefused as error:
        raise AudioRefused(f"{source}: {error}") from None
    _enter(folder, catalogue, prompt_id, language, prompt, "recorded", "")
    return prompt


def prune(folder: Path, catalogue: Catalogue) -> list[Path]:
    """Delete the audio and ledger entries of prompts that the catalogue no longer has."""
    ledger, removed = catalogue.ledger, []
    for language, entries in catalogue.ledger.audio.items():
        for prompt_id in entries:
            if prompt_id not in catalogue or language not in catalogue.languages:
                ledger = ledger.changed(prompt_id, language, None)
                path = folder / language / f"{prompt_id}.wav"
                path.unlink(missing_ok=True)
                removed.append(path)
    save_ledger(folder, ledger)
    return removed


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
    write_prompt(path, prompt)
    wording = catalogue.wording(prompt_id, language)
    entry = Rendering.model_validate(
        {
            "source": source,
            "text": wording.digest() if wording is not None else "",
            "audio": file_digest(path),
            "seconds": round(prompt.seconds, 2),
            "voice": voice,
        }
    )
    # Re-read: the ledger may have been changed by another command since the catalogue was loaded.
    save_ledger(folder, load_ledger(folder).changed(prompt_id, language, entry))

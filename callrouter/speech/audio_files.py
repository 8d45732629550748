"""Audio files in and out: whatever libsndfile reads, mono or not; prompts as 8 kHz 16-bit PCM WAV."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from callrouter.speech.levels import RATE, AudioRefused, Prepared, Samples

MAX_BYTES: Final = 100_000_000
MAX_SECONDS: Final = 600.0
"""Longest recording that is read: far more than a prompt, so that a forgotten microphone is told as such."""


def read_audio(path: Path) -> tuple[Samples, int]:
    """Mono samples and their rate. Raises AudioRefused for what is no audio, or too much of it."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AudioRefused(f"{path}: {error.strerror}: check the path and its rights") from None
    if size > MAX_BYTES:
        raise AudioRefused(f"{path}: larger than {MAX_BYTES // 10**6} MB: cut the prompt out of it first")
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            # A corrupt header may promise days of audio: never allocate by what it says.
            frames: NDArray[np.float64] = file.read(
                int(min(file.frames, MAX_SECONDS * rate + 1)), dtype="float64", always_2d=True
            )
    except (soundfile.LibsndfileError, RuntimeError, ValueError, MemoryError) as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise AudioRefused(
            f"{path}: not readable as audio ({reason.rstrip('.')}): use WAV, FLAC, MP3 or OGG"
        ) from None
    if len(frames) == 0:
        raise AudioRefused(f"{path}: the audio is empty: record it again")
    if len(frames) > MAX_SECONDS * rate:
        raise AudioRefused(f"{path}: longer than {MAX_SECONDS:g} s: cut the prompt out of it first")
    return np.asarray(frames.mean(axis=1), dtype=np.float64), int(rate)


def write_prompt(path: Path, prompt: Prepared) -> None:
    """Write the WAV file in one step, so that a call never reads half of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    try:
        soundfile.write(draft, prompt.samples, RATE, subtype="PCM_16", format="WAV")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """Names the file in the ledger: SHA-256, shortened to 16 digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

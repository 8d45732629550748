"""Which conversations have a recording: told by the instants at which both ended.

Names of recordings are the installation's own. What both sides know is when it was over:
a recording is closed within a moment of its call's end. Conversations and files, both in
order of their ends, are paired from the earliest on, which pairs as many as can be paired.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOUND_FILES: Final = frozenset(
    {".wav", ".wav49", ".gsm", ".alaw", ".ulaw", ".sln", ".sln16", ".g722", ".ogg"}
)
SOUND_BYTES: Final = 60
"""A wav file's header alone is no recording."""
APART: Final = 3.0
"""Seconds between a conversation's end and the last word written to its file, at most."""


@dataclass(frozen=True, slots=True, order=True)
class Conversation:
    """`ended` in Unix seconds."""

    ended: float
    caller: str
    seat: str


def recorded_since(folder: Path, began: float) -> list[float]:
    """When each file with sound in `folder` that was written since then was last written, in order."""
    found = []
    for file in folder.rglob("*"):
        if file.suffix in SOUND_FILES and file.is_file():
            stat = file.stat()
            if stat.st_mtime >= began and stat.st_size > SOUND_BYTES:
                found.append(stat.st_mtime)
    return sorted(found)


def without_recording(conversations: Iterable[Conversation], files: Sequence[float]) -> list[Conversation]:
    """Those for which no file was closed when they ended. `files` in order."""
    missing, place = [], 0
    for one in sorted(conversations):
        while place < len(files) and files[place] < one.ended - APART:
            place += 1
        if place < len(files) and files[place] <= one.ended + APART:
            place += 1
        else:
            missing.append(one)
    return missing

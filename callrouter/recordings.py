"""Recordings of calls: what the API may ask of whoever keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from acd.ids import CallId, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingView:
    """A stretch of a call's sound."""

    id: str
    call: CallId
    consult: bool
    """What a seat and a transfer's target said out of the caller's hearing."""
    started: Instant
    ended: Instant
    size: int
    """Bytes; 0: it was not on this machine when it ended."""
    sha256: str
    """``""``: not taken, for the same reason."""
    erased: Instant | None = None
    """When its sound was erased at the caller's request, and it was."""
    erased_by: str = ""


class SoundAltered(Exception):
    """A recording's file is not what was recorded; the text says in what it differs."""


class SoundErased(Exception):
    """A sound that was erased at the caller's request; the text says when and by whom."""

    def __init__(self, at: Instant, by: str) -> None:
        self.at = at
        moment = datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")
        super().__init__(f"erased on request on {moment} by {by}; nothing is wrong with the disk")


class Recordings(Protocol):
    """All raise `callrouter.ports.Unavailable` when the store cannot be reached."""

    async def of_call(self, call: CallId) -> Sequence[RecordingView]:
        """Earliest first."""

    async def sound(self, id: str) -> Path | None:
        """The WAV file, if it can be read from this machine. Raises `SoundAltered`, `SoundErased`."""

"""Keeping on disk what the next controller must know: promises, missed calls, seats, conversations at hand.

One small JSON file in the state directory, replaced as a whole: written within
`PAUSE` of a change, at once when a callback is promised or closed, and once more
at the end. The disk's work is done in a thread. Whatever is wrong with the file
or the disk is said and stops no call.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import structlog

from acd.commands import CallbackClosed, CallbackOpened
from acd.ids import Instant
from callrouter.router.kept import Kept
from callrouter.router.notices import Outcome

FILE: Final = "kept.json"
"""In the state directory. Numbers of callers are in it: only the service's user may read it."""
FORMAT: Final = 1
LARGEST: Final = 64 * 1024 * 1024
PAUSE: Final = 0.5
SHARE: Final = 0.02
"""Of the loop's time, at most, goes into composing it: a very large floor is written less often."""

log = structlog.get_logger(__name__)


class _Paper(msgspec.Struct, frozen=True):
    format: int
    kept: Kept


class Unreadable(Exception):
    """The file cannot be taken up; the text says why."""


def read(file: Path) -> Kept | None:
    """What the last controller has left; None: nothing. Raises `Unreadable`."""
    try:
        with file.open("rb") as source:
            text = source.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from error
    if len(text) > LARGEST:
        raise Unreadable(f"{file} is larger than {LARGEST} bytes")
    try:
        paper = msgspec.json.decode(text, type=_Paper)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{file}: {error}") from error
    if paper.format != FORMAT:
        raise Unreadable(f"{file} is of format {paper.format}, this version reads {FORMAT}")
    return paper.kept


def write(file: Path, kept: Kept) -> None:
    """Replace the file, whole or not at all. Raises OSError."""
    text = msgspec.json.encode(_Paper(FORMAT, kept))
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(draft, file)


class Keeper:
    """Writes while `run` runs. `stirred` is set, by whoever, whenever something has happened."""

    def __init__(self, file: Path, keep: Callable[[], Kept], stirred: asyncio.Event) -> None:
        self._file = file
        self._keep = keep
        self._stirred = stirred
        self._urgent = asyncio.Event()
        self._writing = asyncio.Lock()
        self.ended: Instant | None = None
        """Of when the last word is."""
        self.problem = ""
        """Why nothing is kept now; ``""``: all is well."""

    def noticed(self, outcome: Outcome) -> None:
        """A promise must not wait."""
        if isinstance(outcome, CallbackOpened | CallbackClosed):
            self._urgent.set()

    async def now(self) -> None:
        """Write what is to be kept, and return when it is on disk or cannot be: see `problem`."""
        await self._save()

    async def run(self) -> None:
        try:
            while True:
                await self._stirred.wait()
                self._stirred.clear()
                self._urgent.clear()
                spent = await self._save()
                try:
                    async with asyncio.timeout(max(PAUSE, spent / SHARE)):
                        await self._urgent.wait()
                except TimeoutError:
                    continue
        finally:
            await self._save(orderly=True)

    async def _save(self, *, orderly: bool = False) -> float:
        """Returns the seconds for which the loop was busy with it."""
        async with self._writing:
            begun = time.perf_counter()
            kept = self._keep()
            spent = time.perf_counter() - begun
            if orderly:
                kept = replace(kept, orderly=True)
                self.ended = kept.at
            try:
                await asyncio.to_thread(write, self._file, kept)
            except OSError as error:
                self._tell(f"{self._file} cannot be written: {error.strerror}")
            else:
                self._tell("")
            return spent

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.error("callbacks and seats would not survive a restart", reason=problem)
        self.problem = problem


def take_up(file: Path) -> Kept | None:
    """`read`, at a start: what cannot be read is put aside, said, and stops nothing."""
    try:
        return read(file)
    except Unreadable as error:
        aside = file.with_suffix(".unreadable")
        log.error(
            "what the last controller kept cannot be read: callbacks are lost, seats sign in anew",
            reason=str(error),
            set_aside=str(aside),
        )
        try:
            os.replace(file, aside)
        except OSError as second:
            log.error("it stays where it is", reason=second.strerror)
        return None

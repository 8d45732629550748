"""Writing the floor's log beside the loop, never in its way.

Encoding costs the loop some microseconds a step; a thread of its own writes, five
times a second: woken at each step, it took the loop's turn from it each time.
Between the two stands a bounded queue. A log with a gap proves nothing, so when
the queue is full, or the disk refuses, the log says so and ends; calls go on.
A new file begins with a snapshot of the floor, taken in the loop: some
milliseconds for a province, once in tens of thousands of steps.
"""

import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, NamedTuple

import structlog

from acd.commands import FloorOutput
from acd.floor.snapshot import FloorSnapshot
from acd.floor.watched import Asked
from acd.ids import Instant
from callrouter.floor_log.lines import head, snapshot_line, step, veil

FOLDER: Final = "floor-log"
"""Below the state directory."""
ROLL_BYTES: Final = 16 * 1024 * 1024
MOST_FILES: Final = 64
"""All runs together; the oldest go first. 1 GiB: about two months of a province."""
WAITING: Final = 20_000
"""Steps that may wait for the disk."""
SNAPSHOTS_SHARE: Final = 8
"""A file is at least so many times as long as the snapshot that it begins with."""
WRITE_EVERY: Final = 0.2
"""Seconds of steps that gather before they are written."""
STOP_SECONDS: Final = 5.0
"""How long a disk that does not answer may hold up the end."""

log = structlog.get_logger(__name__)


class _NewPart(NamedTuple):
    snapshot: bytes
    """Its first line after the head."""


class FloorRecorder:
    """A `acd.floor.watched.FloorWatch` that writes. Always `stop` it."""

    def __init__(
        self,
        folder: Path,
        now: Instant,
        *,
        roll_bytes: int = ROLL_BYTES,
        most_files: int = MOST_FILES,
        waiting: int = WAITING,
    ) -> None:
        """Raises OSError when the folder cannot be made."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.run = f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.ended: str = ""
        """Why the log has ended before the run did; ``""``: it goes on."""
        self.problem: str = ""
        """The same as a sentence for who looks after the system."""
        self._folder = folder
        self._roll_bytes = roll_bytes
        self._most_files = most_files
        self._hide = veil(secrets.token_bytes(32))
        self._lines: deque[bytes | _NewPart] = deque()
        self._waiting = waiting
        self._stopping = threading.Event()
        self._size = 0
        """Bytes of the present part, as the loop knows it."""
        self._snapshot_size = 0
        self._part = 0
        self._file: IO[bytes] | None = None
        self._thread = threading.Thread(target=self._write, name="floor-log", daemon=True)
        self._thread.start()

    def __call__(
        self,
        asked: Asked,
        at: Instant,
        answer: Sequence[FloorOutput] | Exception,
        snapshot: Callable[[], FloorSnapshot],
    ) -> None:
        if self.ended:
            return
        if len(self._lines) >= self._waiting:
            self._end(f"the disk is behind by {self._waiting} steps")
            return
        try:
            line = step(asked, at, answer, self._hide)
            self._lines.append(line)
            self._size += len(line)
            if self._size > max(self._roll_bytes, SNAPSHOTS_SHARE * self._snapshot_size):
                now = snapshot_line(snapshot(), at, self._hide)
                self._lines.append(_NewPart(now))
                self._size = self._snapshot_size = len(now)
        except (TypeError, ValueError) as error:
            self._end(f"a step cannot be written down: {error}")

    def stop(self) -> None:
        """Write what waits and close. Blocks on the disk: call it from a thread."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _end(self, reason: str) -> None:
        self.ended = reason
        self.problem = f"the floor's log has ended ({reason}); calls go on, a restart begins a new one"
        log.error("floor_log.ended", problem=self.problem)

    # --- in the thread

    def _write(self) -> None:
        try:
            while not self._stopping.wait(WRITE_EVERY):
                self._write_gathered()
                if self._file is not None:
                    self._file.flush()
            self._write_gathered()
        except OSError as error:
            self._refused(error)
            # What its buffer still holds meets the same disk.
            with suppress(OSError):
                self._close()
            self._lines.clear()
        else:
            try:
                self._close()
            except OSError as error:
                self._refused(error)

    def _refused(self, error: OSError) -> None:
        self._end(f"{error.filename or self._folder}: {error.strerror}")

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write_gathered(self) -> None:
        """All but what comes meanwhile: that is for the next time."""
        for _ in range(len(self._lines)):
            self._append(self._lines.popleft())

    def _append(self, line: bytes | _NewPart) -> None:
        if self._file is None or isinstance(line, _NewPart):
            self._file = self._begin()
        self._file.write(line.snapshot if isinstance(line, _NewPart) else line)

    def _begin(self) -> IO[bytes]:
        self._close()
        self._part += 1
        file = self._folder / part_name(self.run, self._part)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        opened = os.fdopen(descriptor, "wb", buffering=256 * 1024)
        opened.write(head(self.run, self._part))
        self._forget_oldest()
        return opened

    def _forget_oldest(self) -> None:
        files = sorted(self._folder.glob("*.jsonl"))
        for file in files[: max(0, len(files) - self._most_files)]:
            file.unlink(missing_ok=True)


def part_name(run: str, part: int) -> str:
    """Sorted by name the parts of all runs stand in order of time."""
    return f"{run}.{part:06d}.jsonl"

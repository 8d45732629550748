"""Entries set aside on disk while the database is away.

Append-only files of lines ``CRC32 JSON``; each append is synced before it
counts. Reading back seals the newest file, so that a replay never chases what
is being written. A line that does not match its checksum (torn by a crash, or
damaged) is kept in ``damaged.jsonl`` and counted, never silently skipped.

All methods block on the disk: call them from a thread.
"""

import errno
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Final

REJECTED: Final = "rejected.jsonl"
DAMAGED: Final = "damaged.jsonl"
SET_ASIDE: Final = (REJECTED, DAMAGED)
ROLL_BYTES: Final = 64 * 1024 * 1024
"""A file grown beyond this is sealed and the next one begun."""


LIMIT_BYTES: Final = 4 * 1024**3
"""Together the files never grow beyond this (weeks of calls): the rest of the disk is not ours."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some payloads of the oldest file, and where the next chunk begins."""

    file: Path
    payloads: tuple[bytes, ...]
    damaged: int
    end: int
    last: bool
    """Nothing follows in this file: after this chunk has been stored the file may go."""


class Spill:
    """The spill files of one folder. Not safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sealed = sorted(folder.glob("spill-*.jsonl"))
        self._sizes = {file: file.stat().st_size for file in self._sealed}
        self._active: Path | None = None
        numbers = [int(file.stem.removeprefix("spill-")) for file in self._sealed]
        self._next = max(numbers, default=0) + 1
        self._offset = 0

    @property
    def empty(self) -> bool:
        return not self._sealed and self._active is None

    def bytes_waiting(self) -> int:
        """Not yet taken; quick, and safe to ask from another thread."""
        return sum(tuple(self._sizes.values())) - self._offset

    def append(self, payloads: Sequence[bytes]) -> None:
        """Add and sync. Raises `OSError` when the disk refuses or the limit is reached: nothing was added."""
        if self.bytes_waiting() > LIMIT_BYTES:
            raise OSError(errno.EDQUOT, f"spill files exceed {LIMIT_BYTES} bytes", str(self._folder))
        data = b"".join(b"%08x %s\n" % (zlib.crc32(payload), payload) for payload in payloads)
        file = self._active or self._folder / f"spill-{self._next:08d}.jsonl"
        size = _append_synced(file, data)
        if self._active is None:
            self._active = file
            self._next += 1
        self._sizes[file] = size
        if size > ROLL_BYTES:
            self._seal()

    def _seal(self) -> None:
        if self._active is not None:
            self._sealed.append(self._active)
            self._active = None

    def peek(self, count: int) -> Chunk | None:
        """Up to `count` of the oldest payloads; they stay until `taken` is told. None: empty."""
        if not self._sealed:
            self._seal()
        if not self._sealed:
            return None
        file = self._sealed[0]
        payloads: list[bytes] = []
        damaged: list[bytes] = []
        with file.open("rb") as source:
            source.seek(self._offset)
            for _ in range(count):
                line = source.readline()
                if not line:
                    break
                payload = _checked(line)
                (damaged if payload is None else payloads).append(line if payload is None else payload)
            end = source.tell()
            last = not source.read(1)
        if damaged:
            self._set_aside(damaged)
        return Chunk(file, tuple(payloads), len(damaged), end, last)

    def _set_aside(self, lines: Sequence[bytes]) -> None:
        _append_synced(self._folder / DAMAGED, b"".join(line.rstrip(b"\n") + b"\n" for line in lines))

    def reject(self, payload: bytes, reason: str) -> None:
        """Keep what the database will never take, with the reason, for a person to look at."""
        note = reason.encode(errors="replace").replace(b"\n", b" ")[:500]
        _append_synced(self._folder / REJECTED, payload + b"\t" + note + b"\n")

    def taken(self, chunk: Chunk) -> None:
        """The chunk is safely in the database."""
        if chunk.last:
            chunk.file.unlink(missing_ok=True)
            self._sealed.remove(chunk.file)
            self._offset = 0
            self._sizes.pop(chunk.file, None)
        else:
            self._offset = chunk.end


def _checked(line: bytes) -> bytes | None:
    checksum, _, payload = line.rstrip(b"\n").partition(b" ")
    intact = line.endswith(b"\n") and len(checksum) == 8 and checksum == b"%08x" % zlib.crc32(payload)
    return payload if intact else None


def blot(folder: Path, digits: str) -> list[str]:
    """Overwrite a number where it lies in what was set aside for good; names of files that cannot be written.

    In place and as long as it was: a controller may append to the file at the same time.
    """
    refused = []
    number, blotted = digits.encode(), b"*" * len(digits)
    for name in SET_ASIDE:
        try:
            with (folder / name).open("r+b") as file, mmap(file.fileno(), 0) as content:
                place = content.find(number)
                while place >= 0:
                    content[place : place + len(number)] = blotted
                    place = content.find(number, place)
        except (FileNotFoundError, ValueError):
            continue  # nothing has been set aside (an empty file cannot be mapped)
        except OSError:
            refused.append(name)
    return refused


def _append_synced(file: Path, data: bytes) -> int:
    with file.open("ab") as out:
        before = out.tell()
        try:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        except OSError:
            os.truncate(file, before)
            raise
        return out.tell()

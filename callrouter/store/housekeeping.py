"""What is done once a night: old data goes, days that are over are packed for reports.

``python -m callrouter.store.housekeeping`` does it in a process of its own, told by
JSON on standard input (a URL may hold a password), so that the controller neither
waits nor keeps numpy in memory. Its answer is JSON on standard output.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from acd.ids import Instant
from callrouter.ports import Unavailable
from callrouter.store import sound
from callrouter.store.database import Database, StoreError
from callrouter.store.entries import DAY
from callrouter.store.packing import COLUMNS, SETTLED, load
from callrouter.store.retention import Purged, Retention, files_held, files_to_remove, purge
from callrouter.store.rows import micros

PACKED_AHEAD: Final = 7
"""Days back that are packed if they are not yet; older ones when a report asks."""
NICE: Final = 10


class Task(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    now: float
    retention: dict[str, int]
    spools: list[str]
    """Folders under which the files of recordings and voicemails lie."""


class Done(msgspec.Struct):
    purged: list[Purged]
    files_removed: int
    files_left: list[str]
    """Files that could not be removed: a fault. Their rows stay."""

    def faults(self) -> list[str]:
        """Sentences about what should be gone and is not."""
        found = [f"{one.left} rows of {one.kind} could not be purged" for one in self.purged if one.left]
        return found + [f"file {name} could not be removed" for name in self.files_left[:10]]


async def keep_house(database: Database, retention: Retention, now: Instant, spools: list[Path]) -> Done:
    """Raises `Unavailable`."""
    removed, left = 0, []
    for name in await files_to_remove(database, retention, now):
        if await asyncio.to_thread(sound.remove, name, spools):
            left.append(name)
        else:
            removed += 1
    purged = await purge(database, retention, now, still_there=left)
    held = await files_held(database)
    for folder, days in ((sound.MESSAGES, retention.voicemails), (sound.RECORDINGS, retention.recordings)):
        # A day more: a file is a little younger than the stamp in its row.
        old = now - (days + 1) * 86_400
        gone, stuck = await asyncio.to_thread(sound.remove_older, folder, old, spools, held)
        removed += len(gone)
        left += [name for name in stuck if name not in left]
    await _pack_recent(database, now)
    return Done(purged=purged, files_removed=removed, files_left=left)


async def _pack_recent(database: Database, now: Instant) -> None:
    last = (micros(now) - SETTLED) // DAY
    for day in range(last - PACKED_AHEAD, last):
        await load(database, tuple(COLUMNS), day * DAY, (day + 1) * DAY, now)


async def _run(task: Task) -> Done:
    database = Database(task.url)
    try:
        return await keep_house(
            database, Retention(**task.retention), task.now, [Path(p) for p in task.spools]
        )
    finally:
        await database.close()


def main() -> int:
    os.nice(NICE)
    try:
        task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
        done = asyncio.run(_run(task))
    except (StoreError, Unavailable, OSError, TypeError, msgspec.DecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())

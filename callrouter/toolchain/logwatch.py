"""Keeps a log within bounds: Asterisk rotates on command only, and strangers can make it write."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

LIMIT: Final = 50_000_000
"""Bytes; a longer log is rotated."""
KEPT: Final = 3
LOOK_SECONDS: Final = 60.0


async def keep_small(
    log: Path,
    rotate: Callable[[], Awaitable[object]],
    *,
    limit: int = LIMIT,
    every: float = LOOK_SECONDS,
) -> None:
    """Until cancelled: call `rotate` when `log` has grown beyond `limit` bytes, keep `KEPT` old ones.

    The file's size is looked at each `every` seconds: no event tells of it.
    """
    while True:
        await asyncio.sleep(every)
        if size(log) > limit:
            await rotate()
            for old in old_logs(log)[KEPT:]:
                with contextlib.suppress(FileNotFoundError):
                    old.unlink()


def size(file: Path) -> int:
    """Bytes of a file, 0 when there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def old_logs(log: Path) -> list[Path]:
    """Rotated logs, newest first: Asterisk numbers them from 0."""
    numbered = [one for one in log.parent.glob(f"{log.name}.*") if one.suffix[1:].isdigit()]
    return sorted(numbered, key=lambda one: int(one.suffix[1:]))

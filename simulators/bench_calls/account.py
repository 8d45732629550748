"""What processes have cost, by the system's own accounting."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from simulators.processes import children

_TICK: Final = 1.0 / os.sysconf("SC_CLK_TCK")
QUIET_LOOKS: Final = 4
LOOK: Final = 0.15
"""Seconds between two looks; so many looks in a row with at most a tick each mean that a process rests."""


def cpu_seconds(pid: int) -> float:
    """User and system time so far: of a process, its children and theirs, those that have ended too.

    Raises OSError when the process itself is gone.
    """
    fields = _fields(pid)
    spent, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return (spent + ended) * _TICK + sum(map(_child, children(pid)))


def _child(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except OSError:
        return 0.0  # it has ended meanwhile: the next look finds it in its parent's account


def _fields(pid: int) -> list[str]:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return stat.rpartition(")")[2].split()  # the name before it may hold blanks and brackets


def accounts(pids: Mapping[str, int]) -> dict[str, float]:
    return {name: cpu_seconds(pid) for name, pid in pids.items()}


async def until_quiet(pids: Mapping[str, int], seconds: float = 6.0) -> bool:
    """Wait until the processes have done what was left to do; False when they did not rest in time."""
    quiet, before = 0, accounts(pids)
    deadline = asyncio.get_running_loop().time() + seconds
    while quiet < QUIET_LOOKS:
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(LOOK)
        now = accounts(pids)
        at_rest = all(now[name] - before[name] <= _TICK for name in now)
        quiet, before = (quiet + 1 if at_rest else 0), now
    return True

"""How long a fact waits for the loop: as the controller measures itself, with facts from another process."""

import asyncio
import math
import struct
import sys
import time
from collections.abc import Awaitable, Sequence
from typing import Final

FACT_EVERY: Final = 0.002
"""Seconds between the facts whose handling is timed: 500 a second, a crowded floor."""

_FACTS: Final = """
import struct, sys, time
while True:
    time.sleep(float(sys.argv[1]))
    sys.stdout.buffer.write(struct.pack("<d", time.monotonic()))
    sys.stdout.buffer.flush()
"""


async def delay_while(work: Awaitable[object]) -> float:
    """99th percentile of the seconds from a fact's being sent to its handling, while `work` goes on.

    Raises ValueError when none arrived: then nothing was measured.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _FACTS, str(FACT_EVERY), stdout=asyncio.subprocess.PIPE
    )
    waits: list[float] = []
    arriving = asyncio.Event()
    reading = asyncio.create_task(_time_facts(process, waits, arriving))
    try:
        await arriving.wait()
        if process.stdout is None or process.stdout.at_eof():
            raise ValueError("the process that sends facts has ended")
        waits.clear()
        await work
    finally:
        process.kill()
        await process.wait()
        await reading
    if not waits:
        raise ValueError("no fact arrived: measure for longer")
    return p99(waits)


async def _time_facts(
    process: asyncio.subprocess.Process, waits: list[float], arriving: asyncio.Event
) -> None:
    assert process.stdout is not None
    rest = b""
    while data := await process.stdout.read(4096):
        now = time.monotonic()
        arriving.set()
        rest += data
        whole = len(rest) // 8 * 8
        waits.extend(now - stamp for (stamp,) in struct.iter_unpack("<d", rest[:whole]))
        rest = rest[whole:]
    arriving.set()  # or nobody would learn that none comes any more


def p99(values: Sequence[float]) -> float:
    """Nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else 0.0

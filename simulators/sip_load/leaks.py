"""Channels that an Asterisk still holds after everybody has hung up."""

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from callrouter.toolchain.locate import locate
from simulators.sip_load.result import RunFailed

LINGER: Final = 40.0
"""SIP repeats a BYE and keeps a transaction for 32 s (64 × T1, RFC 3261): what lives longer has leaked."""
BROKEN_LINGER: Final = 5.0
"""After a run that tells nothing about leaks."""
NAMED: Final = 5
ANSWER_SECONDS: Final = 10.0
"""An Asterisk that hangs answers its console never."""


async def channels_left(config: Path, patience: float = LINGER) -> int:
    """Channels of a private Asterisk, once none are left or after `patience` seconds. Raises RunFailed."""
    deadline = time.monotonic() + patience
    while True:
        count = await _channels(config)
        if count == 0 or time.monotonic() > deadline:
            return count
        await asyncio.sleep(0.25)


async def described(config: Path) -> list[str]:
    """The longest-lived channels in words. Raises RunFailed."""
    rows = [line.split("!") for line in (await _asked(config, "core show channels concise")).splitlines()]
    # Channel!Context!Exten!Priority!State!Application!Data!…!Duration!Bridge!Id; data may hold a "!".
    alive = [(int(row[-3]), row) for row in rows if len(row) >= 14 and row[-3].isdigit()]
    alive.sort(key=lambda one: -one[0])
    return [f"{row[0]} ({row[4]}, {row[5] or 'nothing'}, for {seconds} s)" for seconds, row in alive[:NAMED]]


async def _channels(config: Path) -> int:
    output = await _asked(config, "core show channels count")
    for line in output.splitlines():
        words = line.split()
        if len(words) >= 3 and words[1] == "active" and words[2].startswith("channel"):
            return int(words[0])
    raise RunFailed(f"{config}: no Asterisk answers there: {output.strip()[:200]}")


async def _asked(config: Path, question: str) -> str:
    """What the console says. Raises RunFailed."""
    program = locate("asterisk")
    process = await asyncio.create_subprocess_exec(
        *program.command("-C", config, "-rx", question),
        env={**os.environ, **program.env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise RunFailed(f"{config}: its Asterisk gave no answer within {ANSWER_SECONDS:g} s") from None
    return output.decode(errors="replace")

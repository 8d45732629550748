"""Channels that an Asterisk still holds after everybody has hung up."""

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from callrouter.toolchain.locate import locate
from simulators.sip_load.result import RunFailed

QUIET_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
"""An Asterisk that hangs answers its console never."""


async def channels_left(config: Path, patience: float = QUIET_SECONDS) -> int:
    """Channels of a private Asterisk, once none are left or after `patience` seconds. Raises RunFailed."""
    deadline = time.monotonic() + patience
    while True:
        count = await _channels(config)
        if count == 0 or time.monotonic() > deadline:
            return count
        await asyncio.sleep(0.25)


async def _channels(config: Path) -> int:
    program = locate("asterisk")
    process = await asyncio.create_subprocess_exec(
        *program.command("-C", config, "-rx", "core show channels count"),
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
    for line in output.decode(errors="replace").splitlines():
        words = line.split()
        if len(words) >= 3 and words[1] == "active" and words[2].startswith("channel"):
            return int(words[0])
    raise RunFailed(f"{config}: no Asterisk answers there: {output.decode(errors='replace').strip()[:200]}")

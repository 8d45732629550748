"""The demo as a user has it: a process. What dies under it is said, and nothing outlives it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]


@dataclass
class Demo:
    process: asyncio.subprocess.Process
    ready: dict[str, Any]

    def child(self, word: str) -> int:
        """The one child with `word` in its command line."""
        (found,) = (pid for pid in self.children() if word in command_line(pid))
        return found

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]

    async def says(self, words: str) -> str:
        assert self.process.stderr is not None
        async with asyncio.timeout(30):
            while line := (await self.process.stderr.readline()).decode():
                if words in line:
                    return line
        raise AssertionError(f"it did not say {words!r}")


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""


async def gone(process: int) -> None:
    """Wait for the end of a process that need not be ours; `process`: its descriptor, closed afterwards."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(process, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 30)
    finally:
        loop.remove_reader(process)
        os.close(process)


@asynccontextmanager
async def demo(state: Path) -> AsyncIterator[Demo]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "import os; os.umask(0o022); from callrouter.cli.main import run; run()"),
        *("demo", "--json", "--for", "150", "--state-dir", str(state)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 90)
        yield Demo(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def test_what_dies_under_the_demo_is_said_and_with_its_asterisk_it_ends(tmp_path: Path) -> None:
    async with demo(tmp_path / "state") as running:
        open_to_others = [
            str(path)
            for path in (tmp_path / "state").rglob("*")
            if not path.is_symlink() and path.lstat().st_mode & 0o077
        ]
        assert open_to_others == []
        os.kill(running.child("mosquitto"), signal.SIGKILL)
        assert "call data waits in the outbox" in await running.says("broker has ended (killed by SIGKILL)")
        os.kill(running.child("/partners/etc"), signal.SIGKILL)
        assert "calls to other lines fail" in await running.says("partners' Asterisk has ended")
        os.kill(running.child("/asterisk/etc"), signal.SIGKILL)
        last = await running.says("the demo's Asterisk has ended (killed by SIGKILL)")
        assert "start the demo again" in last
        assert await asyncio.wait_for(running.process.wait(), 60) == 2


async def test_nothing_outlives_a_killed_demo(tmp_path: Path) -> None:
    async with demo(tmp_path / "state") as running:
        ours = [
            os.pidfd_open(running.child(word)) for word in ("mosquitto", "/partners/etc", "/asterisk/etc")
        ]
        running.process.kill()
        await running.process.wait()
        for process in ours:
            await gone(process)

"""A private MQTT broker on loopback: mosquitto from the toolchain."""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final

from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.locate import locate
from callrouter.toolchain.orphan import ends_with_us

_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0
_RUNNING: Final = "running"


class Broker:
    """One mosquitto process that takes anonymous clients of this machine only."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Run it; returns when it takes connections. Raises `ToolchainError` when it can't."""
        program = locate("mosquitto")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        conf = self._folder / "mosquitto.conf"
        # Root's broker would become another user, and so forget that it is to end with us.
        conf.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "persistence false\n"
            "max_queued_messages 100000\n"
            "log_dest stderr\n" + ("user root\n" if os.geteuid() == 0 else ""),
            encoding="utf-8",
        )
        self._process = await asyncio.create_subprocess_exec(
            *ends_with_us(program.command("-c", conf)),
            env=program.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        said: list[str] = []
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._until_running(self._process, said)
        except TimeoutError:
            await self.stop()
            raise ToolchainError(f"mosquitto was not ready within {_START_SECONDS:g} s") from None
        if self._process.returncode is not None:
            raise ToolchainError(f"mosquitto did not start: {said[-1] if said else 'it said nothing'}")
        self._drain = asyncio.create_task(self._read_on(self._process), name="mosquitto output")

    async def _until_running(self, process: asyncio.subprocess.Process, said: list[str]) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            said.append(line.decode(errors="replace").strip())
            if said[-1].endswith(_RUNNING):
                return
        await process.wait()

    async def _read_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while await process.stderr.readline():
            continue

    async def wait(self) -> int:
        """Wait for the end of the process, whoever causes it; returns its exit status."""
        if self._process is None:
            raise ToolchainError("this mosquitto is not running")
        return await self._process.wait()

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._drain is not None:
            await self._drain
            self._drain = None

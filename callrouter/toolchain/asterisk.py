"""Start and stop one private Asterisk.

`AsteriskServer.start` returns when Asterisk itself says that it is ready; the
process is ours alone and is ended by its own id.
"""

import asyncio
import contextlib
import re
import signal
import socket
from pathlib import Path
from typing import Final

from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.logwatch import keep_small
from callrouter.toolchain.orphan import ends_with_us
from callrouter.toolchain.plan import AsteriskPlan, PlanError, SeatAccount, TrunkAccount
from callrouter.toolchain.render import RenderedAsterisk, render

__all__ = [
    "AsteriskError",
    "AsteriskPlan",
    "AsteriskServer",
    "PlanError",
    "RenderedAsterisk",
    "SeatAccount",
    "TrunkAccount",
    "render",
]

_READY: Final = "Asterisk Ready."
_FAULT: Final = re.compile(r"\b(ERROR|WARNING)\[")
_LAST_WORDS: Final = 12
_STOP_SECONDS: Final = 10.0
_CHUNK: Final = 65536


class AsteriskError(ToolchainError):
    """Asterisk can't run here; the text says why and what to do."""


class AsteriskServer:
    """One Asterisk process on a rendered folder; ends with the process that started it unless `outlives`."""

    def __init__(self, rendered: RenderedAsterisk, *, outlives: bool = False) -> None:
        self.rendered = rendered
        self._outlives = outlives
        self._watch: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._tail: list[str] = []

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self, seconds: float = 30.0) -> None:
        """Run Asterisk and wait until it is fully booted.

        Raises `AsteriskError` when a port is taken, the process ends, or it is
        not ready within `seconds`; then nothing is left running.
        """
        if self.pid is not None:
            raise AsteriskError("this Asterisk is running already")
        self._check_alone()
        self._check_ports()
        self._ready.clear()
        self._tail = []
        argv = self.rendered.program.command("-C", self.rendered.conf, "-f", "-q")
        if not self._outlives:
            # A killed demo or test must not leave an Asterisk behind that holds the ports.
            argv = ends_with_us(argv)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=self.rendered.program.environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise AsteriskError(f"can't run {argv[0]}: {error}: run `callrouter tools install`") from error
        self._drain = asyncio.create_task(self._read_output(self._process), name="asterisk output")
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({ready, self._drain}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            ended = self._drain.done()
            if not self._ready.is_set():
                await self.stop()
        if not self._ready.is_set():
            what = "ended while it started" if ended else f"was not ready within {seconds:g} s"
            words = "\n".join(self._tail) or "it said nothing"
            raise AsteriskError(f"Asterisk {what} (log: {self.rendered.log}):\n{words}")
        watching = keep_small(self.rendered.log, lambda: self.command("logger rotate"))
        self._watch = asyncio.create_task(watching, name="asterisk log")

    async def stop(self) -> None:
        """End it: politely, then by force. Live calls are cut. Does nothing when it isn't running."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
            self._watch = None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._drain is not None:
            await self._drain
            self._drain = None

    async def wait(self) -> int:
        """Wait for the end of the process, whoever causes it; returns its exit status."""
        if self._process is None:
            raise AsteriskError("this Asterisk is not running")
        return await self._process.wait()

    async def command(self, line: str, seconds: float = 10.0) -> str:
        """What Asterisk's console answers to `line`; for diagnosis and tests, not for the path of a call."""
        argv = self.rendered.program.command("-C", self.rendered.conf, "-rx", line)
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(seconds):
                output, _ = await process.communicate()
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise AsteriskError(f"Asterisk's console didn't answer {line!r} within {seconds:g} s") from error
        return output.decode(errors="replace")

    def log_faults(self) -> list[str]:
        """Lines of the log with ERROR or WARNING, oldest first."""
        if not self.rendered.log.exists():
            return []
        with self.rendered.log.open(encoding="utf-8", errors="replace") as lines:
            return [line.rstrip("\n") for line in lines if _FAULT.search(line)]

    async def _read_output(self, process: asyncio.subprocess.Process) -> None:
        """Look for the ready line, then drain: a full pipe would stop Asterisk's logger."""
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(_CHUNK):
            if self._ready.is_set():
                continue
            *lines, rest = (rest + chunk).split(b"\n")
            texts = [line.decode(errors="replace").strip() for line in lines]
            if any(_READY in text for text in texts):
                self._ready.set()
            self._tail = [*self._tail, *filter(None, texts)][-_LAST_WORDS:]
            rest = rest[-_CHUNK:]

    def _check_alone(self) -> None:
        file = self.rendered.folder / "run" / "asterisk.pid"
        try:
            pid = int(file.read_text(encoding="ascii"))
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return
        if str(self.rendered.conf).encode() in name:
            raise AsteriskError(
                f"an Asterisk (process {pid}) runs in {self.rendered.folder} already: "
                f"stop it with `kill {pid}` or choose another state directory"
            )

    def _check_ports(self) -> None:
        plan = self.rendered
        ari = int(plan.ari_url.rsplit(":", 1)[1].split("/")[0])
        wanted = (
            ("SIP", socket.SOCK_DGRAM, plan.address, plan.sip_port),
            ("SIP", socket.SOCK_STREAM, plan.address, plan.sip_port),
            ("HTTP (ARI)", socket.SOCK_STREAM, "127.0.0.1", ari),
            ("AMI", socket.SOCK_STREAM, plan.ami_host, plan.ami_port),
        )
        for what, kind, address, port in wanted:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError as error:
                    proto = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
                    raise AsteriskError(
                        f"{what} port {port}/{proto} on {address} can't be used ({error.strerror}): "
                        "choose another port or stop the program that has it"
                    ) from error

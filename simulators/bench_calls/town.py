"""What the benchmark runs on: one Asterisk, phones for all seats, a broker, now and then a controller."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from callrouter.toolchain.asterisk import AsteriskPlan, AsteriskServer, SeatAccount, TrunkAccount, render
from callrouter.toolchain.broker import Broker
from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.locate import asterisk_files
from callrouter.toolchain.ports import free_ports
from callrouter.toolchain.share import share_folder
from simulators.bench_calls.plan import ADDRESSES, TRUNKS, Effort, Way, few_names, seat_names
from simulators.bench_calls.site import dialplan, queues, write_site
from simulators.sipp import SippProcess
from simulators.sipp_log import SipMessage, Tail, parse_message
from simulators.sipp_scripts import bench_seat_scenario, register_scenario

HOST: Final = "127.0.0.1"
REGISTER_RATE: Final = 200.0
REGISTER_SECONDS: Final = 30.0
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
CLEAR_SECONDS: Final = 30.0
EXPIRES: Final = 3600
FOR_EVER: Final = 7200.0
FEW_TALK: Final = 1.0
"""Seconds that the few seats talk before they hang up; all others wait for the caller to do it."""
CODECS: Final = ("alaw",)


@dataclass(slots=True)
class Phones:
    """A SIPp that plays many seats' phones, with its logs."""

    process: SippProcess
    messages: Tail
    notes: Tail

    def read(self) -> list[SipMessage]:
        """What is new."""
        return [found for line in self.messages.lines() if (found := parse_message(line)) is not None]


class Town:
    """`async with` starts Asterisk, broker and phones; the controller comes and goes by `controller()`."""

    def __init__(self, effort: Effort, folder: Path, controller: Sequence[str]) -> None:
        """`controller` is the command that runs one on the settings file given as its last argument."""
        self.effort, self.folder = effort, folder
        self.seats, self.few = seat_names(effort), few_names()
        self.serial = 0
        self._command = list(controller)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def sip(self) -> str:
        return f"{HOST}:{self.asterisk.rendered.sip_port}"

    @property
    def asterisk_pid(self) -> int:
        """Raises ToolchainError when it has ended."""
        pid = self.asterisk.pid
        if pid is None:
            raise ToolchainError(f"Asterisk has ended: see {self.asterisk.rendered.log}")
        return pid

    def next_name(self, way: Way) -> str:
        """A name for the next process of callers."""
        self.serial += 1
        return f"{way.name.lower()}{self.serial}"

    async def clear(self) -> None:
        """No call is left from before: who is would wait on, and be served in somebody else's trial.

        Raises ToolchainError when some stay.
        """
        deadline = asyncio.get_running_loop().time() + CLEAR_SECONDS
        await self.asterisk.command("channel request hangup all")
        while (
            "0 active channels" not in (await self.asterisk.command("core show channels count")).splitlines()
        ):
            if asyncio.get_running_loop().time() > deadline:
                raise ToolchainError(f"calls stay in Asterisk: see {self.asterisk.rendered.log}")
            await asyncio.sleep(0.2)

    # --- starting -----------------------------------------------------------------------

    async def _start(self) -> None:
        sip, ari, ami, mqtt = free_ports(4)
        self.site = write_site(share_folder("ivr_flows"), self.folder, self.seats, self.few)
        self.broker = Broker(self.folder / "mosquitto", mqtt)
        self._stack.push_async_callback(self.broker.stop)
        await self.broker.start()
        passwords = {seat: secrets.token_urlsafe(9) for seat in (*self.seats, *self.few)}
        self.asterisk = AsteriskServer(render(self._plan(sip, ari, ami, passwords), self.folder / "asterisk"))
        self._add_own_configuration()
        self._stack.push_async_callback(self.asterisk.stop)
        await self.asterisk.start()
        self.config = self._write_settings()
        sipp = self.folder / "sipp"
        sipp.mkdir()
        self.sipp = sipp
        self.phones = await self._phones("seats", self.seats, passwords, FOR_EVER)
        self.few_phones = await self._phones("few", self.few, passwords, FEW_TALK)

    def _plan(self, sip: int, ari: int, ami: int, passwords: dict[str, str]) -> AsteriskPlan:
        contexts = {Way.OURS: "from-trunk", Way.QUEUE: "bench-queue", Way.DIAL: "bench-dial"}
        return AsteriskPlan(
            asterisk_files(),
            sip_port=sip,
            http_port=ari,
            ami_port=ami,
            rtp_first=20000,
            rtp_last=31998,
            seats=tuple(SeatAccount(seat, passwords[seat], seat) for seat in passwords),
            trunks=tuple(
                TrunkAccount(TRUNKS[way], (ADDRESSES[way],), context=contexts[way], codecs=CODECS)
                for way in Way
            ),
            sounds={"zh": self.site / "prompts" / "zh"},
            # OPTIONS to every phone each second cost the same whoever finds the seat, hence are left out.
            seat_qualify=0,
            more_modules=("app_queue.so",),
        )

    def _add_own_configuration(self) -> None:
        """Dialplan and queues that only this benchmark needs, in its own folder."""
        etc = self.asterisk.rendered.conf.parent
        with (etc / "extensions.conf").open("a", encoding="utf-8") as extensions:
            extensions.write(dialplan())
        (etc / "queues.conf").write_text(queues(self.seats, self.few), encoding="utf-8")

    def _write_settings(self) -> Path:
        rendered = self.asterisk.rendered
        for name, secret in (("ari", rendered.ari_password), ("ami", rendered.ami_password)):
            (self.folder / name).touch(0o600)
            (self.folder / name).write_text(secret, encoding="utf-8")
        config = self.folder / "settings.yaml"
        config.write_text(
            f"site: {self.site}\nstate_dir: {self.folder / 'state'}\nhttp: {{port: 0}}\n"
            f"log: {{file: {self.folder / 'controller.log'}}}\n"
            f"feed: {{broker: '{HOST}:{self.broker.port}'}}\n"
            f"asterisk:\n  - ari_url: {rendered.ari_url}\n    ari_password_file: ari\n"
            f"    ami_port: {rendered.ami_port}\n    ami_password_file: ami\n"
            f"    spool: {rendered.folder / 'var' / 'spool'}\n",
            encoding="utf-8",
        )
        return config

    async def _phones(
        self, name: str, seats: Sequence[str], passwords: dict[str, str], talk: float
    ) -> Phones:
        process = await SippProcess.start(
            name,
            register_scenario(EXPIRES),
            self.sip,
            self.sipp,
            called=bench_seat_scenario(talk),
            rows=[(seat, passwords[seat]) for seat in seats],
            rate=REGISTER_RATE,
            standing=len(seats),
            seconds=FOR_EVER,
        )
        self._stack.push_async_callback(process.stop)
        phones = Phones(process, Tail(process.messages), Tail(process.notes))
        self._stack.callback(phones.messages.close)
        self._stack.callback(phones.notes.close)
        await _registered(phones, len(seats))
        return phones

    # --- the controller -----------------------------------------------------------------

    @asynccontextmanager
    async def controller(self) -> AsyncIterator[int]:
        """A controller in a process of its own, every seat signed in and ready; its process id."""
        child = await asyncio.create_subprocess_exec(
            *self._command, str(self.config), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await child.stdout.readline()
            if not line:
                raise ToolchainError(
                    f"the controller ended with {await child.wait()}: see {self.folder / 'controller.log'}"
                )
            yield child.pid
        except TimeoutError:
            raise ToolchainError(f"the controller was not ready within {START_SECONDS:g} s") from None
        finally:
            if child.returncode is None:
                child.terminate()
            try:
                await asyncio.wait_for(child.wait(), STOP_SECONDS)
            except TimeoutError:
                child.kill()
                await child.wait()


async def _registered(phones: Phones, count: int) -> None:
    """Wait until so many phones are registered. Raises ToolchainError."""
    known: set[str] = set()
    deadline = asyncio.get_running_loop().time() + REGISTER_SECONDS
    while len(known) < count:
        if asyncio.get_running_loop().time() > deadline or not phones.process.running:
            raise ToolchainError(
                f"{count - len(known)} of {count} phones did not register: {phones.process.last_words()}"
            )
        await asyncio.sleep(0.1)
        known |= {one.call for one in phones.read() if one.method == "REGISTER" and one.status == 200}


def python(module: str) -> list[str]:
    """The command that runs `module`'s `run()` with this very Python."""
    return [sys.executable, "-c", f"from {module} import run; run()"]

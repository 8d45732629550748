"""SIPp under control: callers and seats by the thousand, each told what to do while it runs.

SIPp speaks SIP; who does what when is decided here. A caller waits for its
instant, dials, and then obeys INFO requests that carry its Call-ID (see
``sipp_scenarios/caller.xml``); SIPp's own message log, read as it grows, tells
what has happened to every call.
"""

import asyncio
import contextlib
import csv
import itertools
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from callrouter.toolchain.locate import Program, locate
from callrouter.toolchain.orphan import ends_with_us
from simulators.sipp_log import Tail

START_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
UNLIMITED: Final = 10_000_000
CONTROL_HOST: Final = "127.0.0.1"
"""Where SIPp takes orders, whichever way its calls go."""


class SippError(Exception):
    """SIPp did not run; the text has its last words."""


@dataclass(frozen=True, slots=True)
class SippStats:
    """SIPp's own count, from the last line of its statistics."""

    created: int = 0
    current: int = 0
    successful: int = 0
    failed: int = 0
    retransmissions: int = 0
    unexpected: int = 0
    """Calls broken off because SIPp's scenario did not know a message."""
    watchdog_minor: int = 0
    watchdog_major: int = 0


_COLUMNS: Final[Mapping[str, str]] = {
    "created": "TotalCallCreated",
    "current": "CurrentCall",
    "successful": "SuccessfulCall(C)",
    "failed": "FailedCall(C)",
    "retransmissions": "Retransmissions(C)",
    "unexpected": "FailedUnexpectedMessage(C)",
    "watchdog_minor": "WatchdogMinor(C)",
    "watchdog_major": "WatchdogMajor(C)",
}


class SippProcess:
    """One SIPp. Made by `start`; always `stop` it."""

    def __init__(
        self, process: asyncio.subprocess.Process, folder: Path, name: str, host: str, ports: tuple[int, int]
    ) -> None:
        self.name = name
        self.port, self.control_port = ports
        self.messages = folder / f"{name}.messages.csv"
        self.notes = folder / f"{name}.notes.txt"
        self.usage = psutil.Process(process.pid)
        self._process = process
        self._folder = folder
        self._host = host
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._orders = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._told = itertools.count(1)
        self._statistics = Tail(folder / f"{name}.stat.csv")
        self._columns: list[str] = []
        self._stats = SippStats()

    @classmethod
    async def start(
        cls,
        name: str,
        scenario: str,
        target: str,
        folder: Path,
        *,
        called: str | None = None,
        rows: Sequence[Sequence[str]] = (),
        host: str = "127.0.0.1",
        port: int | None = None,
        rate: float = 10.0,
        most_calls: int = UNLIMITED,
        at_once: int = 10_000,
        seconds: float = 3600.0,
        standing: int | None = None,
        echo: bool = False,
        program: Program | None = None,
    ) -> "SippProcess":
        """Start SIPp towards `target` ("host:port").

        `called` is a second scenario for calls that come in. `rows` are the fields
        of each call in order. `rate` calls are begun a second, `most_calls` in all,
        at most `at_once` live, or `standing` ones for good; it ends by itself after
        `seconds`. With `echo` the media port sends back what it receives. Raises
        SippError, ToolchainError.
        """
        program = program or locate("sipp")
        port = port or free_udp_port(host)
        control, media = free_udp_port(CONTROL_HOST), free_udp_port(host)
        (folder / f"{name}.xml").write_text(scenario, encoding="utf-8")
        arguments = ["-sf", f"{name}.xml", "-i", host, "-p", str(port), "-bind_local", "-mi", host]
        arguments += ["-mp", str(media), "-ci", CONTROL_HOST, "-cp", str(control), "-nostdin", "-skip_rlimit"]
        if called is not None:
            (folder / f"{name}.called.xml").write_text(called, encoding="utf-8")
            arguments += ["-oocsf", f"{name}.called.xml"]
        if rows:
            write_rows(folder / f"{name}.csv", rows)
            arguments += ["-inf", f"{name}.csv"]
        arguments += ["-users", str(standing)] if standing is not None else ["-l", str(at_once)]
        if echo:
            arguments += ["-rtp_echo"]
        arguments += [
            "-cid_str",
            f"%u.{name}",
            "-r",
            f"{rate:.3f}",
            "-m",
            str(most_calls),
        ]
        arguments += ["-timeout", f"{round(seconds)}s", "-rfc3339"]
        for flag, file in (("shortmsg", "messages.csv"), ("logs", "notes.txt"), ("err", "errors.txt")):
            option = {"shortmsg": "shortmessage", "logs": "log", "err": "error"}[flag]
            arguments += [f"-trace_{flag}", f"-{option}_file", f"{name}.{file}"]
        arguments += ["-trace_stat", "-stf", f"{name}.stat.csv", "-fd", "1", target]
        with (folder / f"{name}.screen.txt").open("wb") as screen:
            process = await asyncio.create_subprocess_exec(
                *ends_with_us(program.command(*arguments)),
                cwd=folder,
                env=program.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=screen,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        self = cls(process, folder, name, host, (port, control))
        await self._until_running()
        return self

    async def _until_running(self) -> None:
        """Wait until the SIP port is bound, i.e. taken; or the process has ended."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._process.returncode is not None:
                raise SippError(self.how_it_ended())
            if not _is_free(self._host, self.port) and not _is_free(CONTROL_HOST, self.control_port):
                return
            await asyncio.sleep(0.02)
        await self.stop()
        raise SippError(f"SIPp ({self.name}) did not open its ports: {self.last_words()}")

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 0: all calls went well, 1: some did not, negative: ended by a signal."""
        return self._process.returncode

    def steer(self, rate: float) -> None:
        """Begin `rate` calls a second from now on."""
        self._control(f"cset rate {rate:.3f}")

    def tell(self, call: int | str, do: str, key: str = "-") -> tuple[str, int]:
        """Make a call ``hangup``, press a ``key``, ``dial`` again, be ``done``.

        `call` is a caller's number (from 1, in the order of `rows`) or the Call-ID of a call that came in.
        One datagram, which a busy SIPp may lose: returned are Call-ID and CSeq by which its log shows it.
        """
        turn = next(self._told)
        name = f"{call}.{self.name}" if isinstance(call, int) else call
        host = f"[{self._host}]" if ":" in self._host else self._host
        text = (
            f"INFO sip:load@{host}:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:9;branch=z9hG4bK-t{turn}\r\n"
            f"From: <sip:load@{host}>;tag=t\r\nTo: <sip:load@{host}>\r\n"
            f"Call-ID: {name}\r\nCSeq: {turn} INFO\r\n"
            f"X-Do: {do}\r\nX-Key: {key}\r\nContent-Length: 0\r\n\r\n"
        )
        with contextlib.suppress(OSError):  # gone: its end is seen by `running`
            self._socket.sendto(text.encode(), (self._host, self.port))
        return name, turn

    def _control(self, command: str) -> None:
        with contextlib.suppress(OSError):
            self._orders.sendto(command.encode(), (CONTROL_HOST, self.control_port))

    async def wait(self, seconds: float) -> bool:
        """Wait for its end for at most `seconds`; True when it has ended."""
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End it: politely for 5 s, then by force."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            if not await self.wait(STOP_SECONDS):
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        await self._process.wait()
        self._socket.close()
        self._orders.close()
        self._statistics.close()

    def stats(self) -> SippStats:
        """The latest line of its statistics (one a second); zeros before the first."""
        for line in self._statistics.lines():
            fields = line.split(";")
            if not self._columns:
                self._columns = fields
            else:
                values = dict(zip(self._columns, fields, strict=False))
                self._stats = SippStats(
                    **{name: int(float(values.get(column, 0) or 0)) for name, column in _COLUMNS.items()}
                )
        return self._stats

    def how_it_ended(self) -> str:
        """In one line, with its last words when it had any."""
        code = self._process.returncode or 0
        if code < 0:
            return f"SIPp ({self.name}) was ended by signal {-code} ({signal.strsignal(-code)})"
        return f"SIPp ({self.name}) ended with {code}: {self.last_words()}"

    def last_words(self) -> str:
        """The end of its error log, else of its screen."""
        for file in ("errors.txt", "screen.txt"):
            with contextlib.suppress(OSError):
                text = (self._folder / f"{self.name}.{file}").read_text(errors="replace").strip()
                if text:
                    return " ".join(text.splitlines()[-3:])[-400:]
        return "it said nothing"


def write_rows(file: Path, rows: Sequence[Sequence[str]]) -> None:
    """SIPp's injection file. Raises ValueError for a field with a separator or a line break."""
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write("SEQUENTIAL\n")
        writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_NONE, lineterminator="\n")
        try:
            writer.writerows(rows)
        except csv.Error as error:
            raise ValueError(f"a field of the callers' file can't be written: {error}") from error


def free_udp_port(host: str) -> int:
    """A UDP port that is free now (even, as RTP wants it)."""
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if port % 2 == 0:
            return port


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True

"""SIP phones with real RTP: seats that register, callers that do not.

A `SoftphonePool` spreads phones over processes of at most four (pjsua2 can't do
more calls in one). A `Softphone` has at most one call; a second INVITE is
answered 486. Times are seconds of the system's monotonic clock
(`time.monotonic()`), the same in every process of the machine.
"""

import asyncio
import hashlib
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from simulators.audio import RATE, Sound, render, write_wav
from simulators.softphone_call import PhoneCall, RtpStats
from simulators.softphone_phone import CallEnded, RegistrationFailed, Softphone
from simulators.softphone_process import (
    PhoneProcess,
    PhoneProcessLost,
    PhoneRefused,
    PhonesUnavailable,
    phone_interpreter,
)

__all__ = [
    "CallEnded",
    "PhoneCall",
    "PhoneProcessLost",
    "PhoneRefused",
    "PhonesUnavailable",
    "RegistrationFailed",
    "RtpStats",
    "Softphone",
    "SoftphonePool",
]

PHONES_PER_PROCESS: Final = 4


class SoftphonePool:
    """Phones in processes of four; `async with` ends every process it started.

    `host` is the address phones bind to. `drop_received_percent` and
    `drop_sent_percent` make every phone of the pool lose RTP on purpose.
    Raises PhonesUnavailable when no Python with pjsua2 is at hand.
    """

    def __init__(
        self,
        *,
        interpreter: Sequence[str] | None = None,
        host: str = "127.0.0.1",
        drop_received_percent: int = 0,
        drop_sent_percent: int = 0,
        log_level: int = 1,
    ) -> None:
        self._interpreter = tuple(interpreter) if interpreter is not None else phone_interpreter()
        self._host = host
        self._options = {
            "host": host,
            "drop_received_percent": drop_received_percent,
            "drop_sent_percent": drop_sent_percent,
            "log_level": log_level,
        }
        self._load: dict[PhoneProcess, int] = {}
        self._numbers = itertools.count()
        self._sounds: dict[str, Path] = {}
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="softphones-")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(process.stop() for process in self._load))
        self._load.clear()
        self._directory.cleanup()

    @property
    def pids(self) -> tuple[int, ...]:
        """The phone processes that run."""
        return tuple(process.pid for process in self._load if process.alive)

    @property
    def lost(self) -> tuple[str, ...]:
        """How phone processes ended that were not asked to."""
        return tuple(str(process.lost) for process in self._load if process.lost is not None)

    async def phone(
        self,
        user: str,
        password: str,
        registrar: str,
        *,
        display: str = "",
        auto_answer: float | None = None,
        keep_seconds: float = 120.0,
        expires: int = 300,
    ) -> Softphone:
        """A seat's phone that can register at `registrar` ("host:port"); call `register()`.

        `auto_answer`: seconds of ringing before it answers by itself. `keep_seconds`:
        how much heard audio it keeps, 0 for none (cheaper).
        """
        return await self._open(
            f"{quoted(display)}<sip:{user}@{registrar}>",
            user,
            password=password,
            registrar=f"sip:{registrar}",
            auto_answer=auto_answer,
            keep_seconds=keep_seconds,
            expires=expires,
        )

    async def caller(
        self,
        number: str,
        *,
        display: str = "",
        domain: str = "127.0.0.1",
        auto_answer: float | None = None,
        keep_seconds: float = 120.0,
    ) -> Softphone:
        """An unregistered phone whose From is `number` (any user part) at `domain`."""
        return await self._open(
            f"{quoted(display)}<sip:{number}@{domain}>",
            number,
            auto_answer=auto_answer,
            keep_seconds=keep_seconds,
        )

    async def _open(self, uri: str, user: str, **options: Any) -> Softphone:
        process = await self._room()
        number = next(self._numbers)
        phone = Softphone(self, process, number, uri=uri, user=user, host=self._host)
        try:
            await process.ask("open", phone=number, uri=uri, user=user, **options)
        except PhoneRefused:
            self.release(process)
            raise
        return phone

    async def _room(self) -> PhoneProcess:
        """A process with room for one more phone; its place is taken."""
        async with self._starting:
            for process, load in self._load.items():
                if load < PHONES_PER_PROCESS and process.alive:
                    self._load[process] += 1
                    return process
            log = Path(self._directory.name) / f"process-{next(self._numbers)}.log"
            process = await PhoneProcess.start(self._interpreter, self._options, log)
            self._load[process] = 1
            return process

    def release(self, process: PhoneProcess) -> None:
        self._load[process] -= 1

    def sound_file(self, sound: Sound) -> Path:
        """The wav file of a sound; rendered ones are written once per pool."""
        if isinstance(sound, Path):
            return sound
        samples = render(sound)
        key = hashlib.sha256(samples.tobytes()).hexdigest()[:16]
        if key not in self._sounds:
            path = Path(self._directory.name) / f"{key}.wav"
            write_wav(path, samples, RATE)
            self._sounds[key] = path
        return self._sounds[key]


def quoted(display: str) -> str:
    """A display name as a quoted-string with its space, "" for none (RFC 3261 §25.1)."""
    if not display:
        return ""
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" '

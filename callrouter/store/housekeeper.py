"""Calls for the nightly housekeeping and tells how it went."""

import asyncio
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

import msgspec
import structlog

from callrouter.ports import AuditEntry, AuditSink, Clock

AT_HOUR: Final = 3
"""Local time: the quietest hour of a hotline."""
RETRY: Final = 3600.0
_SECONDS: Final = 2 * 3600

_log: Final = structlog.get_logger("callrouter.store")


class _Kind(msgspec.Struct):
    kind: str
    found: int
    left: int


class _Done(msgspec.Struct):
    purged: list[_Kind]
    files_removed: int
    files_left: list[str]


class Housekeeper:
    """`run` until cancelled. `spools`: folders of sound files."""

    def __init__(
        self,
        url: str,
        retention: Mapping[str, int],
        spools: Callable[[], Sequence[Path]],
        *,
        clock: Clock,
        audit: AuditSink,
        zone: tzinfo,
    ) -> None:
        self._url = url
        self._retention = dict(retention)
        self._spools = spools
        self._clock = clock
        self._audit = audit
        self._zone = zone
        self.problem = ""
        """Why old data is still there; ``""`` when all is well."""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(RETRY if self.problem else self.seconds_until_due())
            await self.once()

    def seconds_until_due(self) -> float:
        now = datetime.fromtimestamp(self._clock.now(), self._zone)
        due = now.replace(hour=AT_HOUR, minute=0, second=0, microsecond=0)
        if due <= now:
            due += timedelta(days=1)
        return (due - now).total_seconds()

    async def once(self) -> None:
        """Do it now, in a process of its own; never raises for what goes wrong there."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callrouter.store.housekeeping",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                said, complained = await child.communicate(self._task())
        except TimeoutError:
            self._failed(f"housekeeping took longer than {_SECONDS} s")
            return
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            lines = complained.decode(errors="replace").strip().splitlines()
            self._failed(lines[-1] if lines else f"housekeeping ended with {child.returncode}")
        else:
            self._went(msgspec.json.decode(said, type=_Done))

    def _task(self) -> bytes:
        return msgspec.json.encode(
            {
                "url": self._url,
                "now": self._clock.now(),
                "retention": self._retention,
                "spools": [str(folder) for folder in self._spools()],
            }
        )

    def _failed(self, reason: str) -> None:
        self.problem = f"old data is not being removed: {reason}"
        _log.error("housekeeping failed", reason=reason)

    def _went(self, done: _Done) -> None:
        counts = {one.kind: one.found for one in done.purged if one.found}
        left = [one.kind for one in done.purged if one.left] + done.files_left[:5]
        self.problem = f"old data could not be removed: {', '.join(left)}" if left else ""
        _log.info("housekeeping done", files_removed=done.files_removed, left=left, **_words(counts))
        if counts or done.files_removed:
            entry = AuditEntry(
                id=uuid.uuid4().hex,
                at=self._clock.now(),
                who="callrouter",
                action="purge",
                subject="retention",
                detail=", ".join(f"{kind} {count}" for kind, count in counts.items()),
            )
            self._audit.note(entry)


def _words(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind.replace(" ", "_"): count for kind, count in counts.items()}

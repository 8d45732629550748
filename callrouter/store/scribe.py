"""Batches of entries to the process that writes them, and its answers back.

A transaction in a thread of this process takes the interpreter's lock from the
loop whenever it can, for milliseconds at a time; in a process of its own it does
not. Entries go there as the JSON in which they would wait on disk: bytes cost the
loop microseconds, and the collector of garbage nothing.
"""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from callrouter.ports import Unavailable
from callrouter.store.database import Unfit
from callrouter.store.inserting import Publish

MODULE: Final = "callrouter.store.scribing"
"""By which its process is known."""
START_SECONDS: Final = 30.0
"""For Python and its libraries, on a machine that is busy."""
GRACE: Final = 5.0
"""Seconds that it may answer late; then it is ended, and its transaction with it."""


class Task(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    """May hold a password: hence standard input, not the command line."""
    publish: str
    """``module:function``."""


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """Followed by `count` lines, each an entry as `entries.encode` makes it."""

    count: int
    seconds: float
    """After which the transaction is given up."""


class Answer(msgspec.Struct, omit_defaults=True):
    """To the task, and to each batch. Without a reason all is well."""

    new: int = 0
    unfit: str = ""
    away: str = ""
    defect: str = ""


class Defect(Exception):
    """The process that writes has met what its authors did not expect; the text says what."""


class Scribe:
    """One process, begun when it is needed and again when it has vanished. Used within one loop."""

    def __init__(self, url: str, publish: Publish) -> None:
        """`publish` must be a function of a module: it is called over there."""
        name = f"{publish.__module__}:{publish.__qualname__}"
        self._task = Task(url=url, publish=name)
        self._process: Process | None = None
        self._ready = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Begin the process, do not wait for it. Raises `Unavailable`."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                MODULE,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Ctrl-C is for the controller, which then has it write what is left.
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"the process that writes records can't be started: {error}") from error
        self._ready = False
        await self._tell(self._process, [msgspec.json.encode(self._task)])

    async def insert(self, payloads: Sequence[bytes], seconds: float) -> int:
        """How many of them were new. All are in the database then, or none.

        Raises `Unavailable`, `Unfit`, `Defect`.
        """
        if self._process is None:
            await self.start()
        assert self._process is not None
        try:
            if not self._ready:
                async with _patience(START_SECONDS):
                    _raise(await self._answer(self._process))
                self._ready = True
            head = msgspec.json.encode(Batch(count=len(payloads), seconds=seconds))
            # One that hangs does not even read: a pipe takes less than a batch.
            async with _patience(seconds + GRACE):
                await self._tell(self._process, [head, *payloads])
                answer = await self._answer(self._process)
        except BaseException:
            # Whatever it says next would be taken for the answer to something else.
            await self._end()
            raise
        _raise(answer)
        return answer.new

    async def _tell(self, process: Process, lines: Sequence[bytes]) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(b"\n".join((*lines, b"")))
            await process.stdin.drain()
        except (OSError, RuntimeError) as error:  # uvloop's word for a pipe that has been closed
            raise Unavailable(f"the process that writes records is gone: {error}") from error

    async def _answer(self, process: Process) -> Answer:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise Unavailable("the process that writes records has ended")
        return msgspec.json.decode(line, type=Answer)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def close(self) -> None:
        """End it; what it has answered is safe."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(GRACE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        self._process = None


@asynccontextmanager
async def _patience(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"the process that writes records does not answer for {seconds:g} s") from error


def _raise(answer: Answer) -> None:
    if answer.unfit:
        raise Unfit(answer.unfit)
    if answer.away:
        raise Unavailable(answer.away)
    if answer.defect:
        raise Defect(answer.defect)

"""The parent's side of one phone process: start it, ask it, hear its events, end it."""

import asyncio
import contextlib
import itertools
import json
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.softphone import softphone_python

INTERPRETER_VARIABLE: Final = "CALLROUTER_SOFTPHONE_PYTHON"
BOOT: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); from simulators.softphone_worker import main; main()"
)
ROOT: Final = str(Path(__file__).resolve().parent.parent)
ANSWER_LIMIT: Final = 16 * 1024 * 1024
START_SECONDS: Final = 20.0
COMMAND_SECONDS: Final = 10.0
QUIT_SECONDS: Final = 5.0


class PhonesUnavailable(Exception):
    """No interpreter with pjsua2 is at hand; the text says what to do."""


class PhoneProcessLost(Exception):
    """A phone process has ended by itself; its phones and their calls are gone."""


class PhoneRefused(Exception):
    """The phone could not do what was asked (no call, wrong URI, media not up …)."""


def phone_interpreter() -> tuple[str, ...]:
    """The command of a Python that has pjsua2.

    `CALLROUTER_SOFTPHONE_PYTHON` when set, else this Python, else the private one of
    `callrouter tools install`. Raises PhonesUnavailable.
    """
    chosen = os.environ.get(INTERPRETER_VARIABLE)
    if chosen:
        return tuple(shlex.split(chosen))
    try:
        return tuple(softphone_python())
    except ToolchainError as error:
        raise PhonesUnavailable(
            f"softphones need pjsua2: install the 'simulators' extra on Python 3.11 or 3.12, or: {error}"
        ) from error


class PhoneProcess:
    """One process of up to four phones. Events go to the handler given for their phone."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._handlers: dict[int, Callable[[dict[str, Any]], None]] = {}
        self._numbers = itertools.count(1)
        self._ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._lost: PhoneProcessLost | None = None
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, interpreter: Sequence[str], options: dict[str, Any], log: Path) -> "PhoneProcess":
        """Start a process and wait until its SIP transport stands.

        Raises PhonesUnavailable when the interpreter can't be run or lacks pjsua2.
        """
        with log.open("wb") as stderr:
            try:
                process = await asyncio.create_subprocess_exec(
                    *interpreter,
                    "-c",
                    BOOT,
                    ROOT,
                    json.dumps(options),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=stderr,
                    limit=ANSWER_LIMIT,
                    start_new_session=True,
                )
            except OSError as error:
                raise PhonesUnavailable(f"cannot run {interpreter[0]}: {error.strerror}") from error
        self = cls(process, log)
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), START_SECONDS)
        except (TimeoutError, PhoneProcessLost) as error:
            await self.stop()
            raise PhonesUnavailable(f"phone process did not start: {self._last_words() or error}") from error
        return self

    @property
    def sip_port(self) -> int:
        """UDP port that this process's phones share."""
        return self._ready.result()

    @property
    def alive(self) -> bool:
        return self._lost is None

    @property
    def lost(self) -> PhoneProcessLost | None:
        """How it ended; None while it runs."""
        return self._lost

    @property
    def pid(self) -> int:
        return self._process.pid

    def listen(self, phone: int, handler: Callable[[dict[str, Any]], None]) -> None:
        """Hand every event of `phone` to `handler`; a lost process is the event ``lost``."""
        self._handlers[phone] = handler

    async def ask(self, op: str, **fields: Any) -> Any:
        """Send a command, wait for its answer.

        Raises PhoneRefused, PhoneProcessLost, TimeoutError (after 10 s).
        """
        if self._lost is not None:
            raise self._lost
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"id": number, "op": op, **fields}).encode() + b"\n")
            await self._process.stdin.drain()
            return await asyncio.wait_for(answer, COMMAND_SECONDS)
        except ConnectionError as error:
            raise self._lost or PhoneProcessLost(str(error)) from error
        finally:
            self._answers.pop(number, None)

    async def stop(self) -> None:
        """Hang up, unregister and end; killed after 5 s if it does not."""
        if self._process.returncode is None:
            with contextlib.suppress(PhoneProcessLost, TimeoutError, PhoneRefused):
                await self.ask("quit")
            try:
                await asyncio.wait_for(self._process.wait(), QUIT_SECONDS)
            except TimeoutError:
                self._process.kill()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if "id" in message:
                self._settle(message)
            elif message["event"] == "ready":
                self._ready.set_result(message["port"])
            elif (handler := self._handlers.get(message.get("phone", -1))) is not None:
                handler(message)
        code = await self._process.wait()
        self._end(PhoneProcessLost(f"phone process ended with {code}: {self._last_words()}"))

    def _settle(self, message: dict[str, Any]) -> None:
        answer = self._answers.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(PhoneRefused(message["error"]))
        else:
            answer.set_result(message["ok"])

    def _end(self, lost: PhoneProcessLost) -> None:
        self._lost = lost
        for future in (self._ready, *self._answers.values()):
            if not future.done():
                future.set_exception(lost)
        self._ready.exception()
        for phone, handler in self._handlers.items():
            handler({"event": "lost", "phone": phone, "at": asyncio.get_running_loop().time()})

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

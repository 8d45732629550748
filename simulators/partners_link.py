"""The simulator's AMI link to the partners' Asterisk: actions with answers, events to one callback."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from typing import Final

Event = Mapping[str, str]
_ANSWER_SECONDS: Final = 5.0
_LINE_LIMIT: Final = 65536


class LinkError(RuntimeError):
    """The partners' Asterisk refused an action or doesn't answer."""


class PartnersLink:
    """One connection; `on_event` is called in the loop for every event, in order."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._serial = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Event]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, host: str, port: int, user: str, password: str) -> None:
        """Connect and log in; raises `LinkError`."""
        reader, self._writer = await asyncio.open_connection(host, port, limit=_LINE_LIMIT)
        await reader.readline()
        self._reading = asyncio.create_task(self._read(reader), name="partners' AMI")
        await self.act("Login", Username=user, Secret=password)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
            self._reading = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def act(self, action: str, **fields: str) -> Event:
        """Do one action and return its answer; raises `LinkError` unless it succeeds."""
        if self._writer is None:
            raise LinkError("not connected to the partners' Asterisk")
        variables = fields.pop("Variables", "").split("\n")
        lines = [f"{name}: {value}" for name, value in fields.items()]
        lines += [f"Variable: {variable}" for variable in variables if variable]
        if any("\r" in line or "\n" in line for line in lines):
            raise LinkError(f"{action}: a value contains a line break")
        name = str(next(self._serial))
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiting[name] = answer
        self._writer.write("\r\n".join([f"Action: {action}", f"ActionID: {name}", *lines, "", ""]).encode())
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                found = await answer
        except TimeoutError as error:
            raise LinkError(f"{action}: no answer within {_ANSWER_SECONDS:g} s") from error
        finally:
            del self._waiting[name]
        if found.get("Response") != "Success":
            raise LinkError(f"{action}: {found.get('Message', 'refused')}")
        return found

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while block := await _block(reader):
            waiting = self._waiting.get(block.get("ActionID", ""))
            if "Response" in block:
                if waiting is not None and not waiting.done():
                    waiting.set_result(block)
            else:
                self._on_event(block)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LinkError("the partners' Asterisk has closed the connection"))


async def _block(reader: asyncio.StreamReader) -> dict[str, str]:
    """The next message, ``{}`` at the end of the stream."""
    found: dict[str, str] = {}
    while line := await reader.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            found[name] = value.strip()
        elif found:
            return found
    return {}

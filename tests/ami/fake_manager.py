"""A manager interface on a free port that says what a test wants, byte by byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

Fields = dict[str, str]
EOL = "\r\n"


def message(**fields: str) -> bytes:
    return (EOL.join(f"{name}: {value}" for name, value in fields.items()) + EOL * 2).encode()


@dataclass
class FakeManager:
    """`answers` maps actions to what is said; without an entry an action meets silence."""

    answers: dict[str, Callable[[Fields], list[bytes]]] = field(default_factory=dict)
    asked: list[Fields] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def __post_init__(self) -> None:
        for action in ("Login", "Ping", "Reload", "PJSIPNotify"):
            self.answers[action] = success
        self.contacts()

    def contacts(self, *contacts: tuple[str, str, str]) -> None:
        """What PJSIPShowContacts lists: (endpoint, uri, status)."""

        def listing(asked: Fields) -> list[bytes]:
            if not contacts:
                return [
                    message(Response="Error", ActionID=asked["ActionID"], Message="No Contacts found")
                    + b"\r\n"
                ]
            head = {"Response": "Success", "EventList": "start", "Message": "A listing of Contacts follows"}
            rows = [
                {"Event": "ContactList", "Endpoint": endpoint, "Uri": uri, "Status": status}
                for endpoint, uri, status in contacts
            ]
            tail = {"Event": "ContactListComplete", "EventList": "Complete"}
            return [message(**one, ActionID=asked["ActionID"]) for one in (head, *rows, tail)]

        self.answers["PJSIPShowContacts"] = listing

    def say(self, data: bytes) -> None:
        for writer in self._writers:
            writer.write(data)

    def drop(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def until_asked(self, action: str, times: int = 1) -> None:
        """Wait until `action` has been asked so many times in all."""
        async with asyncio.timeout(5):
            while len(self.asked_for(action)) < times:
                self._changed.clear()
                await self._changed.wait()

    def asked_for(self, action: str) -> list[Fields]:
        return [one for one in self.asked if one["Action"] == action]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                asked = dict(line.split(": ", 1) for line in text.strip().split(EOL))
                self.asked.append(asked)
                self._changed.set()
                for data in self.answers.get(asked["Action"], lambda asked: [])(asked):
                    writer.write(data)
        writer.close()


def success(asked: Fields) -> list[bytes]:
    return [message(Response="Success", ActionID=asked["ActionID"], Message="Done")]


def error(text: str) -> Callable[[Fields], list[bytes]]:
    return lambda asked: [message(Response="Error", ActionID=asked["ActionID"], Message=text)]


@contextlib.asynccontextmanager
async def fake_manager() -> AsyncIterator[FakeManager]:
    manager = FakeManager()
    server = await asyncio.start_server(manager.serve, "127.0.0.1", 0)
    manager.port = server.sockets[0].getsockname()[1]
    try:
        yield manager
    finally:
        manager.drop()
        server.close()
        await server.wait_closed()

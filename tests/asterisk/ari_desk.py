"""The least that can speak ARI, so that the configuration is tested without the controller."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from callrouter.toolchain.asterisk import RenderedAsterisk

Event = dict[str, Any]


class AriDesk:
    """Collects events and sends requests by HTTP. `events` keeps all in order."""

    def __init__(self, rendered: RenderedAsterisk, session: aiohttp.ClientSession) -> None:
        self._url, self._session = rendered.ari_url, session
        self._headers = {
            "Authorization": aiohttp.encode_basic_auth(rendered.ari_user, rendered.ari_password),
        }
        self.events: list[Event] = []
        self._arrived = asyncio.Condition()

    async def read(self, connected: asyncio.Event) -> None:
        url = self._url.replace("http", "ws", 1) + "/events?app=callrouter"
        async with self._session.ws_connect(url, headers=self._headers) as socket:
            connected.set()
            async for message in socket:
                async with self._arrived:
                    self.events.append(json.loads(message.data))
                    self._arrived.notify_all()

    async def ask(self, method: str, path: str, body: Event | None = None, **query: str | int) -> Any:
        async with self._session.request(
            method, self._url + path, params=query, json=body, headers=self._headers
        ) as answer:
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
            return json.loads(text) if text else None

    async def clear(self) -> None:
        """End every channel and bridge; those that end by themselves meanwhile are fine."""
        for kind in ("channels", "bridges"):
            for one in await self.ask("GET", f"/{kind}"):
                with contextlib.suppress(AssertionError):
                    await self.ask("DELETE", f"/{kind}/{one['id']}")

    async def event(
        self, kind: str, test: Callable[[Event], bool] = lambda _: True, seconds: float = 8.0
    ) -> Event:
        """The first event of that kind, past or to come, that passes `test`."""

        def found() -> Event | None:
            return next((one for one in self.events if one["type"] == kind and test(one)), None)

        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        return event

    def of(self, kind: str) -> list[Event]:
        return [one for one in self.events if one["type"] == kind]


@contextlib.asynccontextmanager
async def ari_desk(rendered: RenderedAsterisk) -> AsyncIterator[AriDesk]:
    async with aiohttp.ClientSession() as session:
        desk = AriDesk(rendered, session)
        connected = asyncio.Event()
        reader = asyncio.create_task(desk.read(connected))
        waiter = asyncio.create_task(connected.wait())
        await asyncio.wait({reader, waiter}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield desk
        finally:
            waiter.cancel()
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

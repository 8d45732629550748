"""An Asterisk's web server on a free port: what the client meets when it goes wrong."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.ari.said import reply

VERSION = "22.10.1+dfsg"


@dataclass
class FakeAsterisk:
    """`silent` requests are not answered; `status` overrides replies by ``METHOD uri``."""

    version: str = VERSION
    password_ok: bool = True
    channels: list[dict[str, Any]] = field(default_factory=list)
    playing: list[str] = field(default_factory=list)
    silent: bool = False
    status: dict[str, int] = field(default_factory=dict)
    asked: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    looked_up: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    filters: list[Any] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    connected: asyncio.Queue[web.WebSocketResponse] = field(default_factory=asyncio.Queue)
    url: str = ""

    async def say(self, data: bytes) -> None:
        await self.sockets[-1].send_str(data.decode())

    async def events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("ari",), autoping=not self.silent)
        await socket.prepare(request)
        self.sockets.append(socket)
        self.connected.put_nowait(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                sent = json.loads(message.data)
                self.asked.put_nowait(sent)
                if not self.silent:
                    status = self.status.get(f"{sent['method']} {sent['uri']}", 204)
                    await socket.send_str(reply(sent["transaction_id"], status, "said so").decode())
        return socket

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not self.password_ok:
            return web.json_response({"message": "Authentication required"}, status=401)
        path = request.path.removeprefix("/ari/")
        if path == "asterisk/info":
            return web.json_response({"system": {"version": self.version, "entity_id": "x"}})
        if path == "applications/callrouter":
            return web.json_response({"name": "callrouter", "channel_ids": [c["id"] for c in self.channels]})
        if path == "applications/callrouter/eventFilter":
            self.filters.append(await request.json())
            return web.json_response({})
        if path == "channels":
            return web.json_response([*self.channels, {"id": "a stranger's", "state": "Up"}])
        if path == "bridges":
            classes = {"ours": "stasis", "theirs": "base"}
            return web.json_response([{"id": id, "bridge_class": kind} for id, kind in classes.items()])
        self.looked_up.put_nowait(path)
        known = any(path == f"channels/{channel['id']}" for channel in self.channels)
        known = known or path in [f"playbacks/{playback}" for playback in self.playing]
        return web.json_response({"message": "x"}, status=200 if known else 404)


@contextlib.asynccontextmanager
async def fake_asterisk() -> AsyncIterator[FakeAsterisk]:
    asterisk = FakeAsterisk()
    app = web.Application()
    app.router.add_get("/ari/events", asterisk.events)
    app.router.add_route("*", "/ari/{path:.*}", asterisk.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    asterisk.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/ari"  # type: ignore[attr-defined]
    try:
        yield asterisk
    finally:
        for socket in asterisk.sockets:
            await socket.close()
        await runner.cleanup()

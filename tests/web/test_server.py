import asyncio
import signal
import socket
import time

import aiohttp
import httpx
import pytest

from callrouter.web.app import create_app
from callrouter.web.server import WebServer, WebServerError
from tests.web.conftest import World
from tests.web.fakes import FakeMetrics


async def test_serves_until_stopped_and_leaves_signals_alone(world: World) -> None:
    before = [signal.getsignal(sig) for sig in (signal.SIGINT, signal.SIGTERM)]
    server = WebServer(world.app())
    await server.start()
    assert [signal.getsignal(sig) for sig in (signal.SIGINT, signal.SIGTERM)] == before
    async with httpx.AsyncClient(base_url=server.url) as client:
        reply = await client.get("/healthz")
    assert reply.status_code == 200
    assert "server" not in reply.headers
    await server.stop()
    async with httpx.AsyncClient(base_url=server.url) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz")


async def test_a_port_in_use_is_named(world: World) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(WebServerError, match=f"HTTP port {port} on 127.0.0.1 is in use"):
            await WebServer(world.app(), port=port).start()


async def test_two_servers_never_share_a_port(world: World) -> None:
    first = WebServer(world.app())
    await first.start()
    port = int(first.url.rpartition(":")[2])
    with pytest.raises(WebServerError, match="in use"):
        await WebServer(world.app(), port=port).start()
    await first.stop()


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host"])
async def test_an_address_that_is_not_ours(world: World, host: str) -> None:
    with pytest.raises(WebServerError, match="cannot listen on"):
        await WebServer(world.app(), host=host).start()


async def test_stopping_does_not_wait_for_open_screens(world: World) -> None:
    server = WebServer(world.app())
    await server.start()
    headers = {"Authorization": "Bearer token-boss"}
    url = f"{server.url}/api/v1/live"
    async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(url) as screen:
        await screen.receive_json(timeout=5)
        began = time.monotonic()
        await server.stop()
        assert time.monotonic() - began < 3
        assert (await screen.receive(timeout=5)).type in (
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.CLOSING,
        )
    assert world.engine.subscribers == []


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 400,
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET " + b"/" * 50_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \x00\x01\r\n\r\n",
        b"POST /api/v1/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_garbage_ends_its_connection_and_nothing_else(world: World, raw: bytes) -> None:
    server = WebServer(world.app())
    await server.start()
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    writer.write_eof()
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    writer.close()
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/healthz")).status_code == 200
    await server.stop()


async def test_requests_on_one_connection_do_not_wait_for_acknowledgements(world: World) -> None:
    """Header and body leave in two writes: by Nagle's rule the second waits 40 ms for the client's ACK."""
    server = WebServer(world.app())
    await server.start()
    took = []
    async with aiohttp.ClientSession(server.url) as client:
        for _ in range(20):
            started = time.monotonic()
            async with client.get("/healthz") as reply:
                await reply.read()
            took.append(time.monotonic() - started)
    await server.stop()
    assert sorted(took)[10] < 0.03, took


async def test_the_first_request_finds_its_route_built(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(
        engine=world.engine,
        records=world.records,
        mailboxes=world.mailboxes,
        recordings=world.recordings,
        site=world.site,
        past=world.past,
        accounts=world.accounts,
        audit=world.audit,
        metrics=FakeMetrics(),
        clock=world.clock,
    )

    def late(*_: object, **__: object) -> None:
        raise AssertionError("a route is built while calls wait")

    monkeypatch.setattr("fastapi.routing.get_dependant", late)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        reply = await client.post("/api/v1/seats/1001/transfer", json={"target": "12315"})
    assert reply.status_code == 401

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from acd.ids import AgentId, CallId, OrgId, SeatId
from callrouter.operator_notices import Notice
from callrouter.ports import Change
from callrouter.web import codes, live
from callrouter.web.models import LiveCall, Queue, Seat
from callrouter.web.server import WebServer
from tests.web.conftest import World
from tests.web.fakes import T0, call_view, queue_view, seat_view

NUMBER = "13812345678"


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    server = WebServer(world.app())
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


@asynccontextmanager
async def connected(
    world: World, protocols: tuple[str, ...] = ()
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A screen that has not said yet who it is."""
    async with (
        serving(world) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/api/v1/live", protocols=protocols) as found,
    ):
        yield found


@asynccontextmanager
async def screen(world: World, who: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with serving(world) as url, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer token-{who}"}
        async with session.ws_connect(f"{url}/api/v1/live", headers=headers) as found:
            yield found


async def message(of: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    found: dict[str, Any] = await of.receive_json(timeout=5)
    return found


async def closed(of: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(5):
        while (await of.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            continue
    return of.close_code


async def test_a_snapshot_then_changes(world: World) -> None:
    world.engine.calls[CallId("c1")] = call_view("c1")
    async with screen(world, "boss") as desk:
        first = await message(desk)
        assert first["type"] == "snapshot"
        assert [Seat.model_validate(seat).seat for seat in first["seats"]] == ["s1", "s2", "s3"]
        assert [Queue.model_validate(queue).waiting for queue in first["queues"]] == [2]
        assert [LiveCall.model_validate(call).caller for call in first["calls"]] == ["138****5678"]
        world.engine.change_seat("s2", state="ready", agent=AgentId("agent2"))
        change = await message(desk)
        assert (change["type"], change["queues"], change["calls"], change["ended"]) == ("change", [], [], [])
        assert [(seat["seat"], seat["state"]) for seat in change["seats"]] == [("s2", "ready")]
        world.engine.end_call("c1")
        assert (await message(desk))["ended"] == ["c1"]


async def test_changes_in_quick_succession_come_as_one(world: World) -> None:
    world.settings = replace(world.settings, live_interval=0.2)
    async with screen(world, "boss") as desk:
        await message(desk)
        for waiting in range(50):
            world.engine.tell(Change(queue=queue_view(waiting=waiting)))
        found = await message(desk)
        assert [queue["waiting"] for queue in found["queues"]] == [49]


async def test_an_agent_sees_a_call_appear_and_leave(world: World) -> None:
    world.engine.change_seat("s1", agent=AgentId("agent1"))
    async with screen(world, "agent1") as desk:
        assert (await message(desk))["calls"] == []
        world.engine.change_call(call_view("other", seat=SeatId("s2"), legs=()))
        world.engine.change_call(call_view("mine"))
        found = await message(desk)
        assert [(call["call"], call["caller"]) for call in found["calls"]] == [("mine", NUMBER)]
        world.engine.change_call(call_view("mine", seat=None, legs=()))
        assert (await message(desk))["ended"] == ["mine"]
        world.engine.end_call("other")
        world.engine.end_call("mine")
        world.engine.change_seat("s1", state="ready")
        assert (await message(desk))["ended"] == []


async def test_other_organisations_stay_out_of_sight(world: World) -> None:
    async with screen(world, "xining") as desk:
        first = await message(desk)
        assert (first["seats"], first["queues"], first["calls"]) == ([], [], [])
        world.engine.change_seat("s1", state="ready")
        world.engine.tell(Change(seat=seat_view("x1", organisation=OrgId("xining"))))
        assert [seat["seat"] for seat in (await message(desk))["seats"]] == ["x1"]


async def test_the_token_as_first_message(world: World) -> None:
    async with connected(world) as desk:
        await desk.send_str(json.dumps({"token": "token-boss"}))
        assert (await message(desk))["type"] == "snapshot"


async def test_the_token_as_subprotocol(world: World) -> None:
    async with connected(world, (codes.PROTOCOL, "bearer.token-boss")) as desk:
        assert desk.protocol == codes.PROTOCOL
        assert (await message(desk))["type"] == "snapshot"


@pytest.mark.parametrize(
    "hello", ['{"token": "forged"}', "nonsense", '{"tokens": 1}', '{"token": 5}', b"\x00\xff"]
)
async def test_no_entry_without_a_live_token(world: World, hello: str | bytes) -> None:
    async with connected(world) as desk:
        await (desk.send_str(hello) if isinstance(hello, str) else desk.send_bytes(hello))
        assert await closed(desk) == codes.NOT_SIGNED_IN
    assert world.engine.subscribers == []


async def test_silence_is_not_waited_for(world: World) -> None:
    async with connected(world) as desk:
        assert await closed(desk) == codes.NO_TOKEN_IN_TIME


async def test_a_revoked_token_ends_the_connection(world: World) -> None:
    async with screen(world, "boss") as desk:
        await message(desk)
        await world.accounts.sign_out("token-boss")
        assert await closed(desk) == codes.NOT_SIGNED_IN


async def test_screens_are_bounded(world: World) -> None:
    world.settings = replace(world.settings, live_limit=1)
    async with screen(world, "boss") as first:
        await message(first)
        async with aiohttp.ClientSession() as session:
            url = str(first._response.url)  # where the first one went
            async with session.ws_connect(url, headers={"Authorization": "Bearer token-boss"}) as second:
                assert await closed(second) == codes.TOO_MANY_SCREENS


async def test_those_who_say_late_who_they_are_are_counted_too(world: World) -> None:
    world.settings = replace(world.settings, live_limit=1)
    async with serving(world) as url, aiohttp.ClientSession() as session:
        address = f"{url}/api/v1/live"
        async with session.ws_connect(address) as first, session.ws_connect(address) as second:
            await first.send_json({"token": "token-boss"})
            assert (await message(first))["type"] == "snapshot"
            await second.send_json({"token": "token-boss"})
            assert await closed(second) == codes.TOO_MANY_SCREENS


async def test_a_screen_that_reads_nothing_is_let_go_and_holds_up_no_other(
    world: World,
) -> None:
    world.settings = replace(world.settings, live_patience=0.3)
    many = {SeatId(f"s{n}"): seat_view(f"s{n}", name="名" * 200) for n in range(500)}
    world.engine.seats = many
    async with serving(world) as url, aiohttp.ClientSession() as session:
        port = int(url.rpartition(":")[2])
        stalled = socket.socket()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", port))
        request = (
            f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Authorization: Bearer token-boss\r\n\r\n"
        )
        stalled.sendall(request.encode())
        headers = {"Authorization": "Bearer token-boss"}
        async with session.ws_connect(f"{url}/api/v1/live", headers=headers) as other:
            await message(other)
            async with asyncio.timeout(10):
                while world.app().state.screens.count > 1:
                    for view in many.values():
                        world.engine.tell(Change(seat=view))
                    assert (await message(other))["type"] == "change"
        stalled.close()


async def test_something_is_said_now_and_then(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ALIVE_EVERY", 0.05)
    async with screen(world, "boss") as desk:
        await message(desk)
        assert (await message(desk))["type"] == "alive"
        assert (await message(desk))["type"] == "alive"


async def test_foreign_pages_cannot_connect(world: World) -> None:
    async with serving(world) as url, aiohttp.ClientSession() as session:
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{url}/api/v1/live", headers=headers)


async def test_an_auditors_look_is_audited(world: World) -> None:
    world.engine.calls[CallId("c1")] = call_view("c1")
    async with screen(world, "auditor") as desk:
        assert (await message(desk))["calls"][0]["caller"] == NUMBER
    assert world.audit.actions() == [("auditor", "see_numbers", "live")]


@pytest.mark.parametrize(("who", "reason"), [("boss", "disk on fire"), ("agent1", "")])
async def test_notices_come_with_the_snapshot_and_when_they_change(
    world: World, who: str, reason: str
) -> None:
    away = Notice(kind="store_away", since=T0, reason="disk on fire", waiting=800)
    async with screen(world, who) as desk:
        assert (await message(desk))["notices"] == []
        world.notices.show(away)
        told = await message(desk)
        assert (told["type"], told["seats"]) == ("change", [])
        [shown] = told["notices"]
        wanted = {"kind": "store_away", "since": T0, "reason": reason, "waiting": 800, "lost": 0}
        assert shown == wanted
        world.engine.tell(Change(queue=queue_view()))
        assert "notices" not in await message(desk)
        async with screen(world, who) as other:
            assert (await message(other))["notices"] == [shown]
        world.notices.show()
        assert (await message(desk))["notices"] == []
    assert world.notices.callbacks == []

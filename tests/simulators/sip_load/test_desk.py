"""Agents at desks, against a small HTTP API that behaves as the product's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from simulators.sip_load.crew import Seats
from simulators.sip_load.desk import DeskCrew, DeskRefused

GROUP = Seats.model_validate(
    {
        "accounts": [{"user": "a1", "password": "good"}, {"user": "a2", "password": "good"}],
        "desk": {"wrap_up": {"constant": 0.02}, "back_after": {"constant": 0.02}},
    }
)


class Api:
    """Seats with the states that matter here; every change goes to the live socket."""

    def __init__(self) -> None:
        self.states = {
            seat: {"seat": seat, "state": "logged_out", "since": 0, "reachable": True}
            for seat in ("a1", "a2")
        }
        self.deeds: list[tuple[str, str]] = []
        self.busy = 0
        self.screens: list[web.WebSocketResponse] = []
        self.clock = 0
        self.own_only = False
        """Agents see no seat but their own, as those of several organisations do."""

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/v1/sign-in", self.sign_in)
        app.router.add_post("/api/v1/seats/{seat}/{deed:.+}", self.deed)
        app.router.add_get("/api/v1/live", self.live)
        return app

    async def sign_in(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.busy > 0:
            self.busy -= 1
            return web.json_response({"detail": "busy"}, status=503)
        if body["password"] != "good":
            return web.json_response({"detail": "user or password is wrong"}, status=401)
        return web.json_response({"token": f"token-{body['user']}"})

    async def deed(self, request: web.Request) -> web.Response:
        seat, deed = request.match_info["seat"], request.match_info["deed"]
        assert request.headers["Authorization"] == f"Bearer token-{seat}"
        self.deeds.append((seat, deed))
        after = {
            "sign-in": "not_ready",
            "ready": "ready",
            "wrap-up/finish": "ready",
            "not-ready": "not_ready",
        }
        await self.change(seat, after[deed])
        return web.json_response(self.states[seat])

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.screens.append(socket)
        own = request.headers["Authorization"].rpartition("-")[2]
        seats = [one for one in self.states.values() if not self.own_only or one["seat"] == own]
        await socket.send_json({"type": "snapshot", "seats": seats})
        async for _ in socket:
            pass
        return socket

    async def change(self, seat: str, state: str) -> None:
        self.clock += 1
        self.states[seat] = {**self.states[seat], "state": state, "since": self.clock}
        for screen in self.screens:
            await screen.send_json({"type": "change", "seats": [self.states[seat]]})

    async def until(self, deed: tuple[str, str], count: int = 1) -> None:
        async with asyncio.timeout(5):
            while True:
                if self.deeds.count(deed) >= count:
                    return
                await asyncio.sleep(0.01)


@pytest.fixture
async def api() -> AsyncIterator[tuple[Api, str]]:
    api = Api()
    runner = web.AppRunner(api.application(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield api, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_agents_sign_in_become_ready_wrap_up_and_come_back(
    api: tuple[Api, str], session: aiohttp.ClientSession
) -> None:
    server, url = api
    server.busy = 2
    crew = DeskCrew(url, [GROUP], seed=1)
    await crew.sign_in(session)
    work = asyncio.create_task(crew.work(session))
    await crew.all_ready(5)
    await server.change("a1", "wrap_up")
    await server.until(("a1", "wrap-up/finish"))
    await server.change("a2", "not_ready")  # a missed call
    await server.until(("a2", "ready"), 2)
    assert server.states["a1"]["state"] == server.states["a2"]["state"] == "ready"
    crew.duty(session, ["a1"], on=False)
    await server.until(("a1", "not-ready"))
    before = server.deeds.count(("a1", "ready"))
    await server.change("a1", "not_ready")
    await server.change("a2", "not_ready")
    await server.until(("a2", "ready"), 3)
    assert server.deeds.count(("a1", "ready")) == before
    crew.duty(session, ["a1"], on=True)
    await server.until(("a1", "ready"), before + 1)
    assert crew.refusals == []
    work.cancel()


async def test_a_closed_crew_does_nothing_more(api: tuple[Api, str], session: aiohttp.ClientSession) -> None:
    server, url = api
    group = Seats.model_validate(
        {"accounts": [{"user": "a1", "password": "good"}], "desk": {"wrap_up": {"constant": 0.1}}}
    )
    crew = DeskCrew(url, [group], seed=1)
    await crew.sign_in(session)
    work = asyncio.create_task(crew.work(session))
    await crew.all_ready(5)
    crew.duty(session, ["a1"], on=True)
    await crew.close()
    work.cancel()
    assert not [task for task in asyncio.all_tasks() if "DeskCrew._act" in repr(task.get_coro())]
    assert server.deeds.count(("a1", "ready")) == 1
    assert crew.refusals == []


async def test_agents_of_several_organisations_are_each_seen(
    api: tuple[Api, str], session: aiohttp.ClientSession
) -> None:
    server, url = api
    server.own_only = True
    crew = DeskCrew(url, [GROUP], seed=1)
    await crew.sign_in(session)
    work = asyncio.create_task(crew.work(session))
    await crew.all_ready(5)
    assert len(server.screens) == 2
    work.cancel()


async def test_a_wrong_password_is_said_with_its_user(
    api: tuple[Api, str], session: aiohttp.ClientSession
) -> None:
    group = Seats.model_validate({"accounts": [{"user": "a1", "password": "bad"}], "desk": {}})
    with pytest.raises(DeskRefused, match="a1 sign in: user or password is wrong"):
        await DeskCrew(api[1], [group], seed=1).sign_in(session)


async def test_an_api_that_is_not_there_is_said(session: aiohttp.ClientSession) -> None:
    with pytest.raises(DeskRefused, match="does not answer"):
        await DeskCrew("http://127.0.0.1:9", [GROUP], seed=1).sign_in(session)


async def test_agents_whose_phone_is_away_are_named(
    api: tuple[Api, str], session: aiohttp.ClientSession
) -> None:
    server, url = api
    server.states["a2"]["reachable"] = False
    crew = DeskCrew(url, [GROUP], seed=1)
    await crew.sign_in(session)
    work = asyncio.create_task(crew.work(session))
    with pytest.raises(DeskRefused, match="1 of 2 agents did not become ready, a2"):
        await crew.all_ready(0.5)
    work.cancel()


async def test_a_lost_live_connection_ends_the_work(
    api: tuple[Api, str], session: aiohttp.ClientSession
) -> None:
    server, url = api
    crew = DeskCrew(url, [GROUP], seed=1)
    await crew.sign_in(session)
    work = asyncio.create_task(crew.work(session))
    await crew.all_ready(5)
    await server.screens[0].close()
    with pytest.raises(DeskRefused, match="closed the live connection"):
        await asyncio.wait_for(work, 5)


def test_a_group_without_a_shape_of_wrap_up_gets_one_second() -> None:
    plain: dict[str, Any] = {"accounts": [{"user": "a1", "password": "x"}], "desk": {}}
    desk = Seats.model_validate(plain).desk
    assert desk is not None
    assert desk.wrap_up.mean == 1.0

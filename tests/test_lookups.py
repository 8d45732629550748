"""Look-ups against services that answer, refuse, stall and flood."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from acd.ids import CallId
from callrouter.lookups import AT_ONCE, LARGEST_ANSWER, HttpService, Lookups, SqlDatabase
from callrouter.router.notices import FlowAnswered, LookupWanted

SLOW = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1e9) SELECT count(*) FROM n"


class Service:
    """A web service that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.released, self.full = asyncio.Event(), asyncio.Event()
        self.together = self.most = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs, dict(request.headers), await request.read()))
        what = request.path.rpartition("/")[2]
        if what == "stall":
            self.together += 1
            self.most = max(self.most, self.together)
            if self.most >= AT_ONCE:
                self.full.set()
            await self.released.wait()
            self.together -= 1
        if what.isdecimal():
            return web.Response(status=int(what), headers={"Location": "/elsewhere"})
        if what == "flood":
            return web.Response(body=b"[" + b"1," * LARGEST_ANSWER + b"1]")
        return web.Response(text="no json" if what == "nonsense" else '{"state": "done"}')


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    found = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield found, str(server.make_url("/api"))
        found.released.set()


def http(path: str, timeout: float = 2.0, **request: object) -> LookupWanted:
    whole = {"service": "orders", "method": "GET", "path": path, "query": {}, "body": {}, **request}
    return LookupWanted(call=CallId("c"), token=7, kind="http", request=whole, timeout=timeout)


def sql(query: str, timeout: float = 2.0, **parameters: object) -> LookupWanted:
    request = {"database": "people", "query": query, "parameters": parameters}
    return LookupWanted(call=CallId("c"), token=7, kind="sql", request=request, timeout=timeout)


@pytest.fixture
async def lookups(service: tuple[Service, str], tmp_path: Path) -> AsyncIterator[Lookups]:
    file = tmp_path / "people.sqlite"
    with sqlite3.connect(file) as people:
        people.execute("CREATE TABLE people (number TEXT, name TEXT)")
        people.executemany("INSERT INTO people VALUES (?, ?)", [("138", "扎西")] + [("0", "x")] * 300)
    people.close()
    found = Lookups(
        {
            "orders": HttpService(url=service[1], headers={"Authorization": "Bearer secret"}),
            "gone": HttpService(url="http://127.0.0.1:1"),
            "people": SqlDatabase(url=f"sqlite+aiosqlite:///{file}"),
        }
    )
    yield found
    await found.close()


async def test_an_answer_with_the_settings_secret(lookups: Lookups, service: tuple[Service, str]) -> None:
    wanted = http("/orders/A12", method="POST", query={"day": "1 2"}, body={"a": 1})
    assert await lookups(wanted) == FlowAnswered(call=CallId("c"), token=7, ok=True, value={"state": "done"})
    method, path, headers, body = service[0].asked[0]
    assert (method, path, headers["Authorization"]) == ("POST", "/api/orders/A12?day=1+2", "Bearer secret")
    assert json.loads(body) == {"a": 1}
    assert "secret" not in repr(HttpService(url="http://x", headers={"Authorization": "secret"}))
    assert "secret" not in repr(SqlDatabase(url="postgresql://u:secret@h/d"))


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (http("/404"), "not_found"),
        (http("/500"), "status_500"),
        (http("/302"), "status_302"),
        (http("/nonsense"), "unavailable: JSONDecodeError"),
        (http("/flood"), "too_large"),
        (http("/x", service="gone"), "unavailable: ClientConnectorError"),
        (http("/x", service="nobody"), "not_configured"),
        (http("/x", service="people"), "not_configured"),
        (sql("SELECT nonsense"), "unavailable: OperationalError"),
        (sql("WITH x AS (SELECT 1) INSERT INTO people SELECT 1, 2"), "unavailable: OperationalError"),
    ],
)
async def test_what_goes_wrong_is_an_answer(lookups: Lookups, wanted: LookupWanted, reason: str) -> None:
    answer = await lookups(wanted)
    assert (answer.ok, answer.reason, answer.token) == (False, reason, 7)


async def test_no_content_is_no_value(lookups: Lookups) -> None:
    answer = await lookups(http("/204"))
    assert (answer.ok, answer.value) == (True, None)


async def test_rows_are_bounded(lookups: Lookups) -> None:
    answer = await lookups(sql("SELECT name FROM people WHERE number = :number", number="138"))
    assert answer.value == [{"name": "扎西"}]
    many = await lookups(sql("SELECT * FROM people"))
    assert isinstance(many.value, list)
    assert len(many.value) == 200


@pytest.mark.parametrize("wanted", [http("/stall", 0.2), sql(SLOW, 0.2)], ids=["http", "sql"])
async def test_late_answers_are_not_waited_for_and_the_loop_goes_on(
    lookups: Lookups, wanted: LookupWanted
) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.005)
            turns += 1

    busy = asyncio.create_task(others())
    began = time.perf_counter()
    answers = await asyncio.gather(*(lookups(wanted) for _ in range(8)))
    took = time.perf_counter() - began
    busy.cancel()
    assert {(answer.ok, answer.reason) for answer in answers} == {(False, "timeout")}
    assert 0.19 < took < 1.0
    assert turns >= 10
    # Nothing of them is left in the way of the next ones.
    again = await lookups(http("/fine") if wanted.kind == "http" else sql("SELECT 1 AS a"))
    assert again.ok


async def test_only_so_many_at_once(lookups: Lookups, service: tuple[Service, str]) -> None:
    asking = [asyncio.create_task(lookups(http("/stall", 5))) for _ in range(AT_ONCE + 20)]
    async with asyncio.timeout(5):
        await service[0].full.wait()
    service[0].released.set()
    answers = await asyncio.gather(*asking)
    assert all(answer.ok for answer in answers)
    assert service[0].most == AT_ONCE


async def test_closing_ends_what_is_asked(lookups: Lookups) -> None:
    asking = asyncio.create_task(lookups(http("/stall", 30)))
    await asyncio.sleep(0)
    began = time.perf_counter()
    await lookups.close()
    assert time.perf_counter() - began < 2
    asking.cancel()
    await asyncio.wait({asking})

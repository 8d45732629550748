"""Look-ups in a real PostgreSQL: read only, broken off in time."""

import asyncio
import time

import asyncpg
import pytest

from acd.ids import CallId
from callrouter.lookups import Lookups, SqlDatabase
from callrouter.router.notices import LookupWanted
from callrouter.toolchain.postgres import PostgresServer

pytestmark = pytest.mark.asterisk


def sql(query: str, timeout: float = 2.0, **parameters: object) -> LookupWanted:
    request = {"database": "people", "query": query, "parameters": parameters}
    return LookupWanted(call=CallId("c"), token=1, kind="sql", request=request, timeout=timeout)


async def test_read_only_and_in_time(postgres: PostgresServer) -> None:
    admin = await asyncpg.connect(postgres.url())
    await admin.execute("CREATE TABLE people (number text, name text)")
    await admin.execute("INSERT INTO people VALUES ('138', '扎西')")
    url = postgres.url().replace("postgresql://", "postgresql+asyncpg://")
    lookups = Lookups({"people": SqlDatabase(url=url)})
    try:
        found = await lookups(sql("SELECT name FROM people WHERE number = :number", number="138"))
        assert found.value == [{"name": "扎西"}], found.reason
        written = await lookups(
            sql("WITH x AS (INSERT INTO people VALUES ('1', '2') RETURNING 1) SELECT * FROM x")
        )
        assert (written.ok, written.reason) == (False, "unavailable: DBAPIError")
        assert await admin.fetchval("SELECT count(*) FROM people") == 1
        began = time.perf_counter()
        late = await asyncio.gather(*(lookups(sql("SELECT 1 FROM pg_sleep(20)", 0.3)) for _ in range(8)))
        assert {answer.reason for answer in late} == {"timeout"}
        assert time.perf_counter() - began < 1.5
        assert (await lookups(sql("SELECT 1 AS a"))).value == [{"a": 1}]
    finally:
        began = time.perf_counter()
        await lookups.close()
        assert time.perf_counter() - began < 3
        await admin.execute("DROP TABLE people")
        await admin.close()

from dataclasses import replace

import pytest
from msgspec import structs
from sqlalchemy import text

from acd.aftercall import Recording, Voicemail
from acd.commands import CallbackOpened
from acd.ids import CallId, QueueId
from acd.service_level import micros
from callrouter.ports import AuditEntry
from callrouter.store.database import Database, StoreError
from callrouter.store.entries import DAY, Entry
from callrouter.store.inserting import insert
from callrouter.store.kpi import Kpis, kpis
from callrouter.store.retention import Purged, Retention, files_to_remove, purge
from tests.store.samples import T0, record

NUMBER = "13812345678"
DAYS = 86400.0
KEPT = Retention()


async def put(database: Database, *found: Entry) -> None:
    async with database.write() as connection:
        await insert(connection, found)


async def ask(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def purged(database: Database, days: float, retention: Retention = KEPT) -> dict[str, Purged]:
    return {one.kind: one for one in await purge(database, retention, T0 + days * DAYS)}


async def figures(database: Database) -> Kpis:
    since = micros(T0) // DAY * DAY
    return await kpis(database, since=since, until=since + DAY, by="queue", now=T0 + 30 * DAYS)


async def test_each_kind_goes_at_its_time_and_nothing_before(database: Database) -> None:
    personal = structs.replace(record().transfers[0], target=NUMBER)
    callback = CallbackOpened(
        call=CallId("b"), origin=CallId("c1"), queue=QueueId("main"), number=NUMBER, at=T0
    )
    await put(database, record(transfers=(personal,)), callback)
    early = await purged(database, KEPT.numbers - 1)
    assert all(one.found == 0 for one in early.values())

    await purged(database, KEPT.numbers + 1)
    assert await ask(database, "SELECT caller FROM calls") == [("138****5678",)]
    assert await ask(database, "SELECT number FROM callbacks") == [("138****5678",)]
    assert await ask(database, "SELECT target FROM transfers") == [("138****5678",)]
    assert await ask(database, "SELECT count(*) FROM segments") == [(12,)]

    done = await purged(database, KEPT.details + 1)
    assert (done["segments"].found, done["segments"].left) == (12, 0)
    assert await ask(database, "SELECT count(*) FROM calls") == [(1,)]

    await purged(database, KEPT.calls + 1)
    for table in ("calls", "transfers", "callbacks", "packed_days"):
        assert await ask(database, f"SELECT count(*) FROM {table}") == [(0,)]


async def test_figures_outlive_the_details(database: Database) -> None:
    await put(database, *(record(f"c{n}", T0 + n) for n in range(5)))
    before = await figures(database)
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM packed_days"))
    await purged(database, KEPT.details + 1)
    assert await ask(database, "SELECT count(*) FROM segments") == [(0,)]
    assert await figures(database) == before


async def test_a_dry_run_changes_nothing(database: Database) -> None:
    await put(database, record())
    found = await purge(database, KEPT, T0 + 4000 * DAYS, dry_run=True)
    assert {one.kind: one.found for one in found}["calls"] == 1
    assert await ask(database, "SELECT caller FROM calls") == [(NUMBER,)]


async def test_many_rows_in_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrouter.store.retention._BATCH", 20)
    await put(database, *(record(f"c{n}", caller=f"1380000{n:04}") for n in range(100)))
    done = await purged(database, KEPT.numbers + 1)
    assert (done["numbers of calls"].found, done["numbers of calls"].left) == (100, 0)


@pytest.mark.parametrize("number", ["anonymous-caller", "１３８１２３４５６７８", "sip:bob@x", "12345678"])
async def test_whatever_identifies_a_caller_is_masked(database: Database, number: str) -> None:
    await put(database, record(caller=number))
    done = await purged(database, KEPT.numbers + 1)
    assert done["numbers of calls"].left == 0
    assert await ask(database, "SELECT caller FROM calls") != [(number,)]


async def test_files_are_named_before_their_rows_go(database: Database) -> None:
    voicemail = Voicemail(
        id="m", call=CallId("c"), queue=None, number="", received=T0, seconds=1, file="m.wav"
    )
    recording = Recording(id="r", call=CallId("c"), started=T0, ended=T0 + 1, file="r.wav", size=1, sha256="")
    await put(database, voicemail, recording)
    assert await files_to_remove(database, KEPT, T0 + 100 * DAYS) == []
    later = T0 + (KEPT.recordings + 1) * DAYS
    assert sorted(await files_to_remove(database, KEPT, later)) == ["m.wav", "r.wav"]
    done = await purge(database, KEPT, later)
    assert sum(one.found for one in done) == 2


async def test_the_audit_trail_stays_half_a_year(database: Database) -> None:
    await put(database, AuditEntry(id="1", at=T0, who="a", action="b", subject="c"))
    await purged(database, 200, replace(KEPT, audit=183))
    assert await ask(database, "SELECT count(*) FROM audit") == [(0,)]
    with pytest.raises(StoreError, match="at least 183 days"):
        Retention(audit=100)


@pytest.mark.parametrize("wrong", [{"numbers": 0}, {"calls": 100_000}, {"calls": 100, "details": 200}])
def test_retention_is_never_unlimited_nor_senseless(wrong: dict[str, int]) -> None:
    with pytest.raises(StoreError):
        Retention(**wrong)

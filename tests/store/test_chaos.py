"""The database dies, fills up, or the clock jumps: nothing is lost, nothing is there twice."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from acd.record import LateSegment
from callrouter.ports import AuditEntry
from callrouter.store import database as database_module
from callrouter.store import migrate
from callrouter.store import writer as writer_module
from callrouter.store.database import Database
from callrouter.store.writer import RecordWriter
from callrouter.toolchain import install
from callrouter.toolchain.install import Request
from callrouter.toolchain.postgres import PostgresServer
from tests.store.samples import T0, record, segment
from tests.toolchain.conftest import Listener

pytestmark = pytest.mark.slow

CALLS = 200


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY_FIRST", 0.1)
    monkeypatch.setattr(writer_module, "RETRY_LONGEST", 0.5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not condition():  # noqa: ASYNC110 - what is awaited happens in another process
            await asyncio.sleep(0.02)


async def counts(database: Database) -> dict[str, int]:
    tables = ("calls", "segments", "transfers", "flow_steps", "audit")
    found = {}
    async with database.read() as connection:
        for table in tables:
            found[table] = int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())
    return found


EXPECTED = {
    "calls": CALLS,
    "segments": CALLS * 13,
    "transfers": CALLS,
    "flow_steps": CALLS * 2,
    "audit": CALLS,
}


def put(writer: RecordWriter, number: int) -> None:
    """A call with all its parts, the wrap-up that comes later, and an audit line."""
    call = f"c{number}"
    writer.put(record(call))
    late = segment(call, "1", record().segments[0].activity, T0 + 72, T0 + 80, party="s1")
    writer.put(LateSegment(id=f"{call}/1/12", segment=late))
    writer.note(AuditEntry(id=str(number), at=T0, who="x", action="y", subject="z"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of its own, with its disk's safety on: it will be killed."""
    install.install(Request(extra=["postgres"]), Listener())
    with PostgresServer(tmp_path_factory.mktemp("killed") / "server") as found:
        yield found


@pytest.mark.asterisk
async def test_postgres_killed_twice_under_load(server: PostgresServer, tmp_path: Path) -> None:
    database = Database(await asyncio.to_thread(server.create, "killed"))
    await migrate.upgrade(database)
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start()
    for number in range(CALLS):
        put(writer, number)
        await asyncio.sleep(0)
        if number in (40, 120):
            await until(lambda: writer.health().written > 0)
            await asyncio.to_thread(server.stop, kill=True)
        if number in (90, 170):
            await until(lambda: not writer.health().available)
            assert "database is away" in writer.health().problems()[0]
            await asyncio.to_thread(server.start)
    await until(lambda: not writer.health().spilled_bytes and not writer.health().queued)
    assert await counts(database) == EXPECTED
    health = writer.health()
    assert (health.lost, health.rejected, health.damaged, health.problems()) == (0, 0, 0, ())
    await writer.stop()
    await database.close()


async def test_a_full_disk_under_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite says what it says on a full disk (SQLITE_FULL) once its file may not grow."""
    with monkeypatch.context() as patch:
        full = (*database_module._PRAGMAS, "PRAGMA max_page_count=120")
        patch.setattr(database_module, "_PRAGMAS", full)
        database = Database(tmp_path / "callrouter.sqlite")
        await migrate.upgrade(database)
        writer = RecordWriter(database, tmp_path / "spill")
        await writer.start()
        for number in range(CALLS):
            put(writer, number)
        await until(lambda: writer.health().spilled_bytes > 0 and not writer.health().queued)
        assert "full" in writer.health().problems()[0]
        assert (writer.health().lost, writer.health().rejected) == (0, 0)
        await writer.stop()
        await database.close()
    # Room again.
    database = Database(tmp_path / "callrouter.sqlite")
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start()
    await until(lambda: not writer.health().spilled_bytes)
    assert await counts(database) == EXPECTED
    assert (writer.health().lost, writer.health().rejected, writer.health().problems()) == (0, 0, ())
    await writer.stop()
    await database.close()


async def test_a_controller_killed_with_records_on_disk(tmp_path: Path) -> None:
    """Nobody said goodbye: the database was held, the records were spilled, the process died."""
    database = Database(tmp_path / "callrouter.sqlite")
    await migrate.upgrade(database)
    other = sqlite3.connect(tmp_path / "callrouter.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    first = RecordWriter(database, tmp_path / "spill")
    await first.start()
    for number in range(CALLS):
        put(first, number)
    await until(lambda: not first.health().queued and first.health().spilled_bytes > 0)
    assert first._task is not None
    first._task.cancel()
    await asyncio.wait({first._task})
    other.execute("ROLLBACK")
    other.close()
    second = RecordWriter(database, tmp_path / "spill")
    await second.start()
    await until(lambda: not second.health().spilled_bytes)
    assert await counts(database) == EXPECTED
    await second.stop()
    await database.close()


@pytest.mark.parametrize("step", [3600.0, -3600.0])
async def test_stamps_of_a_clock_that_was_set(database: Database, tmp_path: Path, step: float) -> None:
    """Calls of before and after: the writer asks no clock, and keys do not come from one."""
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start(T0)
    for number in range(20):
        writer.put(record(f"c{number}", T0 + number + (step if number >= 10 else 0.0)))
    await writer.stop()
    found = await counts(database)
    assert (found["calls"], found["segments"]) == (20, 240)
    assert writer.rolling.at(round((T0 + 7200) * 1e6)).offered == 20

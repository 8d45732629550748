"""The database dies, fills up, or the clock jumps: nothing is lost, nothing is there twice."""

import asyncio
import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from acd.record import LateSegment
from callrouter.ports import AuditEntry
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


async def spilled_then_stored(writer: RecordWriter, database: Database, room: Callable[[], None]) -> None:
    """The database has no room: all waits on disk. Then there is `room` again: all is stored."""
    for number in range(CALLS):
        put(writer, number)
    await until(lambda: writer.health().spilled_bytes > 0 and not writer.health().queued)
    assert "database is away" in writer.health().problems()[0]
    room()
    await until(lambda: not writer.health().spilled_bytes)
    assert await counts(database) == EXPECTED
    assert (writer.health().lost, writer.health().rejected, writer.health().problems()) == (0, 0, ())
    await writer.stop()
    await database.close()


async def test_a_full_disk_under_sqlite(tmp_path: Path) -> None:
    """Neither the file nor its log may grow; what SQLite says then, it says of a full disk too."""
    database = Database(tmp_path / "callrouter.sqlite")
    await migrate.upgrade(database)
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start()
    pid = writer._scribe.pid
    assert pid is not None
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (64 * 1024, most))
    await spilled_then_stored(
        writer, database, lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most)) and None
    )


@pytest.mark.asterisk
async def test_a_full_disk_under_postgres(server: PostgresServer, tmp_path: Path) -> None:
    """The server says what it says of a full disk (53100) for each segment."""
    place = await asyncio.to_thread(server.create, "full")
    database = Database(place)
    await migrate.upgrade(database)
    admin = await asyncpg.connect(place)
    await admin.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    )
    await admin.execute(
        "CREATE TRIGGER no_room BEFORE INSERT ON segments FOR EACH ROW EXECUTE FUNCTION no_room()"
    )
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start()
    freed: list[asyncio.Task[str]] = []
    await spilled_then_stored(
        writer,
        database,
        lambda: freed.append(asyncio.create_task(admin.execute("DROP TRIGGER no_room ON segments"))),
    )
    await freed[0]
    await admin.close()


async def test_the_writing_process_killed_under_load(database: Database, tmp_path: Path) -> None:
    """Whether it had written by then, nobody knows: it is written again, and is there once."""
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start()
    killed = set()
    for number in range(CALLS):
        put(writer, number)
        await asyncio.sleep(0.001)
        pid = writer._scribe.pid
        if number % 40 == 20 and pid is not None:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
    await until(lambda: not writer.health().spilled_bytes and not writer.health().queued)
    assert len(killed) >= 1
    assert await counts(database) == EXPECTED
    health = writer.health()
    assert (health.lost, health.rejected, health.damaged, health.problems()) == (0, 0, 0, ())
    await writer.stop()


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
    await first._scribe.close()  # as it ends by itself when its controller does
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

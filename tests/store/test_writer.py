import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest
from sqlalchemy import text

from acd.record import Activity, CallRecord, LateSegment
from acd.service_level import micros
from callrouter.mail import Outgoing
from callrouter.ports import AuditEntry
from callrouter.store import writer as writer_module
from callrouter.store.database import Database
from callrouter.store.entries import Entry, encode
from callrouter.store.reader import StoredRecords
from callrouter.store.scribe import Defect
from callrouter.store.spill import Spill
from callrouter.store.writer import RecordWriter
from tests.store.conftest import Locked
from tests.store.samples import T0, record, segment

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "WRITE_TIMEOUT", 0.3)
    monkeypatch.setattr(writer_module, "RETRY_FIRST", 0.05)
    monkeypatch.setattr(writer_module, "RETRY_LONGEST", 0.1)


@pytest.fixture
async def writer(database: Database, tmp_path: Path) -> AsyncIterator[RecordWriter]:
    found = RecordWriter(database, tmp_path / "spill")
    await found.start()
    yield found
    await found.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is awaited happens on disk
            await asyncio.sleep(0.01)


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM calls"))).scalar_one())


async def test_records_arrive_within_a_tenth_of_a_second(database: Database, writer: RecordWriter) -> None:
    writer.put(record("c0"))
    await writer.flush()  # the process that writes is there now
    began = time.monotonic()
    writer.put(record())
    await writer.flush()
    took = time.monotonic() - began
    assert await StoredRecords(database).call(record().call) == record()
    assert took < 0.1
    assert writer.health().behind == 0
    assert writer.health().problems() == ()
    assert writer.outcomes == {"answered": 2}


async def test_stop_writes_what_is_waiting(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "WRITE_TIMEOUT", 30)  # a slow disk is not an absent database
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start()
    for number in range(1700):
        writer.put(record(f"c{number}"))
    await writer.stop()
    assert await count(database) == 1700


async def test_while_away_records_wait_on_disk_and_return(
    database: Database, writer: RecordWriter, locked: Locked
) -> None:
    async with locked():
        for number in range(30):
            writer.put(record(f"c{number}"))
            writer.note(AuditEntry(id=str(number), at=T0, who="x", action="y", subject="z"))
        await until(lambda: writer.health().spilled_bytes > 0 and not writer.health().queued)
        assert "database is away" in writer.health().problems()[0]
        assert not writer.health().available
    await until(lambda: writer.health().spilled_bytes == 0)
    assert await count(database) == 30
    assert writer.health().available
    assert writer.health().lost == 0


async def test_a_new_process_replays_what_the_old_one_left(
    database: Database, tmp_path: Path, locked: Locked
) -> None:
    async with locked():
        first = RecordWriter(database, tmp_path / "spill")
        await first.start()
        first.put(record("c1"))
        await first.stop()
    assert await count(database) == 0
    second = RecordWriter(database, tmp_path / "spill")
    await second.start()
    await until(lambda: second.health().spilled_bytes == 0)
    await second.stop()
    assert await count(database) == 1


async def test_a_replay_that_had_partly_succeeded_doubles_nothing(
    database: Database, writer: RecordWriter, tmp_path: Path
) -> None:
    writer.put(record("c1"))
    await writer.flush()
    left = RecordWriter(database, tmp_path / "other")
    Spill(tmp_path / "other").append([encode(record(f"c{n}")) for n in (1, 2)])
    left = RecordWriter(database, tmp_path / "other")
    await left.start()
    await until(lambda: left.health().spilled_bytes == 0)
    await left.stop()
    assert await count(database) == 2


async def test_one_unfit_record_holds_up_no_other(
    database: Database, writer: RecordWriter, tmp_path: Path
) -> None:
    for number in range(20):
        cause = 2**70 if number == 7 else 16
        writer.put(record(f"c{number}", cause=cause))
    await writer.flush()
    assert await count(database) == 19
    assert writer.health().rejected == 1
    assert "set aside" in writer.health().problems()[0]
    assert b'"c7"' in (tmp_path / "spill" / "rejected.jsonl").read_bytes()


async def test_database_away_and_disk_full_keeps_memory_then_counts_the_lost(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: Locked
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = RecordWriter(database, tmp_path / "spill", memory=10)
    with monkeypatch.context() as patch:
        patch.setattr(Spill, "append", refuse)
        async with locked():
            await writer.start()
            for number in range(15):
                writer.put(record(f"c{number}"))
            await asyncio.sleep(0.5)
            assert writer.health().queued == 10
            assert writer.health().lost == 5
            assert any("lost" in problem for problem in writer.health().problems())
    await until(lambda: not writer.health().queued and not writer.health().spilled_bytes)
    await writer.stop()
    assert await count(database) == 10


async def test_a_stopped_writer_does_not_hang_without_disk_and_database(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: Locked
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Spill, "append", refuse)
    writer = RecordWriter(database, tmp_path / "spill")
    async with locked():
        await writer.start()
        writer.put(record())
        async with asyncio.timeout(20):  # with the start of the process that writes
            await writer.stop()
    assert writer.health().lost == 1


async def test_putting_never_waits(database: Database, writer: RecordWriter, locked: Locked) -> None:
    found: list[CallRecord] = [record(f"c{number}") for number in range(2000)]
    async with locked():
        began = time.monotonic()
        for one in found:
            writer.put(one)
        assert time.monotonic() - began < 0.5


async def test_damaged_lines_are_told(database: Database, tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    Spill(spill).append([encode(record("c1")), b'{"kind":"unknown","entry":{}}'])
    file = next(spill.glob("spill-*"))
    file.write_bytes(file.read_bytes() + b"0000dead torn")
    writer = RecordWriter(database, spill)
    await writer.start()
    await until(lambda: writer.health().spilled_bytes == 0)
    await writer.stop()
    health = writer.health()
    assert (await count(database), health.damaged, health.rejected) == (1, 1, 1)


def broken(_: Entry) -> Iterable[Outgoing]:
    raise KeyError("a defect")


async def test_a_defect_that_ends_the_writer_is_told(database: Database, tmp_path: Path) -> None:
    writer = RecordWriter(database, tmp_path / "spill", publish=broken)
    await writer.start()
    writer.put(record())
    await writer.flush()
    assert "died" in writer.health().problems()[0]
    assert "a defect" in writer.health().problems()[0]
    with pytest.raises(Defect):
        await writer.stop()


async def test_a_late_segment_waits_behind_its_call(
    database: Database, writer: RecordWriter, locked: Locked
) -> None:
    """The call was spilled; its late segment comes when the database has just come back."""
    late = LateSegment(
        id="c1/1/12", segment=segment("c1", "1", Activity.WRAP_UP, T0 + 90, T0 + 120, party="s1")
    )
    async with locked():
        writer.put(record("c1"))
        await until(lambda: writer.health().spilled_bytes > 0)
    writer.put(late)
    await until(lambda: not writer.health().queued and not writer.health().spilled_bytes)
    found = await StoredRecords(database).call(record("c1").call)
    assert found is not None
    assert found.segments[12] == late.segment
    assert writer.health().rejected == 0


async def test_a_late_segment_twice_is_one(database: Database, writer: RecordWriter) -> None:
    late = LateSegment(id="c1/1/12", segment=segment("c1", "1", Activity.WRAP_UP, T0, T0 + 30, party="s1"))
    writer.put(record("c1"))
    for _ in range(2):
        writer.put(late)
        await writer.flush()
    found = await StoredRecords(database).call(record("c1").call)
    assert found is not None
    assert len(found.segments) == 13


async def test_the_last_24_hours_outlive_a_restart(database: Database, tmp_path: Path) -> None:
    first = RecordWriter(database, tmp_path / "spill")
    await first.start(T0)
    first.put(record("c1", T0))
    first.put(record("c2", T0 + 10, answered=None, outcome="abandoned_queue"))
    first.put(record("c3", T0 + 20, answered=None, outcome="rejected"))
    first.put(record("old", T0 - 2 * 86400))
    await first.stop()
    second = RecordWriter(database, tmp_path / "spill")
    await second.start(T0 + 100)
    for writer in (first, second):
        window = writer.rolling.at(micros(T0 + 100))
        assert (window.offered, window.answered) == (2, 1)
    assert second.rolling.at(micros(T0 + 86400 + 5)).offered == 1
    await second.stop()

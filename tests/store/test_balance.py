"""One day, three accounts: what the screens showed, what the reports say, what the logs recompute."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from acd import commands as c
from acd.rolling import DAY
from acd.service_level import TARGET, Tally, call_tally, micros, seat_tallies, summed, transfer_tally
from acd.shift import AWAY, IDLE
from callrouter.floor_log.recorder import FloorRecorder
from callrouter.floor_log.replay import replay
from callrouter.store.database import Database
from callrouter.store.kpi import DIMENSIONS, kpis_by_each
from callrouter.store.reader import StoredRecords
from callrouter.store.writer import RecordWriter
from tests.router.balance import (
    all_segments,
    assert_counts_agree,
    counted_again,
    counted_live,
    intervals_of,
)
from tests.router.day import Day
from tests.router.world import World

pytestmark = pytest.mark.slow

SEATS = ("a1001", "a1002", "a1003", "a1004", "a1005")
MIDNIGHT = 1_799_942_400
"""Of the day on which the world's clock begins, in Asia/Shanghai."""


@dataclass
class Lived:
    world: World
    log: Path
    writer: RecordWriter
    changes: list[c.SeatChanged]


PROVINCE = ("12345", "12345", "12345", "99")
PREFECTURES = ("12345", "097112345", "097412345", "99")


@pytest.fixture(params=[(1, PROVINCE), (2, PREFECTURES)], ids=["province", "prefectures"])
async def lived(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Lived:
    recorder = FloorRecorder(tmp_path / "floor-log", 1_800_000_000.0)
    world = World(SEATS, recorder)
    seed, numbers = request.param
    day = Day(world, SEATS, seed, numbers)
    day.live(160)
    day.end()
    await asyncio.to_thread(recorder.stop)
    writer = RecordWriter(database, tmp_path / "spill")
    await writer.start(world.now)
    for notice in world.others:
        writer.noticed(notice)
    for entry in (*world.records, *world.late):
        writer.put(entry)
    writer.end_shifts(world.now)
    await writer.stop()
    assert (writer.health().lost, writer.health().rejected) == (0, 0)
    log = next((tmp_path / "floor-log").glob("*.jsonl"))
    return Lived(world, log, writer, world.notices(c.SeatChanged))


async def test_screens_reports_and_logs_agree_exactly(lived: Lived, database: Database) -> None:
    world = lived.world
    since, until = MIDNIGHT * 1_000_000, MIDNIGHT * 1_000_000 + DAY
    assert world.now < until / 1e6, "the lots have made it longer than a day"

    # What the screens showed is what the floor's log recomputes, queue by queue …
    replayed = replay(lived.log)
    assert replayed.difference is None
    assert [one for one in replayed.queues if one.offered] == [
        one for one in world.router.floor.queues() if one.offered
    ]
    # … and what the stored records recompute.
    stream = StoredRecords(database).stream(since=since / 1e6, until=until / 1e6)
    records = [record async for record in stream]
    assert {record.call for record in records} == {record.call for record in world.records}
    live = counted_live(world.router.floor.queues())
    assert live.offered > 50
    assert min(live.answered, live.abandoned, live.in_target) > 0
    assert_counts_agree(live, counted_again(records, TARGET))

    # What the reports say is what the records add up to, by every dimension …
    found = await kpis_by_each(database, since=since, until=until, by=DIMENSIONS, now=world.now)
    segments = all_segments(records, ())
    expected = summed(
        [
            *(call_tally(record) for record in records),
            *(transfer_tally(one) for record in records for one in record.transfers),
            *(one for record in records for one in seat_tallies(record.segments).values()),
            _seat_time(lived),
            _callbacks(lived, {record.call: record.outcome for record in records}),
        ]
    )
    assert all(one.total == expected for one in found.values())
    for by in ("organisation", "line"):
        assert summed(one for one in found[by].groups.values()).offered == expected.offered
    for by in ("quarter", "hour", "day"):
        assert summed(found[by].groups.values()) == expected
    # … what the writer counted while they happened …
    window = lived.writer.rolling.at(micros(world.now))
    assert (window.offered, window.answered) == (expected.offered, expected.answered)
    assert sum(lived.writer.outcomes.values()) == len(records)
    # … and the seats' own time: Σ over seats = Σ over calls = Σ over intervals, to the microsecond.
    by_seat = summed(found["seat"].groups.values())
    speaking = sum(
        micros(one.ended) - micros(one.started)
        for one in intervals_of(lived.changes, world.now)
        if one.state in ("talking", "consulting") and one.call is not None
    )
    calls = summed(seat_tallies(segments).values())
    assert by_seat.talk + by_seat.hold == calls.talk + calls.hold == speaking
    assert by_seat.wrap_up == calls.wrap_up
    away = sum(found["seat"].away.values())
    assert by_seat.on_contact + by_seat.idle + away == sum(
        micros(one.ended) - micros(one.started) for one in intervals_of(lived.changes, world.now)
    )


def _seat_time(lived: Lived) -> Tally:
    tally = Tally()
    for one in intervals_of(lived.changes, lived.world.now):
        length = micros(one.ended) - micros(one.started)
        if one.state in IDLE:
            tally.idle += length
        elif one.state not in AWAY:
            tally.on_contact += length
    return tally


def _callbacks(lived: Lived, outcomes: dict[str, str]) -> Tally:
    opened = lived.world.notices(c.CallbackOpened)
    closed = Counter(
        one.outcome in ("reached", "called_in") and one.ended - one.asked <= 1800
        for one in lived.world.notices(c.CallbackClosed)
    )
    promised = [one for one in opened if outcomes[one.origin] not in ("abandoned_queue", "abandoned_ringing")]
    return Tally(missed=len(promised), called_back=closed[True])

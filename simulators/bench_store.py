"""What records cost: rows a second into each database, and what the controller's loop notices of it.

An event is one stamped row of what happened: a call, one of its segments, transfers or
flow steps, an offer, a stretch of a seat's time. They go the way they go in service:
the writer's queue, batches, one transaction each, with the outbox row that the feed
will send (which is not counted: it tells what the rows tell). The loop's delay is
what the controller measures of itself: from a fact's arrival to its handling.
"""

import asyncio
import math
import statistics
import struct
import sys
import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text

from acd.commands import OfferClosed
from acd.ids import AgentId, CallId, ChannelId, OfferId, QueueId, SeatId
from acd.record import Activity, CallRecord, FlowStep, Role, Segment, TransferRecord
from acd.shift import SeatInterval
from callrouter.feed.messages import published
from callrouter.lean import give_back
from callrouter.store import migrate
from callrouter.store.database import Database
from callrouter.store.entries import Entry
from callrouter.store.writer import RecordWriter

T0: Final = 1_795_000_000.0
TABLES: Final = ("calls", "segments", "transfers", "flow_steps", "seat_intervals", "offers")
AHEAD: Final = 2_000
"""Entries that wait for the writer at most: it never has to wait for work, and memory stays bounded."""
WANTED: Final = {"sqlite": 20_000.0, "postgresql": 50_000.0}
"""Events a second."""
ROUNDS: Final = 3
FACT_EVERY: Final = 0.002
"""Seconds between the facts whose handling is timed: 500 a second, a crowded floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """Of one database. Times are seconds."""

    database: str
    events_per_second: float
    """As fast as it goes."""
    paced_at: float
    """Events a second while the loop's delay was measured: the rate that is wanted."""
    delay_p99_idle: float
    delay_p99_writing: float
    behind_p99: float
    """How long the oldest event that is not in the database yet has waited."""
    events: int
    missing: int
    """Events that were handed over and are not in the tables."""
    lost: int


def entries(number: int) -> Iterator[Entry]:
    """The entries of one call: answered, handed to a line after a consultation, wrapped up."""
    call, at, seat = CallId(f"bench-{number:09d}"), T0 + number * 0.5, SeatId(f"a{number % 500:04d}")
    yield _record(call, at, seat, number)
    yield OfferClosed(
        offer=OfferId(f"{call}/o1"),
        call=call,
        seat=seat,
        queue=QueueId("province"),
        made=at + 8,
        ended=at + 11,
        outcome="answered",
        explanation={"strategy": "longest_idle", "considered": 8, "taken": seat},
    )
    stretches = (
        ("ready", 0.0, 8.0),
        ("ringing", 8.0, 11.0),
        ("talking", 11.0, 90.0),
        ("wrap_up", 90.0, 120.0),
    )
    for state, begin, end in stretches:
        yield SeatInterval(
            seat=seat,
            agent=AgentId(seat),
            state=state,
            reason="",
            started=at + begin + number * 1e-6,
            ended=at + end + number * 1e-6,
            call=None if state == "ready" else call,
        )


def _record(call: CallId, at: float, seat: SeatId, number: int) -> CallRecord:
    def part(
        track: str, role: Role, activity: Activity, begin: float, end: float, party: str = ""
    ) -> Segment:
        return Segment(
            call=call,
            track=track,
            role=role,
            party=party,
            activity=activity,
            started=at + begin,
            ended=at + end,
        )

    caller, mine, theirs = Role.CALLER, Role.SEAT, Role.PARTNER
    return CallRecord(
        call=call,
        node="n1",
        channel=ChannelId(f"1795000000.{number}"),
        dialled="12345",
        caller=f"138{number % 100_000_000:08d}",
        trunk="carrier",
        organisation="province",
        flow="province",
        flow_version="3f1c9a",
        language="zh",
        queue=QueueId("province"),
        first_seat=seat,
        first_agent=AgentId(seat),
        ingress=at,
        accepted=at + 0.1,
        menu_end=at + 8,
        enqueued=at + 8,
        rang=at + 8,
        answered=at + 11,
        ended=at + 150,
        ended_by="caller",
        cause=16,
        outcome="answered",
        segments=(
            part("caller", caller, Activity.FLOW, 0, 8),
            part("caller", caller, Activity.QUEUE, 8, 11),
            part("caller", caller, Activity.TALK, 11, 60),
            part("caller", caller, Activity.HOLD, 60, 90),
            part("caller", caller, Activity.TALK, 90, 150),
            part("1", mine, Activity.RING, 8, 11, seat),
            part("1", mine, Activity.TALK, 11, 60, seat),
            part("1", mine, Activity.CONSULT, 60, 90, seat),
            part("1", mine, Activity.WRAP_UP, 90, 120, seat),
            part("2", theirs, Activity.RING, 60, 70, "12315"),
            part("2", theirs, Activity.CONSULT, 70, 90, "12315"),
            part("2", theirs, Activity.TALK, 90, 150, "12315"),
        ),
        transfers=(
            TransferRecord(
                call=call,
                number=1,
                kind="consult",
                by=seat,
                target="12315",
                asked=at + 60,
                answered=at + 70,
                ended=at + 90,
                outcome="completed",
                cause="",
            ),
        ),
        trace=(
            FlowStep(at=at, flow="province", node="greeting", line=11, branch="silence"),
            FlowStep(at=at + 8, flow="province", node="seat", line=26, branch="to queue province"),
        ),
    )


EVENTS_PER_CALL: Final = 1 + 12 + 1 + 2 + 1 + 4


async def measure(place: str | Path, folder: Path, seconds: float, rounds: int = ROUNDS) -> StoreFigures:
    """`seconds` of each: as fast as it goes; idle; at the rate that is wanted. `place` must be empty.

    The last two take turns, so that a machine which is busy with other things is so for both.
    """
    database = Database(place)
    await migrate.upgrade(database)
    writer = RecordWriter(database, folder / "spill", publish=published)
    await writer.start()
    give_back()  # as the controller does when it has started
    wanted = WANTED["sqlite" if database.is_sqlite else "postgresql"]
    try:
        began = time.perf_counter()
        calls = full = await _pour(writer, 0, seconds)
        await writer.flush()
        took = time.perf_counter() - began
        idle, writing, behind = [], [], [0.0]
        for _ in range(rounds):
            idle.append(await _delay_while(asyncio.sleep(seconds / rounds)))
            pouring = asyncio.create_task(_pour(writer, calls, seconds / rounds, wanted, behind))
            writing.append(await _delay_while(asyncio.wait({pouring})))
            calls = pouring.result()
            await writer.flush()
        health = writer.health()
        stored = await _rows(database)
    finally:
        await writer.stop()
        await database.close()
    return StoreFigures(
        database="sqlite" if database.is_sqlite else "postgresql",
        events_per_second=full * EVENTS_PER_CALL / took,
        paced_at=(calls - full) * EVENTS_PER_CALL / seconds,
        delay_p99_idle=statistics.median(idle),
        delay_p99_writing=statistics.median(writing),
        behind_p99=_p99(behind),
        events=stored,
        missing=calls * EVENTS_PER_CALL - stored,
        lost=health.lost + health.rejected,
    )


async def _pour(
    writer: RecordWriter,
    first: int,
    seconds: float,
    per_second: float = math.inf,
    behind: list[float] | None = None,
) -> int:
    """Hand over calls from number `first` on, so many events a second; returns the number after the last.

    `behind` collects how long the oldest entry had waited, each time a call was handed over.
    """
    began = time.perf_counter()
    number = first
    while (elapsed := time.perf_counter() - began) < seconds:
        if (number - first) * EVENTS_PER_CALL > elapsed * per_second or writer.health().queued >= AHEAD:
            await asyncio.sleep(0.001)
            continue
        for entry in entries(number):
            writer.put(entry)
        number += 1
        if behind is not None:
            behind.append(writer.health().behind)
        # Calls end one by one: the loop has its turn in between.
        await asyncio.sleep(0)
    return number


async def _delay_while(work: "Awaitable[object]") -> float:
    """99th percentile of the seconds from a fact's being sent to its handling, while `work` goes on."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _FACTS, str(FACT_EVERY), stdout=asyncio.subprocess.PIPE
    )
    waits: list[float] = []
    arriving = asyncio.Event()
    reading = asyncio.create_task(_time_facts(process, waits, arriving))
    try:
        await arriving.wait()
        await work
    finally:
        process.kill()
        await process.wait()
        await reading
    return _p99(waits)


def _p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(0.99 * len(ordered)) - 1]


_FACTS: Final = """
import struct, sys, time
while True:
    time.sleep(float(sys.argv[1]))
    sys.stdout.buffer.write(struct.pack("<d", time.monotonic()))
    sys.stdout.buffer.flush()
"""


async def _time_facts(
    process: asyncio.subprocess.Process, waits: list[float], arriving: asyncio.Event
) -> None:
    assert process.stdout is not None
    rest = b""
    while data := await process.stdout.read(4096):
        now = time.monotonic()
        arriving.set()
        rest += data
        whole = len(rest) // 8 * 8
        waits.extend(now - stamp for (stamp,) in struct.iter_unpack("<d", rest[:whole]))
        rest = rest[whole:]


async def _rows(database: Database) -> int:
    total = 0
    async with database.read() as connection:
        for table in TABLES:
            found = await connection.execute(text(f"SELECT count(*) FROM {table}"))
            total += int(found.scalar_one())
    return total

"""What records cost: rows a second into each database, and what the controller's loop notices of it.

Events go the way they go in service: the writer's queue, batches, one transaction each, with the
outbox row that the feed will send (which is not counted: it tells what the rows tell). First as fast
as it goes; then at each wanted rate in rounds, in which three things take turns: nothing at all; the
same events made and thrown away; the same events made and written. What writing does to the loop is
the third beside the second *of the same round*: a machine that is busy with other things is so for
both, and the cost of making events is not the store's.
"""

import asyncio
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import text

from callrouter.feed.messages import published
from callrouter.lean import give_back
from callrouter.store import migrate
from callrouter.store.database import Database
from callrouter.store.entries import Entry
from callrouter.store.writer import RecordWriter
from simulators.bench_delay import delay_while, p99
from simulators.bench_store_load import EVENTS_PER_CALL, TABLES, entries

AHEAD: Final = 2_000
"""Entries that wait for the writer at most: it never has to wait for work, and memory stays bounded."""
WANTED: Final = {"sqlite": 20_000.0, "postgresql": 50_000.0}
"""Events a second."""
PACES: Final = {"sqlite": (20_000.0,), "postgresql": (20_000.0, 50_000.0)}
"""Events a second at which the loop's delay is measured."""
ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceFigures:
    """At one rate. Times are seconds, delays 99th percentiles, one a round."""

    per_second: float
    reached: float
    """Events a second that were really handed over."""
    idle: Sequence[float]
    alone: Sequence[float]
    """While events were made, but not written."""
    writing: Sequence[float]
    behind_p99: float
    """How long the oldest event that is not in the database yet has waited."""

    @property
    def longer(self) -> list[float]:
        """By how much writing lengthens the delay, round by round, the least first."""
        return sorted(with_ - without for with_, without in zip(self.writing, self.alone, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """Of one database."""

    database: str
    events_per_second: float
    """As fast as it goes."""
    paces: Sequence[PaceFigures]
    events: int
    missing: int
    """Events that were handed over and are not in the tables."""
    lost: int


class _Sink(Protocol):
    def put(self, record: Entry) -> None: ...

    def waiting(self) -> tuple[int, float]:
        """Entries, and the seconds that the oldest has waited."""


class _Nowhere:
    def put(self, record: Entry) -> None:
        """Made, and thrown away."""

    def waiting(self) -> tuple[int, float]:
        return 0, 0.0


class _Store:
    def __init__(self, writer: RecordWriter) -> None:
        self.put = writer.put
        self._writer = writer

    def waiting(self) -> tuple[int, float]:
        health = self._writer.health()
        return health.queued, health.behind


async def measure(place: str | Path, folder: Path, seconds: float, rounds: int = ROUNDS) -> StoreFigures:
    """`seconds` as fast as it goes, then `seconds` of each thing that is compared. `place` must be empty."""
    database = Database(place)
    await migrate.upgrade(database)
    writer = RecordWriter(database, folder / "spill", publish=published)
    await writer.start()
    give_back()  # as the controller does when it has started
    name = "sqlite" if database.is_sqlite else "postgresql"
    try:
        began = time.perf_counter()
        calls = full = await _pour(_Store(writer), 0, seconds)
        await writer.flush()
        took = time.perf_counter() - began
        paces = []
        for pace in PACES[name]:
            figures, calls = await _at(pace, writer, calls, seconds / rounds, rounds)
            paces.append(figures)
        health = writer.health()
        stored = await _rows(database)
    finally:
        await writer.stop()
        await database.close()
    return StoreFigures(
        database=name,
        events_per_second=full * EVENTS_PER_CALL / took,
        paces=paces,
        events=stored,
        missing=calls * EVENTS_PER_CALL - stored,
        lost=health.lost + health.rejected,
    )


async def _at(
    pace: float, writer: RecordWriter, first: int, seconds: float, rounds: int
) -> tuple[PaceFigures, int]:
    """The figures at one rate, and the number after the last call."""
    idle, alone, writing, reached = [], [], [], []
    behind: list[float] = []
    number = first
    for _ in range(rounds):
        idle.append(await delay_while(asyncio.sleep(seconds)))
        making = asyncio.create_task(_pour(_Nowhere(), number, seconds, pace))
        alone.append(await delay_while(asyncio.wait({making})))
        await making
        pouring = asyncio.create_task(_pour(_Store(writer), number, seconds, pace, behind))
        writing.append(await delay_while(asyncio.wait({pouring})))
        reached.append((await pouring - number) * EVENTS_PER_CALL / seconds)
        number = await pouring
        await writer.flush()
    figures = PaceFigures(
        per_second=pace,
        reached=statistics.mean(reached),
        idle=idle,
        alone=alone,
        writing=writing,
        behind_p99=p99(behind),
    )
    return figures, number


async def _pour(
    sink: _Sink,
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
        queued, oldest = sink.waiting()
        if (number - first) * EVENTS_PER_CALL > elapsed * per_second or queued >= AHEAD:
            await asyncio.sleep(0.001)
            continue
        for entry in entries(number):
            sink.put(entry)
        number += 1
        if behind is not None:
            behind.append(oldest)
        # Calls end one by one: the loop has its turn in between.
        await asyncio.sleep(0)
    return number


async def _rows(database: Database) -> int:
    total = 0
    async with database.read() as connection:
        for table in TABLES:
            found = await connection.execute(text(f"SELECT count(*) FROM {table}"))
            total += int(found.scalar_one())
    return total

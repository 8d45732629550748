"""All figures of records, reports and feed together, and whether they are as they should be."""

import asyncio
import statistics
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop

from callrouter.toolchain.postgres import PostgresServer
from simulators import bench_feed, bench_store, bench_year
from simulators.bench_feed import FeedFigures
from simulators.bench_store import PaceFigures, StoreFigures
from simulators.bench_wanted import Verdict
from simulators.bench_year import Weighed

WANTED_DELAY: Final = 0.001
"""Seconds by which writing may lengthen the loop's delay."""
WANTED_BEHIND: Final = 0.1
KEEPS_PACE: Final = 0.98
"""Share of the wanted rate that must have been reached while the delay was measured."""


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    folder: Path
    seconds: float
    messages: int
    calls: int
    postgres: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    stores: list[StoreFigures]
    feed: FeedFigures | None
    reports: list[Weighed]


def measure(wishes: Wishes, tell: Callable[[str], None]) -> Figures:
    """Raises `ToolchainError` when a tool is missing."""
    folder = wishes.folder
    tell("SQLite …")
    stores = [_run(bench_store.measure(folder / "store.sqlite", folder / "sqlite", wishes.seconds))]
    if wishes.postgres:
        tell("PostgreSQL …")
        with PostgresServer(folder / "server") as server:
            place = server.create("bench")
            stores.append(_run(bench_store.measure(place, folder / "postgres", wishes.seconds)))
    feed, reports = None, []
    if wishes.messages:
        tell("mosquitto …")
        feed = _run(bench_feed.measure(folder / "feed", wishes.messages))
    if wishes.calls:
        year = folder / "year"
        year.mkdir()
        tell(f"a year of {wishes.calls} calls …")
        bench_year.fill(year, wishes.calls)
        for one in bench_year.run_reports(year):
            tell(f"{one.report} …")
            reports.append(one)
    return Figures(stores=stores, feed=feed, reports=reports)


def _run(work: Coroutine[Any, Any, Made]) -> Made:
    """In the loop that the controller runs in."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def verdicts(found: Figures) -> list[Verdict]:
    """Every figure with what it should be."""
    judged = [one for store in found.stores for one in _of_store(store)]
    if found.feed is not None:
        judged += _of_feed(found.feed)
    return judged + _of_reports(found.reports)


def _of_store(one: StoreFigures) -> list[Verdict]:
    wanted = bench_store.WANTED[one.database]
    return [
        Verdict(
            name=f"{one.database}: events a second",
            measured=f"{one.events_per_second:,.0f}",
            wanted=f"≥ {wanted:,.0f}",
            met=one.events_per_second >= wanted,
        ),
        *(verdict for pace in one.paces for verdict in _at_a_pace(one.database, pace)),
        Verdict(
            name=f"{one.database}: of {one.events + one.missing:,} events missing, lost",
            measured=f"{one.missing}, {one.lost}",
            wanted="0, 0",
            met=not one.missing and not one.lost,
        ),
    ]


def _at_a_pace(database: str, pace: PaceFigures) -> list[Verdict]:
    # A delay at half the rate would prove nothing.
    kept = pace.reached >= KEEPS_PACE * pace.per_second
    longer = pace.longer
    middle = statistics.median(longer)
    return [
        Verdict(
            name=f"{database} at {pace.reached:,.0f} events/s: loop's delay p99, "
            "idle, events made, made and written",
            measured=" → ".join(_spread(values) for values in (pace.idle, pace.alone, pace.writing)) + " ms",
            wanted=f"{pace.per_second:,.0f} events/s",
            met=kept,
        ),
        Verdict(
            name=f"{database} at {pace.reached:,.0f} events/s: delay longer by, of {len(longer)} rounds",
            measured=f"{middle * 1e3:+.2f} ms ({longer[0] * 1e3:+.2f} … {longer[-1] * 1e3:+.2f})",
            wanted=f"≤ {WANTED_DELAY * 1e3:g} ms",
            met=kept and middle <= WANTED_DELAY,
        ),
        Verdict(
            name=f"{database} at {pace.reached:,.0f} events/s: behind, p99",
            measured=f"{pace.behind_p99 * 1e3:.0f} ms",
            wanted=f"≤ {WANTED_BEHIND * 1e3:g} ms",
            met=kept and pace.behind_p99 <= WANTED_BEHIND,
        ),
    ]


def _spread(values: Sequence[float]) -> str:
    """Of milliseconds: the median, then the least and the most."""
    low, middle, high = (one * 1e3 for one in (min(values), statistics.median(values), max(values)))
    return f"{middle:.2f} ({low:.2f} … {high:.2f})"


def _of_feed(one: FeedFigures) -> list[Verdict]:
    return [
        Verdict(
            name="mosquitto: messages a second",
            measured=f"{one.messages_per_second:,.0f}",
            wanted=f"≥ {bench_feed.WANTED:,.0f}",
            met=one.messages_per_second >= bench_feed.WANTED,
        ),
        Verdict(
            name=f"mosquitto: of {one.messages:,} messages received, repeated",
            measured=f"{one.received:,}, {one.repeated}",
            wanted=f"{one.messages:,}, 0",
            met=one.received == one.messages and not one.repeated,
        ),
    ]


def _of_reports(found: list[Weighed]) -> list[Verdict]:
    return [
        Verdict(
            name=f"year: {one.report}",
            measured=f"{one.seconds:.2f} s ({one.cpu_seconds:.2f} s of CPU), {one.mebibytes:.0f} MiB",
            wanted=f"≤ {bench_year.WANTED_SECONDS:g} s, ≤ {bench_year.WANTED_MEBIBYTES:g} MiB",
            met=one.seconds <= bench_year.WANTED_SECONDS and one.mebibytes <= bench_year.WANTED_MEBIBYTES,
        )
        for one in found
        if one.report != bench_year.PACKING
    ]

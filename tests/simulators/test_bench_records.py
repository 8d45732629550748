"""The measuring of records, reports and feed, in small: what it says is so, not how fast this machine is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from callrouter.cli.bench import register
from callrouter.toolchain import install
from callrouter.toolchain.install import Request
from simulators import bench_store, bench_year
from simulators.bench_feed import FeedFigures
from simulators.bench_records import Figures, verdicts
from simulators.bench_store import PaceFigures, StoreFigures
from simulators.bench_store_load import EVENTS_PER_CALL, entries
from simulators.bench_year import Weighed
from tests.toolchain.conftest import Listener

PACE = PaceFigures(
    per_second=20_000.0,
    reached=19_600.0,
    idle=(0.0001, 0.0001, 0.0001),
    alone=(0.0002, 0.0005, 0.0002),
    writing=(0.0012, 0.0015, 0.0099),
    behind_p99=0.1,
)
STORE = StoreFigures(
    database="sqlite",
    events_per_second=20_000.0,
    paces=(PACE,),
    events=200_000,
    missing=0,
    lost=0,
)
FEED = FeedFigures(messages=3000, messages_per_second=2000.0, received=3000, repeated=0)
REPORT = Weighed(report="kpi by day", seconds=2.0, cpu_seconds=1.0, mebibytes=500.0)


def at(**changes: Any) -> StoreFigures:
    return replace(STORE, paces=(replace(PACE, **changes),))


def missed(*, store: StoreFigures = STORE, feed: FeedFigures = FEED, report: Weighed = REPORT) -> list[str]:
    found = verdicts(Figures(stores=[store], feed=feed, reports=[report]))
    return [one.name for one in found if not one.met]


def test_each_figure_is_held_against_what_is_wanted() -> None:
    assert missed() == []
    assert "a second" in missed(store=replace(STORE, events_per_second=19_999.0))[0]
    assert "a second" in missed(store=replace(STORE, database="postgresql"))[0]
    assert "delay longer" in missed(store=at(writing=(0.0012, 0.0016, 0.0099)))[0]
    assert "behind" in missed(store=at(behind_p99=0.11))[0]
    assert len(missed(store=at(reached=19_599.0))) == 3, "at another rate nothing of it is proven"
    assert "missing" in missed(store=replace(STORE, missing=1))[0]
    assert "missing" in missed(store=replace(STORE, lost=1))[0]
    assert "a second" in missed(feed=replace(FEED, messages_per_second=1999.0))[0]
    assert "received" in missed(feed=replace(FEED, received=2999))[0]
    assert "repeated" in missed(feed=replace(FEED, repeated=1))[0]
    assert missed(report=replace(REPORT, seconds=2.1)) == ["year: kpi by day"]
    assert missed(report=replace(REPORT, mebibytes=501.0)) == ["year: kpi by day"]


def test_an_event_is_a_row() -> None:
    record, *rest = entries(7)
    rows = 1 + sum(len(getattr(record, name)) for name in ("segments", "transfers", "trace"))
    assert rows + len(rest) == EVENTS_PER_CALL


@pytest.mark.slow
async def test_the_store_is_measured_and_nothing_is_missing(tmp_path: Path) -> None:
    found = await bench_store.measure(tmp_path / "a.sqlite", tmp_path / "spill", 0.3, rounds=1)
    assert found.events > 0
    assert (found.missing, found.lost) == (0, 0)
    assert found.events_per_second > 0
    (pace,) = found.paces
    assert pace.reached > 0
    assert min(*pace.idle, *pace.alone, *pace.writing, pace.behind_p99) > 0


@pytest.mark.slow
def test_every_report_over_a_year_runs_and_is_weighed(tmp_path: Path) -> None:
    bench_year.fill(tmp_path, calls=400)
    found = list(bench_year.run_reports(tmp_path))
    assert [one.report for one in found] == [bench_year.PACKING, *bench_year.reports()]
    assert all(one.seconds > 0 and one.mebibytes > 20 for one in found)


@pytest.mark.asterisk
def test_the_command_prints_all_figures_and_can_fail() -> None:
    install.install(Request(extra=["postgres"]), Listener())
    app = typer.Typer()
    register(app)
    small = ["--seconds", "1", "--messages", "300", "--calls", "0", "--json"]
    found = CliRunner().invoke(app, ["bench", "store", *small])
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert {one["database"] for one in said["stores"]} == {"sqlite", "postgresql"}
    assert (said["feed"]["received"], said["feed"]["repeated"]) == (300, 0)
    assert {one["met"] for one in said["wanted"]} <= {True, False}

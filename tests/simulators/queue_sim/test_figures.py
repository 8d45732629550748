"""Figures by hand."""

import numpy as np
import pytest

from acd.commands import CallbackClosed
from acd.ids import CallId
from simulators.queue_sim.draws import Caller
from simulators.queue_sim.figures import outcome, percentile, worst_day
from simulators.queue_sim.tally import COUNTED, ROW, Tally
from simulators.queue_sim.world import Kind
from tests.simulators.queue_sim.worlds import Q, callers, exponential, plan, world


def caller(at: float, kind: int = 0, flow: float = 0.0) -> Caller:
    return Caller(at, 1, kind, 60.0, float("inf"), 0.0, flow, 1, 0.0)


def test_each_figure_is_its_formula() -> None:
    one = world(plan(2), callers(0.01, exponential(60.0)))
    tally = Tally(one)
    tally.answered(caller(100.0, flow=8.0), 100.0)  # at once
    tally.answered(caller(200.0, flow=8.0), 220.0)  # just within 20 s
    tally.answered(caller(300.0), 360.0)
    tally.abandoned(caller(400.0), 403.0, ringing=False)  # short
    tally.abandoned(caller(500.0), 530.0, ringing=True)
    tally.sent_away(caller(600.0), "full", 600.0)
    tally.seat_changed(one.plan.seats[0].seat, "ready", 0.0)
    tally.seat_changed(one.plan.seats[0].seat, "reserved", 100.0)
    tally.seat_changed(one.plan.seats[0].seat, "wrap_up", 160.0)
    tally.seat_changed(one.plan.seats[0].seat, "ready", 190.0)
    tally.seat_changed(one.plan.seats[0].seat, "logged_out", 900.0)
    tally.fold()
    figures = outcome(one, tally, 0).figures["all"]
    assert figures["answer_rate"] == pytest.approx(3 / 6)
    assert figures["answer_rate_without_short"] == pytest.approx(3 / 5)
    assert figures["service_level_offered"] == pytest.approx(2 / 6)
    assert figures["service_level_answered"] == pytest.approx(2 / 3)
    assert figures["service_level_abandon_ok"] == pytest.approx(3 / 5)
    assert figures["asa"] == pytest.approx(80 / 3)
    assert figures["time_to_human"] == pytest.approx(96 / 3)
    assert figures["abandonment"] == pytest.approx(1 / 6)
    assert figures["abandonment_ringing"] == pytest.approx(1 / 6)
    assert figures["sent_away"] == pytest.approx(1 / 6)
    assert figures["mean_wait"] == pytest.approx((80 + 33) / 6)
    assert figures["occupancy"] == pytest.approx(90 / (90 + 810))
    assert figures["aht"] == pytest.approx((3 * 60 + 30) / 3)
    assert figures["callback_completion"] == 0.0


def test_callers_who_hung_up_are_owed_a_callback_too() -> None:
    """The figure has the live system's formula: reached within 30 min ÷ (gave up waiting + promised)."""
    one = world(plan(2), callers(0.01, exponential(60.0)))
    tally = Tally(one)
    tally.abandoned(caller(400.0), 430.0, ringing=False)
    promised = caller(500.0)
    tally.promised(promised, 530.0)
    closed = CallbackClosed(
        call=CallId("b"), origin=CallId("c"), queue=Q, outcome="reached", attempts=1, asked=530.0, ended=900.0
    )
    tally.callback_closed(promised, closed)
    tally.fold()
    assert outcome(one, tally, 0).figures["all"]["callback_completion"] == 0.5


def test_scopes_are_queues_and_populations() -> None:
    kinds = tuple(Kind(name=name, queue=Q, talk=exponential(60.0)) for name in ("callers", "tibetan"))
    one = world(plan(2), callers(0.01, exponential(60.0), kinds=kinds))
    tally = Tally(one)
    tally.answered(caller(100.0, kind=0), 100.0)
    tally.answered(caller(100.0, kind=1), 160.0)
    tally.fold()
    figures = outcome(one, tally, 0).figures
    assert figures.keys() == {"all", "queue q", "callers callers", "callers tibetan"}
    assert figures["callers tibetan"]["asa"] == pytest.approx(60.0)
    assert figures["callers callers"]["asa"] == pytest.approx(30.0)  # the whole population
    assert figures["callers tibetan"]["occupancy"] is None


def test_the_warm_up_is_not_counted() -> None:
    one = world(plan(2), callers(0.01, exponential(60.0)), warm_up=3600.0)
    tally = Tally(one)
    tally.answered(caller(3000.0), 3900.0)
    tally.answered(caller(4000.0), 4000.0)
    tally.fold()
    found = outcome(one, tally, 0).figures["all"]
    assert found["asa"] == 0.0
    assert found["wait_p99"] == 0.0
    assert found["calls"] == 1.0


def test_the_worst_day_is_found() -> None:
    rows = np.zeros((len(COUNTED), 4 * 96))
    rows[ROW["answered"]] = 1.0
    bad = slice(96 + 30, 96 + 60)
    rows[ROW["answered"], bad], rows[ROW["abandoned_queue"], bad] = 0.0, 1.0
    assert worst_day(rows) == pytest.approx(66 / 96)
    assert worst_day(rows * 0.1) is None  # too few calls to say anything


def test_percentiles_are_whole_seconds() -> None:
    waits = np.zeros(100)
    waits[[0, 10, 50]] = [50, 40, 10]
    assert [percentile(waits, share) for share in (0.5, 0.51, 0.9, 0.91)] == [0, 10, 10, 50]
    assert percentile(np.zeros(5), 0.5) is None

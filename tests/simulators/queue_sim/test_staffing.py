"""Seats by formula and by trial."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.erlang import Target, seats_needed
from simulators.queue_sim.staffing import (
    Demand,
    Effort,
    _Search,
    alone,
    blocks_of,
    by_formula,
    by_simulation,
    demand_of,
    people_for,
    queues_of,
    seat_hours,
)
from simulators.queue_sim.world import Kind, Manners
from simulators.workload import Duration
from tests.simulators.queue_sim.worlds import Q, callers, exponential, plan, world

pytestmark = pytest.mark.slow  # together seconds: not in `make check`

PROMISE = Target.parse("80/20")


def test_demand_is_worked_out_from_callers_and_manners() -> None:
    kinds = (
        Kind(name="short", queue=Q, share=3.0, talk=exponential(100.0), patience=exponential(60.0)),
        Kind(name="long", queue=Q, share=1.0, talk=exponential(200.0)),
    )
    one = world(
        plan(1, wrap_up=30.0),
        callers(0.1, exponential(1.0), kinds=kinds),
        manners=Manners(ring=Duration(constant=5.0)),
    )
    (demand, *rest) = demand_of(one, Q)
    assert len(rest) == 95
    assert demand.calls_per_hour == pytest.approx(360.0)
    assert demand.aht == pytest.approx(125.0 + 5.0 + 30.0)
    assert demand.load == pytest.approx(16.0)
    # Three quarters of the callers give up at 1/60 a second, the others never.
    assert demand.patience == pytest.approx(80.0)
    assert queues_of(one) == (Q,)


def test_ringing_counts_against_the_promise() -> None:
    demand = [Demand(slot=0, calls_per_hour=300.0, aht=210.0, patience=None)]
    (quick,), (slow,) = by_formula(demand, PROMISE), by_formula(demand, PROMISE, ring=15.0)
    assert quick.erlang_c == seats_needed(17.5, 210.0, PROMISE)
    assert slow.erlang_c == seats_needed(17.5, 210.0, Target.parse("80/5")) > quick.erlang_c
    assert quick.erlang_a is None


def test_people_who_are_away_are_paid_too() -> None:
    demand = [Demand(slot=0, calls_per_hour=300.0, aht=210.0, patience=120.0)]
    (advice,) = by_formula(demand, PROMISE)
    assert advice.erlang_a is not None
    assert advice.paid(0.0) == advice.erlang_a < advice.erlang_c
    assert advice.paid(0.3) == -(-advice.erlang_a * 10 // 7)
    assert seat_hours([advice] * 96, lambda one: one.erlang_a) == advice.erlang_a * 24
    assert seat_hours([advice], lambda one: one.simulated) is None


@pytest.mark.slow
@given(st.integers(0, 3000), st.integers(0, 90))
def test_nobody_is_paid_for_a_rounding_error(seats: int, percent: int) -> None:
    """By whole numbers: 7 seats with three in ten away are ten people, not eleven."""
    assert people_for(seats, percent / 100) == -(-seats * 100 // (100 - percent))


def test_a_steady_queue_needs_what_erlang_says() -> None:
    one = world(plan(1), callers(4 / 120, exponential(120.0)))
    rounds: list[int] = []
    found = by_simulation(
        one,
        Q,
        PROMISE,
        Effort(days=4, replications=1, processes=1),
        lambda number, moving: rounds.append(moving),
    )
    seats = np.array([advice.simulated for advice in found])
    assert rounds[-1] == 0
    # Blocks are judged by a few hundred calls: a seat up or down, but right on average.
    assert abs(seats.mean() - found[0].erlang_c) < 1.0
    assert all(advice.kept for advice in found)


def test_a_promise_that_no_seats_can_keep_is_told() -> None:
    one = world(
        plan(1, ring_for=30.0, rona_after=10),
        callers(0.004, exponential(60.0), exponential(60.0)),
        manners=Manners(ring=Duration(constant=2.0), never=0.5),
    )
    found = by_simulation(one, Q, Target.parse("95/10"), Effort(days=2, replications=1, processes=1))
    assert any(advice.kept is False for advice in found)
    assert all(advice.simulated is not None and advice.simulated < 20 for advice in found)


def test_the_queue_stands_alone() -> None:
    kinds = (
        Kind(name="ours", queue=Q, skills="bo>=3", share=1.0, talk=exponential(60.0)),
        Kind(name="theirs", queue=Q, share=1.0, talk=exponential(60.0)),
    )
    one = world(plan(7), callers(0.1, exponential(1.0), kinds=kinds))
    single = alone(one, Q, np.full(96, 3), 2)
    assert len(single.plan.seats) == 3
    assert single.plan.seats[0].skills["bo"] == 10
    assert single.expected_calls() == pytest.approx(2 * one.expected_calls())


def test_quarter_hours_with_few_calls_are_judged_together() -> None:
    def blocks(per_hour: float, days: int) -> list[int]:
        demand = [Demand(slot=n, calls_per_hour=per_hour, aht=1.0, patience=None) for n in range(96)]
        found = blocks_of(demand, days)
        assert [slot for block in found for slot in block] == list(range(96))
        return [len(block) for block in found]

    assert blocks(1000.0, 1) == [1] * 96
    assert blocks(400.0, 1) == [2] * 48
    assert blocks(1.0, 1) == [4] * 24


def test_the_search_takes_the_fewest_that_keep() -> None:
    search = _Search(5)
    for _ in range(20):
        search.saw(0.5 + 0.1 * search.seats, search.seats >= 3)
        if not search.step():
            break
    assert search.best() == (3, pytest.approx(0.8), True)


def test_the_search_ends_where_seats_are_in_vain() -> None:
    search = _Search(1)
    steps = 1
    search.saw(0.6, False)
    while search.step():
        steps += 1
        search.saw(min(0.7, 0.5 + 0.1 * search.seats), False)
    assert steps < 6
    assert search.best() == (2, pytest.approx(0.7), False)


def test_weekdays_differ() -> None:
    rate = np.repeat(np.array([1, 2, 3, 4, 5, 6, 7]) / 3600.0, 96)
    one = world(plan(1), replace(callers(1.0, exponential(60.0)), rate=rate))
    assert demand_of(one, Q)[0].calls_per_hour == pytest.approx(1.0)
    assert demand_of(replace(one, first_weekday=6), Q)[0].calls_per_hour == pytest.approx(7.0)
    assert demand_of(one, Q, 2 * 96)[0].calls_per_hour == pytest.approx(3.0)

"""People, phones and seats in virtual time: nobody is lost, nobody is counted twice."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.ids import QueueId, SeatId
from acd.plan import FloorPlan, Membership, OverflowRung, QueuePlan, RelaxationStep, SeatPlan
from simulators.queue_sim.draws import callers as drawn
from simulators.queue_sim.engine import Simulation
from simulators.queue_sim.figures import outcome
from simulators.queue_sim.tally import ROW, spread
from simulators.queue_sim.world import (
    DAY,
    SLOT,
    SLOTS_A_WEEK,
    Callbacks,
    Kind,
    Manners,
    Outage,
    Redial,
    Surge,
    World,
)
from simulators.workload import Duration
from tests.simulators.queue_sim.worlds import Q, callers, exponential, plan, simulated, world

ENDS = ("answered", "abandoned_queue", "abandoned_ringing", "sent_away", "missed", "unfinished")


def counted(simulation: Simulation, *rows: str) -> float:
    return float(sum(simulation.tally.counts[ROW[row]].sum() for row in rows))


def test_everybody_is_answered_by_many_seats() -> None:
    one = world(plan(30), callers(0.02, exponential(60.0)))
    run = simulated(one)
    assert counted(run, "answered") == len(list(drawn(one, 1, 0))) == counted(run, *ENDS)
    assert counted(run, "wait") == 0


def test_a_day_is_the_same_every_time_and_another_with_another_seed() -> None:
    one = world(plan(3), callers(0.02, exponential(120.0), exponential(60.0)))
    first, again, other = (outcome(one, simulated(one, seed).tally, 0) for seed in (1, 1, 2))
    assert first.figures == again.figures
    assert first.figures != other.figures


def test_steps_do_not_change_anything() -> None:
    one = world(plan(3), callers(0.02, exponential(120.0), exponential(60.0)))
    stepwise = Simulation(one, 1, 0)
    for at in np.arange(1000.0, 2 * DAY, 1000.0):
        stepwise.advance(float(at))
    assert stepwise.done
    assert np.allclose(stepwise.tally.counts, simulated(one).tally.counts)
    assert np.allclose(stepwise.tally.seats, simulated(one).tally.seats)


def test_without_seats_everybody_gives_up_in_time() -> None:
    nobody = np.zeros((SLOTS_A_WEEK, 2), dtype=np.bool_)
    one = world(plan(2), callers(0.01, exponential(60.0), Duration(constant=30.0)), duty=nobody)
    run = simulated(one)
    assert counted(run, "answered") == 0
    assert counted(run, "abandoned_queue") == counted(run, *ENDS) > 500
    assert counted(run, "wait_all") == pytest.approx(30.0 * counted(run, "abandoned_queue"))


def test_who_still_waits_at_the_end_is_counted() -> None:
    nobody = np.zeros((SLOTS_A_WEEK, 1), dtype=np.bool_)
    run = simulated(world(plan(1), callers(0.001, exponential(60.0)), duty=nobody))
    assert counted(run, "unfinished") == counted(run, *ENDS) > 0


def test_seats_count_to_the_end_of_the_last_day() -> None:
    one = world(plan(30), callers(0.02, exponential(60.0)))
    run = simulated(one)
    days = one.length / DAY
    # Day and night on duty: reaching for the phone or speaking, or waiting for a caller, every second of it.
    assert run.tally.seats[:2].sum() == pytest.approx(30 * days * DAY, rel=1e-3)
    assert run.tally.seats[:2].sum(axis=(0, 1))[-1] == pytest.approx(30 * SLOT, rel=1e-3)


def test_a_full_queue_sends_callers_away() -> None:
    one = world(plan(1, max_waiting=2), callers(0.05, exponential(300.0)))
    run = simulated(one)
    assert run.tally.exits.keys() == {"full"}
    assert counted(run, "sent_away") == run.tally.exits["full"] > 1000


def test_duty_is_kept() -> None:
    """Four hours a day one seat, else none: the seat's time adds up to four hours."""
    duty = np.zeros((SLOTS_A_WEEK, 1), dtype=np.bool_)
    duty.reshape(7, 96, 1)[:, 32:48] = True
    one = world(plan(1), callers(0.01, Duration(constant=60.0), Duration(constant=20.0)), duty=duty, days=2)
    run = simulated(one)
    at_work = run.tally.seats[:2].sum(axis=(0, 1)).reshape(2, 96)
    assert at_work[:, 32:48] == pytest.approx(SLOT)
    # Who talks at the end of the duty finishes the conversation.
    assert at_work[:, :32].sum() == 0
    assert at_work[:, 48:].sum() <= 2 * 60.0


def test_an_early_return_takes_back_the_signing_out() -> None:
    """Off duty for a quarter of an hour within one long conversation."""
    duty = np.ones((SLOTS_A_WEEK, 1), dtype=np.bool_)
    duty.reshape(7, 96, 1)[:, 40] = False
    one = world(plan(1), callers(0.01, Duration(constant=3600.0), Duration(constant=10.0)), duty=duty)
    run = simulated(one)
    assert counted(run, "answered") >= 20


def test_unanswered_phones_ring_on_elsewhere_and_come_back() -> None:
    manners = Manners(ring=Duration(constant=2.0), never=0.3, back_after=Duration(constant=30.0))
    one = world(plan(6, ring_for=10.0, rona_after=1), callers(0.02, exponential(60.0)), manners=manners)
    run = simulated(one)
    assert counted(run, "answered") == counted(run, *ENDS)
    waited = run.tally.waits.sum(axis=0)
    assert waited[2] > 0.5 * waited.sum()  # first phone
    assert waited[12] > 0.1 * waited.sum()  # one phone in vain


def test_wrap_up_is_ended_by_hand_or_by_the_queue() -> None:
    for by_hand, expected in ((None, 30.0), (Duration(constant=10.0), 10.0), (Duration(constant=99.0), 30.0)):
        one = world(
            plan(3, wrap_up=30.0), callers(0.01, Duration(constant=60.0)), manners=Manners(wrap_up=by_hand)
        )
        found = outcome(one, simulated(one).tally, 0)
        assert found.figures["all"]["aht"] == pytest.approx(60.0 + expected, rel=1e-3)


def test_who_gave_up_calls_again_and_gets_the_place_back() -> None:
    impatient = callers(0.02, exponential(120.0), exponential(20.0))
    again = replace(impatient, redial=Redial(chance=1.0, after=Duration(constant=30.0), at_most=2))
    without, with_ = simulated(world(plan(2), impatient)), simulated(world(plan(2), again))
    assert counted(with_, *ENDS) > 1.5 * counted(without, *ENDS)
    # A place given back counts from the first visit: some are answered at once on their return.
    assert counted(with_, "answered") > counted(without, "answered")
    most = 3 * counted(without, *ENDS)
    assert counted(with_, *ENDS) <= most


def test_callbacks_hold_the_place_and_are_reached() -> None:
    busy = callers(
        0.02,
        exponential(200.0),
        callbacks=Callbacks(chance=1.0, reached=0.8, ring=Duration(constant=10.0)),
    )
    rules: dict[str, Any] = {"announce_first": 20.0, "announce_every": 20.0, "callback_after": 30.0}
    one = world(plan(3, **rules), busy)
    run = simulated(one)
    found = outcome(one, run.tally, 0)
    assert counted(run, "missed") > 100
    assert counted(run, *ENDS) == len(list(drawn(one, 1, 0)))
    assert 0 < (found.figures["all"]["callback_completion"] or 0.0) <= 1.0


def test_a_lost_prefecture_loses_its_conversations_and_comes_back() -> None:
    lost = Outage(seats=frozenset(map(SeatId, ("s0", "s1", "s2"))), begins=10 * 3600.0, ends=12 * 3600.0)
    one = world(plan(4), callers(0.02, exponential(150.0), exponential(60.0)), outages=(lost,))
    run, whole = simulated(one), simulated(replace(one, outages=()))
    assert 1 <= run.tally.cut_off <= 3
    at_work = run.tally.seats[:2].sum(axis=(0, 1))
    assert at_work[40:48] == pytest.approx(SLOT)
    assert at_work[50:90] == pytest.approx(4 * SLOT)
    assert counted(run, "answered") < counted(whole, "answered")


def test_policies_meet_the_same_people() -> None:
    base = world(plan(4), callers(0.02, exponential(100.0), exponential(60.0)))
    other = world(plan(9, strategy="round_robin"), *base.populations, name="other")
    assert list(drawn(base, 1, 3)) == list(drawn(other, 1, 3))


def test_a_surge_adds_callers_and_leaves_the_others_as_they_were() -> None:
    calm = callers(0.02, exponential(100.0))
    surge = Surge(factor=3.0, begins=9 * 3600.0, ends=12 * 3600.0)
    before = {c.number: c for c in drawn(world(plan(1), calm), 1, 0)}
    after = {c.number: c for c in drawn(world(plan(1), replace(calm, surges=(surge,))), 1, 0)}
    assert all(after[number] == caller for number, caller in before.items())
    more = [c for number, c in after.items() if number not in before]
    assert all(9 * 3600 <= c.at < 12 * 3600 for c in more)
    assert len(more) == pytest.approx(2 * 0.02 * 3 * 3600, rel=0.2)


def test_fewer_callers_are_some_of_the_same() -> None:
    calm = callers(0.02, exponential(100.0))
    fewer = replace(calm, surges=(Surge(factor=0.5, begins=0.0, ends=12 * 3600.0),))
    before = {c.at for c in drawn(world(plan(1), calm), 1, 0)}
    after = {c.at for c in drawn(world(plan(1), fewer), 1, 0)}
    assert after < before
    assert len([at for at in after if at < 12 * 3600]) == pytest.approx(0.5 * 0.02 * 12 * 3600, rel=0.25)


def test_callers_arrive_in_order_although_greetings_differ() -> None:
    one = world(plan(1), callers(0.05, exponential(60.0), flow=exponential(300.0)), days=3)
    times = [caller.at for caller in drawn(one, 1, 0)]
    assert times == sorted(times)
    assert times[-1] > 3 * DAY or len(times) > 10_000


def test_regular_arrivals_are_evenly_spaced() -> None:
    times = [c.at for c in drawn(world(plan(1), callers(0.01, exponential(1.0), regular=True)), 1, 0)]
    assert np.diff(times) == pytest.approx(100.0)


def test_busy_days_differ_more_than_chance() -> None:
    def cv(spread_: float) -> float:
        one = world(plan(1), callers(0.05, exponential(1.0), day_spread=spread_), days=60)
        counts = np.bincount([int(c.at // DAY) for c in drawn(one, 1, 0)], minlength=60)[:60]
        return float(counts.std() / counts.mean())

    assert cv(0.0) < 0.03
    assert cv(0.3) == pytest.approx(0.3, rel=0.35)


# --- whatever the floor, every visit ends once

EXTRAS: list[dict[str, Any]] = [
    {},
    {"max_waiting": 3},
    {"max_wait": 40.0},
    {"unstaffed_exit": 10.0},
    {"strategy": "ring_several", "ring_count": 2},
    {"strategy": "least_occupied", "wrap_up": 20.0},
    {"announce_first": 10.0, "announce_every": 10.0, "callback_after": 5.0},
    {"relaxation": (RelaxationStep(after=15.0, lower=2), RelaxationStep(after=30.0, drop=("bo",)))},
    {
        "overflow": (
            OverflowRung(queue=QueueId("help"), after=20.0),
            OverflowRung(queue=QueueId("help"), unstaffed=True),
        )
    },
]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rules: dict[str, Any] = {"wrap_up": 0.0, "announce_first": None}
    for extra in draw(st.lists(st.sampled_from(EXTRAS), max_size=3)):
        rules |= extra
    seats = draw(st.integers(1, 5))
    floor = FloorPlan(
        queues=(QueuePlan(queue=Q, **rules), QueuePlan(queue=QueueId("help"))),
        seats=tuple(
            SeatPlan(
                seat=SeatId(f"s{n}"),
                skills={"zh": 5, "bo": 3} if n % 2 else {"zh": 9},
                queues=(Membership(queue=QueueId("help")),)
                if n == 0 and seats > 2
                else (Membership(queue=Q),),
            )
            for n in range(seats)
        ),
    )
    duty = np.ones((SLOTS_A_WEEK, seats), dtype=np.bool_)
    for slot in draw(st.lists(st.integers(0, 95), max_size=6)):
        duty.reshape(7, 96, seats)[:, slot, : draw(st.integers(1, seats))] = False
    kinds = tuple(
        Kind(
            name=skill or "any",
            queue=Q,
            skills=skill,
            talk=exponential(draw(st.sampled_from([20.0, 200.0]))),
            patience=draw(
                st.sampled_from([Duration(forever=True), exponential(30.0), Duration(constant=0.0)])
            ),
        )
        for skill in draw(st.lists(st.sampled_from(["", "zh>=6", "bo"]), min_size=1, max_size=3, unique=True))
    )
    population = callers(
        draw(st.sampled_from([0.002, 0.02])),
        exponential(1.0),
        kinds=kinds,
        redial=draw(st.none() | st.just(Redial(chance=0.7, after=exponential(30.0), at_most=2))),
        callbacks=draw(st.none() | st.just(Callbacks(chance=0.7, reached=0.5, ring=exponential(10.0)))),
    )
    manners = Manners(
        ring=draw(st.sampled_from([Duration(constant=0.0), Duration(constant=3.0)])),
        never=draw(st.sampled_from([0.0, 0.2])),
        wrap_up=draw(st.sampled_from([None, exponential(10.0)])),
    )
    outages = (
        (Outage(seats=frozenset({SeatId("s0")}), begins=draw(st.integers(0, 40)) * SLOT, ends=60 * SLOT),)
        if draw(st.booleans())
        else ()
    )
    return world(floor, population, duty=duty, manners=manners, outages=outages)


@settings(max_examples=8, deadline=None)
@given(worlds())
def test_every_visit_ends_once(one: World) -> None:
    run = simulated(one)
    people = len(list(drawn(one, 1, 0)))
    ended = counted(run, *ENDS)
    redial = one.populations[0].redial
    assert people <= ended <= people * (1 if redial is None else 1 + redial.at_most)
    assert not run.tally.counts[ROW["called_back"]].sum() > run.tally.counts[ROW["missed"]].sum()
    # A seat's time never exceeds the clock's.
    assert (run.tally.seats[:2].sum(axis=(0, 1)) <= len(one.plan.seats) * SLOT + 1e-6).all()
    assert (run.tally.seats >= -1e-6).all()


SPANS = st.lists(st.tuples(st.floats(0, 9000), st.floats(0, 5000)), max_size=20)


@given(SPANS)
def test_spans_are_spread_over_their_quarter_hours(spans: list[tuple[float, float]]) -> None:
    begun = np.array([at for at, _ in spans])
    ended = np.array([at + length for at, length in spans])
    slots = 10
    expected = [
        sum(max(0.0, min(e, (n + 1) * SLOT) - max(b, n * SLOT)) for b, e in zip(begun, ended, strict=True))
        for n in range(slots)
    ]
    assert spread(begun, ended, slots) == pytest.approx(expected, abs=1e-6)

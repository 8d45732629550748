"""Erlang B, C and A against published values, against sums over states, and against their identities."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.erlang import (
    MAX_SERVERS,
    ErlangA,
    Target,
    answered_within,
    erlang_b,
    erlang_b_load,
    erlang_b_servers,
    erlang_c,
    halfin_whitt,
    mean_wait,
    seats_needed,
    waiting_c,
)

SEATS = st.integers(1, 300)
LOADS = st.floats(0.05, 400)
TIMES = st.floats(1.0, 3600.0)


@pytest.mark.parametrize(("servers", "load", "lost"), [(10, 5.0, 0.0183846), (45, 100 / 3, 0.009654)])
def test_erlang_b(servers: int, load: float, lost: float) -> None:
    assert erlang_b(servers, load) == pytest.approx(lost, rel=5e-5)


@pytest.mark.parametrize(
    ("servers", "load"), [(5, 1.3608), (10, 4.4612), (20, 12.0306), (50, 37.9014), (100, 84.0642)]
)
def test_load_at_one_per_cent_loss(servers: int, load: float) -> None:
    assert erlang_b_load(servers, 0.01) == pytest.approx(load, abs=5e-5)


@given(SEATS, LOADS)
def test_erlang_b_is_its_recursion(servers: int, load: float) -> None:
    lost = 1.0
    for n in range(1, servers + 1):
        lost = load * lost / (n + load * lost)
    assert erlang_b(servers, load) == pytest.approx(lost, rel=1e-9, abs=1e-300)


@given(LOADS, st.floats(0.001, 0.5))
def test_the_fewest_servers_for_a_loss(load: float, blocking: float) -> None:
    servers = erlang_b_servers(load, blocking)
    # Two ways to reckon the same loss differ in the last digit: a load of 0.5 on one server loses a third.
    assert erlang_b(servers, load) <= blocking * (1 + 1e-12)
    assert servers == 0 or erlang_b(servers - 1, load) > blocking * (1 - 1e-12)


@pytest.mark.parametrize(
    ("servers", "waits", "within_20", "asa"),
    [
        (11, 0.682118, 0.389614, 122.781),
        (12, 0.449388, 0.640158, 40.445),
        (13, 0.285270, 0.795595, 17.116),
        (14, 0.174132, 0.888350, 7.836),
        (15, 0.102042, 0.941453, 3.674),
    ],
)
def test_erlang_c(servers: int, waits: float, within_20: float, asa: float) -> None:
    assert erlang_c(servers, 10.0) == pytest.approx(waits, abs=1e-6)
    assert answered_within(servers, 10.0, 180.0, 20.0) == pytest.approx(within_20, abs=1e-6)
    assert mean_wait(servers, 10.0, 180.0) == pytest.approx(asa, abs=1e-3)


def test_erlang_c_of_55_seats() -> None:
    assert erlang_c(55, 48.0) == pytest.approx(0.2387, abs=5e-5)
    assert mean_wait(55, 48.0, 240.0) == pytest.approx(8.184, abs=5e-4)
    assert answered_within(55, 48.0, 240.0, 15.0) == pytest.approx(0.8459, abs=5e-5)


def test_an_overloaded_queue_grows_without_end() -> None:
    assert erlang_c(10, 10.0) == 1.0
    assert mean_wait(10, 10.0, 60.0) == math.inf
    assert answered_within(10, 12.0, 60.0, 20.0) == 0.0
    assert waiting_c(10, 12.0, 60.0).occupancy == 1.0


def test_erlang_a_of_50_seats() -> None:
    system = ErlangA(50, 48.0, 60.0, 120.0).waiting()
    assert system.waits == pytest.approx(0.467774, abs=1e-6)
    assert system.abandons == pytest.approx(0.0309122, abs=1e-7)
    assert system.mean_wait == pytest.approx(3.7095, abs=5e-5)
    assert system.queue == pytest.approx(2.9676, abs=5e-5)
    assert system.occupancy == pytest.approx(0.930324, abs=1e-6)


def test_erlang_a_of_13_seats() -> None:
    system = ErlangA(13, 10.0, 180.0, 300.0).waiting()
    assert system.waits == pytest.approx(0.225797, abs=1e-6)
    assert system.abandons == pytest.approx(0.0249633, abs=1e-7)
    assert system.mean_wait / 60 == pytest.approx(0.124817, abs=1e-6)


def by_states(servers: int, load: float, aht: float, patience: float) -> tuple[float, float, float]:
    """P(wait), mean number waiting and mean number busy of M/M/n+M, summed over its states."""
    rate, weight, most = load / aht, 1.0, 1.0
    weights = [weight]
    while len(weights) <= servers or weight > 1e-18 * most:
        state = len(weights)
        weight *= rate / (min(state, servers) / aht + max(0, state - servers) / patience)
        weights.append(weight)
        most = max(most, weight)
        if weight > 1e200:
            weights = [one / weight for one in weights]
            weight = most = 1.0
    total = sum(weights)
    return (
        sum(weights[servers:]) / total,
        sum((state - servers) * one for state, one in enumerate(weights) if state > servers) / total,
        sum(min(state, servers) * one for state, one in enumerate(weights)) / total,
    )


@given(st.integers(1, 120), st.floats(0.1, 150), st.floats(10, 600), st.floats(10, 3600))
def test_erlang_a_is_the_sum_over_its_states(servers: int, load: float, aht: float, patience: float) -> None:
    system = ErlangA(servers, load, aht, patience).waiting()
    waits, queue, busy = by_states(servers, load, aht, patience)
    assert system.waits == pytest.approx(waits, rel=1e-6, abs=1e-12)
    assert system.queue == pytest.approx(queue, rel=1e-6, abs=1e-12)
    assert system.occupancy == pytest.approx(busy / servers, rel=1e-6, abs=1e-12)


@given(SEATS, LOADS, TIMES, TIMES)
def test_erlang_a_keeps_its_identities(servers: int, load: float, aht: float, patience: float) -> None:
    system = ErlangA(servers, load, aht, patience)
    waiting = system.waiting()
    # Who waits hangs up at the rate 1/patience; what comes in is answered or hangs up.
    assert waiting.abandons == pytest.approx(waiting.mean_wait / patience, rel=1e-6, abs=1e-9)
    assert waiting.occupancy * servers + waiting.abandons * load == pytest.approx(load, rel=1e-6)
    assert waiting.queue == pytest.approx(load / aht * waiting.mean_wait, rel=1e-9, abs=1e-12)
    # In the end everybody is answered or has hung up; at first only who needn't wait is answered.
    assert system.answered_within(math.inf) == pytest.approx(1 - waiting.abandons, rel=1e-6, abs=1e-9)
    assert system.answered_within(0.0) == pytest.approx(1 - waiting.waits, rel=1e-9, abs=1e-9)


@given(st.integers(2, 200), st.floats(0.3, 0.97), TIMES)
def test_endless_patience_is_erlang_c(servers: int, share: float, aht: float) -> None:
    load = servers * share
    system = ErlangA(servers, load, aht, 1e7 * aht)
    assert system.waits == pytest.approx(erlang_c(servers, load), rel=1e-3, abs=1e-9)
    assert system.answered_within(20.0) == pytest.approx(
        answered_within(servers, load, aht, 20.0), rel=1e-3, abs=1e-6
    )


def test_no_patience_is_erlang_b() -> None:
    system = ErlangA(10, 5.0, 180.0, 1e-6)
    assert system.waiting().abandons == pytest.approx(erlang_b(10, 5.0), rel=1e-4)


@pytest.mark.parametrize("load", [8_000.0, 9_900.0, 10_000.0, 15_000.0])
def test_ten_thousand_seats(load: float) -> None:
    system = ErlangA(10_000, load, 180.0, 120.0)
    assert 0 <= system.abandons < 1
    assert system.occupancy == pytest.approx(min(1.0, load / 10_000), abs=0.01)
    assert system.abandons == pytest.approx(system.mean_wait / 120.0, rel=1e-6, abs=1e-9)
    assert 0 < erlang_b(10_000, load) < 1


@pytest.mark.parametrize(
    ("beta", "limit"), [(0.25, 0.720932), (0.5, 0.504539), (1, 0.223361), (1.5, 0.084690), (2, 0.026881)]
)
def test_halfin_whitt(beta: float, limit: float) -> None:
    assert halfin_whitt(beta) == pytest.approx(limit, abs=1e-6)
    load = 10_000 - beta * 100
    assert erlang_c(10_000, load) == pytest.approx(limit, abs=0.01)


def test_far_more_seats_than_load_is_a_limit_of_zero() -> None:
    assert halfin_whitt(37.0) < 1e-290
    assert halfin_whitt(600.0) == 0.0


@pytest.mark.parametrize(("calls_per_hour", "seats"), [(150, 15), (300, 25), (900, 64)])
def test_seats_of_the_plan(calls_per_hour: int, seats: int) -> None:
    """AHT 210 s, 95 % in 15 s."""
    assert seats_needed(calls_per_hour * 210 / 3600, 210.0, Target.parse("95/15")) == seats


@given(LOADS, TIMES, st.floats(0.5, 0.99), st.floats(0, 120), st.sampled_from([None, 60.0, 600.0]))
def test_seats_needed_are_enough_and_no_more(
    load: float, aht: float, share: float, seconds: float, patience: float | None
) -> None:
    def level(seats: int) -> float:
        if patience is None:
            return answered_within(seats, load, aht, seconds)
        return ErlangA(seats, load, aht, patience).answered_within(seconds)

    seats = seats_needed(load, aht, Target(share=share, seconds=seconds), patience)
    assert level(seats) >= share
    assert seats == 1 or level(seats - 1) < share


def test_people_are_not_to_be_too_busy() -> None:
    loose = seats_needed(1000.0, 180.0, Target(share=0.8, seconds=20))
    calm = seats_needed(1000.0, 180.0, Target(share=0.8, seconds=20, most_occupancy=0.85))
    assert loose < calm == math.ceil(1000 / 0.85)


def test_few_hang_up() -> None:
    target = Target(share=0.01, seconds=0, most_abandons=0.02)
    seats = seats_needed(100.0, 180.0, target, 120.0)
    assert ErlangA(seats, 100.0, 180.0, 120.0).abandons <= 0.02
    assert ErlangA(seats - 1, 100.0, 180.0, 120.0).abandons > 0.02


@pytest.mark.parametrize("text", ["95", "95/", "/15", "0/15", "100/15", "95/-1", "nan/1", "a/b", "95/15/2"])
def test_targets_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="target"):
        Target.parse(text)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: erlang_b(-1, 1.0),
        lambda: erlang_b(MAX_SERVERS + 1, 1.0),
        lambda: erlang_b(5, -1.0),
        lambda: erlang_b(5, math.nan),
        lambda: erlang_b_load(5, 1.0),
        lambda: erlang_b_servers(5.0, 0.0),
        lambda: ErlangA(5, 1.0, 60.0, 0.0),
        lambda: ErlangA(0, 1.0, 60.0, 10.0),
        lambda: seats_needed(1e9, 60.0, Target(share=0.9, seconds=20)),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"must|between"):
        wrong()  # type: ignore[operator]


def test_nobody_calls() -> None:
    assert erlang_b(0, 0.0) == 1.0
    assert erlang_b(3, 0.0) == 0.0
    assert erlang_c(3, 0.0) == 0.0
    assert erlang_b(0, 1.0) == 1.0
    assert seats_needed(0.0, 60.0, Target(share=0.9, seconds=20)) == 0

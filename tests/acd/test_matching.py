"""The index against a plain look at everybody, on random floors."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from acd.agent import Seat
from acd.events import CallerLeft, ContactEnded, SeatNotReadied, SeatReadied, WrapUpFinished
from acd.ids import QueueId, SeatId
from acd.matching import best_entry, best_seat, group_key
from acd.plan import Membership, SeatPlan
from acd.queue import Entry
from simulators.bench_floor import scan_for_caller, scan_for_seat
from simulators.bench_population import Population, Size
from tests.acd.floors import Q


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_index_and_scan_agree(seed: int) -> None:
    people = Population(Size(seats=30, queues=3, groups=10, waiting=60), seed)
    dice, floor, state = random.Random(seed), people.floor, people.state
    people.sign_in(people.seats)
    for _ in range(300):
        people.now += dice.choice((0.01, 1.0, 8.0))
        people.answer(floor.tick(people.now))
        seat = dice.choice(floor.seats())
        if dice.random() < 0.6:
            people.answer(people.arrive())
        elif seat.state == "talking" and seat.call is not None:
            floor.handle(ContactEnded(seat=seat.seat, call=seat.call), people.now)
        elif seat.state == "wrap_up":
            people.answer(floor.handle(WrapUpFinished(seat=seat.seat), people.now))
        elif seat.state == "ready":
            floor.handle(SeatNotReadied(seat=seat.seat, reason="tea"), people.now)
        elif seat.state == "not_ready":
            people.answer(floor.handle(SeatReadied(seat=seat.seat), people.now))
        elif state.entries:
            floor.handle(CallerLeft(call=dice.choice(list(state.entries))), people.now)
        looked_at = state.seats[seat.seat]
        scanned = scan_for_caller(looked_at, state.entries.values(), people.now)
        assert key(scanned) == key(best_entry(looked_at, people.now))
        for queue in state.queues.values():
            for cls in queue.classes.values():
                idle = scan_for_seat(cls, state.seats.values())
                assert since(idle) == since(best_seat(cls, state.board))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_who_was_just_let_go_is_passed_over_in_order(seed: int) -> None:
    """Many callers of one class, of mixed priorities, whom the one free seat has let go."""
    people = Population(Size(seats=10, queues=1, groups=1, waiting=60), seed)
    dice, floor, state = random.Random(seed), people.floor, people.state
    for arrival in people.arrivals(60):
        people.now += 0.5
        floor.handle(replace(arrival, priority=dice.choice((0, 0, 0, 2, 5)), skills=""), people.now)
    for call in dice.sample(sorted(state.entries), 20):
        floor.handle(CallerLeft(call=call), people.now)
    seat = next(iter(state.seats.values()))
    for entry in state.entries.values():
        entry.last_seat = seat if dice.random() < 0.5 else None
    for cls in state.queues[QueueId("q0")].classes.values():
        free = [entry for entry in cls.entries() if entry.last_seat is not seat]
        assert cls.first_for(seat) is (free[0] if free else None)
        for entry in cls.entries():
            entry.last_seat = seat
        assert cls.first_for(seat) is None


def key(entry: Entry | None) -> float | None:
    """Ties may be broken differently."""
    return entry.key if entry is not None else None


def since(seat: Seat | None) -> float | None:
    return seat.idle_since if seat is not None else None


def test_groups_ignore_order_and_level_zero() -> None:
    one = SeatPlan(seat=SeatId("a"), skills={"x": 1, "y": 2, "z": 0}, queues=(Membership(queue=Q),))
    two = SeatPlan(seat=SeatId("b"), skills={"y": 2, "x": 1}, queues=(Membership(queue=Q),))
    three = SeatPlan(seat=SeatId("c"), skills={"y": 2, "x": 1}, queues=(Membership(queue=Q, tier=2),))
    assert group_key(one) == group_key(two) != group_key(three)


def test_idle_seats_that_come_and_go_leave_no_waste() -> None:
    people = Population(Size(seats=20, queues=1, groups=1, waiting=10), 1)
    people.sign_in(people.seats)
    people.answer(people.arrive())
    seats = [seat.seat for seat in people.floor.seats() if seat.state == "ready"]
    for n in range(5_000):
        seat = seats[1 + n % (len(seats) - 1)]
        people.now += 1.0
        people.floor.handle(SeatNotReadied(seat=seat, reason="tea"), people.now)
        people.floor.handle(SeatReadied(seat=seat), people.now)
    for pool in people.state.board.pools:
        assert len(pool.heap) <= 2 * pool.size + 33


def test_callers_who_come_and_go_leave_no_waste() -> None:
    people = Population(Size(seats=10, queues=1, groups=1, waiting=10), 1)
    first = people.arrivals(1)[0]
    people.floor.handle(first, people.now)
    for _ in range(5_000):
        event = people.arrivals(1)[0]
        people.floor.handle(event, people.now)
        people.floor.handle(CallerLeft(call=event.call), people.now)
    for cls in people.state.board.classes:
        assert len(cls.row) + len(cls.early) <= 2 * cls.live + 33
    assert len(people.state.agenda) < 10_000
    assert len(people.floor.missed()) == 5_000

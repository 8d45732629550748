"""A live edit of the plan: nobody loses a place, whoever talks finishes."""

from dataclasses import replace

import pytest

from acd.events import ContactEnded, OfferAnswered, SeatReadied
from acd.floor import Floor
from acd.ids import CallId, QueueId, SeatId
from acd.plan import FloorPlan, Membership, OverflowRung, QueuePlan, RelaxationStep, SeatPlan
from tests.acd.floors import (
    S1,
    S2,
    Q,
    call,
    enqueue,
    exits,
    offered,
    offers,
    ready,
    small_floor,
    small_plan,
    withdrawn,
)


def test_places_survive_and_new_skills_count_at_once() -> None:
    floor = small_floor(2)
    for n in (1, 2, 3):
        enqueue(floor, n, float(n), skills="law" if n == 2 else "nobody")
    ready(floor, S1, S2, now=5.0)
    assert floor.seat(S1).state == "ready"
    plan = small_plan(2)
    plan = replace(plan, seats=(replace(plan.seats[0], skills={"law": 3}), plan.seats[1]))
    assert offered(floor.change_plan(plan, 10.0)) == [("c2", "s1")]
    assert [floor.position(call(n)) for n in (1, 3)] == [1, 2]


def test_who_talks_at_a_removed_seat_finishes() -> None:
    floor = small_floor(2)
    ready(floor, S1, S2)
    (talk,) = offers(enqueue(floor, 1, 0.0))
    floor.handle(OfferAnswered(offer=talk.offer), 1.0)
    (ring,) = offers(enqueue(floor, 2, 2.0))
    plan = small_plan(2)
    other = SeatPlan(seat=SeatId("new"), queues=(Membership(queue=Q),))
    out = floor.change_plan(replace(plan, seats=(other,)), 3.0)
    assert withdrawn(out) == [(ring.seat, "seat_lost")]
    assert [s.seat for s in floor.seats()] == [talk.seat, "new"]
    assert floor.position(call(2)) == 1
    floor.handle(ContactEnded(seat=talk.seat, call=call(1)), 60.0)
    assert floor.seat(talk.seat).state == "wrap_up"
    floor.tick(90.0)
    assert [s.seat for s in floor.seats()] == ["new"]
    assert offered(ready(floor, SeatId("new"), now=91.0)) == [("c2", "new")]


def test_callers_of_a_removed_queue_go_back_to_their_flow() -> None:
    gone = QueueId("gone")
    both = FloorPlan(
        queues=(QueuePlan(queue=Q), QueuePlan(queue=gone)),
        seats=(SeatPlan(seat=S1, queues=(Membership(queue=Q), Membership(queue=gone))),),
    )
    floor = Floor(both, 0.0)
    ready(floor, S1)
    enqueue(floor, 1, 0.0, queue=gone)
    enqueue(floor, 2, 1.0, queue=gone)
    enqueue(floor, 3, 2.0)
    out = floor.change_plan(small_plan(1), 3.0)
    assert exits(out) == [("c1", "queue_removed"), ("c2", "queue_removed")]
    assert withdrawn(out) == [("s1", "caller_left")]
    assert offered(out) == [("c3", "s1")]


def test_relaxation_and_overflow_of_the_new_plan_apply_to_who_waits() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    enqueue(floor, 1, 0.0, skills="law")
    plan = small_plan(1, relaxation=(RelaxationStep(after=30.0, drop=("law",)),))
    assert offered(floor.change_plan(plan, 10.0)) == []
    assert floor.next_deadline() == 20.0
    floor.tick(20.0)
    assert offered(floor.tick(30.0)) == [("c1", "s1")]


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        (small_plan(1, strategy="astrology"), "unknown strategy"),
        (replace(small_plan(1), queues=small_plan(1).queues * 2), "used twice"),
        (replace(small_plan(1), seats=small_plan(1).seats * 2), "used twice"),
        (replace(small_plan(1), queues=()), "unknown queue"),
        (small_plan(1, overflow=(OverflowRung(queue=QueueId("x"), after=1.0),)), "unknown queue"),
        (small_plan(1, relaxation=(RelaxationStep(after=9.0), RelaxationStep(after=9.0))), "relaxation"),
        (small_plan(1, weight=0.0), "weight"),
        (small_plan(1, announce_every=0.0), "announce_every"),
    ],
)
def test_a_plan_that_contradicts_itself_changes_nothing(plan: FloorPlan, complaint: str) -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0)
    before = (floor.seats(), floor.queues(), floor.next_deadline())
    with pytest.raises(ValueError, match=complaint):
        floor.change_plan(plan, 1.0)
    assert (floor.seats(), floor.queues(), floor.next_deadline()) == before
    with pytest.raises(ValueError, match=complaint):
        Floor(plan, 0.0)


def test_a_seat_moves_between_groups_while_idle_and_while_ringing() -> None:
    floor = small_floor(2)
    ready(floor, S1, S2)
    (ring,) = offers(enqueue(floor, 1, 0.0))
    plan = small_plan(2)
    plan = replace(plan, seats=tuple(replace(seat, skills={"zh": 1}) for seat in plan.seats))
    assert floor.change_plan(plan, 1.0) == []
    floor.handle(OfferAnswered(offer=ring.offer), 2.0)
    assert floor.seat(ring.seat).state == "talking"
    assert [c for c, _ in offered(enqueue(floor, 2, 3.0, skills="zh"))] == ["c2"]
    floor.handle(ContactEnded(seat=ring.seat, call=call(1)), 4.0)
    floor.handle(SeatReadied(seat=ring.seat), 5.0)
    assert [s for _, s in offered(enqueue(floor, 3, 6.0, skills="zh"))] == [ring.seat]
    assert floor.position(CallId("c3")) == 1

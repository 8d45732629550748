"""What a floor leaves, the next one has: callbacks with places, missed calls, seats, counters."""

import pytest
from msgspec.structs import replace

from acd.commands import CallbackClosed, CallbackDial, OfferMade
from acd.events import (
    CallbackAsked,
    CallbackReached,
    CallerLeft,
    ContactEnded,
    OfferAnswered,
    Refused,
    SeatNotReadied,
    SeatReachable,
    SeatReadied,
    SeatSignedIn,
    SeatSignedOut,
)
from acd.floor import Floor
from acd.ids import AgentId, CallId, OfferId, QueueId
from acd.plan import FloorPlan, QueuePlan
from tests.acd.floors import S1, S2, Q, call, enqueue, offered, ready, small_floor

BACK, OTHER = CallId("back"), QueueId("other")


def next_floor(floor: Floor, now: float, plan: FloorPlan | None = None) -> tuple[Floor, list[object]]:
    """The floor of the next process, and what it says of it."""
    after = Floor(plan or floor._state.plan, now)
    return after, list(after.handle(floor.keep(now), now))


def open_offer(floor: Floor) -> OfferId:
    return next(iter(floor._state.offers))


def promised(floor: Floor, n: int, now: float, number: str = "13800000000") -> None:
    floor.handle(CallbackAsked(call=call(n), callback=BACK, number=number), now)


def test_a_callback_keeps_its_place_and_ends_once() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0, identity="p1")
    enqueue(floor, 2, 1.0, identity="p2")
    enqueue(floor, 3, 2.0, identity="p3")
    promised(floor, 2, 5.0)
    after, said = next_floor(floor, 100.0)
    assert [(c.callback, c.number, c.state, c.asked) for c in after.callbacks()] == [
        (BACK, "13800000000", "waiting", 5.0)
    ]
    assert not [one for one in said if isinstance(one, CallbackClosed | OfferMade)]
    # The first and the third are asked in again: each has the old place back.
    enqueue(after, 11, 110.0, identity="p1")
    enqueue(after, 13, 110.0, identity="p3")
    assert [after.position(c) for c in (call(11), BACK, call(13))] == [1, 2, 3]
    served = []
    for now in (120.0, 140.0):
        out = ready(after, S1, now=now) if now == 120.0 else after.handle(SeatReadied(seat=S1), now)
        offer = next(one for one in out if isinstance(one, OfferMade))
        served.append(offer.call)
        answer = after.handle(OfferAnswered(offer=offer.offer), now)
        if offer.call == BACK:
            assert [one.number for one in answer if isinstance(one, CallbackDial)] == ["13800000000"]
            closed = after.handle(CallbackReached(call=BACK), now + 1)
            assert [one.outcome for one in closed if isinstance(one, CallbackClosed)] == ["reached"]
        after.handle(ContactEnded(seat=S1, call=offer.call), now + 5)
    assert served == [call(11), BACK]
    assert after.callbacks() == ()


def test_who_has_a_callback_and_calls_in_is_not_called_back() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0, identity="p1")
    promised(floor, 1, 5.0)
    after, _ = next_floor(floor, 50.0)
    out = enqueue(after, 2, 60.0, identity="p1")
    assert [one.outcome for one in out if isinstance(one, CallbackClosed)] == ["called_in"]


def test_a_cut_attempt_counts_and_is_made_again_later() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0, identity="p1")
    promised(floor, 1, 5.0)
    offer = next(one for one in ready(floor, S1, now=6.0) if isinstance(one, OfferMade))
    floor.handle(OfferAnswered(offer=offer.offer), 7.0)
    assert floor.callbacks()[0].state == "dialling"
    after, _ = next_floor(floor, 10.0)
    kept = after.callbacks()[0]
    assert (kept.state, kept.attempts, kept.due) == ("paused", 1, 610.0)
    again, _ = next_floor(after, 20.0)
    assert again.callbacks()[0].due == 610.0, "a pause is not prolonged by another restart"
    assert again.seat(S1).state == "wrap_up"
    again.handle(SeatReachable(seat=S1), 21.0)
    again.tick(60.0)
    assert offered(again.tick(610.0)) == [(BACK, S1)]


def test_the_last_attempt_cut_off_closes_it() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0, identity="p1")
    promised(floor, 1, 5.0)
    kept = floor.keep(6.0)
    last = replace(kept, callbacks=(replace(kept.callbacks[0], state="dialling", attempts=3),))
    after = Floor(floor._state.plan, 10.0)
    out = after.handle(last, 10.0)
    assert [one.outcome for one in out if isinstance(one, CallbackClosed)] == ["unreached"]
    assert after.callbacks() == ()


def test_a_callback_of_a_queue_that_is_gone_is_closed() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0, identity="p1")
    promised(floor, 1, 5.0)
    plan = FloorPlan(seats=(), queues=(QueuePlan(queue=OTHER),))
    after, said = next_floor(floor, 10.0, plan)
    assert [one.outcome for one in said if isinstance(one, CallbackClosed)] == ["queue_removed"]
    assert after.callbacks() == after.missed() == ()


def test_missed_calls_stay_until_they_are_too_old() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0, identity="p1")
    floor.handle(CallerLeft(call=call(1)), 10.0)
    after, _ = next_floor(floor, 5_000.0)
    assert [missed.call for missed in after.missed()] == [call(1)]
    assert next_floor(floor, 10.0 + 86_400)[0].missed() == ()


def test_seats_are_found_as_they_were_left() -> None:
    floor = small_floor(2)
    ready(floor, S1, now=0.0)
    floor.handle(SeatReachable(seat=S2), 0.0)
    floor.handle(SeatSignedIn(seat=S2, agent=AgentId("zhao")), 0.0)
    floor.handle(SeatNotReadied(seat=S2, reason="lunch"), 1.0)
    after, _ = next_floor(floor, 10.0)
    shown = [(after.seat(s).state, after.seat(s).reason) for s in (S1, S2)]
    assert shown == [("not_ready", "phone_lost"), ("not_ready", "lunch")]
    assert after.seat(S2).agent == "zhao"
    for seat in (S1, S2):
        after.handle(SeatReachable(seat=seat), 11.0)
    assert [after.seat(s).state for s in (S1, S2)] == ["ready", "not_ready"]
    after.handle(SeatSignedOut(seat=S1), 12.0)
    with pytest.raises(Refused, match="sign out there first"):
        after.handle(SeatSignedIn(seat=S1, agent=AgentId("zhao")), 12.0)


@pytest.mark.parametrize(("now", "state"), [(12.0, "wrap_up"), (39.9, "wrap_up"), (41.0, "not_ready")])
def test_wrap_up_ends_when_it_would_have(now: float, state: str) -> None:
    floor = small_floor(1)
    ready(floor, S1, now=0.0)
    enqueue(floor, 1, 1.0)
    floor.handle(OfferAnswered(offer=open_offer(floor)), 2.0)
    floor.handle(ContactEnded(seat=S1, call=call(1)), 10.0)
    assert floor.seat(S1).until == 40.0
    after, _ = next_floor(floor, now)
    assert after.seat(S1).state == state
    after.handle(SeatReachable(seat=S1), now)
    after.tick(max(now, 40.0))
    assert after.seat(S1).state == "ready"


def test_a_seat_whose_call_was_cut_wraps_up_and_its_wish_is_honoured() -> None:
    floor = small_floor(1)
    ready(floor, S1, now=0.0)
    enqueue(floor, 1, 1.0)
    floor.handle(OfferAnswered(offer=open_offer(floor)), 2.0)
    floor.handle(SeatNotReadied(seat=S1, reason="tea"), 3.0)
    after, _ = next_floor(floor, 100.0)
    assert (after.seat(S1).state, after.seat(S1).until, after.seat(S1).next_state) == (
        "wrap_up",
        130.0,
        "not_ready",
    )
    after.tick(130.0)
    assert (after.seat(S1).state, after.seat(S1).reason) == ("not_ready", "tea")


def test_who_was_being_signed_out_stays_out() -> None:
    floor = small_floor(1)
    ready(floor, S1, now=0.0)
    enqueue(floor, 1, 1.0)
    floor.handle(OfferAnswered(offer=open_offer(floor)), 2.0)
    floor.handle(SeatSignedOut(seat=S1, forced=True, by="li"), 3.0)
    after, _ = next_floor(floor, 100.0)
    assert after.seat(S1).state == "logged_out"
    assert after.seat(S1).agent is None


def test_the_day_goes_on_counting() -> None:
    floor = small_floor(1)
    ready(floor, S1, now=0.0)
    for n in range(10):
        enqueue(floor, n, 100.0 * n)
        floor.handle(OfferAnswered(offer=open_offer(floor)), 100.0 * n + 2)
        floor.handle(ContactEnded(seat=S1, call=call(n)), 100.0 * n + 20)
        floor.tick(100.0 * n + 60)
    after, _ = next_floor(floor, 2_000.0)
    before, now = floor.queue(Q), after.queue(Q)
    assert (now.offered, now.answered, now.answered_in_target) == (10, 10, 10)
    assert now.answered == before.answered
    assert after._state.queues[Q].handling.mean == floor._state.queues[Q].handling.mean is not None


def test_a_running_floor_takes_up_nothing() -> None:
    floor = small_floor(1)
    ready(floor, S1, now=0.0)
    kept = floor.keep(1.0)
    with pytest.raises(Refused) as refusal:
        floor.handle(kept, 2.0)
    assert refusal.value.reason == "not_fresh"
    assert floor.seat(S1).state == "ready"

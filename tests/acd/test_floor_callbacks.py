"""A callback keeps the place, has one outcome, and nobody is called twice."""

import pytest

from acd.commands import CallbackClosed, CallbackDial, CallbackOpened, FloorOutput
from acd.events import (
    CallbackAsked,
    CallbackCancelled,
    CallbackFailed,
    CallbackReached,
    CallerLeft,
    ContactEnded,
    OfferAnswered,
    Refused,
)
from acd.floor import Floor
from acd.ids import CallId
from tests.acd.floors import S1, S2, call, enqueue, exits, offered, ready, run_until, small_floor, withdrawn

BACK = CallId("back")


def closed(outputs: list[FloorOutput]) -> list[tuple[str, str, int]]:
    return [(o.call, o.outcome, o.attempts) for o in outputs if isinstance(o, CallbackClosed)]


def dials(outputs: list[FloorOutput]) -> list[tuple[str, str, int]]:
    return [(o.call, o.number, o.attempt) for o in outputs if isinstance(o, CallbackDial)]


def waiting_callback(floor: Floor, *, identity: str = "p") -> None:
    """c1 waits, asks for a callback and hangs up."""
    enqueue(floor, 1, 0.0, identity=identity)
    enqueue(floor, 2, 1.0)
    out = floor.handle(CallbackAsked(call=call(1), callback=BACK, number="13800000000"), 5.0)
    assert exits(out) == [("c1", "callback")]
    assert [o.origin for o in out if isinstance(o, CallbackOpened)] == ["c1"]
    assert floor.handle(CallerLeft(call=call(1)), 6.0) == []


def accept(floor: Floor, now: float) -> list[FloorOutput]:
    (offer,) = floor._state.offers
    return floor.handle(OfferAnswered(offer=offer), now)


def test_reached_at_its_old_place() -> None:
    floor = small_floor(1)
    waiting_callback(floor)
    assert floor.position(BACK) == 1
    assert offered(ready(floor, S1, now=10.0)) == [(BACK, "s1")]
    assert dials(accept(floor, 12.0)) == [(BACK, "13800000000", 1)]
    assert closed(floor.handle(CallbackReached(call=BACK), 15.0)) == [(BACK, "reached", 1)]
    assert floor.seat(S1).state == "talking"
    out = floor.handle(ContactEnded(seat=S1, call=BACK), 60.0)
    assert closed(out) == []
    assert floor.seat(S1).state == "wrap_up"


def test_three_attempts_then_one_outcome() -> None:
    floor = small_floor(1)
    waiting_callback(floor)
    floor.handle(CallerLeft(call=call(2)), 7.0)
    ready(floor, S1, now=10.0)
    now, outcomes = 10.0, []
    for attempt in (1, 2, 3):
        assert dials(accept(floor, now)) == [(BACK, "13800000000", attempt)]
        out = floor.handle(CallbackFailed(call=BACK, cause="no answer"), now + 20.0)
        outcomes += closed(out)
        assert floor.seat(S1).state == "ready"
        if attempt < 3:
            now += 20.0 + 600.0
            assert offered(run_until(floor, now - 0.1)) == []
            assert offered(run_until(floor, now)) == [(BACK, "s1")]
    assert outcomes == [(BACK, "unreached", 3)]
    assert floor.next_deadline() is None
    with pytest.raises(Refused):
        floor.handle(CallbackCancelled(call=BACK), now + 100.0)


def test_seat_that_hangs_up_before_the_person_answers_counts_as_an_attempt() -> None:
    floor = small_floor(1)
    waiting_callback(floor)
    ready(floor, S1, now=10.0)
    accept(floor, 10.0)
    floor.handle(ContactEnded(seat=S1, call=BACK), 11.0)
    assert floor.handle(CallbackReached(call=BACK), 12.0) == []
    assert floor.position(BACK) is None
    out = run_until(floor, 611.0)
    assert floor.position(BACK) == 1
    assert closed(out) == []


def test_who_calls_in_again_has_the_place_and_is_not_called() -> None:
    floor = small_floor(1)
    waiting_callback(floor)
    out = enqueue(floor, 9, 50.0, identity="p")
    assert closed(out) == [(BACK, "called_in", 0)]
    assert floor.position(call(9)) == 1
    assert floor.position(BACK) is None
    assert offered(ready(floor, S1, now=60.0)) == [("c9", "s1")]


def test_who_calls_in_while_being_dialled_is_not_dialled_again() -> None:
    floor = small_floor(1)
    waiting_callback(floor)
    ready(floor, S1, now=10.0)
    accept(floor, 10.0)
    assert closed(enqueue(floor, 9, 11.0, identity="p")) == []
    assert closed(floor.handle(CallbackFailed(call=BACK, cause="busy"), 12.0)) == [(BACK, "called_in", 1)]


def test_called_in_while_a_seat_rings_for_the_callback() -> None:
    floor = small_floor(1)
    waiting_callback(floor)
    ready(floor, S1, now=10.0)
    out = enqueue(floor, 9, 11.0, identity="p")
    assert closed(out) == [(BACK, "called_in", 0)]
    assert withdrawn(out) == [("s1", "caller_left")]


def test_misuse_is_refused_and_changes_nothing() -> None:
    floor = small_floor(1, floor={"callback_limit": 2})
    waiting_callback(floor)
    enqueue(floor, 3, 7.0, identity="p")  # takes the callback's place
    floor.handle(CallbackAsked(call=call(3), callback=BACK, number="1"), 8.0)
    enqueue(floor, 4, 9.0)
    cases = {
        "no_number": CallbackAsked(call=call(4), callback=CallId("x"), number=""),
        "not_waiting": CallbackAsked(call=call(77), callback=CallId("x"), number="1"),
        "callback_exists": CallbackAsked(call=call(4), callback=BACK, number="1"),
    }
    for reason, event in cases.items():
        with pytest.raises(Refused) as refusal:
            floor.handle(event, 10.0)
        assert refusal.value.reason == reason
    floor.handle(CallbackAsked(call=call(4), callback=CallId("x"), number="1"), 11.0)
    with pytest.raises(Refused) as refusal:
        floor.handle(CallbackAsked(call=call(2), callback=CallId("y"), number="1"), 12.0)
    assert refusal.value.reason == "callback_exists"
    with pytest.raises(Refused) as refusal:
        floor.handle(CallbackAsked(call=call(2), callback=CallId("y"), number="2"), 12.0)
    assert refusal.value.reason == "callbacks_full"
    assert floor.position(call(2)) is not None


def test_asking_while_a_seat_rings_is_refused() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    enqueue(floor, 1, 0.0)
    with pytest.raises(Refused) as refusal:
        floor.handle(CallbackAsked(call=call(1), callback=BACK, number="1"), 1.0)
    assert refusal.value.reason == "being_offered"


def test_callback_from_the_list_of_missed_calls() -> None:
    floor = small_floor(2)
    enqueue(floor, 1, 0.0, identity="p")
    floor.handle(CallerLeft(call=call(1)), 30.0)
    ready(floor, S1, now=40.0)
    out = floor.handle(CallbackAsked(call=call(1), callback=BACK, number="13800000000"), 50.0)
    assert exits(out) == []
    assert offered(out) == [(BACK, "s1")]
    assert floor.missed() == ()
    assert floor.queue(floor.queues()[0].queue).waiting == 1


def test_missed_list_forgets_who_was_spoken_to_and_is_bounded() -> None:
    floor = small_floor(1, floor={"missed_limit": 2})
    for n in (1, 2, 3):
        enqueue(floor, n, 0.0, identity=f"p{n}")
        floor.handle(CallerLeft(call=call(n)), 1.0)
    assert [m.identity for m in floor.missed()] == ["p2", "p3"]
    ready(floor, S1, now=500.0)
    enqueue(floor, 4, 500.0, identity="p2")
    accept(floor, 501.0)
    assert [m.identity for m in floor.missed()] == ["p3"]


def test_too_old_callbacks_are_closed() -> None:
    floor = small_floor(1, floor={"callback_expiry": 3600.0}, max_wait=60.0)
    waiting_callback(floor)
    out = run_until(floor, 3604.0)
    assert closed(out) == []
    assert exits(out) == [("c2", "timeout")]
    assert closed(run_until(floor, 3605.0)) == [(BACK, "expired", 0)]


def test_cancelled() -> None:
    floor = small_floor(2)
    waiting_callback(floor)
    ready(floor, S1, now=10.0)
    out = floor.handle(CallbackCancelled(call=BACK), 11.0)
    assert closed(out) == [(BACK, "cancelled", 0)]
    assert withdrawn(out) == [("s1", "caller_left")]
    assert offered(out) == [("c2", "s1")]
    assert floor.seat(S2).state == "logged_out"

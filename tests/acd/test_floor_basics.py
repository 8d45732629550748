"""One caller, one seat: the ordinary life of a contact, and what may go wrong in it."""

import pytest

from acd.commands import OfferClosed, OfferWithdrawn, QueueExited, SeatDropped
from acd.events import (
    CallerLeft,
    ContactEnded,
    Enqueued,
    FloorEvent,
    OfferAnswered,
    OfferRefused,
    OfferRinging,
    Refused,
    SeatConsulting,
    SeatNotReadied,
    SeatReachable,
    SeatReadied,
    SeatSignedIn,
    SeatSignedOut,
    SeatTaken,
    SeatTalking,
    SeatUnreachable,
    WrapUpExtended,
    WrapUpFinished,
)
from acd.ids import AgentId, OfferId, QueueId
from acd.plan import RelaxationStep
from tests.acd.floors import S1, S2, Q, call, offers, ready, small_floor, states


def test_contact_from_arrival_to_the_end_of_wrap_up() -> None:
    floor = small_floor(1, wrap_up=30.0)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 10.0))
    assert (offer.seat, offer.call, offer.lease_until) == (S1, call(1), 25.0)
    assert states(floor.handle(OfferRinging(offer=offer.offer), 10.5)) == [(S1, "ringing")]
    out = floor.handle(OfferAnswered(offer=offer.offer), 12.0)
    assert states(out) == [(S1, "talking")]
    (closed,) = (o for o in out if isinstance(o, OfferClosed))
    assert (closed.outcome, closed.made, closed.ended) == ("answered", 10.0, 12.0)
    assert floor.next_deadline() is None
    assert states(floor.handle(SeatConsulting(seat=S1), 20.0)) == [(S1, "consulting")]
    assert states(floor.handle(SeatTalking(seat=S1), 30.0)) == [(S1, "talking")]
    assert states(floor.handle(ContactEnded(seat=S1, call=call(1)), 60.0)) == [(S1, "wrap_up")]
    assert floor.next_deadline() == 90.0
    assert floor.tick(89.9) == []
    assert states(floor.tick(90.0)) == [(S1, "ready")]


def test_no_call_is_delivered_into_wrap_up() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=offer.offer), 1.0)
    floor.handle(ContactEnded(seat=S1, call=call(1)), 60.0)
    assert not offers(floor.handle(Enqueued(call=call(2), queue=Q), 61.0))
    assert not offers(floor.tick(80.0))
    (second,) = offers(floor.tick(90.0))
    assert second.call == call(2)


def test_longest_idle_is_asked_first() -> None:
    floor = small_floor(2)
    ready(floor, S2, now=1.0)
    ready(floor, S1, now=2.0)
    assert [o.seat for n in (1, 2) for o in offers(floor.handle(Enqueued(call=call(n), queue=Q), 5.0))] == [
        S2,
        S1,
    ]


def test_who_is_being_rung_for_has_waited_longest() -> None:
    floor = small_floor(1)
    assert floor.queue(Q).longest_since is None
    ready(floor, S1, now=1.0)
    assert offers(floor.handle(Enqueued(call=call(1), queue=Q), 5.0))
    assert (floor.queue(Q).waiting, floor.queue(Q).longest_since) == (1, 5.0)
    floor.handle(Enqueued(call=call(2), queue=Q), 7.0)
    assert (floor.queue(Q).waiting, floor.queue(Q).longest_since) == (2, 5.0)


def test_callers_are_served_in_order_and_by_priority() -> None:
    floor = small_floor(1)
    for n, priority in ((1, 5), (2, 5), (3, 9)):
        floor.handle(Enqueued(call=call(n), queue=Q, priority=priority), float(n))
    assert [floor.position(call(n)) for n in (1, 2, 3)] == [2, 3, 1]
    ready(floor, S1, now=10.0)
    assert floor.seat(S1).call == call(3)


def test_lease_ends_and_the_next_seat_is_asked_at_once() -> None:
    floor = small_floor(2)
    ready(floor, S1, S2)
    (first,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    out = floor.tick(15.0)
    assert [o.reason for o in out if isinstance(o, OfferWithdrawn)] == ["expired"]
    (second,) = offers(out)
    assert {first.seat, second.seat} == {S1, S2}
    assert floor.seat(first.seat).state == "ready"
    late = floor.handle(OfferAnswered(offer=first.offer), 15.1)
    assert [(o.offer, o.reason) for o in late if isinstance(o, OfferWithdrawn)] == [(first.offer, "expired")]
    assert states(floor.handle(OfferAnswered(offer=second.offer), 15.2)) == [(second.seat, "talking")]


def test_answer_before_the_tick_wins_even_after_the_lease() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    assert states(floor.handle(OfferAnswered(offer=offer.offer), 15.0)) == [(S1, "talking")]
    assert floor.tick(15.0) == []


def test_two_misses_make_a_seat_not_ready() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferRefused(offer=offer.offer, cause="no answer", missed=True), 15.0)
    assert floor.seat(S1).state == "ready"
    (offer,) = offers(floor.tick(35.0))
    floor.handle(OfferRefused(offer=offer.offer, cause="no answer", missed=True), 50.0)
    assert (floor.seat(S1).state, floor.seat(S1).reason) == ("not_ready", "rona")
    assert floor.position(call(1)) == 1


def test_declining_seat_does_not_get_the_same_caller_again_while_another_works() -> None:
    floor = small_floor(2)
    ready(floor, S1, S2)
    (busy,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=busy.offer), 0.0)
    (offer,) = offers(floor.handle(Enqueued(call=call(2), queue=Q), 1.0))
    assert not offers(floor.handle(OfferRefused(offer=offer.offer, cause="decline"), 2.0))
    for now in (22.0, 42.0, 62.0):
        assert not offers(floor.tick(now))
    floor.handle(ContactEnded(seat=busy.seat, call=call(1)), 63.0)
    (third,) = offers(floor.handle(WrapUpFinished(seat=busy.seat), 64.0))
    assert (third.seat, third.call) == (busy.seat, call(2))


def test_not_the_same_seat_twice_running_whatever_makes_us_look_again() -> None:
    floor = small_floor(2, relaxation=(RelaxationStep(after=10.0, drop=("law",)),))
    ready(floor, S1, S2)
    (busy,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=busy.offer), 0.0)
    (offer,) = offers(floor.handle(Enqueued(call=call(2), queue=Q), 1.0))
    floor.handle(OfferRefused(offer=offer.offer, cause="decline"), 2.0)
    assert floor.seat(offer.seat).state == "ready"
    assert not offers(floor.tick(11.0))
    assert floor.position(call(2)) == 1


def test_a_phone_that_declines_at_once_does_not_loop() -> None:
    floor = small_floor(2)
    ready(floor, S1, S2)
    pending = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    made = 0
    while pending:
        made += 1
        pending = offers(floor.handle(OfferRefused(offer=pending[0].offer, cause="486"), 0.0))
    assert made == 6
    assert {floor.seat(s).reason for s in (S1, S2)} == {"declined"}


def test_caller_leaves_while_the_seat_rings() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    out = floor.handle(CallerLeft(call=call(1)), 3.0)
    assert [(o.offer, o.reason) for o in out if isinstance(o, OfferWithdrawn)] == [
        (offer.offer, "caller_left")
    ]
    assert floor.seat(S1).state == "ready"
    assert floor.queue(Q).waiting == 0
    assert floor.handle(CallerLeft(call=call(1)), 4.0) == []


def test_phone_lost_while_ringing_frees_the_caller_at_once() -> None:
    floor = small_floor(2)
    ready(floor, S1, S2)
    (first,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    (second,) = offers(floor.handle(SeatUnreachable(seat=first.seat), 2.0))
    assert second.seat != first.seat
    assert (floor.seat(first.seat).state, floor.seat(first.seat).reason) == ("not_ready", "phone_lost")
    with pytest.raises(Refused) as refusal:
        floor.handle(SeatReadied(seat=first.seat), 3.0)
    assert refusal.value.reason == "phone_unreachable"
    floor.handle(SeatReachable(seat=first.seat), 4.0)
    assert floor.seat(first.seat).state == "ready"


def test_phone_lost_in_a_conversation_shows_after_it() -> None:
    floor = small_floor(1, wrap_up=0.0)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=offer.offer), 1.0)
    assert floor.handle(SeatUnreachable(seat=S1), 2.0) == []
    floor.handle(ContactEnded(seat=S1, call=call(1)), 3.0)
    assert (floor.seat(S1).state, floor.seat(S1).reason) == ("not_ready", "phone_lost")


@pytest.mark.parametrize(
    ("wish", "after"),
    [
        (SeatNotReadied(seat=S1, reason="lunch"), ("not_ready", "lunch")),
        (SeatSignedOut(seat=S1), ("logged_out", "")),
    ],
)
def test_wish_during_a_call_is_honoured_after_wrap_up(wish: FloorEvent, after: tuple[str, str]) -> None:
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=offer.offer), 1.0)
    assert floor.handle(wish, 2.0) == []
    floor.handle(ContactEnded(seat=S1, call=call(1)), 3.0)
    assert floor.seat(S1).state == "wrap_up"
    floor.tick(33.0)
    assert (floor.seat(S1).state, floor.seat(S1).reason) == after


def test_forced_sign_out_drops_the_seat_from_its_call() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=offer.offer), 1.0)
    (dropped,) = floor.handle(SeatSignedOut(seat=S1, forced=True, by="boss"), 2.0)
    assert isinstance(dropped, SeatDropped)
    floor.handle(ContactEnded(seat=S1, call=call(1)), 2.1)
    assert floor.seat(S1).state == "logged_out"
    assert floor.seat(S1).agent is None


def test_a_phone_that_stays_away_in_a_conversation_is_given_up() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=offer.offer), 1.0)
    floor.handle(SeatUnreachable(seat=S1), 2.0)
    assert (floor.seat(S1).state, floor.seat(S1).until) == ("talking", 7.0)
    floor.handle(SeatReachable(seat=S1), 6.9)
    assert floor.next_deadline() is None, "it was only slow"
    floor.handle(SeatUnreachable(seat=S1), 10.0)
    floor.handle(SeatConsulting(seat=S1), 11.0)
    assert floor.tick(14.9) == []
    (dropped,) = floor.tick(15.0)
    assert dropped == SeatDropped(seat=S1, call=call(1), reason="seat_lost")
    floor.handle(ContactEnded(seat=S1, call=call(1)), 15.1)
    assert floor.seat(S1).state == "wrap_up"
    floor.tick(45.1)
    assert (floor.seat(S1).state, floor.seat(S1).reason) == ("not_ready", "phone_lost")
    floor.handle(SeatReachable(seat=S1), 50.0)
    assert floor.seat(S1).state == "ready"


def test_wrap_up_is_extended_once_and_never_beyond_the_ceiling() -> None:
    floor = small_floor(1, wrap_up=30.0, wrap_up_ceiling=50.0)
    ready(floor, S1)
    (offer,) = offers(floor.handle(Enqueued(call=call(1), queue=Q), 0.0))
    floor.handle(OfferAnswered(offer=offer.offer), 1.0)
    floor.handle(ContactEnded(seat=S1, call=call(1)), 100.0)
    floor.handle(WrapUpExtended(seat=S1), 110.0)
    assert floor.seat(S1).until == 150.0
    with pytest.raises(Refused):
        floor.handle(WrapUpExtended(seat=S1), 111.0)
    assert floor.tick(149.0) == []
    floor.tick(150.0)
    assert floor.seat(S1).state == "ready"


def test_seat_taken_for_a_consult_call() -> None:
    floor = small_floor(2)
    ready(floor, S1)
    offer = OfferId("c9.consult")
    assert states(floor.handle(SeatTaken(seat=S1, call=call(9), offer=offer), 0.0)) == [(S1, "reserved")]
    with pytest.raises(Refused) as refusal:
        floor.handle(SeatTaken(seat=S1, call=call(8), offer=OfferId("x")), 0.0)
    assert refusal.value.reason == "seat_busy"
    with pytest.raises(Refused):
        floor.handle(SeatTaken(seat=S2, call=call(8), offer=OfferId("x")), 0.0)
    out = floor.tick(25.0)
    assert [o.reason for o in out if isinstance(o, OfferWithdrawn)] == ["expired"]
    assert floor.seat(S1).state == "ready"


def test_one_agent_one_seat() -> None:
    floor = small_floor(2)
    floor.handle(SeatSignedIn(seat=S1, agent=AgentId("a")), 0.0)
    with pytest.raises(Refused) as refusal:
        floor.handle(SeatSignedIn(seat=S2, agent=AgentId("a")), 0.0)
    assert refusal.value.reason == "agent_elsewhere"
    floor.handle(SeatSignedOut(seat=S1), 1.0)
    floor.handle(SeatSignedIn(seat=S2, agent=AgentId("a")), 2.0)
    assert floor.seat(S2).agent == "a"


def test_way_out_is_never_silent() -> None:
    floor = small_floor(1, max_waiting=1, max_wait=100.0)
    floor.handle(Enqueued(call=call(1), queue=Q), 0.0)
    reasons = [
        o.reason
        for event in (
            Enqueued(call=call(2), queue=Q),
            Enqueued(call=call(3), queue=QueueId("nowhere")),
            Enqueued(call=call(4), queue=Q, skills="(("),
        )
        for o in floor.handle(event, 1.0)
        if isinstance(o, QueueExited)
    ]
    assert reasons == ["full", "unknown_queue", "bad_skills"]
    exits = [o for now in (20.0, 80.0, 100.0) for o in floor.tick(now) if isinstance(o, QueueExited)]
    assert [(o.call, o.reason) for o in exits] == [(call(1), "timeout")]

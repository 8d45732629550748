"""What people at seats ask for, and what the phone network says about seats."""

from acd.agent import (
    CONSULTING,
    LATER,
    LOGGED_OUT,
    NOT_READY,
    READY,
    STAY,
    TALKING,
    TRANSITIONS,
    WRAP_UP,
    Seat,
)
from acd.commands import SeatDropped
from acd.events import (
    ContactEnded,
    Refused,
    SeatConsulting,
    SeatNotReadied,
    SeatReachable,
    SeatReadied,
    SeatSignedIn,
    SeatSignedOut,
    SeatTalking,
    SeatUnreachable,
    WrapUpExtended,
    WrapUpFinished,
)
from acd.floor import callbacks
from acd.floor.joining import free, give_up, sign_out
from acd.floor.state import FloorState
from acd.ids import Instant, SeatId
from acd.offer import SEAT_LOST

MAX_REASON = 60
_HANDLING = frozenset({WRAP_UP, TALKING, CONSULTING})
_END_CONTACT = TRANSITIONS["end_contact"]


def known(f: FloorState, seat: SeatId) -> Seat:
    found = f.seats.get(seat)
    if found is None:
        raise Refused("unknown_seat", f"There is no seat {seat!r}.")
    return found


def signed_in(f: FloorState, event: SeatSignedIn, now: Instant) -> None:
    seat = known(f, event.seat)
    f.verdict("sign_in", seat)
    elsewhere = f.agents.get(event.agent)
    if elsewhere is not None:
        raise Refused(
            "agent_elsewhere",
            f"{event.agent} is signed in at seat {elsewhere.id}: sign out there first.",
        )
    f.agents[event.agent] = seat
    seat.agent = event.agent
    f.move(seat, NOT_READY, now, "signed_in")


def signed_out(f: FloorState, event: SeatSignedOut, now: Instant) -> None:
    seat = known(f, event.seat)
    verdict = f.verdict("force_out" if event.forced else "sign_out", seat)
    reason = f"forced_by:{event.by}" if event.forced and event.by else "forced" if event.forced else ""
    if verdict == LATER:
        seat.next_state, seat.next_reason = LOGGED_OUT, reason
        if event.forced and seat.call is not None:
            f.out.append(SeatDropped(seat=seat.id, call=seat.call, reason="signed_out"))
        return
    leave_idle_if_ready(f, seat)
    give_up(f, seat, SEAT_LOST, now)
    note_handling(seat, now)
    sign_out(f, seat, now, reason)


def leave_idle_if_ready(f: FloorState, seat: Seat) -> None:
    if seat.stamp:
        f.leave_idle(seat)


def readied(f: FloorState, event: SeatReadied, now: Instant) -> None:
    seat = known(f, event.seat)
    verdict = f.verdict("make_ready", seat)
    if not seat.reachable:
        raise Refused("phone_unreachable", "The seat's phone is not registered: connect it first.")
    if verdict == LATER:
        seat.next_state, seat.next_reason = READY, ""
        return
    seat.misses = 0
    seat.declines = 0
    seat.next_state, seat.next_reason = None, ""
    finish_contact(f, seat, now)


def not_readied(f: FloorState, event: SeatNotReadied, now: Instant) -> None:
    seat = known(f, event.seat)
    reason = event.reason or "unspecified"
    if len(reason) > MAX_REASON:
        raise Refused("reason_too_long", f"Give a reason of at most {MAX_REASON} characters.")
    if f.verdict("make_not_ready", seat) == LATER:
        seat.next_state, seat.next_reason = NOT_READY, reason
        return
    leave_idle_if_ready(f, seat)
    note_handling(seat, now)
    seat.resume = False
    seat.next_state, seat.next_reason = NOT_READY, reason
    free(f, seat, now)


def wrap_up_finished(f: FloorState, event: WrapUpFinished, now: Instant) -> None:
    seat = known(f, event.seat)
    f.verdict("finish_wrap_up", seat)
    finish_contact(f, seat, now)


def wrap_up_extended(f: FloorState, event: WrapUpExtended, now: Instant) -> None:
    """Once per contact: the queue's wrap-up time again, up to its ceiling."""
    seat = known(f, event.seat)
    f.verdict("extend_wrap_up", seat)
    if seat.extended:
        raise Refused("already_extended", "Wrap-up can be extended once per contact.")
    until = longest_wrap_up(f, seat)
    if until <= (seat.deadline or now):
        raise Refused("ceiling_reached", "The queue's longest wrap-up time is reached.")
    seat.extended = True
    f.agenda.put(seat, until)


def longest_wrap_up(f: FloorState, seat: Seat) -> Instant:
    """When its wrap-up would end if it were extended now."""
    length, ceiling = wrap_up_times(f, seat)
    ends = seat.deadline if seat.deadline is not None else seat.since
    return min(ends + length, seat.since + ceiling)


def may_extend(f: FloorState, seat: Seat) -> bool:
    """Asked for more time, a seat in wrap-up would get some."""
    if seat.state != WRAP_UP or seat.extended:
        return False
    return seat.deadline is not None and longest_wrap_up(f, seat) > seat.deadline


def wrap_up_times(f: FloorState, seat: Seat) -> tuple[float, float]:
    if seat.queue is None:
        return f.plan.consult_wrap_up, 4 * f.plan.consult_wrap_up
    return seat.queue.plan.wrap_up, seat.queue.plan.wrap_up_ceiling


def finish_contact(f: FloorState, seat: Seat, now: Instant) -> None:
    """The seat may be asked again; how long the contact took is remembered."""
    note_handling(seat, now)
    free(f, seat, now)


def note_handling(seat: Seat, now: Instant) -> None:
    """At the end of wrap-up, or of a contact without one."""
    if seat.queue is not None and seat.state in _HANDLING:
        seat.queue.handling.times.add(now - seat.answered)


def consulting(f: FloorState, event: SeatConsulting, now: Instant) -> None:
    seat = f.seats.get(event.seat)
    if seat is not None and f.verdict("consult", seat) != STAY:
        f.move(seat, CONSULTING, now)


def talking(f: FloorState, event: SeatTalking, now: Instant) -> None:
    seat = f.seats.get(event.seat)
    if seat is not None and f.verdict("talk", seat) != STAY:
        f.move(seat, TALKING, now)


def contact_ended(f: FloorState, event: ContactEnded, now: Instant) -> None:
    """Wrap-up begins; with a wrap-up time of 0 the seat is free at once."""
    seat = f.seats.get(event.seat)
    if seat is None or seat.call != event.call or _END_CONTACT[seat.state] == STAY:
        return
    if f.callbacks.by_call:
        callbacks.contact_ended(f, event.call, now)
    length = seat.queue.wrap_up if seat.queue is not None else f.plan.consult_wrap_up
    seat.extended = False
    forced = seat.next_state == LOGGED_OUT and seat.next_reason.startswith("forced")
    if length <= 0 or forced:
        finish_contact(f, seat, now)
        return
    f.move(seat, WRAP_UP, now)
    f.agenda.put(seat, now + length)


def due(f: FloorState, seat: Seat, now: Instant) -> None:
    """Wrap-up is over; or the phone has stayed away in a conversation."""
    if seat.state not in (TALKING, CONSULTING):
        finish_contact(f, seat, now)
    elif seat.call is not None:
        f.out.append(SeatDropped(seat=seat.id, call=seat.call, reason=SEAT_LOST))


def reachable(f: FloorState, event: SeatReachable, now: Instant) -> None:
    seat = f.seats.get(event.seat)
    if seat is None or seat.reachable:
        return
    seat.reachable = True
    if seat.state in (TALKING, CONSULTING):
        seat.deadline = None
    if seat.resume:
        seat.resume = False
        if seat.state == NOT_READY:
            free(f, seat, now)


def unreachable(f: FloorState, event: SeatUnreachable, now: Instant) -> None:
    """The phone is gone: an idle or ringing seat is released at once, its caller offered elsewhere.

    In a conversation the phone may only be slow to answer: it has a moment to come back.
    """
    seat = f.seats.get(event.seat)
    if seat is None or not seat.reachable:
        return
    seat.reachable = False
    if f.verdict("lose_phone", seat) == STAY:
        if seat.state in (TALKING, CONSULTING):
            f.agenda.put(seat, now + f.plan.phone_lost_in_talk)
        return
    leave_idle_if_ready(f, seat)
    give_up(f, seat, SEAT_LOST, now)
    free(f, seat, now)

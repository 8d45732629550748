"""Bringing callers and seats together, and taking them apart.

After each of these no idle seat and no waiting caller are left that may be
joined, but for a seat that has just let this very caller go, and for callers who
wait a moment for a certain seat.
"""

from typing import Any

from acd.agent import LOGGED_OUT, NOT_READY, READY, RESERVED, Seat
from acd.commands import OfferClosed, OfferMade, OfferWithdrawn, QueueChanged, QueueExited
from acd.explanation import Explanation
from acd.floor.state import FloorState
from acd.ids import Instant, Seconds
from acd.matching import best_entry, best_seat
from acd.offer import ANSWERED, Offer
from acd.queue import INFINITE, Entry, WaitingClass

# --- callers


def seek(f: FloorState, entry: Entry, now: Instant, trigger: str) -> None:
    """Offer a caller who is in no heap to the best idle seats, or file the caller."""
    plan = entry.queue.plan
    if plan.relaxation and now > entry.enqueued:
        entry.step = entry.step_at(now)
    if plan.overflow:
        entry.reach = entry.reach_at(now)
    cls = f.class_of(entry, now)
    if plan.overflow or plan.unstaffed_exit is not None:
        cls = _mind_staffing(f, entry, cls, now)
    ring(f, entry, cls, now, trigger)
    if not entry.offers:
        file(f, entry, cls, now)


def _mind_staffing(f: FloorState, entry: Entry, cls: WaitingClass, now: Instant) -> WaitingClass:
    """While nobody at work could serve the caller, open the rungs made for that case."""
    rungs = entry.queue.plan.overflow
    while not cls.staffed():
        step = next((i for i in range(entry.reach, len(rungs)) if rungs[i].unstaffed), None)
        if step is None:
            entry.unstaffed_since = min(entry.unstaffed_since, now)
            return cls
        entry.reach = step + 1
        cls = f.class_of(entry, now)
    entry.unstaffed_since = INFINITE
    return cls


def file(f: FloorState, entry: Entry, cls: WaitingClass, now: Instant) -> None:
    """Let the caller wait in a class."""
    cls.file(entry)
    if entry.line is None:
        entry.queue.line_up(entry)
    rearm(f, entry, now)


def ring(f: FloorState, entry: Entry, cls: WaitingClass, now: Instant, trigger: str) -> None:
    """Ring idle seats, as many as the strategy allows, past the one that did not take the last offer."""
    if not f.idle:
        return
    shy = entry.last_seat
    aside = shy is not None and shy.stamp != 0
    if aside and shy is not None:
        f.leave_idle(shy)
    several = entry.queue.strategy.several
    while not entry.offers or (several and len(entry.offers) < entry.queue.plan.ring_count):
        seat = best_seat(cls, f.board)
        if seat is None:
            break
        make(f, entry, seat, now, trigger)
    if aside and shy is not None:
        f.enter_idle(shy, now)


def seek_again(f: FloorState, entry: Entry, seat: Seat, now: Instant) -> None:
    """`seat` did not take this caller: the next seat at once, never the same twice running."""
    entry.last_seat = seat
    entry.retry_at = now + f.plan.retry_same_seat
    if entry.offers:
        ring(f, entry, f.class_of(entry, now), now, "next_seat")
    else:
        seek(f, entry, now, "next_seat")


def seek_anew(f: FloorState, entry: Entry, now: Instant, trigger: str) -> None:
    """A waiting caller's demand or circle has changed: look again, without losing the place."""
    if entry.filed is not None:
        entry.filed.take(entry)
        entry.sticky_until = INFINITE
        seek(f, entry, now, trigger)


def rearm(f: FloorState, entry: Entry, now: Instant) -> None:
    """Make the appointment for whatever happens next to a waiting caller."""
    when = entry.next_due()
    if when < INFINITE:
        f.agenda.put(entry, max(when, now))
    else:
        entry.deadline = None


def remove(f: FloorState, entry: Entry, now: Instant) -> None:
    """The caller's place is gone. Open offers are not touched."""
    if entry.filed is not None:
        entry.filed.take(entry)
    if entry.line is not None:
        entry.step_out()
    if not entry.reachable:
        del f.unreachable[entry.call]
    entry.deadline = None
    queue = entry.queue
    queue.waiting -= 1
    del f.entries[entry.call]
    f.out.append(QueueChanged(queue=queue.queue, waiting=queue.waiting, at=now))


def leave_queue(f: FloorState, entry: Entry, reason: str, now: Instant) -> None:
    """Back to the flow, with a spoken reason."""
    remove(f, entry, now)
    f.out.append(QueueExited(call=entry.call, queue=entry.queue.queue, reason=reason))


# --- seats


def free(f: FloorState, seat: Seat, now: Instant) -> None:
    """The contact or offer is over: honour what was asked for next, else take the next caller."""
    seat.call = None
    seat.queue = None
    seat.deadline = None
    asked, reason = seat.next_state, seat.next_reason
    seat.next_state, seat.next_reason = None, ""
    if asked == LOGGED_OUT or seat.retired:
        sign_out(f, seat, now, reason if asked == LOGGED_OUT else "seat_removed")
    elif asked == NOT_READY:
        f.move(seat, NOT_READY, now, reason)
    elif not seat.reachable:
        seat.resume = True
        f.move(seat, NOT_READY, now, "phone_lost")
    else:
        f.move(seat, READY, now)
        seat.idle_since = now
        entry = best_entry(seat, now)
        if entry is None:
            f.enter_idle(seat, now)
        else:
            take_entry(f, entry, seat, now)


def take_entry(f: FloorState, entry: Entry, seat: Seat, now: Instant) -> None:
    """A waiting caller goes to a free seat."""
    make(f, entry, seat, now, "seat_free")
    if entry.queue.strategy.several:
        ring(f, entry, f.class_of(entry, now), now, "seat_free")


def stop(f: FloorState, seat: Seat, now: Instant, reason: str) -> None:
    """Not ready for a reason of the floor's own; an earlier wish to sign out still counts."""
    if seat.next_state is None or seat.next_state == READY:
        seat.next_state, seat.next_reason = NOT_READY, reason
    free(f, seat, now)


def sign_out(f: FloorState, seat: Seat, now: Instant, reason: str) -> None:
    if seat.agent is not None:
        f.agents.pop(seat.agent, None)
    seat.agent = None
    seat.call = None
    seat.queue = None
    seat.deadline = None
    seat.next_state, seat.next_reason = None, ""
    seat.resume = False
    seat.misses = 0
    seat.declines = 0
    f.move(seat, LOGGED_OUT, now, reason)
    if seat.retired:
        del f.seats[seat.id]


# --- offers


def make(f: FloorState, entry: Entry, seat: Seat, now: Instant, trigger: str) -> None:
    """Reserve a free seat for a caller, who no longer waits in a row then."""
    queue = entry.queue
    f.number = number = f.number + 1
    reasons = Explanation(trigger, entry, seat, now)
    if entry.filed is not None:
        entry.filed.take(entry)
    name: Any = f"{entry.call}.{number}"
    call, ring_for = entry.call, queue.plan.ring_for
    offer = Offer(name, number, call, seat, queue, entry, now, reasons)
    entry.offers = (*entry.offers, offer) if entry.offers else (offer,)
    if entry.line is not None:
        entry.step_out()
    entry.deadline = None
    entry.sticky_until = INFINITE
    reserve(f, offer, ring_for, now)
    f.out.append(
        OfferMade(
            offer=name,
            call=call,
            seat=seat.id,
            queue=queue.queue,
            lease_until=now + ring_for,
        )
    )


def reserve(f: FloorState, offer: Offer, ring_for: Seconds, now: Instant) -> None:
    """A free seat now belongs to the offer, until its lease ends."""
    seat = offer.seat
    if seat.stamp:
        f.leave_idle(seat)
    seat.offer = offer
    seat.call = offer.call
    seat.queue = offer.queue
    seat.last_offer = offer.number
    f.offers[offer.offer] = offer
    f.move(seat, RESERVED, now)
    f.agenda.put(seat, now + ring_for)


def close(f: FloorState, offer: Offer, outcome: str, now: Instant) -> None:
    """End an offer. What the seat and the caller do next is up to whoever closes it."""
    seat = offer.seat
    seat.offer = None
    seat.deadline = None
    del f.offers[offer.offer]
    entry = offer.entry
    if entry is not None:
        rest = entry.offers
        entry.offers = () if len(rest) == 1 else tuple(other for other in rest if other is not offer)
    if outcome != ANSWERED:
        f.closed.add(offer.offer, offer.call, seat.id, outcome)
    queue = offer.queue
    f.out.append(
        OfferClosed(
            offer=offer.offer,
            call=offer.call,
            seat=seat.id,
            queue=queue.queue if queue is not None else offer.queue_id,
            made=offer.made,
            ended=now,
            outcome=outcome,
            explanation=offer.reasons,
        )
    )


def withdraw(f: FloorState, offer: Offer, reason: str, now: Instant) -> None:
    """Stop the seat's phone and end the offer."""
    close(f, offer, reason, now)
    f.out.append(OfferWithdrawn(offer=offer.offer, call=offer.call, seat=offer.seat.id, reason=reason))


def give_up(f: FloorState, seat: Seat, reason: str, now: Instant) -> None:
    """The seat cannot go on being offered a call: its caller is offered elsewhere."""
    offer = seat.offer
    if offer is None:
        return
    withdraw(f, offer, reason, now)
    if offer.entry is not None:
        seek_again(f, offer.entry, seat, now)

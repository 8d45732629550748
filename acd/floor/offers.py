"""What happens to an open offer; and seats taken for consult calls."""

from acd.agent import RESERVED, RINGING, TALKING, Seat
from acd.commands import OfferWithdrawn
from acd.estimate import judge
from acd.events import OfferAnswered, OfferRefused, OfferRinging, Refused, SeatTaken
from acd.floor import callbacks
from acd.floor.joining import close, free, remove, reserve, seek_again, stop, withdraw
from acd.floor.seats import known
from acd.floor.state import FloorState
from acd.ids import Instant
from acd.offer import ANSWERED, ANSWERED_ELSEWHERE, DECLINED, EXPIRED, MISSED, Offer
from acd.queue import Entry


def taken(f: FloorState, event: SeatTaken, now: Instant) -> None:
    """Reserve a certain seat for a consult call."""
    seat = known(f, event.seat)
    f.verdict("reserve", seat)
    if event.offer in f.offers:
        raise Refused("offer_exists", "This offer is open already.")
    offer = Offer(event.offer, f.next_number(), event.call, seat, None, None, now, {"trigger": "consult"})
    reserve(f, offer, f.plan.consult_ring_for, now)


def ringing(f: FloorState, event: OfferRinging, now: Instant) -> None:
    offer = f.offers.get(event.offer)
    if offer is not None and offer.seat.state == RESERVED:
        f.move(offer.seat, RINGING, now)


def answered(f: FloorState, event: OfferAnswered, now: Instant) -> None:
    """The first answer has the caller; a later one is told to hang up."""
    offer = f.offers.get(event.offer)
    if offer is None:
        late = f.closed.find(event.offer)
        if late is not None:
            call, rung, reason = late
            f.out.append(OfferWithdrawn(offer=event.offer, call=call, seat=rung, reason=reason))
        return
    seat, entry = offer.seat, offer.entry
    close(f, offer, ANSWERED, now)
    seat.answered = now
    seat.misses = 0
    seat.declines = 0
    f.move(seat, TALKING, now)
    if entry is None:
        return
    _served(f, entry, seat, now)
    for other in entry.offers:
        withdraw(f, other, ANSWERED_ELSEWHERE, now)
        free(f, other.seat, now)


def _served(f: FloorState, entry: Entry, seat: Seat, now: Instant) -> None:
    """The place has done its work."""
    remove(f, entry, now)
    if entry.callback is not None:
        entry.callback.seat = seat
        callbacks.dial(f, entry.callback, now)
        return
    if entry.predicted is not None:
        judge(entry, now)
    entry.queue.count_answer(now - entry.joined)
    if entry.identity:
        missed = f.departed.of_person(entry.identity, entry.queue.queue)
        if missed is not None:
            f.departed.forget(missed)


def refused(f: FloorState, event: OfferRefused, now: Instant) -> None:
    """Declined or not answered."""
    offer = f.offers.get(event.offer)
    if offer is None:
        return
    close(f, offer, MISSED if event.missed else DECLINED, now)
    _not_taken(f, offer, event.missed, now)


def expired(f: FloorState, offer: Offer, now: Instant) -> None:
    """The lease is over."""
    withdraw(f, offer, EXPIRED, now)
    _not_taken(f, offer, True, now)


def _not_taken(f: FloorState, offer: Offer, missed: bool, now: Instant) -> None:
    """The next seat at once; then see what this one may do."""
    seat = offer.seat
    if offer.entry is not None:
        seek_again(f, offer.entry, seat, now)
    if missed:
        seat.misses += 1
    else:
        seat.declines += 1
    limit = offer.queue.plan.rona_after if offer.queue is not None else f.plan.rona_after
    if seat.misses >= limit:
        seat.misses = 0
        stop(f, seat, now, "rona")
    elif seat.declines >= f.plan.declines_allowed:
        seat.declines = 0
        stop(f, seat, now, "declined")
    else:
        free(f, seat, now)

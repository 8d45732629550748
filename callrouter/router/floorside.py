"""Between the floor and the calls: its decisions become offers, prompts and records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd import commands as c
from acd.call import Owner, Rung
from acd.ids import OfferId, SeatId
from callrouter.router import flowside
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router


def decided(router: Router, output: c.FloorOutput) -> None:
    """Carry out one decision, or pass a notice on."""
    match output:
        case c.OfferMade():
            _offer(router, output)
        case c.OfferWithdrawn(offer=offer, call=call, reason=reason):
            if live := router.calls.get(call):
                router.touch(live)
                live.talk.offer_withdrawn(offer, reason, router.now)
        case c.AnnounceDue(call=call, position=position, wait=wait):
            if live := router.calls.get(call):
                router.touch(live)
                live.talk.tell(router.site.waiting(position, wait, live.call.language))
        case c.QueueExited(call=call, reason=reason):
            if live := router.calls.get(call):
                router.touch(live)
                live.talk.leave_queue(router.now)
                flowside.returned(router, live, "queue", reason)
        case c.SeatDropped(seat=seat, call=call, reason=reason):
            if live := router.calls.get(call):
                router.touch(live)
                live.talk.seat_dropped(seat, reason, router.now)
        case c.SeatChanged():
            router.out.append(output)
            _wrap_up(router, output)
        case _:
            router.out.append(output)


def confirmed(router: Router, live: LiveCall, offer: OfferId) -> None:
    """After the floor has seen an answer: connect, unless it has withdrawn the offer."""
    leg = live.talk.offered(offer)
    if leg is not None and leg.usable and live.call.owner is Owner.QUEUE:
        seat = SeatId(leg.party)
        live.talk.connect(leg, router.floor.seat(seat).agent, router.now)


def _offer(router: Router, offer: c.OfferMade) -> None:
    live = router.calls.get(offer.call)
    seat = router.site.seat(offer.seat)
    if live is None or seat is None:
        router.odd("offer_without_call", offer.call, seat=offer.seat)
        return
    router.touch(live)
    live.talk.offer_made(
        offer,
        Rung(
            party=offer.seat,
            endpoint=seat.endpoint,
            # The lease is the floor's; the switch's own limit stands a little behind it.
            ring_for=offer.lease_until - router.now + 2.0,
            caller_name=live.call.dialled,
        ),
        router.now,
    )


def _wrap_up(router: Router, change: c.SeatChanged) -> None:
    if change.state == "wrap_up" or change.seat not in router.wrapping:
        return
    for live in router.wrapping.pop(change.seat):
        router.wrapped_up(live, change.seat)

"""Between the floor and the calls: its decisions become offers, prompts and records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acd import commands as c
from acd import outcall, wishes
from acd.call import Owner, Rung
from acd.ids import CallId, OfferId, SeatId
from callrouter.router import flowside, queueing
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
        case c.AnnounceDue():
            queueing.announce_due(router, output)
        case c.QueueExited(call=call, reason=reason):
            _exited(router, call, reason)
        case c.CallbackDial():
            _dial(router, output)
        case c.CallbackClosed(call=call, outcome=outcome):
            router.out.append(output)
            router.promised.pop(call, None)
            if live := router.calls.get(call):
                router.touch(live)
                outcall.given_up(live.talk, outcome, router.now)
        case c.SeatDropped(seat=seat, call=call, reason=reason):
            if live := router.calls.get(call):
                router.touch(live)
                wishes.dropped(live.talk, seat, reason, router.now)
        case c.SeatChanged():
            router.out.append(output)
            _wrap_up(router, output)
        case c.OfferClosed() | c.QueueChanged() | c.CallbackOpened():
            router.out.append(output)


def confirmed(router: Router, live: LiveCall, offer: OfferId) -> None:
    """After the floor has seen an answer: connect, unless it has withdrawn the offer."""
    if (
        taken := next((x for x in live.call.legs if x.offer == offer and x.answered and x.usable), None)
    ) is None:
        return
    if live.call.first_seat is None:
        live.call.first_seat = SeatId(taken.party)
        live.call.first_agent = router.floor.seat(live.call.first_seat).agent
    leg = live.talk.offered(offer)
    if leg is not None and leg.usable and live.call.owner is Owner.QUEUE and live.call.caller.up:
        seat = SeatId(leg.party)
        live.talk.connect(leg, router.floor.seat(seat).agent, router.now)
        router.served.note(live.call.caller_number, seat)


def _exited(router: Router, call: CallId, reason: str) -> None:
    live = router.calls.get(call)
    if live is None or live.call.owner is not Owner.QUEUE:
        return  # a place filed for a callback, while the caller is the flow's
    router.touch(live)
    if queueing.keep(router, live, reason):
        return
    live.talk.leave_queue(router.now)
    live.callback = None
    if reason == "callback" and (live.session is None or not live.session.takes_callback):
        live.call.ended_by = "flow"
        live.talk.farewell(
            live.call.caller,
            router.now,
            router.site.media("callback_registered", language=live.call.language),
        )
    else:
        flowside.returned(router, live, "queue", reason)


def _dial(router: Router, order: c.CallbackDial) -> None:
    """The seat has taken the callback: ring the person over the trunk that the call came by."""
    live = router.calls.get(order.call)
    leg = wishes.talking(live.talk, order.seat) if live is not None else None
    if live is None or leg is None:
        router.odd("callback_without_seat", order.call, seat=order.seat)
        return
    router.touch(live)
    trunk = router.site.directory.trunks.get(live.call.trunk)
    number = order.number
    rung = Rung(
        party=number,
        endpoint=trunk.endpoint(number) if trunk is not None else f"PJSIP/{number}@{live.call.trunk}",
        ring_for=router.site.floor.consult_ring_for,
        caller_name=live.call.dialled,
        caller_number=live.call.dialled,
    )
    agent = router.floor.seat(order.seat).agent
    outcall.dial(live.talk, leg, agent, rung, order.attempt, router.now)


def _called_back(router: Router, callback: CallId) -> LiveCall | None:
    """The call of a callback whose turn has come."""
    origin = router.promised.get(callback)
    if origin is None:
        return None
    origin = replace(origin, node=router.phones.rings_from(origin.node))
    live = router.adopt(origin.call(callback, router.now))
    live.call.mixed = origin.queue in router.site.recorded
    outcall.plan(live.talk, str(origin.queue), router.now)
    return live


def _offer(router: Router, offer: c.OfferMade) -> None:
    live = router.calls.get(offer.call) or _called_back(router, offer.call)
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
        router.wrapped_up(live, change.seat, router.now)

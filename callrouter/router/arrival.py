"""A call comes in: whose it is, where it has been, and where it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import events as e
from acd.call import Call
from acd.ids import SeatId
from callrouter.flow.session import CallFacts, FlowSession
from callrouter.router import desk, flowside, provenance, reach
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router

UNALLOCATED: Final = 1


def offered(router: Router, event: e.CallOffered) -> None:
    if event.call in router.calls or event.channel in router.channels:
        return
    if (seat := _seat_at(router, event.trunk)) is not None:
        desk.dialled(router, event, seat)
        return
    call = Call(
        call=event.call,
        node=event.node,
        channel=event.channel,
        dialled=event.dialled,
        caller=event.caller,
        trunk=event.trunk,
        display=event.display,
        now=router.now,
    )
    call.hops = provenance.hops(event.headers)
    live = router.adopt(call)
    router.channels[event.channel] = (live, call.caller)
    router.touch(live)
    ingress = router.site.directory.ingress(event.dialled, event.trunk, router.today())
    if ingress is None:
        call.rejected = True
        live.talk.hang_up_caller("system", UNALLOCATED, router.now)
        router.odd("number_not_served", call.id, dialled=event.dialled[:64], trunk=event.trunk)
        return
    call.organisation = ingress.organisation
    if event.trunk in _partner_trunks(router):
        # Elsewhere the headers are whatever a caller's phone likes to say.
        provenance.read(call, event.headers)
        call.context.setdefault("from", event.trunk)
    live.flow = ingress.flow
    live.session = FlowSession(
        router.site.flows,
        ingress.flow,
        CallFacts(
            call=call.id,
            dialled=event.dialled,
            caller=event.caller,
            organisation=ingress.organisation,
            trunk=event.trunk,
            language=call.language,
        ),
        router.now,
    )
    if call.circling:
        _end_the_circle(router, live)
    else:
        flowside.act(router, live, live.session.start(router.now))


def _end_the_circle(router: Router, live: LiveCall) -> None:
    """To the first receiver; to a person here when that is us, or when nobody can be reached there."""
    call = live.call
    router.odd("circling", call.id, visited=",".join(call.visited), first=call.first_receiver)
    if call.first_receiver:
        try:
            announce = router.site.moving_on(call.first_receiver, call.language)
            target = reach.line(router, live, call.first_receiver, announce=announce)
        except e.Refused as refusal:
            router.odd("first_receiver_refused", call.id, reason=refusal.reason)
        else:
            call.accepted = router.now
            live.talk.out.append(c.Answer(node=call.node, call=call.id, channel=call.caller.channel))
            live.talk.handover.start(None, target, "flow", router.now)
            return
    if live.session is not None:
        flowside.act(router, live, live.session.lead_to_person(router.now))


def _seat_at(router: Router, endpoint: str) -> SeatId | None:
    """The seat whose phone this is."""
    if router.site.seat(SeatId(endpoint)) is not None:
        return SeatId(endpoint)
    return router.site.phones.get(f"PJSIP/{endpoint}")


def _partner_trunks(router: Router) -> frozenset[str]:
    """Trunks that lead to lines: who comes by them has been somewhere before."""
    today = router.today()
    if router.partner_trunks is None or router.partner_trunks[0] != today:
        lines = router.site.directory.lines_on(today)
        names = frozenset(trunk.name for line in lines for trunk in line.trunks)
        router.partner_trunks = (today, names)
    return router.partner_trunks[1]

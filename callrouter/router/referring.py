"""REFER (RFC 3515): a phone's own transfer button, and a partner that hands its caller back.

    sender    Refer-To                    what happens
    seat      a line, a colleague's seat  a blind transfer, as with the feature code
    seat      its own second line         the consultation there is completed
    partner   a number that we answer     the caller is first in line for a person
    partner   another line                a blind transfer there
    partner   another call of its with us the caller takes its place there
    caller    anything                    declined: callers are moved by us alone

Asterisk moves nothing by itself. The sender is told 200 once we hold the caller,
or 603, and then the call is as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import events as e
from acd.call import Owner
from acd.ids import BridgeId, ChannelId, SeatId, Seconds
from acd.leg import IN_BRIDGE, Leg
from acd.record import Role, TransferRecord
from acd.transfer import TransferEvent
from callrouter.directory.numbers import national
from callrouter.router import desk, reach, replacing
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router

READING: Final[Seconds] = 1.0


def asked(router: Router, event: e.ReferAsked) -> None:
    found = router.leg(event.channel)
    if found is None:
        return
    live, leg = found
    before = len(live.talk.out)
    # A line on hold is in no bridge: its phone speaks on the other one.
    bridge = live.call.bridge if leg.place in IN_BRIDGE and leg.channel == event.channel else None
    try:
        _carry_out(router, live, leg, event)
    except e.Refused as refusal:
        router.odd("refer_declined", live.call.id, party=leg.party, reason=refusal.reason)
        _tell(live, event.channel, "declined", len(live.talk.out))
    else:
        _tell(live, event.channel, "answered", before)
        _let_it_read(router, live, event.channel, bridge)


def _tell(live: LiveCall, channel: ChannelId, state: str, place: int) -> None:
    told = c.ReferProgress(node=live.call.node, call=live.call.id, channel=channel, state=state)
    live.talk.out.insert(place, told)


def _let_it_read(router: Router, live: LiveCall, channel: ChannelId, bridge: BridgeId | None) -> None:
    """The sender hangs up by itself once it knows; hung up at once it would be told 503 (22.10.1)."""
    out, later = [], []
    for item in live.talk.out:
        if not isinstance(item, c.Hangup) or item.channel != channel:
            out.append(item)
            continue
        later.append(item)
        if bridge is not None:  # it must not overhear whoever comes next
            out.append(c.Leave(node=item.node, call=item.call, bridge=bridge, channel=channel))
    live.talk.out[:] = out
    live.later += later
    router.set_timer(live, "later", router.now + READING)


def hang_up(router: Router, live: LiveCall) -> None:
    """Whoever has not hung up by itself."""
    router.out += live.later
    live.later = []


def _carry_out(router: Router, live: LiveCall, leg: Leg, event: e.ReferAsked) -> None:
    if event.replaces is not None and {event.channel, event.replaces} == {leg.channel, leg.parked}:
        live.talk.handover.ask(SeatId(leg.party), TransferEvent.CONSULT_COMPLETED, router.now)
    elif event.replaces is not None and leg.role is Role.PARTNER:
        _require_alone(live, leg)
        replacing.replace(router, live, leg, event.replaces)
    elif event.replaces is not None:
        raise e.Refused("other_call", "Replaces names no other line of this phone.")
    elif leg.role is Role.SEAT:
        desk.transfer(router, live, SeatId(leg.party), event.target, "blind")
    elif leg.role is Role.PARTNER:
        _by_partner(router, live, leg, national(event.target))
    else:
        raise e.Refused("callers_refer", "A caller's own REFER is not heeded.")


def _require_alone(live: LiveCall, leg: Leg) -> None:
    if live.call.owner is not Owner.CONVERSATION or not leg.up or not live.call.caller.up:
        raise e.Refused("not_talking", "This partner does not speak with the caller.")
    if len(live.talk.others_up()) > 1:
        raise e.Refused("not_alone", "Others speak with the caller: leave the call instead.")


def _by_partner(router: Router, live: LiveCall, leg: Leg, number: str) -> None:
    call, talk, now = live.call, live.talk, router.now
    _require_alone(live, leg)
    if router.site.directory.ingress(number, "", router.today()) is None:
        announce = router.site.moving_on(number, call.language)
        target = reach.line(router, live, number, announce=announce, warm=False)
        talk.hang_up(leg, now)
        talk.handover.start(None, target, "refer", now)
        return
    call.transfers.append(
        TransferRecord(
            call=call.id,
            number=len(call.transfers) + 1,
            kind="refer",
            by=None,
            target=number,
            asked=now,
            answered=None,
            ended=now,
            outcome="requeued",
            cause="referred",
        )
    )
    talk.hang_up(leg, now)
    talk.requeue(now, None, "referred")

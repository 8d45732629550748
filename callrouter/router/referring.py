"""REFER (RFC 3515): a phone's own transfer button, and a partner that hands its caller back.

    sender    Refer-To                    what happens
    seat      a line, a colleague's seat  a blind transfer, as with the feature code
    partner   a number that we answer     the caller is first in line for a person
    partner   another line                a blind transfer there
    caller    anything                    declined: callers are moved by us alone

Asterisk moves nothing by itself. The sender is told 200 once we hold the caller,
or 603, and then the call is as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd import commands as c
from acd import events as e
from acd.call import Leg, Owner
from acd.ids import SeatId
from acd.record import Role, TransferRecord
from callrouter.directory.numbers import national
from callrouter.router import desk, reach
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router


def asked(router: Router, event: e.ReferAsked) -> None:
    found = router.leg(event.channel)
    if found is None:
        return
    live, leg = found
    before = len(live.talk.out)
    try:
        _carry_out(router, live, leg, event)
    except e.Refused as refusal:
        router.odd("refer_declined", live.call.id, party=leg.party, reason=refusal.reason)
        _tell(live, leg, "declined", len(live.talk.out))
    else:
        # Before the hang-up: nobody reads a NOTIFY after a BYE.
        _tell(live, leg, "answered", before)


def _tell(live: LiveCall, leg: Leg, state: str, place: int) -> None:
    told = c.ReferProgress(node=leg.node, call=live.call.id, channel=leg.channel, state=state)
    live.talk.out.insert(place, told)


def _carry_out(router: Router, live: LiveCall, leg: Leg, event: e.ReferAsked) -> None:
    if leg.role is Role.SEAT:
        desk.transfer(router, live, SeatId(leg.party), event.target, "blind")
    elif leg.role is Role.PARTNER:
        _by_partner(router, live, leg, national(event.target))
    else:
        raise e.Refused("callers_refer", "A caller's own REFER is not heeded.")


def _by_partner(router: Router, live: LiveCall, leg: Leg, number: str) -> None:
    call, talk, now = live.call, live.talk, router.now
    if call.owner is not Owner.CONVERSATION or not leg.up or not call.caller.up:
        raise e.Refused("not_talking", "This partner is not alone with the caller.")
    if len(talk.others_up()) > 1:
        raise e.Refused("not_alone", "Others speak with the caller: leave the call instead.")
    if router.site.directory.ingress(number, "", router.today()) is None:
        target = reach.line(router, live, number, warm=False)
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

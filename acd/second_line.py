"""A phone with two lines: the seat parks the caller's and speaks on the other.

Theory. Whoever transfers with a softphone's own buttons holds the first line,
dials on a second, speaks, and joins the two (REFER with Replaces). To us it is
an ordinary consultation by the same seat: its leg merely has another channel
for the time being, and the first is *parked*, on hold by the phone and alone.

    one line ──dials──▶ second line ──second ends──▶ one line: the first again
                            ├──first ends──▶ one line: the second
                            └──the leg is hung up──▶ both are
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd import commands as c
from acd.call import Owner
from acd.ids import ChannelId, Instant
from acd.leg import Leg, Place
from acd.record import Activity
from acd.transfer import TransferEvent

if TYPE_CHECKING:
    from acd.conversation import Conversation


def taken(talk: Conversation, leg: Leg, channel: ChannelId) -> None:
    """The seat speaks on `channel` from now on."""
    talk.out += talk.call.move(leg, Place.NOWHERE)
    leg.parked, leg.channel = leg.channel, channel
    talk.out.append(c.Answer(node=leg.node, call=talk.call.id, channel=channel))


def ended(talk: Conversation, leg: Leg, channel: ChannelId, now: Instant) -> bool:
    """One of the two lines is gone. False: the leg has no other, its end is what it always was."""
    if channel == leg.parked:
        leg.parked = None
        return True
    if leg.parked is None or not leg.up:
        return False
    leg.channel, leg.parked = leg.parked, None
    leg.playback, leg.place, leg.consoled = None, Place.NOWHERE, False
    if talk.call.transfer is not None and talk.call.transfer.live:
        talk.handover.fire(TransferEvent.CONSULT_CANCELLED, now)
    elif talk.call.owner is Owner.CONVERSATION:
        talk.together(now, Activity.TALK, talk.call.caller, leg)
    return True

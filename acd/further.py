"""A further party in a three-party call: caller, seat and two partners.

Theory. Three speak, and the seat asks for another line. Nobody is put on hold for
it: the line rings while the three speak on, and who answers joins them at once.
The transfer table rules this transfer like any other; the first one lies *beneath*
it, in CONFERENCE, and is on top again when the further party has been let go.

    seat or caller leaves while it rings    it is let go, then the same for the one beneath
    seat or caller leaves once it speaks    the same end for both
    the partner beneath leaves              the further one takes its place
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import events as e
from acd import wishes
from acd.call import Call, Transfer
from acd.ids import Instant, SeatId
from acd.leg import Leg
from acd.transfer import TransferEvent, TransferState

if TYPE_CHECKING:
    from acd.conversation import Conversation

MOST_PARTIES: Final = 4
"""In one call, the caller among them."""

_GONE_BEFORE_IT_CAME: Final = (TransferEvent.TRANSFEROR_LEFT, TransferEvent.CONSULT_COMPLETED)
_NOT_THERE: Final = (TransferState.SEEKING, TransferState.RINGING)


def transferor(talk: Conversation, seat: SeatId, kind: str) -> Leg:
    """The leg of a seat that may start a transfer now. Raises `Refused`."""
    call = talk.call
    leg = call.talking_seat()
    if kind != "consult" or conference(call, seat) is None or leg is None:
        return wishes.seat_in_talk(talk, seat)
    if sum(other.up for other in call.legs) >= MOST_PARTIES:
        raise e.Refused("four_parties", "Four speak in this call already: one of them has to leave first.")
    return leg


def conference(call: Call, seat: SeatId | None) -> Transfer | None:
    """The three-party call that this seat has made."""
    transfer = call.transfer
    if transfer is None or transfer.by != seat or transfer.state is not TransferState.CONFERENCE:
        return None
    return transfer


def settled_first(talk: Conversation, event: TransferEvent, now: Instant) -> None:
    """Before an event that a party still being rung has no part in: let it go."""
    top = talk.call.transfer
    rung = top is not None and top.beneath is not None and top.state in _NOT_THERE
    if rung and event in _GONE_BEFORE_IT_CAME:
        talk.handover.fire(TransferEvent.CONSULT_CANCELLED, now)


def partner_left(talk: Conversation, leg: Leg, now: Instant) -> bool:
    """The partner of the transfer beneath is gone. False: this was somebody else."""
    top = talk.call.transfer
    if top is None or top.beneath is None or top.beneath.leg is not leg:
        return False
    beneath, top.beneath = top.beneath, None
    talk.handover.end(beneath, TransferState.RETURNED, now)
    return True

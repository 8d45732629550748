"""What a seat asks of the call it is in: hold, resume, leave, decline.

Theory. A wish comes from the desk, the API or a phone's keys, and is granted or
refused at once. `Refused` is raised before anything has changed. What follows
from a granted wish is what would follow from the same fact: a seat that leaves
by a click has put down its phone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd import events as e
from acd.call import Owner
from acd.ids import Instant, SeatId
from acd.leg import Leg
from acd.record import Activity, Role
from acd.stage import NORMAL_CLEARING
from acd.transfer import TransferEvent

if TYPE_CHECKING:
    from acd.conversation import Conversation


def hold(talk: Conversation, seat: SeatId, now: Instant) -> None:
    """Music for the caller. Raises `Refused`."""
    leg = seat_in_talk(talk, seat)
    if talk.call.holding:
        raise e.Refused("already_held", "The caller is on hold already; resume first.")
    talk.call.holding = True
    talk.aside(talk.call.caller, now)
    talk.call.doing(leg, Activity.HOLD, now)


def resume(talk: Conversation, seat: SeatId, now: Instant) -> None:
    """Back to the caller. Raises `Refused`."""
    leg = seat_in_talk(talk, seat)
    if not talk.call.holding:
        raise e.Refused("not_held", "The caller is not on hold.")
    talk.call.holding = False
    talk.anew(now, Activity.TALK, leg, talk.call.caller)


def hang_up(talk: Conversation, seat: SeatId, now: Instant) -> None:
    """The seat leaves, as if its phone had been put down. Raises `Refused`."""
    leg = usable_leg(talk, seat)
    if leg is None:
        raise e.Refused("no_call", "This seat has no call to hang up.")
    was_up = leg.up
    talk.hang_up(leg, now)
    if was_up:
        talk.party_left(leg, NORMAL_CLEARING, now)
    elif leg.offer is not None:
        talk.offer_refused(leg, "declined", now)
        talk.target_lost(leg, TransferEvent.TARGET_DECLINED, "declined", now)


def decline(talk: Conversation, seat: SeatId, now: Instant) -> None:
    """ "Decline" clicked while the phone rings. Raises `Refused`."""
    if ringing(talk, seat) is None:
        raise e.Refused("not_ringing", "This seat's phone does not ring.")
    hang_up(talk, seat, now)


def dropped(talk: Conversation, seat: SeatId, reason: str, now: Instant) -> None:
    """The seat is taken out of the call (forced sign-out, phone gone); the caller gets another person."""
    leg = usable_leg(talk, seat)
    if leg is None:
        return
    alone = talk.call.owner is Owner.CONVERSATION and talk.others_up() == [leg]
    if not (alone and leg.up):
        hang_up(talk, seat, now)
        return
    talk.contact_over(leg, now)
    talk.hang_up(leg, now)
    talk.requeue(now, None, reason)


# --- the seat's leg ------------------------------------------------------------------


def usable_leg(talk: Conversation, seat: SeatId) -> Leg | None:
    """The seat's latest leg that rings or speaks in this call."""
    for leg in reversed(talk.call.legs):
        if leg.role is Role.SEAT and leg.party == seat and leg.usable:
            return leg
    return None


def talking(talk: Conversation, seat: SeatId) -> Leg | None:
    """The seat's leg, when it is up."""
    leg = usable_leg(talk, seat)
    return leg if leg is not None and leg.up else None


def ringing(talk: Conversation, seat: SeatId) -> Leg | None:
    """The seat's leg, while its phone rings."""
    leg = usable_leg(talk, seat)
    return leg if leg is not None and not leg.up else None


def seat_in_talk(talk: Conversation, seat: SeatId) -> Leg:
    """The leg of a seat that has the caller in its care. Raises `Refused`."""
    if talk.call.owner is Owner.TRANSFER:
        raise e.Refused("in_transfer", "A transfer is under way: complete or cancel it first.")
    leg = talk.call.talking_seat()
    if talk.call.owner is not Owner.CONVERSATION or leg is None or leg.party != seat:
        raise e.Refused("not_talking", "This seat is not talking with a caller.")
    return leg

"""Calling a person back: the seat first, then the person, then both together.

Theory. A callback is a call whose caller is not there yet. It waits in the queue
like any other, a seat is offered and answers, and only then the person is
dialled, while the seat hears that it rings. Reached: an ordinary conversation
from then on. Not reached: the seat is free at once and the caller's leg is
*planned* again, until the floor has tried often enough and closes the callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd import early
from acd import events as e
from acd.call import Owner, Rung
from acd.ids import AgentId, ChannelId, Instant, SeatId
from acd.leg import Leg, LegState, Place
from acd.record import Activity

if TYPE_CHECKING:
    from acd.conversation import Conversation


def plan(talk: Conversation, queue: str, now: Instant) -> None:
    """The call begins without its caller."""
    call = talk.call
    call.caller.state = LegState.PLANNED
    call.caller.activity = Activity.QUEUE
    call.caller.detail = queue
    call.owner = Owner.QUEUE
    call.enqueued = call.menu_end = now
    talk.is_callback = True


def dial(
    talk: Conversation, seat: Leg, agent: AgentId | None, rung: Rung, attempt: int, now: Instant
) -> None:
    """The seat has answered: call the person."""
    call = talk.call
    caller = call.caller
    caller.channel = ChannelId(f"cr-{call.id}-a{attempt}")
    caller.state = LegState.DIALLING
    talk.out += call.move(seat, Place.BRIDGE_TONE)
    call.doing(seat, Activity.CONSULT, now, "callback")
    call.doing(caller, Activity.RING, now, "callback")
    if call.first_seat is None:
        call.first_seat, call.first_agent = SeatId(seat.party), agent
    talk.originate(caller, rung)
    talk.ring_until(caller, now + rung.ring_for)


def dialling(talk: Conversation) -> bool:
    """The person has not been reached yet."""
    return talk.is_callback and talk.call.accepted is None


def seat_left(talk: Conversation, seat: Leg, now: Instant) -> None:
    """The seat has put its phone down before the person answered."""
    seat.answered = None
    talk.hang_up(talk.call.caller, now)


def reached(talk: Conversation, now: Instant) -> None:
    """The person has answered."""
    call = talk.call
    call.accepted = now
    talk.out.append(e.CallbackReached(call=call.id))
    seat = call.talking_seat()
    if seat is None:
        talk.requeue(now, None, "seat_left")
    else:
        talk.connect(seat, call.first_agent, now)


def failed(talk: Conversation, cause: str, now: Instant) -> None:
    """The person was not reached this time: the seat is free, the caller's leg is planned again."""
    call = talk.call
    caller = call.caller
    talk.drop_timer("ring", caller)
    early.forget(talk, caller)
    talk.drop_timer("teardown", caller)
    caller.state = LegState.PLANNED
    caller.place = Place.NOWHERE
    call.doing(caller, Activity.QUEUE, now, cause)
    talk.out.append(e.CallbackFailed(call=call.id, cause=cause))
    for leg in call.legs[1:]:
        if leg.usable:
            leg.answered = None  # nobody was spoken with: there is nothing to wrap up
            talk.hang_up(leg, now)
    talk.out += call.drop_bridge()


def given_up(talk: Conversation, outcome: str, now: Instant) -> None:
    """The floor has closed the callback without the person: the call is over."""
    call = talk.call
    if call.caller.state is not LegState.PLANNED:
        return
    call.owner = Owner.ENDED
    call.ended = now
    call.ended_by = "system"
    call.callback_outcome = outcome
    call.cut(call.caller, now)
    call.caller.state = LegState.ENDED
    call.caller.closed = True

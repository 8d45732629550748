"""What a seat may ask for now, told beforehand.

Theory. Every wish is granted or refused when it is asked (`Refused`); screens want
to know it before, so that nobody is shown a button that only leads to a refusal.
Here is that answer, from the same tables that grant and refuse: a seat's own state
(`acd.agent.TRANSITIONS`) for what concerns the seat, the transfer's
(`acd.transfer.ROWS`) for a hand-over, and who holds the caller for the rest. A wish
that is kept for later is a wish that may be asked. Whether a number leads anywhere
is not known before it is dialled.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from acd.agent import STATES, TRANSITIONS, WRAP_UP, Refusal, Seat, State
from acd.call import Call, Owner, Transfer
from acd.further import MOST_PARTIES
from acd.leg import Leg
from acd.record import Role
from acd.transfer import ROWS, TransferEvent, TransferState


class Deed(StrEnum):
    """Spelt as the API's paths."""

    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    READY = "ready"
    NOT_READY = "not-ready"
    FINISH = "wrap-up/finish"
    EXTEND = "wrap-up/extend"
    ANSWER = "answer"
    DECLINE = "decline"
    HANG_UP = "hang-up"
    HOLD = "hold"
    RESUME = "resume"
    TRANSFER = "transfer"
    COMPLETE = "transfer/complete"
    THREE_PARTY = "transfer/three-party"
    SWAP = "transfer/swap"
    CANCEL = "transfer/cancel"


Deeds = tuple[Deed, ...]

TRIGGERS: Final[Mapping[Deed, str]] = {
    Deed.SIGN_IN: "sign_in",
    Deed.SIGN_OUT: "sign_out",
    Deed.READY: "make_ready",
    Deed.NOT_READY: "make_not_ready",
    Deed.FINISH: "finish_wrap_up",
    Deed.EXTEND: "extend_wrap_up",
}
EVENTS: Final[Mapping[Deed, TransferEvent]] = {
    Deed.COMPLETE: TransferEvent.CONSULT_COMPLETED,
    Deed.THREE_PARTY: TransferEvent.THREE_PARTY,
    Deed.SWAP: TransferEvent.SWAP,
    Deed.CANCEL: TransferEvent.CONSULT_CANCELLED,
}
_OF_STATE: Final[Mapping[State, Deeds]] = {
    state: tuple(
        deed for deed, trigger in TRIGGERS.items() if not isinstance(TRANSITIONS[trigger][state], Refusal)
    )
    for state in STATES
}
_OF_TRANSFER: Final[Mapping[TransferState, Deeds]] = {
    state: tuple(deed for deed, event in EVENTS.items() if (state, event) in ROWS) for state in TransferState
}
_RINGING: Final = (Deed.ANSWER, Deed.DECLINE, Deed.HANG_UP)


def of_seat(seat: Seat, *, more_time: bool) -> Deeds:
    """What concerns the seat itself. `more_time`: its wrap-up may still be made longer."""
    deeds = _OF_STATE[seat.state]
    if seat.reachable and (more_time or seat.state != WRAP_UP):
        return deeds
    without = {Deed.READY} if not seat.reachable else set()
    if not more_time:
        without.add(Deed.EXTEND)
    return tuple(deed for deed in deeds if deed not in without)


def of_leg(call: Call, leg: Leg) -> Deeds:
    """What the party of a leg may ask of its call: seats only, all others speak by their phones."""
    if leg.role is not Role.SEAT or not leg.usable:
        return ()
    if not leg.up:
        return _RINGING
    return (Deed.HANG_UP, *_in_talk(call, leg))


def _in_talk(call: Call, leg: Leg) -> Iterator[Deed]:
    transfer = call.transfer
    if call.owner is Owner.TRANSFER and transfer is not None:
        if transfer.by == leg.party:
            yield from _in_transfer(call, transfer)
    elif call.owner is Owner.CONVERSATION and call.talking_seat() is leg:
        yield Deed.RESUME if call.holding else Deed.HOLD
        yield Deed.TRANSFER


def _in_transfer(call: Call, transfer: Transfer) -> Iterator[Deed]:
    yield from _OF_TRANSFER[transfer.state]
    if transfer.state is TransferState.CONFERENCE and sum(leg.up for leg in call.legs) < MOST_PARTIES:
        yield Deed.TRANSFER

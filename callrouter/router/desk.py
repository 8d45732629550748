"""What people at desks ask for, from the API, the desk page or a phone's keys: one and the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import events as e
from acd import further, second_line, wishes
from acd.call import Target
from acd.feature_codes import Feature
from acd.ids import SeatId
from acd.stage import DECLINED, FeatureDialled
from acd.transfer import TransferEvent
from callrouter.router import reach
from callrouter.router.live import LiveCall
from callrouter.router.notices import SeatShown

if TYPE_CHECKING:
    from callrouter.router.core import Router

_TO_FLOOR: Final = (
    e.SeatSignedIn,
    e.SeatSignedOut,
    e.SeatReadied,
    e.SeatNotReadied,
    e.WrapUpFinished,
    e.WrapUpExtended,
)

_TRANSFER_EVENTS: Final[dict[type, TransferEvent]] = {
    e.TransferCompleted: TransferEvent.CONSULT_COMPLETED,
    e.TransferCancelled: TransferEvent.CONSULT_CANCELLED,
    e.TransferSwapped: TransferEvent.SWAP,
    e.ThreePartyAsked: TransferEvent.THREE_PARTY,
}

_FEATURE_EVENTS: Final[dict[Feature, TransferEvent]] = {
    Feature.CANCEL: TransferEvent.CONSULT_CANCELLED,
    Feature.COMPLETE: TransferEvent.CONSULT_COMPLETED,
    Feature.THREE_PARTY: TransferEvent.THREE_PARTY,
    Feature.SWAP: TransferEvent.SWAP,
}


def intent(router: Router, wish: e.Intent) -> None:
    """Act on a wish. Raises `Refused`, having changed nothing, when the state forbids it."""
    if router.site.seat(wish.seat) is None:
        raise e.Refused("unknown_seat", f"There is no seat {wish.seat!r}.")
    if isinstance(wish, _TO_FLOOR):
        router.ask_floor(wish)
        router.out.append(SeatShown(wish.seat))
        return
    live = call_of(router, wish.seat)
    router.touch(live)
    if (event := _TRANSFER_EVENTS.get(type(wish))) is not None:
        live.talk.handover.ask(wish.seat, event, router.now)
        return
    match wish:
        case e.AnswerAsked():
            _answer(router, live, wish.seat)
        case e.DeclineAsked():
            wishes.decline(live.talk, wish.seat, router.now)
        case e.HangupAsked():
            wishes.hang_up(live.talk, wish.seat, router.now)
        case e.HoldAsked():
            wishes.hold(live.talk, wish.seat, router.now)
        case e.ResumeAsked():
            wishes.resume(live.talk, wish.seat, router.now)
        case e.TransferAsked(target=target, kind=kind, note=note):
            before, live.call.note = live.call.note, note or live.call.note
            try:
                transfer(router, live, wish.seat, target, kind)
            except e.Refused:
                live.call.note = before
                raise


def transfer(router: Router, live: LiveCall, seat: SeatId, code: str, kind: str) -> None:
    """Start a transfer to a line of the directory or to a colleague's seat."""
    further.transferor(live.talk, seat, kind)
    live.talk.handover.start(seat, target(router, live, seat, code, kind), kind, router.now)


def target(router: Router, live: LiveCall, seat: SeatId, code: str, kind: str) -> Target:
    """Where a transfer of this seat would lead. Raises `Refused`."""
    announce = router.site.moving_on(code, live.call.language)
    if router.site.seat(SeatId(code)) is None:
        return reach.line(router, live, code, announce=announce, warm=kind != "blind")
    return reach.colleague(router, live, code, seat, announce=announce)


def feature(router: Router, live: LiveCall, dialled: FeatureDialled) -> None:
    """A feature code from a plain SIP phone: what is refused there is heard as a tone."""
    seat, code = dialled.seat, dialled.dialled
    router.touch(live)
    try:
        match code.feature:
            case Feature.CONSULT:
                transfer(router, live, seat, code.number, "consult")
            case Feature.BLIND:
                transfer(router, live, seat, code.number, "blind")
            case Feature.HOLD if live.call.holding:
                wishes.resume(live.talk, seat, router.now)
            case Feature.HOLD:
                wishes.hold(live.talk, seat, router.now)
            case Feature.UNKNOWN:
                raise e.Refused("unknown_code", f"No feature code or number {code.number!r}.")
            case _:
                live.talk.handover.ask(seat, _FEATURE_EVENTS[code.feature], router.now)
    except e.Refused as refusal:
        live.talk.keypad.refuse(seat, router.now)
        router.odd(
            "feature_refused", live.call.id, seat=seat, feature=code.feature.value, reason=refusal.reason
        )


def call_of(router: Router, seat: SeatId) -> LiveCall:
    """The call that a seat's phone is in, talking or ringing. Raises `Refused`."""
    for live in router.calls.values():
        if wishes.usable_leg(live.talk, seat) is not None:
            return live
    raise e.Refused("no_call", "This seat has no call.")


def _answer(router: Router, live: LiveCall, seat: SeatId) -> None:
    leg = wishes.ringing(live.talk, seat)
    if leg is None:
        raise e.Refused("not_ringing", "This seat's phone does not ring.")
    router.out.append(c.AnswerPhone(node=leg.node, call=live.call.id, channel=leg.channel))


def dialled(router: Router, event: e.CallOffered, seat: SeatId) -> None:
    """A seat's phone dials on a second line: the consultation of its own buttons.

    Refused (603) unless the seat talks with a caller and the number leads somewhere.
    """
    try:
        live = call_of(router, seat)
        router.touch(live)
        leg = wishes.seat_in_talk(live.talk, seat)
        if leg.parked is not None or leg.node != event.node:
            raise e.Refused("two_lines", "This phone uses two lines already.")
        wanted = target(router, live, seat, event.dialled, "consult")
    except e.Refused as refusal:
        router.odd("second_line_refused", event.call, seat=seat, reason=refusal.reason)
        router.out.append(c.Hangup(node=event.node, call=event.call, channel=event.channel, cause=DECLINED))
        return
    router.channels[event.channel] = (live, leg)
    second_line.taken(live.talk, leg, event.channel)
    live.talk.handover.start(seat, wanted, "consult", router.now)

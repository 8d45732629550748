"""A transfer's actions: what each row of `acd.transfer.TABLE` does to the legs.

The table decides; here every action is carried out with `Call.move`, so that a
consultation costs no more commands than legs that really change their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from acd import early, further, wishes
from acd import events as e
from acd.call import Owner, Target, TargetKind, Transfer
from acd.ids import Instant, SeatId
from acd.leg import Place
from acd.record import Activity, Role
from acd.transfer import Action, Row, TransferEvent, TransferState, Verdict, step

if TYPE_CHECKING:
    from acd.conversation import Conversation


"""Kind of a transfer's record when it was asked for 110, 119, 120 or 122, however it was asked."""


class Handover:
    """The transfer side of one conversation."""

    __slots__ = ("_conversation",)

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def start(self, seat: SeatId | None, target: Target, kind: str, now: Instant) -> None:
        """One key. `seat` None: the caller's own choice in the flow, nobody holds the call.

        Raises `Refused` when the seat is not talking or no way leads to the target.
        """
        talk = self._conversation
        call = talk.call
        leg = further.transferor(talk, seat, kind) if seat is not None else None
        if not target.rungs:
            raise e.Refused("no_way", f"There is no trunk for {target.code}: ask the telecom engineer.")
        if call.holding:
            wishes.resume(talk, SeatId(leg.party) if leg is not None else SeatId(""), now)
        beneath = further.conference(call, seat)
        number = 1 + len(call.transfers) + len(call.open_transfers())
        transfer = Transfer(number=number, kind=kind, target=target, by=seat, asked=now, beneath=beneath)
        call.transfer = transfer
        call.owner = Owner.TRANSFER
        # Nobody in need hears music: caller and seat stay together until the service answers.
        transfer.joins = beneath is not None or (leg is not None and target.emergency and kind == "consult")
        if transfer.joins:
            transfer.rung = 0
            self.fire(TransferEvent.TARGET_RESERVED, now)
            return
        blonde = leg is None or kind == "blind"
        # The target is dialled first: moving legs waits for their threads in Asterisk, and with two hundred
        # keys pressed at once the last INVITE would wait for all of them.
        if blonde:
            transfer.state = TransferState.BLONDE
            self._ring_next(transfer, now)
        else:
            transfer.rung = 0
            self.fire(TransferEvent.TARGET_RESERVED, now)
        talk.aside(call.caller, now, target.announce, Place.RINGBACK if blonde else Place.MUSIC)
        if leg is None:
            return
        if blonde:
            talk.contact_over(leg, now)
            talk.hang_up(leg, now)
            return
        talk.out += call.move(leg, Place.BRIDGE_TONE)
        call.doing(leg, Activity.CONSULT, now, target.code)
        talk.out.append(e.SeatConsulting(seat=SeatId(leg.party)))

    def ask(self, seat: SeatId, event: TransferEvent, now: Instant) -> None:
        """Complete, cancel, swap or three-party, asked by the transferor; raises `Refused`."""
        transfer = self._conversation.call.transfer
        if transfer is None or not transfer.live:
            raise e.Refused("no_transfer", "There is no transfer under way.")
        if transfer.by != seat:
            raise e.Refused("not_yours", "Only the seat that started the transfer can do this.")
        self.fire(event, now)

    def fire(self, event: TransferEvent, now: Instant) -> None:
        """Give an event to the table and carry out what it says."""
        further.settled_first(self._conversation, event, now)
        transfer = self._conversation.call.transfer
        if transfer is None:
            return
        verdict = step(transfer.state, event)
        if isinstance(verdict, Row):
            transfer.state = verdict.next
            _ACTIONS[verdict.action](self, transfer, now)
        elif verdict is Verdict.REJECT:
            raise e.Refused("transfer_state", f"Not possible while the transfer is {transfer.state.value}.")

    def give_up(self, cause: str, now: Instant) -> None:
        """The switch has let us down: the transfer is over, the caller goes back in line."""
        transfer = self._conversation.call.transfer
        if transfer is not None and transfer.live:
            transfer.state = TransferState.REQUEUED
            transfer.cause = cause
            self._drop_target(transfer, now)
            self._close(transfer, now)

    def end(self, transfer: Transfer, state: TransferState, now: Instant) -> None:
        """A transfer is over without an action of its own: its target has gone, or stays as it is."""
        transfer.state = state
        self._close(transfer, now)

    def target_failed(self, event: TransferEvent, now: Instant) -> None:
        """A rung did not lead to the target. With nobody holding the call the next one rings on."""
        transfer = self._conversation.call.transfer
        if transfer is None or not transfer.live:
            return
        if transfer.state is TransferState.BLONDE and self._ring_next(transfer, now):
            return
        self.fire(event, now)

    # --- actions -----------------------------------------------------------------

    def _ring_next(self, transfer: Transfer, now: Instant) -> bool:
        if transfer.rung + 1 >= len(transfer.target.rungs):
            return False
        transfer.rung += 1
        self._ring_target(transfer, now)
        return True

    def _ring_target(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        rung = transfer.target.rungs[transfer.rung]
        role = Role.SEAT if transfer.target.kind is TargetKind.SEAT else Role.PARTNER
        leg = talk.call.add_leg(role, rung.party, None, Activity.RING, now, rung.offer)
        transfer.leg = leg
        talk.originate(leg, rung)
        talk.ring_until(leg, now + rung.ring_for)
        if transfer.rung > 0:
            early.attend(talk, leg)  # the way before may have been heard

    def _seek_next(self, transfer: Transfer, now: Instant) -> None:
        self._drop_target(transfer, now)
        if transfer.rung + 1 < len(transfer.target.rungs):
            transfer.rung += 1
            self.fire(TransferEvent.TARGET_RESERVED, now)
        else:
            self.fire(TransferEvent.SEEK_EXPIRED, now)

    def _consult(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        seat = talk.call.talking_seat()
        if transfer.joins:
            self.fire(TransferEvent.THREE_PARTY, now)
        elif seat is not None and transfer.leg is not None:
            talk.together(now, Activity.CONSULT, seat, transfer.leg)

    def _swap(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        seat, target = talk.call.talking_seat(), transfer.leg
        if seat is None or target is None:
            return
        transfer.swapped = not transfer.swapped
        if transfer.swapped:
            talk.aside(target, now)
            talk.anew(now, Activity.TALK, seat, talk.call.caller)
        else:
            talk.aside(talk.call.caller, now)
            talk.anew(now, Activity.CONSULT, seat, target)

    def _conference(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        seat = talk.call.talking_seat()
        if seat is not None and transfer.leg is not None:
            talk.together(now, Activity.CONFERENCE, transfer.leg, seat, talk.call.caller)
            talk.out.append(e.SeatTalking(seat=SeatId(seat.party)))

    def _complete(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        call = talk.call
        seat = call.talking_seat()
        if seat is not None and call.caller.place is not Place.BRIDGE:
            # Never three for a moment: Asterisk would change the mixing and back.
            talk.out += call.move(seat, Place.NOWHERE)
        if transfer.leg is not None:
            activity = Activity.TALK if transfer.beneath is None else Activity.CONFERENCE
            talk.together(now, activity, call.caller, transfer.leg)
        call.owner = Owner.CONVERSATION
        if seat is not None:
            talk.contact_over(seat, now)
            talk.hang_up(seat, now)
        self._close(transfer, now)

    def _return(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        call = talk.call
        self._drop_target(transfer, now)
        if transfer.beneath is not None:
            call.transfer, transfer.beneath = transfer.beneath, None
            self._close(transfer, now)
            return
        seat = call.talking_seat()
        call.owner = Owner.CONVERSATION
        self._close(transfer, now)
        if seat is not None:
            talk.anew(now, Activity.TALK, seat, call.caller)
            talk.out.append(e.SeatTalking(seat=SeatId(seat.party)))

    def _go_blonde(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        seat, caller = talk.call.talking_seat(), talk.call.caller
        place = early.place(talk, caller, transfer.leg)
        if seat is not None and place is not Place.RINGBACK:
            talk.out += talk.call.move(seat, Place.NOWHERE)  # never three for a moment
        talk.out += talk.call.move(caller, place)
        if seat is not None:
            talk.contact_over(seat, now)
            talk.hang_up(seat, now)

    def _connect_blonde(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        if transfer.leg is not None:
            talk.together(now, Activity.TALK, talk.call.caller, transfer.leg)
        if talk.call.answered is None:
            talk.call.answered = now
        talk.call.owner = Owner.CONVERSATION
        self._close(transfer, now)

    def _requeue(self, transfer: Transfer, now: Instant) -> None:
        self._drop_target(transfer, now)
        self._close(transfer, now)
        if transfer.kind == "flow":
            self._conversation.alone("transfer", transfer.cause, now)
            return
        talk = self._conversation
        talk.requeue(now, transfer.by, "transfer_failed", talk.manners.not_reached(talk.call.language))

    def _abandon(self, transfer: Transfer, now: Instant) -> None:
        talk = self._conversation
        for ended in (transfer, transfer.beneath):
            if ended is not None and ended.leg is not None and ended.leg.usable:
                talk.farewell(ended.leg, now)
        self._close(transfer, now)

    def _drop_target(self, transfer: Transfer, now: Instant) -> None:
        leg = transfer.leg
        if leg is None:
            return
        talk = self._conversation
        talk.offer_cancelled(leg)
        # Out of the bridge first: a third party in it, be it for a moment, makes Asterisk change the mixing.
        talk.out += talk.call.move(leg, Place.NOWHERE)
        talk.contact_over(leg, now)
        talk.hang_up(leg, now)

    def _close(self, transfer: Transfer, now: Instant) -> None:
        transfer.closed = True
        call = self._conversation.call
        call.transfers.append(transfer.record(call.id, now, transfer.state, transfer.cause))
        if transfer.beneath is not None:
            self.end(transfer.beneath, transfer.state, now)


_ACTIONS: Final[dict[Action, Callable[[Handover, Transfer, Instant], None]]] = {
    Action.RING_TARGET: Handover._ring_target,
    Action.SEEK_NEXT: Handover._seek_next,
    Action.CONSULT: Handover._consult,
    Action.SWAP: Handover._swap,
    Action.CONFERENCE: Handover._conference,
    Action.COMPLETE: Handover._complete,
    Action.RETURN: Handover._return,
    Action.GO_BLONDE: Handover._go_blonde,
    Action.CONNECT_BLONDE: Handover._connect_blonde,
    Action.REQUEUE: Handover._requeue,
    Action.ABANDON: Handover._abandon,
}

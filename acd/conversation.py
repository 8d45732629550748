"""The call's own machine: from the first offer to the last leg.

Theory. Facts about legs and wishes of people come in; commands for the switch,
events for the floor and signals for the router go out through `out`, in order.
Who stands where (`Call.move`) carries the media; the transfer table
(`acd.transfer`) carries the handing over. Two rules hold everywhere:

* a caller who is still there always ends with a person, in a queue, or back in
  the flow, never in silence;
* a seat's part ends exactly once (`ContactEnded`), whoever ended it.
"""

from typing import Final

from msgspec.structs import replace

from acd import commands as c
from acd import early, further, held, outcall
from acd import events as e
from acd.call import Call, Owner, Rung
from acd.handover import Handover
from acd.ids import AgentId, ChannelId, Instant, OfferId, QueueId, SeatId, Seconds
from acd.keypad import Keypad
from acd.leg import Leg, LegState, Place
from acd.record import Activity, Role
from acd.stage import NO_ANSWER, NORMAL_CLEARING, BackToFlow, Manners, Stage, TimerKey
from acd.timers import Timers
from acd.transfer import TransferEvent, TransferState

_NORMAL: Final = (0, NORMAL_CLEARING, 31)
_SAID_NO: Final = (17, 21)
"""Q.850: user busy, call rejected."""


class Conversation(Stage):
    """One call's machine. Methods take `now`; effects are appended to `out`."""

    def __init__(self, call: Call, timers: Timers[TimerKey], manners: Manners) -> None:
        super().__init__(call, timers, manners)
        self._offers: dict[OfferId, Leg] = {}
        self._request: e.Enqueued | None = None
        self.is_callback = False
        """We call the person; see `acd.outcall`."""
        self.handover = Handover(self)
        self.keypad = Keypad(call, timers, manners, self.out)

    # --- what the router asks ---------------------------------------------------

    @property
    def request(self) -> e.Enqueued | None:
        """How the caller last asked for a seat."""
        return self._request

    def resume(self, request: e.Enqueued | None, *, called_back: bool) -> None:
        """Go on as the conversation of a process that has ended."""
        self._request, self.is_callback = request, called_back

    @property
    def done(self) -> bool:
        """Every leg is gone: the record can be written."""
        return self.call.owner is Owner.ENDED and not any(leg.live for leg in self.call.legs)

    def offered(self, offer: OfferId) -> Leg | None:
        return self._offers.get(offer)

    def enqueue(self, request: e.Enqueued, now: Instant) -> None:
        """The caller waits for a seat from now on."""
        call = self.call
        call.owner = Owner.QUEUE
        call.queue = request.queue
        if call.menu_end is None:
            call.menu_end = now
        if call.enqueued is None:
            call.enqueued = now
        call.doing(call.caller, Activity.QUEUE, now, str(request.queue))
        self._request = request
        self.out.append(request)

    def settle(self) -> None:
        """Once the floor has spoken: ringback while a seat rings at once, else music."""
        call = self.call
        if call.owner is not Owner.QUEUE or call.caller.place not in (Place.NOWHERE, Place.RINGBACK):
            return
        ringing = any(leg.usable and not leg.up for leg in self._offers.values())
        self.out += call.move(call.caller, Place.RINGBACK if ringing else Place.MUSIC)

    def tell(self, media: tuple[str, ...], *, reply: bool = False) -> None:
        """Announce something to the waiting caller; music follows.

        What is being said is not interrupted, except by the `reply` to a key.
        """
        if reply:
            self.hush()
        if self.call.owner is Owner.QUEUE and self.call.caller.place in (Place.MUSIC, Place.RINGBACK):
            self.out += self.call.move(self.call.caller, Place.TOLD, media)

    def hush(self) -> None:
        """The waiting caller has pressed a key and need not listen on."""
        if self.call.owner is Owner.QUEUE and self.call.caller.place is Place.TOLD:
            self.out += self.call.move(self.call.caller, Place.MUSIC)

    @property
    def being_rung(self) -> bool:
        """A seat rings for the waiting caller."""
        return any(leg.usable and not leg.up for leg in self._offers.values())

    def leave_queue(self, now: Instant, place: Place = Place.NOWHERE) -> None:
        """The floor has given the caller back; the flow takes over."""
        call = self.call
        self.out += call.move(call.caller, place)
        call.owner = Owner.FLOW
        call.doing(call.caller, Activity.FLOW, now)

    # --- offers -------------------------------------------------------------------

    def offer_made(self, offer: c.OfferMade, rung: Rung, now: Instant) -> None:
        call = self.call
        leg = call.add_leg(Role.SEAT, offer.seat, None, Activity.RING, now, offer.offer)
        self._offers[offer.offer] = leg
        call.doing(call.caller, Activity.RING, now, rung.party)
        if call.rang is None:
            call.rang = now
        self.originate(leg, rung)

    def offer_withdrawn(self, offer: OfferId, reason: str, now: Instant) -> None:
        self._offers.pop(offer, None)
        leg = next((leg for leg in self.call.legs if leg.offer == offer), None)
        if leg is None or not leg.usable:
            return
        leg.detail = reason
        self.hang_up(leg, now)
        self.target_lost(leg, TransferEvent.RING_EXPIRED, reason, now)
        self._waiting_again(now)

    def offer_refused(self, leg: Leg, cause: str, now: Instant, *, missed: bool = False) -> None:
        """The seat that this leg rings does not take it; nothing for a leg without an offer."""
        if leg.offer is not None:
            self._offers.pop(leg.offer, None)
            self.out.append(e.OfferRefused(offer=leg.offer, cause=cause, missed=missed))
            self._waiting_again(now)

    def connect(self, leg: Leg, agent: AgentId | None, now: Instant) -> None:
        """The floor has confirmed this answer: caller and seat speak."""
        call = self.call
        if leg.offer is not None:
            self._offers.pop(leg.offer, None)
        if call.answered is None:
            call.answered = now
            call.first_seat = SeatId(leg.party)
            call.first_agent = agent
        call.owner = Owner.CONVERSATION
        call.repairs = 0
        call.ended_by = ""
        self.together(now, Activity.TALK, call.caller, leg)

    def _waiting_again(self, now: Instant) -> None:
        call = self.call
        still = any(leg.usable for leg in self._offers.values())
        if call.owner is Owner.QUEUE and call.caller.usable and not still:
            call.doing(call.caller, Activity.QUEUE, now, str(call.queue))

    # --- facts about legs -----------------------------------------------------------

    def leg_ringing(self, leg: Leg, now: Instant) -> None:
        if leg.state is not LegState.DIALLING:
            return
        leg.state = LegState.RINGING
        if leg.offer is not None:
            self.out.append(e.OfferRinging(offer=leg.offer))

    def leg_heard(self, leg: Leg, now: Instant) -> None:
        """Early media."""
        early.heard(self, leg, now)

    def leg_silent(self, leg: Leg, seconds: Seconds, now: Instant) -> None:
        """No early media any more."""
        early.silent(self, leg, seconds, now)

    def packets_counted(self, leg: Leg, received: int, now: Instant) -> None:
        """What has come on a leg that is heard early."""
        early.counted(self, leg, received, now)

    def peer_held(self, leg: Leg, channel: ChannelId, *, on: bool) -> None:
        """The far end has put us on hold, or taken us back. In the bridge Asterisk plays the music itself."""
        held.noted(leg, channel, held=on)
        if not on:
            self.out += held.console(self.call)

    def leg_answered(self, leg: Leg, now: Instant) -> None:
        """A far end has picked up. An offer's leg waits for the floor's word (`connect`)."""
        if leg.state not in (LegState.DIALLING, LegState.RINGING):
            return
        leg.state = LegState.UP
        leg.answered = now
        for timer in ("ring", "quiet", "pulse"):
            self._timers.cancel((self.call.id, timer, leg.number))
        if leg.role is Role.CALLER:
            outcall.reached(self, now)
        if leg.offer is not None:
            self.out.append(e.OfferAnswered(offer=leg.offer))
        transfer = self.call.transfer
        if transfer is not None and transfer.leg is leg:
            transfer.answered = now
            self.handover.fire(TransferEvent.TARGET_ANSWERED, now)

    def leg_ended(self, leg: Leg, cause: int, now: Instant) -> None:
        if leg.state is LegState.ENDED:
            return
        before, leg.state = leg.state, LegState.ENDED
        for timer in ("ring", "quiet", "pulse", "teardown"):
            self._timers.cancel((self.call.id, timer, leg.number))
        if leg.playback is not None:
            leg.playback = None
        leg.place = Place.NOWHERE
        if leg.role is Role.CALLER:
            if outcall.dialling(self):
                outcall.failed(self, leg.detail if leg.detail == "no_answer" else f"cause_{cause}", now)
                return
            self._caller_gone(before, cause, now)
        elif before is LegState.UP:
            self.party_left(leg, cause, now)
        elif before is not LegState.ENDING:
            self._never_answered(leg, cause, now)
        self.close_track(leg, now)

    def _never_answered(self, leg: Leg, cause: int, now: Instant) -> None:
        leg.detail = f"cause_{cause}"
        said_no = cause in _SAID_NO
        self.offer_refused(leg, "declined" if said_no else f"cause_{cause}", now, missed=not said_no)
        self.target_lost(leg, TransferEvent.TARGET_DECLINED, f"cause_{cause}", now)

    def target_lost(self, leg: Leg, event: TransferEvent, cause: str, now: Instant) -> None:
        """The leg has ended unanswered; when it was a transfer's target, that rung has failed."""
        transfer = self.call.transfer
        if transfer is not None and transfer.leg is leg:
            transfer.cause = cause
            self.handover.target_failed(event, now)

    def party_left(self, leg: Leg, cause: int, now: Instant) -> None:
        """Somebody who was speaking is gone. A broken line, unlike a hang-up, owes the caller a person."""
        call = self.call
        if outcall.dialling(self):
            outcall.seat_left(self, leg, now)
            return
        self.contact_over(leg, now)
        transfer = call.transfer
        if transfer is not None and transfer.live:
            if transfer.leg is leg:
                self.handover.fire(TransferEvent.TARGET_LEFT, now)
            elif further.partner_left(self, leg, now):
                return
            elif leg.role is Role.SEAT and leg.party == transfer.by:
                self.handover.fire(TransferEvent.TRANSFEROR_LEFT, now)
            return
        if call.owner is not Owner.CONVERSATION or self.others_up():
            return
        if cause not in _NORMAL:
            self.requeue(now, None, "line_broken")
        else:
            call.ended_by = call.ended_by or leg.role.value
            self.alone("conversation", f"{leg.role.value}_left", now)

    def alone(self, source: str, reason: str, now: Instant) -> None:
        """Nobody is with the caller: the flow takes over."""
        call = self.call
        call.holding = False
        self.out += call.move(call.caller, Place.NOWHERE)
        self.out += call.drop_bridge()
        call.owner = Owner.FLOW
        call.doing(call.caller, Activity.FLOW, now, "after_conversation")
        self.out.append(BackToFlow(call.id, source, reason))

    def _caller_gone(self, before: LegState, cause: int, now: Instant) -> None:
        call = self.call
        was, call.owner = call.owner, Owner.ENDED
        call.ended = now
        call.cause = cause
        if before is not LegState.ENDING or not call.ended_by:
            call.ended_by = "caller"
        if was is Owner.QUEUE:
            self.out.append(e.CallerLeft(call=call.id))
        if call.transfer is not None and call.transfer.live:
            self.handover.fire(TransferEvent.CUSTOMER_LEFT, now)
        for leg in call.legs:
            if leg.live and leg.usable and leg.role is not Role.CALLER and not self.bidding_farewell(leg):
                self.contact_over(leg, now)
                self.hang_up(leg, now)
        self.out += call.drop_bridge()

    # --- ending legs ------------------------------------------------------------------

    def hang_up_caller(self, by: str, cause: int, now: Instant) -> None:
        """Our own end of the call; the caller's leg confirms it."""
        if self.call.caller.usable:
            self.call.ended_by = self.call.ended_by or by
            self.hang_up(self.call.caller, now, cause)

    def wrap_up_over(self, seat: SeatId, now: Instant) -> None:
        """The floor says that the seat's wrap-up has ended; its segment joins the others."""
        for leg in self.call.legs:
            if leg.party == seat and leg.activity is Activity.WRAP_UP and not leg.closed:
                self.call.cut(leg, now)
                leg.closed = True

    # --- playbacks and failures -----------------------------------------------------------

    def playback_finished(self, leg: Leg, now: Instant) -> None:
        leg.playback = None
        if leg.place is Place.TOLD:
            leg.place = Place.NOWHERE
            transfer = self.call.transfer
            blonde = transfer is not None and transfer.state is TransferState.BLONDE
            after = early.place(self, leg, transfer.leg) if transfer is not None and blonde else Place.MUSIC
            self.out += self.call.move(leg, after)
        elif leg.place is Place.BRIDGE_TONE:
            leg.place = Place.BRIDGE
        elif self.bidding_farewell(leg):
            self.timer("farewell", leg.number, now)

    def bridge_failed(self, now: Instant, leg: Leg | None = None) -> None:
        """A bridge, or `leg` in it, was refused: one fresh bridge, then the caller goes back in line."""
        call = self.call
        if leg is not None and leg.early and not leg.up:
            early.lost(self, leg)
            return
        call.repairs += 1
        if call.repairs == 1:
            self.out += call.rebuild_bridge()
            return
        if call.owner in (Owner.CONVERSATION, Owner.TRANSFER) and call.caller.usable:
            for leg in self.others_up():
                self.contact_over(leg, now)
                self.hang_up(leg, now)
            self.handover.give_up("bridge_failed", now)
            self.out += call.drop_bridge()
            self.requeue(now, None, "bridge_failed")

    def timer(self, name: str, number: int, now: Instant) -> None:
        """A deadline of this call has come."""
        leg = self.call.legs[number]
        if name == "ring" and leg.usable and not leg.up:
            leg.detail = "no_answer"
            self.hang_up(leg, now, NO_ANSWER)
            if leg.offer is not None:
                self.out.append(e.OfferRefused(offer=leg.offer, cause="no_answer", missed=True))
            if self.call.transfer is not None:
                self.call.transfer.cause = "no_answer"
            self.handover.target_failed(TransferEvent.RING_EXPIRED, now)
        elif name == "quiet" and leg.usable and not leg.up:
            early.quiet(self, leg)
        elif name == "pulse" and leg.usable and not leg.up:
            early.look(self, leg, now)
        elif name == "teardown" and leg.live:
            self.leg_ended(leg, 0, now)
        elif name == "farewell":
            self._timers.cancel((self.call.id, "farewell", number))
            self.contact_over(leg, now)
            self.hang_up(leg, now)
        elif name == "keys":
            self.keypad.silent(leg)
        elif name == "refused":
            self.keypad.refused(leg)

    def requeue(self, now: Instant, sticky: SeatId | None, reason: str, told: tuple[str, ...] = ()) -> None:
        """Nobody holds the caller any more: first in line for a person, who is `told` so."""
        call = self.call
        call.holding = False
        self.out += call.move(call.caller, Place.NOWHERE)
        transfer = call.transfer
        wanted = transfer.target.queue if transfer is not None else None
        if self._request is None and wanted is None:
            self.alone("conversation", reason, now)
            return
        before = self._request or e.Enqueued(
            call=call.id,
            queue=wanted or QueueId(""),
            identity=call.caller_number,
            language=call.language,
            arrived=call.ingress,
        )
        again = replace(before, queue=wanted or before.queue, sticky=sticky, first_in_line=True, again=False)
        self.enqueue(again, now)
        if told:
            self.out += call.move(call.caller, Place.TOLD, told)

"""The router: one fact in, everything that follows from it out, in order.

Theory. A call has one owner at a time: the flow, the queue, the conversation or
the transfer. Each fact is given to the owner's machine; what that machine says
is worked through at once (commands out, floor events to the floor, the floor's
decisions back to the calls) until nothing is left. No step waits for anything,
so a turn is atomic without a lock, and the same turns run in the live system, in
the tests and under the simulator.
"""

from collections import deque
from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from acd import commands as c
from acd import events as e
from acd.call import Call, Owner
from acd.conversation import Conversation
from acd.floor import Floor
from acd.floor.watched import FloorWatch, WatchedFloor
from acd.ids import CallId, ChannelId, Instant, RecordingId, SeatId
from acd.leg import Leg
from acd.record import LateSegment, Role
from acd.stage import BackToFlow, FeatureDialled, Manners, TimerKey
from acd.timers import Timers
from callrouter.router import (
    arrival,
    desk,
    floorside,
    flowside,
    kept,
    promises,
    provenance,
    queueing,
    recording,
    referring,
    surviving,
    switchside,
    voicemail,
)
from callrouter.router.lines import Lines
from callrouter.router.live import LiveCall
from callrouter.router.notices import (
    CallChanged,
    FlowAnswered,
    Oddity,
    Outcome,
    RecordReady,
)
from callrouter.router.phones import Phones
from callrouter.site import Site


class Router:
    """All live calls of one controller. Not thread-safe; `now` never runs backwards."""

    def __init__(self, site: Site, now: Instant, watch_floor: FloorWatch | None = None) -> None:
        """`watch_floor` is told all that the floor is asked and decides, in order."""
        self.site = site
        floor = site.floor
        self.floor = WatchedFloor(floor, now, watch_floor) if watch_floor else Floor(floor, now)
        self.calls: dict[CallId, LiveCall] = {}
        self.now = now
        self.out: list[Outcome] = []
        self.channels: dict[ChannelId, tuple[LiveCall, Leg]] = {}
        self.lines = Lines()
        self.phones = Phones()
        self.served = queueing.Served()
        self.partner_trunks: tuple[date, frozenset[str]] | None = None
        """Names of a day, as `arrival` has looked them up."""
        self.promised = promises.Promises()
        self.messages: dict[RecordingId, voicemail.Message] = {}
        """Messages being spoken."""
        self.wrapping: dict[SeatId, list[LiveCall]] = {}
        self._zone = ZoneInfo(site.timezone)
        self._timers: Timers[TimerKey] = Timers()
        self._touched: deque[LiveCall] = deque()
        self._manners = Manners(
            caller_left=site.media("caller_left"),
            not_reached=lambda language: self.site.media("transfer_failed", language=language),
            numbers=self.diallable,
        )

    # --- the three entrances ----------------------------------------------------------

    def handle(self, event: e.Event | FlowAnswered, now: Instant) -> list[Outcome]:
        """One fact, and everything that follows. Raises `Refused` for a person's wish only."""
        self.now = max(self.now, now)
        handler = _HANDLERS.get(type(event))
        try:
            if handler is None:
                desk.intent(self, event)  # type: ignore[arg-type]
            else:
                handler(self, event)
        finally:
            self._work_through()
        return self._take()

    def tick(self, now: Instant) -> list[Outcome]:
        """All deadlines that have come by `now`."""
        self.now = max(self.now, now)
        while (key := self._timers.due(self.now)) is not None:
            call, name, number = key
            live = self.calls.get(call)
            if live is None:
                continue
            self.touch(live)
            if (timer := _TIMERS.get(name)) is not None:
                timer(self, live)
            else:
                live.talk.timer(name, number, self.now)
            self._work_through()
        due = self.floor.next_deadline()
        if due is not None and due <= self.now:
            for output in self.floor.tick(self.now):
                self.decided(output)
            self._work_through()
        return self._take()

    def next_deadline(self) -> Instant | None:
        """When `tick` is wanted next."""
        mine, floors = self._timers.next(), self.floor.next_deadline()
        if mine is None or floors is None:
            return floors if mine is None else mine
        return min(mine, floors)

    def change_site(self, site: Site, now: Instant) -> list[Outcome]:
        """New flows, directory or floor plan for calls to come; calls at hand keep their flow."""
        self.now = max(self.now, now)
        self.site = site
        self.partner_trunks = None
        for output in self.floor.change_plan(site.floor, self.now):
            self.decided(output)
        self.lines.keep_only(site.directory.lines_on(self.today()))
        self._work_through()
        return self._take()

    def keep(self, now: Instant) -> kept.Kept:
        """What the router of the next process should be given before anything else; changes nothing."""
        return kept.keep(self, max(self.now, now))

    def resume(self, left: kept.Kept, now: Instant) -> list[Outcome]:
        """Take up what the router before this one has left. Only a router that has just begun can."""
        self.now = max(self.now, now)
        kept.resume(self, left)
        return self._take()

    def leave_off(self, now: Instant) -> list[Outcome]:
        """The process ends: wrap-ups that go on have lasted until `now`, as the seats' time has.

        Calls that nobody has in care are recorded as they were until then.

        That may lie a little before the last fact: then the next process takes up from there.
        """
        for seat in list(self.wrapping):
            for live in self.wrapping.pop(seat):
                self.wrapped_up(live, seat, now)
        for live in list(self.calls.values()):
            if surviving.interrupt(self, live, now):
                self.out.append(RecordReady(live.record(now)))
        return self._take()

    # --- what the sides use --------------------------------------------------------------

    def today(self) -> date:
        return datetime.fromtimestamp(self.now, self._zone).date()

    def diallable(self) -> Collection[str]:
        """Numbers that a feature code may dial today."""
        return self.site.directory.codes(self.today())

    def touch(self, live: LiveCall) -> None:
        """This call has something to say: its outputs are worked through before the turn ends."""
        self._touched.append(live)

    def adopt(self, call: Call) -> LiveCall:
        """A call begins to live here."""
        live = LiveCall(call, Conversation(call, self._timers, self._manners))
        self.calls[call.id] = live
        return live

    def set_flow_timer(self, live: LiveCall) -> None:
        session = live.session
        key = (live.call.id, "flow", 0)
        if session is None or session.deadline is None or live.call.owner is not Owner.FLOW:
            self._timers.cancel(key)
        else:
            self._timers.set(key, session.deadline)

    def set_timer(self, live: LiveCall, name: str, at: Instant | None) -> None:
        """One of the call's deadlines in `_TIMERS`; None: not wanted any more."""
        if at is None:
            self._timers.cancel((live.call.id, name, 0))
        else:
            self._timers.set((live.call.id, name, 0), at)

    def wrapped_up(self, live: LiveCall, seat: SeatId, now: Instant) -> None:
        """A wrap-up has ended; when the record is out already its segment follows."""
        written = len(live.call.segments)
        live.talk.wrap_up_over(seat, now)
        if live.recorded:
            for number, segment in enumerate(live.call.segments[written:], written):
                late = LateSegment(id=f"{segment.call}/{segment.track}/{number}", segment=segment)
                self.out.append(RecordReady(late))

    def odd(self, what: str, call: CallId | None = None, **facts: object) -> None:
        self.out.append(Oddity(what, self.now, call, facts))

    def ask_floor(self, event: e.FloorEvent) -> None:
        """A wish that the floor may refuse: raises `Refused`, nothing has changed then."""
        for output in self.floor.handle(event, self.now):
            self.decided(output)

    def decided(self, output: c.FloorOutput) -> None:
        """Carry out one decision of the floor."""
        floorside.decided(self, output)

    def tell_floor(self, event: e.FloorEvent) -> None:
        """An event of our own for the floor. The floor may know better: that is an oddity, not a fault."""
        try:
            self.ask_floor(event)
        except e.Refused as refusal:
            self.odd("floor_refused", event=type(event).__name__, reason=refusal.reason)

    def leg(self, channel: ChannelId) -> tuple[LiveCall, Leg] | None:
        """Whose channel this is; the call is touched."""
        found = self.channels.get(channel)
        if found is not None:
            self.touch(found[0])
        return found

    # --- working through -------------------------------------------------------------------------

    def _work_through(self) -> None:
        changed: dict[CallId, LiveCall] = {}
        while self._touched:
            live = self._touched.popleft()
            changed[live.call.id] = live
            talk = live.talk
            while talk.out:
                item = talk.out.pop(0)
                if isinstance(item, c.Command):
                    self.out.append(item)
                    if isinstance(item, c.Originate):
                        self._own(live, item)
                elif isinstance(item, BackToFlow):
                    flowside.returned(self, live, item.source, item.reason)
                elif isinstance(item, FeatureDialled):
                    desk.feature(self, live, item)
                else:
                    self._to_floor(live, item)
                if not talk.out:
                    talk.settle()
        for live in changed.values():
            provenance.met(live.call)
            self._close_if_done(live)

    def _own(self, live: LiveCall, item: c.Originate) -> None:
        leg = next(x for x in live.call.legs if x.channel == item.channel)
        self.channels[item.channel] = (live, leg)
        if leg.role is Role.PARTNER:
            line = self.site.directory.line(leg.party, self.today()) is not None
            self.lines.dialled(leg, item.endpoint, self.now, line=line)

    def _to_floor(self, live: LiveCall, event: e.FloorEvent) -> None:
        if isinstance(event, e.CallerLeft) and event.reason == "hung_up":
            self.promised.remember(live.call, self.site.floor.missed_limit)
        if isinstance(event, e.ContactEnded):
            self.wrapping.setdefault(event.seat, []).append(live)
        if isinstance(event, e.Enqueued) and not self.phones.joins(live.call.node):
            event = replace(event, reachable=False)
        self.tell_floor(event)
        if isinstance(event, e.OfferAnswered):
            floorside.confirmed(self, live, event.offer)

    def _close_if_done(self, live: LiveCall) -> None:
        call = live.call
        self.set_flow_timer(live)
        recording.follow(self, live)
        if live.talk.done and not live.recorded:
            live.recorded = True
            referring.hang_up(self, live)
            del self.calls[call.id]
            for leg in call.legs:
                self.lines.ended(leg, 0, self.now)
                for channel in (leg.channel, leg.parked):
                    # A caller's channel may belong to another call by now (`replacing`).
                    if channel is not None and self.channels.get(channel, (None,))[0] is live:
                        del self.channels[channel]
            self.out.append(RecordReady(live.record(self.now)))
        self.out.append(CallChanged(call.id))

    def _take(self) -> list[Outcome]:
        out, self.out = self.out, []
        return out


_TIMERS: Final[dict[str, Callable[[Router, LiveCall], None]]] = {
    "flow": flowside.tick,
    "message": voicemail.stop_timer,
    "queue_wait": queueing.wait_over,
    "announce": queueing.announce,
    "later": referring.hang_up,
}

_HANDLERS: Final[dict[type, Callable[..., None]]] = {
    e.CallOffered: arrival.offered,
    e.LegRinging: switchside.leg_ringing,
    e.LegHeard: switchside.leg_heard,
    e.LegSilent: switchside.leg_silent,
    e.PacketsCounted: switchside.packets_counted,
    e.LegAnswered: switchside.leg_answered,
    e.LegEnded: switchside.leg_ended,
    e.DigitReceived: switchside.digit,
    e.PlaybackStarted: lambda router, event: None,
    e.PlaybackFinished: switchside.playback_finished,
    e.RecordingEnded: voicemail.ended,
    e.ReferAsked: referring.asked,
    e.TrunkReachable: lambda router, event: router.lines.board.trunk_up(event.trunk, router.now),
    e.TrunkUnreachable: lambda router, event: router.lines.board.trunk_down(event.trunk, router.now),
    e.PeerHeld: switchside.peer_held,
    e.CommandFailed: switchside.command_failed,
    e.NodeUp: switchside.node_up,
    e.NodeDown: switchside.node_down,
    e.SeatReachable: switchside.seat_reach,
    e.SeatUnreachable: switchside.seat_reach,
    FlowAnswered: switchside.flow_answered,
    e.CallbackAsked: promises.callback_asked,
    e.CallbackCancelled: promises.callback_cancelled,
    e.MissedForgotten: promises.missed_forgotten,
}

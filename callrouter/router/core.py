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

from acd import commands as c
from acd import events as e
from acd import second_line
from acd.call import Call, Leg, Owner
from acd.conversation import Conversation
from acd.floor import Floor
from acd.ids import CallId, ChannelId, Instant, NodeId, PlaybackId, RecordingId, SeatId
from acd.record import LateSegment, Role
from acd.stage import BackToFlow, FeatureDialled, Manners, TimerKey
from acd.timers import Timers
from callrouter.flow.actions import ActionFailed, Digit, LookupDone, MediaFinished, Returned
from callrouter.router import (
    arrival,
    desk,
    floorside,
    flowside,
    promises,
    provenance,
    queueing,
    recording,
    referring,
    voicemail,
    waiting,
)
from callrouter.router.lines import Lines
from callrouter.router.live import LiveCall
from callrouter.router.notices import (
    CallChanged,
    FlowAnswered,
    Oddity,
    Outcome,
    PhoneChanged,
    RecordReady,
)
from callrouter.router.watched import FloorWatch, WatchedFloor
from callrouter.site import Site

OURS: Final = "cr-"
"""Every channel, bridge and playback that we make has an id that begins so."""

UNALLOCATED: Final = 1
NORMAL: Final = 16


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

    def wrapped_up(self, live: LiveCall, seat: SeatId) -> None:
        """A wrap-up has ended; when the record is out already its segment follows."""
        written = len(live.call.segments)
        live.talk.wrap_up_over(seat, self.now)
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

    # --- facts from the switch --------------------------------------------------------------

    def leg(self, channel: ChannelId) -> tuple[LiveCall, Leg] | None:
        """Whose channel this is; the call is touched."""
        found = self.channels.get(channel)
        if found is not None:
            self.touch(found[0])
        return found

    def _leg_ringing(self, event: e.LegRinging) -> None:
        if found := self.leg(event.channel):
            self.lines.ringing(event.channel)
            found[0].talk.leg_ringing(found[1], self.now)

    def _leg_answered(self, event: e.LegAnswered) -> None:
        if found := self.leg(event.channel):
            live, leg = found
            self.lines.answered(event.channel, self.now)
            if leg.role is Role.PARTNER:
                provenance.reached(live.call, leg.party)
            live.talk.leg_answered(leg, self.now)
        elif event.channel.startswith(OURS):
            self.out.append(c.Hangup(node=event.node, call=CallId(""), channel=event.channel))

    def _leg_ended(self, event: e.LegEnded) -> None:
        if found := self.leg(event.channel):
            self._gone(*found, event.channel, event.cause)

    def _gone(self, live: LiveCall, leg: Leg, channel: ChannelId, cause: int) -> None:
        self.channels.pop(channel, None)
        if channel == leg.parked or second_line.ended(live.talk, leg, channel, self.now):
            leg.parked = None
            return
        self.lines.ended(leg, cause, self.now)
        live.talk.leg_ended(leg, cause, self.now)

    def _digit(self, event: e.DigitReceived) -> None:
        found = self.leg(event.channel)
        if found is None:
            return
        live, leg = found
        if leg.role is Role.CALLER:
            if live.call.owner is Owner.FLOW and live.session is not None:
                flowside.act(self, live, live.session.handle(Digit(event.digit), self.now))
            else:
                waiting.key(self, live, event.digit)
        else:
            live.talk.key(leg, event.digit, self.now)

    def _playback_finished(self, event: e.PlaybackFinished) -> None:
        live = self.calls.get(_call_of(event.playback))
        if live is None:
            return
        self.touch(live)
        token = live.tokens.pop(event.playback, None)
        leg = next((x for x in live.call.legs if x.playback == event.playback), None)
        if leg is not None:
            live.talk.playback_finished(leg, self.now)
        if token is not None and live.session is not None and live.call.owner is Owner.FLOW:
            flowside.act(self, live, live.session.handle(MediaFinished(token, event.failed), self.now))

    def _command_failed(self, event: e.CommandFailed) -> None:
        """A refused command is a fact about the leg, bridge or playback that it was for."""
        self.odd(
            "command_failed", event.call, command=event.what, status=event.status, reason=event.reason[:200]
        )
        live = self.calls.get(event.call)
        if live is None:
            return
        self.touch(live)
        if event.what == "Originate":
            self._leg_ended(
                e.LegEnded(node=event.node, channel=ChannelId(event.subject), cause=_cause(event.status))
            )
        elif event.what == "Play":
            self._playback_finished(
                e.PlaybackFinished(node=event.node, playback=PlaybackId(event.subject), failed=True)
            )
        elif event.what == "RecordStart":
            voicemail.failed(self, RecordingId(event.subject), event.reason)
        elif event.what == "MonitorStart":
            recording.refused(self, live, RecordingId(event.subject), event.reason)
        elif event.what in ("CreateBridge", "Join"):
            live.talk.bridge_failed(self.now)
        elif event.what in ("Answer", "Hangup") and event.status == 404:
            self._leg_ended(e.LegEnded(node=event.node, channel=ChannelId(event.subject)))
        elif live.session is not None and live.call.owner is Owner.FLOW:
            failed = ActionFailed(event.what, event.reason)
            flowside.act(self, live, live.session.handle(failed, self.now))

    def _node_up(self, event: e.NodeUp) -> None:
        """After a silence of the link: what is gone has ended, what nobody knows is sent on."""
        alive = set(event.channels)
        for channel, (live, leg) in list(self.channels.items()):
            if leg.node == event.node and channel not in alive:
                self.touch(live)
                self._gone(live, leg, channel, 0)
        for channel in event.channels:
            if channel not in self.channels and channel.startswith(OURS):
                self.out.append(c.Hangup(node=event.node, call=CallId(""), channel=channel))
        voicemail.node_up(self, event.node)
        known = {live.call.bridge for live in self.calls.values()}
        for bridge in event.bridges:
            if bridge.startswith(OURS) and bridge not in known:
                self.out.append(c.DestroyBridge(node=event.node, call=CallId(""), bridge=bridge))

    def _node_down(self, event: e.NodeDown) -> None:
        self.odd("node_down", node=event.node)

    def _seat_reach(self, event: e.SeatReachable | e.SeatUnreachable) -> None:
        self.tell_floor(event)
        if self.site.seat(event.seat) is not None:
            self.out.append(PhoneChanged(event.seat))

    def _flow_answered(self, event: FlowAnswered) -> None:
        live = self.calls.get(event.call)
        if live is not None and live.session is not None and live.call.owner is Owner.FLOW:
            self.touch(live)
            done = LookupDone(event.token, event.ok, event.value, event.reason)
            flowside.act(self, live, live.session.handle(done, self.now))

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
            self._close_if_done(live)

    def _own(self, live: LiveCall, item: c.Originate) -> None:
        leg = next(x for x in live.call.legs if x.channel == item.channel)
        self.channels[item.channel] = (live, leg)
        if leg.role is Role.PARTNER:
            self.lines.dialled(leg, item.endpoint, self.now)

    def _to_floor(self, live: LiveCall, event: e.FloorEvent) -> None:
        if isinstance(event, e.CallerLeft) and event.reason == "hung_up":
            self.promised.remember(live.call, self.site.floor.missed_limit)
        if isinstance(event, e.ContactEnded):
            self.wrapping.setdefault(event.seat, []).append(live)
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
                self.channels.pop(leg.channel, None)
                if leg.parked is not None:
                    self.channels.pop(leg.parked, None)
            self.out.append(RecordReady(live.record(self.now)))
        self.out.append(CallChanged(call.id))

    def _take(self) -> list[Outcome]:
        out, self.out = self.out, []
        return out


def _call_of(playback: PlaybackId) -> CallId:
    return CallId(playback.removeprefix(OURS).rpartition("-")[0])


def _cause(status: int) -> int:
    """A refused Originate as a Q.850 cause: unknown endpoint → unallocated, else temporary failure."""
    return 20 if status in (400, 404) else 41


_TIMERS: Final[dict[str, Callable[[Router, LiveCall], None]]] = {
    "flow": flowside.tick,
    "message": voicemail.stop_timer,
    "queue_wait": queueing.wait_over,
    "announce": queueing.announce,
    "later": referring.hang_up,
}

_HANDLERS: Final[dict[type, Callable[..., None]]] = {
    e.CallOffered: arrival.offered,
    e.LegRinging: Router._leg_ringing,
    e.LegAnswered: Router._leg_answered,
    e.LegEnded: Router._leg_ended,
    e.DigitReceived: Router._digit,
    e.PlaybackStarted: lambda router, event: None,
    e.PlaybackFinished: Router._playback_finished,
    e.RecordingEnded: voicemail.ended,
    e.ReferAsked: referring.asked,
    e.TrunkReachable: lambda router, event: router.lines.board.trunk_up(event.trunk, router.now),
    e.TrunkUnreachable: lambda router, event: router.lines.board.trunk_down(event.trunk, router.now),
    e.PeerHeld: lambda router, event: None,
    e.CommandFailed: Router._command_failed,
    e.NodeUp: Router._node_up,
    e.NodeDown: Router._node_down,
    e.SeatReachable: Router._seat_reach,
    e.SeatUnreachable: Router._seat_reach,
    FlowAnswered: Router._flow_answered,
    e.CallbackAsked: promises.callback_asked,
    e.CallbackCancelled: promises.callback_cancelled,
}

__all__ = ["NodeId", "Returned", "Router"]

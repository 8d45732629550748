"""The conversation with one Asterisk, without any I/O.

Contract: put in what happened (`opened`, `came_up`, `receive`, `send`, `tick`,
`settle`, `lost`) with the time it happened, then drain `frames` (to the event
socket, in order), `facts` (to the controller, in order) and `doubts` (legs
whose existence has to be asked for over HTTP). `tick` is due at
`next_deadline`. Time is a monotonic clock's, in seconds.

Facts that arrive before `came_up` wait for it, so that `NodeUp` precedes them.
Requests are answered in the order sent; one without an answer in time (from its
turn on: while those before it are answered it waits) fails with status 0, and so
does everything in flight when the link is lost.
"""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import msgspec

from acd.commands import (
    Command,
    CountPackets,
    Hangup,
    MonitorStart,
    MonitorStop,
    MusicOn,
    Originate,
    Play,
    RecordDiscard,
    RecordStart,
    RecordStop,
    Ring,
    StopPlayback,
)
from acd.events import CallOffered, CommandFailed, LegEnded, NodeDown, NodeUp, PlaybackFinished, SwitchEvent
from acd.ids import BridgeId, ChannelId, NodeId, PlaybackId
from callrouter.ari import models
from callrouter.ari.codec import EventCodec
from callrouter.ari.lanes import Lanes
from callrouter.ari.requests import Request, Unencodable, dial, encode, frame

MAX_EARLY = 20_000
"""Facts that may wait for `came_up`; more means that it will not come in time."""
_RECENT = 2048


@dataclass(slots=True)
class AriMetrics:
    """Plain counters; whoever exports them reads them."""

    connections: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """By command."""
    failures: Counter[int] = field(default_factory=Counter)
    """By status; 0 is no answer."""
    late_replies: int = 0
    round_trips: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    """Seconds from sending a request to its reply, the latest ones."""


@dataclass(slots=True)
class _Pending:
    command: Command
    request: Request
    since: float
    resumed: bool


class Overrun(Exception):
    """More came in than may wait: the link has to be given up and begun anew."""


class AriProtocol:
    """See the module's contract."""

    def __init__(self, node: NodeId, app: str, *, request_timeout: float, max_outstanding: int) -> None:
        self.node = node
        self.up = False
        self.replaced = False
        """Another client has taken our application's name."""
        self.metrics = AriMetrics()
        self.codec = EventCodec(node)
        self.frames: deque[bytes] = deque()
        self.facts: deque[SwitchEvent] = deque()
        self.doubts: deque[Originate] = deque()
        self._app = app
        self._timeout = request_timeout
        self._max_outstanding = max_outstanding
        self._lanes = Lanes()
        self._pending: dict[int, _Pending] = {}
        self._transactions = 0
        self._answered = 0
        """The latest request that was answered; what was sent before it is answered by now, or never."""
        self._replied_at = 0.0
        self._early: list[SwitchEvent] = []
        self._unfinished: set[str] = set()
        self._created: dict[ChannelId, Originate] = {}
        """Channels on their way to us, to be dialled when they are here."""

    # --- the link --------------------------------------------------------------------

    def opened(self) -> None:
        """The event socket stands; what was remembered of the last one may be true no longer."""
        self._unfinished |= self.codec.playing
        self.codec.reset()
        self._early.clear()

    @property
    def unfinished(self) -> frozenset[str]:
        """Playbacks of an earlier connection whose end may have been told to nobody."""
        return frozenset(self._unfinished)

    def came_up(
        self, channels: Sequence[models.Channel], bridges: Sequence[str], playing: Collection[str] = ()
    ) -> None:
        """Events are filtered and Asterisk has told what lives; `playing`: which of `unfinished` go on."""
        arriving = {fact.channel for fact in self._early if isinstance(fact, CallOffered)}
        living = [channel for channel in channels if channel.id not in arriving]
        for channel in living:
            self.codec.adopt(channel)
        self.up = True
        self.metrics.connections += 1
        self.facts.append(
            NodeUp(
                node=self.node,
                channels=tuple(ChannelId(channel.id) for channel in living),
                bridges=tuple(BridgeId(bridge) for bridge in bridges),
                ringing=tuple(ChannelId(channel.id) for channel in living if channel.state == "Ringing"),
                answered=tuple(ChannelId(channel.id) for channel in living if channel.state == "Up"),
            )
        )
        for playback in sorted(self._unfinished.difference(playing)):
            self.facts.append(PlaybackFinished(node=self.node, playback=PlaybackId(playback)))
        self.codec.adopt_playing(playing)
        self._unfinished.clear()
        self.facts.extend(self._early)
        self._early.clear()

    def lost(self) -> None:
        """The link is gone: commands in flight or held back are in doubt."""
        if self.up:
            self.facts.append(NodeDown(node=self.node))
        self.up = False
        self.frames.clear()
        self.doubts.clear()
        pending, self._pending = self._pending, {}
        self._created.clear()
        for waiting in pending.values():
            self._fail(waiting.command, 0, "the link to Asterisk broke")
        for command in self._lanes.clear():
            self._fail(command, 0, "the link to Asterisk broke")

    def abandon(self) -> None:
        """As `lost`, when nobody took the facts: only that the link is down remains to be told."""
        self.lost()
        self.facts.clear()
        self.facts.append(NodeDown(node=self.node))

    # --- commands --------------------------------------------------------------------

    def send(self, command: Command, now: float) -> None:
        """Take a command; its failure, now or later, becomes a fact."""
        if not self.up:
            self._fail(command, 0, "no link to Asterisk")
            return
        try:
            ready = self._lanes.push(command, now)
        except OverflowError as error:
            self._fail(command, 0, str(error))
            return
        for each in ready:
            self._transmit(each, now)

    def tick(self, now: float) -> None:
        """Let held commands go and give up what was not answered in time."""
        for command in self._lanes.due(now):
            self._transmit(command, now)
        while self._pending:
            if self._oldest_due() > now:
                return
            waiting = self._pending.pop(next(iter(self._pending)))
            self._fail(waiting.command, 0, "Asterisk did not answer in time")
            self._undo(waiting.command, now)

    @property
    def holding(self) -> bool:
        """A command is held back until its time, which may be earlier than any reply is due."""
        return self._lanes.holding

    def next_deadline(self) -> float | None:
        deadline = self._lanes.next_deadline()
        if self._pending:
            oldest = self._oldest_due()
            return oldest if deadline is None else min(deadline, oldest)
        return deadline

    def _oldest_due(self) -> float:
        """When the first request that waits is given up.

        Two hundred keys at once are a thousand requests, and a busy Asterisk may need longer than one
        request's patience for all: as long as it answers the ones before, it has not failed this one.
        """
        transaction, waiting = next(iter(self._pending.items()))
        passed_over = transaction < self._answered
        return (waiting.since if passed_over else max(waiting.since, self._replied_at)) + self._timeout

    def settle(self, command: Originate, *, exists: bool, why: str = "") -> None:
        """The answer to a doubt; `why` tells that it could not be had."""
        if why:
            self._fail(command, 0, f"cannot tell whether the leg exists: {why}")
        elif not exists:
            self._fail(command, 404, _undiallable(command))

    def fail(self, command: Command, reason: str) -> None:
        """A command that others carry out (`AnswerPhone`) has failed."""
        self._fail(command, 0, reason)

    def _transmit(self, command: Command, now: float, *, resumed: bool = False) -> None:
        try:
            request = encode(command, self._app)
        except Unencodable as error:
            self._fail(command, 0, str(error))
            return
        if not self._request(command, request, now, resumed=resumed):
            return
        if isinstance(command, Originate):
            self.codec.originating(command.channel, early=command.early)
            if command.early:
                self._created[command.channel] = command
        elif isinstance(command, Hangup):
            self.codec.hanging_up(command.channel, command.cause)

    def _request(self, command: Command, request: Request, now: float, *, resumed: bool = False) -> bool:
        transaction = self._transactions + 1
        try:
            if len(self._pending) >= self._max_outstanding and not isinstance(command, Hangup):
                raise Unencodable(f"{len(self._pending)} requests wait for Asterisk's reply already")
            data = frame(request, str(transaction))
        except Unencodable as error:
            self._fail(command, 0, str(error))
            return False
        self._transactions = transaction
        self._pending[transaction] = _Pending(command, request, now, resumed)
        self.metrics.requests[type(command).__name__] += 1
        self.frames.append(data)
        return True

    def _dial(self, channel: ChannelId, now: float) -> None:
        """A channel that we have made is here: dial it, unless nobody wants it any more."""
        command = self._created.pop(channel, None)
        wanted = command is not None and not self.codec.leaving(channel)
        if wanted and command and not self._request(command, dial(command), now):
            self._undo(command, now)

    def _undo(self, command: Command, now: float) -> None:
        """A channel that was made, perhaps, and is never dialled would live for ever."""
        if isinstance(command, Originate) and command.early:
            self._transmit(Hangup(node=command.node, call=command.call, channel=command.channel), now)

    def _fail(self, command: Command, status: int, reason: str) -> None:
        self.metrics.failures[status] += 1
        self._lanes.failed(command)
        if isinstance(command, Originate):
            self._created.pop(command.channel, None)
            self.codec.forget(command.channel)
        self._tell(
            CommandFailed(
                node=self.node,
                call=command.call,
                what=type(command).__name__,
                subject=subject_of(command),
                status=status,
                reason=reason,
            )
        )

    # --- what Asterisk says ----------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """One message from the event socket. Raises `Overrun`."""
        event = self.codec.decode(data)
        if isinstance(event, models.RESTResponse):
            self._replied(event, now)
        elif isinstance(event, models.ApplicationReplaced):
            self.replaced = True
        elif event is not None:
            for fact in self.codec.facts(event):
                self._tell(fact, now)
            if isinstance(event, models.StasisStart):
                self._dial(ChannelId(event.channel.id), now)

    def _tell(self, fact: SwitchEvent, now: float = 0.0) -> None:
        (self.facts if self.up or isinstance(fact, CommandFailed) else self._early).append(fact)
        if len(self._early) > MAX_EARLY:
            raise Overrun(f"{MAX_EARLY} facts while Asterisk was asked what lives")
        if isinstance(fact, LegEnded):
            self._lanes.leg_ended(fact.channel)
        elif isinstance(fact, PlaybackFinished):
            for command in self._lanes.playback_finished(fact.playback):
                self._resume(command, now)

    def _resume(self, command: Command, now: float) -> None:
        """Music again after a prompt, unless the channel is about to end."""
        if isinstance(command, MusicOn | Ring) and not self.codec.leaving(command.channel):
            self._transmit(command, now, resumed=True)

    def _replied(self, reply: models.RESTResponse, now: float) -> None:
        transaction = int(reply.transaction_id) if reply.transaction_id.isdecimal() else 0
        waiting = self._pending.pop(transaction, None)
        if waiting is None:
            self.metrics.late_replies += 1
            return
        self._answered, self._replied_at = max(self._answered, transaction), now
        self.metrics.round_trips.append(now - waiting.since)
        if reply.status_code >= 400:
            self._refused(waiting, reply, now)
        elif isinstance(waiting.command, CountPackets):
            for fact in self.codec.counted(waiting.command.channel, reply.message_body):
                self._tell(fact, now)

    def _refused(self, waiting: _Pending, reply: models.RESTResponse, now: float) -> None:
        status, command = reply.status_code, waiting.command
        if isinstance(command, Originate) and waiting.request.uri.endswith("/dial"):
            if status == 404:
                for fact in self.codec.found_gone(command.channel):
                    self._tell(fact, now)
            else:
                self._fail(command, status, _message(reply))
                self._undo(command, now)
        elif isinstance(command, Originate) and status == 409:
            # "Channel with given unique ID already exists" is also said of an endpoint
            # that cannot be dialled: Asterisk reads a stale errno.
            self.doubts.append(command)
        elif isinstance(command, Originate) and status == 500:
            self._fail(command, 404, _undiallable(command))
        elif isinstance(command, Hangup) and status in waiting.request.settled:
            for fact in self.codec.found_gone(command.channel):
                self._tell(fact, now)
        elif not waiting.resumed and status not in waiting.request.settled:
            self._fail(command, status, _message(reply))


def _undiallable(command: Originate) -> str:
    return f"cannot dial {command.endpoint}: unknown or nobody is registered there"


def subject_of(command: Command) -> str:
    """The channel, bridge or playback that the command is about."""
    if isinstance(command, Play | StopPlayback):
        return command.playback
    if isinstance(command, RecordStart | RecordStop | RecordDiscard | MonitorStart | MonitorStop):
        return command.recording
    return str(getattr(command, "channel", None) or getattr(command, "bridge", ""))


def _message(reply: models.RESTResponse) -> str:
    try:
        return str(msgspec.json.decode(reply.message_body, type=dict[str, str])["message"])
    except (msgspec.DecodeError, KeyError):
        return reply.reason_phrase

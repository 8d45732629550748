"""One Asterisk as `callrouter.ports.Telephony`, over its REST interface.

Commands and events share one WebSocket; only what may stall goes over HTTP.
The reader decodes and hands on, nothing else: Asterisk drops a client that does
not read for `websocket_write_timeout`.

What happened while the link was down is lost, so each connection begins with
`NodeUp` and what lives there; commands in flight when it broke are in doubt and
come back as `CommandFailed` with status 0.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import msgspec
import structlog

from acd.commands import AnswerPhone, Command, Hangup, Originate, Play
from acd.events import CallOffered, CommandFailed, LegEnded, NodeDown, NodeUp, PlaybackFinished, SwitchEvent
from acd.ids import BridgeId, ChannelId, NodeId
from callrouter.ari import models
from callrouter.ari.codec import ALLOWED_EVENTS, EventCodec
from callrouter.ari.errors import AriError, AriReplaced
from callrouter.ari.http import AriHttp
from callrouter.ari.lanes import Lanes
from callrouter.ari.requests import Request, Unencodable, encode, frame
from callrouter.backoff import Backoff

_log = structlog.get_logger(__name__)

Sink = Callable[[SwitchEvent], None]
AnswerPhoneHook = Callable[[ChannelId], Awaitable[None]]
"""Makes the phone behind a ringing channel answer; raises with a reason when it cannot."""

_RECENT = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class AriSettings:
    """`url` is the interface's root, e.g. ``http://127.0.0.1:8088/ari``. All times in seconds."""

    url: str
    user: str
    password: str = field(repr=False)
    app: str = "callrouter"
    request_timeout: float = 5.0
    ping_interval: float = 10.0
    """A link without any traffic for this long and half as long again is given up."""
    backoff_first: float = 0.2
    backoff_last: float = 10.0
    max_outstanding: int = 20_000


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
    """Seconds from queueing a request to its reply, the latest ones."""


@dataclass(slots=True)
class _Pending:
    command: Command
    request: Request
    since: float


class AriClient:
    """See `callrouter.ports.Telephony`. One task runs `run`; `send` is called in the same loop."""

    def __init__(
        self, node: NodeId, settings: AriSettings, *, answer_phone: AnswerPhoneHook | None = None
    ) -> None:
        self.node = node
        self.metrics = AriMetrics()
        self.codec = EventCodec(node)
        self.connected = False
        self.version = ""
        self._settings = settings
        self._answer_phone = answer_phone
        self._lanes = Lanes()
        self._outbox: deque[bytes] = deque()
        self._outbox_filled = asyncio.Event()
        self._pending: dict[int, _Pending] = {}
        self._next_transaction = 0
        self._sink: Sink | None = None
        self._http: AriHttp | None = None
        self._held_facts: list[SwitchEvent] | None = None
        self._lane_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Telephony -----------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Serve until cancelled.

        Raises `AriRefused` or `AriUnsuitable` when the first connection shows that
        no other will do better, and `AriReplaced` when another controller has
        taken over. Everything else is tried again, for ever.
        """
        self._sink = sink
        backoff = Backoff(self._settings.backoff_first, self._settings.backoff_last)
        try:
            while True:
                try:
                    await self._connect_and_serve()
                except AriReplaced:
                    raise
                except AriError as error:
                    if not self.metrics.connections:
                        raise
                    _log.error("ari.refused", node=self.node, error=str(error))
                except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
                    _log.warning("ari.link_lost", node=self.node, error=str(error) or type(error).__name__)
                if self.connected:
                    backoff.reset()
                self._link_lost()
                await asyncio.sleep(backoff.next())
        finally:
            self._link_lost()
            for task in self._tasks:
                task.cancel()

    def send(self, command: Command) -> None:
        """Queue a command; every failure, now or later, arrives at the sink as `CommandFailed`."""
        if not self.connected:
            self._fail(command, _subject(command), 0, "no link to Asterisk")
        elif isinstance(command, AnswerPhone):
            self._spawn(self._ask_phone(command))
        else:
            try:
                ready = self._lanes.push(command, time.monotonic())
            except OverflowError as error:
                self._fail(command, _subject(command), 0, str(error))
                return
            self._transmit_all(ready)

    # --- requests --------------------------------------------------------------------

    def _transmit_all(self, commands: list[Command]) -> None:
        for command in commands:
            self._transmit(command)
        deadline = self._lanes.next_deadline()
        if self._lane_timer is not None:
            self._lane_timer.cancel()
            self._lane_timer = None
        if deadline is not None:
            delay = max(0.0, deadline - time.monotonic())
            self._lane_timer = asyncio.get_running_loop().call_later(delay, self._lanes_due)

    def _lanes_due(self) -> None:
        self._lane_timer = None
        self._transmit_all(self._lanes.due(time.monotonic()))

    def _transmit(self, command: Command) -> None:
        try:
            if len(self._pending) >= self._settings.max_outstanding:
                raise Unencodable(f"{len(self._pending)} requests wait for Asterisk's reply already")
            request = encode(command, self._settings.app)
            self._next_transaction += 1
            data = frame(request, str(self._next_transaction))
        except Unencodable as error:
            self._fail(command, _subject(command), 0, str(error))
            return
        if isinstance(command, Originate):
            self.codec.originating(command.channel)
        elif isinstance(command, Hangup):
            self.codec.hanging_up(command.channel, command.cause)
        self._pending[self._next_transaction] = _Pending(command, request, time.monotonic())
        self.metrics.requests[type(command).__name__] += 1
        self._outbox.append(data)
        self._outbox_filled.set()

    def _replied(self, reply: models.RESTResponse) -> None:
        transaction = int(reply.transaction_id) if reply.transaction_id.isdecimal() else 0
        pending = self._pending.pop(transaction, None)
        if pending is None:
            self.metrics.late_replies += 1
            return
        self.metrics.round_trips.append(time.monotonic() - pending.since)
        status, command = reply.status_code, pending.command
        if status < 400:
            return
        if status == 409 and isinstance(command, Originate):
            self._spawn(self._settle_originate(command))
        elif status in pending.request.settled:
            if isinstance(command, Hangup):
                self._deliver_all(self.codec.gone(command.channel))
        else:
            self._fail(command, pending.request.subject, status, _message(reply))

    async def _settle_originate(self, command: Originate) -> None:
        """Is the leg there, or could it not be dialled?

        Asterisk says "Channel with given unique ID already exists" for both: it
        reads a stale errno when the endpoint is unknown or has no contact.
        """
        assert self._http is not None
        try:
            if await self._http.exists(command.channel):
                return
            status, reason = 404, f"cannot dial {command.endpoint}: unknown or nobody is registered there"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            status, reason = 0, f"cannot tell whether the leg exists: {error or type(error).__name__}"
        self._fail(command, command.channel, status, reason)

    async def _ask_phone(self, command: AnswerPhone) -> None:
        if self._answer_phone is None:
            self._fail(command, command.channel, 0, "no way to make a phone answer is configured")
            return
        try:
            await self._answer_phone(command.channel)
        except Exception as error:  # noqa: BLE001 - a foreign hook's fault must come back as a fact
            self._fail(command, command.channel, 0, str(error) or type(error).__name__)

    def _fail(self, command: Command, subject: str, status: int, reason: str) -> None:
        self.metrics.failures[status] += 1
        if isinstance(command, Originate):
            self.codec.forget(command.channel)
        elif isinstance(command, Play):
            self._lanes.playback_ended(command.playback)
        failed = CommandFailed(
            node=self.node,
            call=command.call,
            what=type(command).__name__,
            subject=subject,
            status=status,
            reason=reason,
        )
        self._deliver(failed)

    def _expire(self) -> None:
        """Requests are sent in order and wait equally long, so the oldest stand first."""
        limit = time.monotonic() - self._settings.request_timeout
        while self._pending:
            transaction, pending = next(iter(self._pending.items()))
            if pending.since > limit:
                return
            del self._pending[transaction]
            self._fail(pending.command, pending.request.subject, 0, "Asterisk did not answer in time")

    # --- facts -----------------------------------------------------------------------

    def _deliver(self, fact: SwitchEvent) -> None:
        if isinstance(fact, LegEnded):
            self._lanes.leg_ended(fact.channel)
        elif isinstance(fact, PlaybackFinished):
            self._lanes.playback_ended(fact.playback)
        if self._held_facts is not None and not isinstance(fact, NodeUp | NodeDown):
            self._held_facts.append(fact)
        elif self._sink is not None:
            self._sink(fact)

    def _deliver_all(self, facts: tuple[SwitchEvent, ...]) -> None:
        for fact in facts:
            self._deliver(fact)

    # --- the link --------------------------------------------------------------------

    async def _connect_and_serve(self) -> None:
        settings = self._settings
        headers = {"Authorization": aiohttp.encode_basic_auth(settings.user, settings.password)}
        timeout = aiohttp.ClientTimeout(total=settings.request_timeout)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            self._http = AriHttp(session, settings.url, settings.app)
            self.version = await self._http.version()
            async with session.ws_connect(
                f"{settings.url}/events",
                params={"app": settings.app},
                protocols=("ari",),
                heartbeat=settings.ping_interval,
                decode_text=False,
            ) as socket:
                self.codec.reset()
                self._held_facts = []
                reader = asyncio.create_task(self._read(socket))
                others = [asyncio.create_task(self._come_up()), asyncio.create_task(self._write(socket))]
                others.append(asyncio.create_task(self._watch()))
                await _until_one_fails(reader, *others)

    async def _come_up(self) -> None:
        """Filter, reconcile, and only then let facts through."""
        assert self._http is not None
        await self._http.filter_events(ALLOWED_EVENTS)
        channels, bridges = await self._http.channels(), await self._http.bridges()
        held, self._held_facts = self._held_facts or [], None
        arriving = {fact.channel for fact in held if isinstance(fact, CallOffered)}
        for channel in channels:
            if ChannelId(channel.id) not in arriving:
                self.codec.adopt(channel)
        self.connected = True
        self.metrics.connections += 1
        _log.info("ari.connected", node=self.node, version=self.version, channels=len(channels))
        self._deliver(
            NodeUp(
                node=self.node,
                channels=tuple(ChannelId(c.id) for c in channels if c.id not in arriving),
                bridges=tuple(BridgeId(b) for b in bridges),
            )
        )
        self._deliver_all(tuple(held))
        await asyncio.Event().wait()

    async def _read(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        async for message in socket:
            event = self.codec.decode(message.data)
            if isinstance(event, models.RESTResponse):
                self._replied(event)
            elif isinstance(event, models.ApplicationReplaced):
                raise AriReplaced(
                    f"another controller has connected to {self._settings.url} as application "
                    f"{self._settings.app!r}: stop one of the two"
                )
            elif event is not None:
                self._deliver_all(self.codec.facts(event))
        raise ConnectionResetError(f"Asterisk closed the event socket (code {socket.close_code})")

    async def _write(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        while True:
            await self._outbox_filled.wait()
            while self._outbox:
                await socket.send_frame(self._outbox.popleft(), aiohttp.WSMsgType.TEXT)
            self._outbox_filled.clear()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._settings.request_timeout / 10)
            self._expire()

    def _link_lost(self) -> None:
        was_up, self.connected = self.connected, False
        self._held_facts = None
        if was_up:
            self._deliver(NodeDown(node=self.node))
        pending, self._pending = self._pending, {}
        self._outbox.clear()
        if self._lane_timer is not None:
            self._lane_timer.cancel()
            self._lane_timer = None
        for waiting in pending.values():
            self._fail(waiting.command, waiting.request.subject, 0, "the link to Asterisk broke")
        for command in self._lanes.clear():
            self._fail(command, _subject(command), 0, "the link to Asterisk broke")

    def _spawn(self, work: "Awaitable[None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _subject(command: Command) -> str:
    for name in ("channel", "playback", "bridge"):
        value = getattr(command, name, None)
        if value is not None:
            return str(value)
    return ""


def _message(reply: models.RESTResponse) -> str:
    try:
        return str(msgspec.json.decode(reply.message_body, type=dict[str, str])["message"])
    except (msgspec.DecodeError, KeyError):
        return reply.reason_phrase


async def _until_one_fails(*tasks: "asyncio.Task[None]") -> None:
    """Wait for the first to end, end the others, and raise what ended it."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

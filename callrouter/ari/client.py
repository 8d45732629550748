"""One Asterisk as `callrouter.ports.Telephony`, over its REST interface: the I/O around `AriProtocol`.

Commands and events share one WebSocket; only what may stall goes over HTTP.
What comes in is decoded and handed on, nothing else: Asterisk drops a client that
does not read for `websocket_write_timeout`.

What happened while the link was down is lost, so each connection begins with
`NodeUp` and what lives there.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec
import structlog

from acd.commands import AnswerPhone, Command, MonitorStart, MonitorStop, Originate
from acd.events import SwitchEvent
from acd.ids import ChannelId, NodeId
from callrouter.ari.codec import ALLOWED_EVENTS
from callrouter.ari.errors import AriError, AriReplaced
from callrouter.ari.http import AriHttp
from callrouter.ari.protocol import AriMetrics, AriProtocol, Overrun
from callrouter.ari.socket import EventSocket, connect
from callrouter.backoff import Backoff

_log = structlog.get_logger(__name__)

Sink = Callable[[SwitchEvent], None]
AnswerPhoneHook = Callable[[ChannelId], Awaitable[None]]
"""Makes the phone behind a ringing channel answer; raises with a reason when it cannot."""

MonitorHook = Callable[[MonitorStart | MonitorStop], Awaitable[None]]
"""Begins or ends the recording of a channel; raises with a reason when it cannot."""

_BY_HOOK: Final = (AnswerPhone, MonitorStart, MonitorStop)
_FAULTS: Final = (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError, Overrun)


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


class AriClient:
    """See `callrouter.ports.Telephony`. One task runs `run`; `send` is called in the same loop."""

    def __init__(
        self,
        node: NodeId,
        settings: AriSettings,
        *,
        answer_phone: AnswerPhoneHook | None = None,
        monitor: MonitorHook | None = None,
    ) -> None:
        self.node = node
        self.version = ""
        self.protocol = AriProtocol(
            node,
            settings.app,
            request_timeout=settings.request_timeout,
            max_outstanding=settings.max_outstanding,
        )
        self._settings = settings
        self._answer_phone = answer_phone
        self._monitor = monitor
        self._sink: Sink | None = None
        self._http: AriHttp | None = None
        self._socket: EventSocket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drain_due = False
        self._overflowed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        return self.protocol.up

    @property
    def metrics(self) -> AriMetrics:
        return self.protocol.metrics

    # --- Telephony -----------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Serve until cancelled.

        Raises `AriRefused` or `AriUnsuitable` when the first connection shows that
        no other will do better, and `AriReplaced` when another controller has
        taken over. Everything else is tried again, for ever.
        """
        self._sink, self._loop = sink, asyncio.get_running_loop()
        backoff = Backoff(self._settings.backoff_first, self._settings.backoff_last)
        try:
            while True:
                before = self.metrics.connections
                await self._serve_once()
                if self.metrics.connections > before:
                    backoff.reset()
                while True:
                    await asyncio.sleep(backoff.next())
                    if self._drain():
                        break
        finally:
            self._end_link()
            for task in self._tasks:
                task.cancel()

    def send(self, command: Command) -> None:
        """Queue a command; every failure, now or later, arrives at the sink as `CommandFailed`."""
        if self._loop is None:
            raise RuntimeError("nobody listens yet: run() comes before send()")
        if isinstance(command, _BY_HOOK) and self.protocol.up:
            self._spawn(self._by_hook(command))
            return
        self.protocol.send(command, time.monotonic())
        if not self._drain_due:
            # All that is sent in one turn of the loop leaves together.
            self._drain_due = True
            self._loop.call_soon(self._drain)

    # --- what the protocol has to say ------------------------------------------------

    def _drain(self) -> bool:
        """Pass on frames, facts and doubts; false when the sink is full: then the link is given up."""
        self._drain_due = False
        protocol = self.protocol
        if protocol.frames and self._socket is not None:
            self._socket.flush()
        while protocol.doubts:
            self._spawn(self._settle(protocol.doubts.popleft()))
        self._arm()
        assert self._sink is not None
        while protocol.facts:
            fact = protocol.facts.popleft()  # before the sink sees it: it may send, hence drain again
            try:
                self._sink(fact)
            except BufferError as error:
                _log.error("ari.given_up", node=self.node, reason=str(error))
                protocol.abandon()
                self._overflowed = True
                if self._socket is not None:
                    self._socket.end(Overrun("nobody takes the facts: link given up"))
                return False
        return True

    def _arm(self) -> None:
        """An armed timer that fires earlier is left alone: it looks again."""
        if self._timer is not None and not self.protocol.holding:
            # Requests time out in the order in which they were sent.
            return
        deadline = self.protocol.next_deadline()
        if deadline is None or (self._timer is not None and self._timer_due <= deadline):
            return
        self._disarm()
        assert self._loop is not None
        delay = max(0.0, deadline - time.monotonic())
        self._timer, self._timer_due = self._loop.call_later(delay, self._tick), deadline

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self.protocol.tick(time.monotonic())
        self._drain()

    async def _settle(self, command: Originate) -> None:
        assert self._http is not None
        try:
            exists, why = await self._http.exists(command.channel), ""
        except (*_FAULTS, AriError) as error:
            exists, why = False, str(error) or type(error).__name__
        self.protocol.settle(command, exists=exists, why=why)
        self._drain()

    async def _by_hook(self, command: AnswerPhone | MonitorStart | MonitorStop) -> None:
        """What only the manager interface can do; its failure comes back as a fact like any other."""
        try:
            if isinstance(command, AnswerPhone):
                if self._answer_phone is None:
                    raise LookupError("no way to make a phone answer is configured")
                await self._answer_phone(command.channel)
            else:
                if self._monitor is None:
                    raise LookupError("no way to record calls is configured")
                await self._monitor(command)
        except Exception as error:  # noqa: BLE001 - whatever the hook raises comes back as a fact
            self.protocol.fail(command, str(error) or type(error).__name__)
            self._drain()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the link --------------------------------------------------------------------

    async def _serve_once(self) -> None:
        """One connection, from its first request to its end, whose cause is logged."""
        try:
            await self._connect_and_serve()
        except AriReplaced:
            raise
        except AriError as error:
            if not self.metrics.connections:
                raise
            _log.error("ari.refused", node=self.node, error=str(error))
        except _FAULTS as error:
            _log.warning("ari.link_lost", node=self.node, error=str(error) or type(error).__name__)
        finally:
            self._end_link()

    def _end_link(self) -> None:
        self._disarm()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if not self._overflowed:
            self.protocol.lost()
            self._drain()
        self._overflowed = False

    async def _connect_and_serve(self) -> None:
        settings = self._settings
        headers = {"Authorization": aiohttp.encode_basic_auth(settings.user, settings.password)}
        timeout = aiohttp.ClientTimeout(total=settings.request_timeout)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            self._http = AriHttp(session, settings.url, settings.app)
            self.version = await self._http.version()
            self.protocol.opened()
            self._socket = EventSocket(self.protocol.frames, self._heard, self._drain)
            await connect(
                f"{settings.url}/events?{urlencode({'app': settings.app})}",
                {**headers, "Sec-WebSocket-Protocol": "ari"},
                self._socket,
                ping=settings.ping_interval,
                within=settings.request_timeout,
            )
            await _until_one_ends(self._socket.until_over(), self._come_up())

    async def _come_up(self) -> None:
        """Filter, ask what lives, and only then let facts through."""
        assert self._http is not None
        await self._http.filter_events(ALLOWED_EVENTS)
        channels, bridges = await self._http.channels(), await self._http.bridges()
        playing = [one for one in sorted(self.protocol.unfinished) if await self._http.plays(one)]
        self.protocol.came_up(channels, bridges, playing)
        _log.info("ari.connected", node=self.node, version=self.version, channels=len(channels))
        self._drain()
        await asyncio.Event().wait()

    def _heard(self, data: bytes) -> None:
        protocol = self.protocol
        protocol.receive(data, time.monotonic())
        if protocol.replaced:
            raise AriReplaced(
                f"another controller has connected to {self._settings.url} as application "
                f"{self._settings.app!r}: stop one of the two"
            )


async def _until_one_ends(*work: Coroutine[Any, Any, None]) -> None:
    """Wait for the first to end, end the others, and raise what ended it."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

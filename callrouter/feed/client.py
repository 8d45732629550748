"""The feed's connection to the broker: MQTT 5, rebuilt whenever it breaks.

- Events come from the outbox, at least once and in order of writing; a message
  leaves the outbox when the broker has confirmed it. Consumers drop repetitions
  by the envelope's `id`.
- A broker confirms before it has written to its disk: killed in between it forgets. So what was
  confirmed lately is kept in mind, and sent once more over the next connection.
- Live state is retained and sent without confirmation: it is sent anew after
  each connection.
- Inbound messages are acknowledged only when they will survive a crash here, and
  the broker keeps them for us while we are away (persistent session). It never
  has more than `connection.IN_FLIGHT` unacknowledged with us: that bounds memory.
"""

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt
import msgspec
import structlog

from callrouter.feed import messages, topics
from callrouter.feed.connection import Connection, expiring
from callrouter.feed.inbound import Bad, Partners, Source, take
from callrouter.feed.live import CONTEXT_LIFE, Live, LiveState
from callrouter.mail import Inbox, Outbox, Outgoing, RejectedMessage
from callrouter.ports import Clock, Unavailable

BATCH: Final = 200
TAKERS: Final = 50
"""Inbound messages being made safe at a time."""
COUNT_EVERY: Final = 5.0
"""Seconds between two looks at how many messages wait."""
LATELY: Final = 120.0
"""Seconds in which a broker has surely written down what it has confirmed (`autosave_interval`) …"""
LATELY_MOST: Final = 10_000
"""… and how many messages of that time are kept in mind: some megabytes."""
LIVE_INTERVAL: Final = 0.2
OUTBOX_EVERY: Final = 0.2
"""Seconds from one look into the outbox to the next, at least: each costs two transactions."""
CONFIRM_SECONDS: Final = 15.0
LEAVE_SECONDS: Final = 2.0
LOOK_AGAIN: Final = 10.0
"""Seconds after which the outbox is looked at unasked: another controller may have written to it."""
BACK_OFF: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)

_log: Final = structlog.get_logger("callrouter.feed")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    host: str
    port: int = 1883
    user: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    identifier: str = "callrouter"
    """Names our session at the broker: two controllers at work must not share it."""
    numbers_to: tuple[str, ...] = ()
    """Lines that may read callers' numbers."""


@dataclass(slots=True)
class FeedHealth:
    connected: bool = False
    reason: str = ""
    """Why it is not connected."""
    database_away: bool = False
    """It is the outbox that cannot be read, not the broker that is gone."""
    waiting: int = 0
    """Messages in the outbox, as of the last look (`COUNT_EVERY`)."""
    sent: int = 0
    """Taken off the outbox."""
    repeated: int = 0
    """Sent once more after a connection had broken."""
    received: int = 0
    dead_letters: int = 0

    def problem(self) -> str:
        """A sentence for the operator; ``""`` when all is well."""
        if not self.reason:
            return ""
        what = "the feed waits for the records' database" if self.database_away else "broker is away"
        return f"{what}, {self.waiting} messages wait in the outbox: {self.reason}"


class FeedClient:
    """Publishes what happens and takes what partners send, until cancelled."""

    def __init__(
        self,
        settings: FeedSettings,
        *,
        engine: Live,
        outbox: Outbox,
        inbox: Inbox,
        partners: Partners,
        lines: Callable[[], Iterable[str]],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._inbox = inbox
        self._partners = partners
        self._clock = clock
        self._written = asyncio.Event()
        self._changed = asyncio.Event()
        self._taking_off: asyncio.Task[None] | None = None
        self._lately: deque[tuple[float, Outgoing]] = deque(maxlen=LATELY_MOST)
        self._live = LiveState(engine, lines, self._changed.set, settings.numbers_to)
        self.health = FeedHealth()

    def written(self) -> None:
        """The outbox may have something new."""
        self._written.set()

    async def run(self) -> None:
        """Stay connected; returns only by being cancelled."""
        end = self._live.start()
        try:
            await _until_one_ends([self._stay_connected(), self._count_waiting()])
        finally:
            end()
            if self._taking_off is not None:
                await asyncio.wait({self._taking_off}, timeout=LEAVE_SECONDS)

    async def _stay_connected(self) -> None:
        tries = 0
        while True:
            try:
                await _until_one_ends([self._connected()])
            except (aiomqtt.MqttError, Unavailable, OSError, TimeoutError) as error:
                self._lost(error)
            tries = 0 if self.health.connected else tries + 1
            self.health.connected = False
            await asyncio.sleep(BACK_OFF[min(tries, len(BACK_OFF) - 1)])

    async def _count_waiting(self) -> None:
        while True:
            # A database that is away is told of elsewhere; what waited last still waits.
            with suppress(Unavailable):
                self.health.waiting = await self._outbox.count()
            await asyncio.sleep(COUNT_EVERY)

    def _lost(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        away = isinstance(error, Unavailable)
        if self.health.connected or reason != self.health.reason:
            lost = "outbox cannot be read" if away else "broker lost"
            _log.warning(f"{lost}; the outbox keeps what is to be sent", reason=reason)
        self.health.reason, self.health.database_away = reason, away

    async def _connected(self) -> None:
        async with self._connection() as client:
            try:
                await self._greet(client)
                await self._send_again(client)
                self.health.connected, self.health.reason = True, ""
                _log.info("broker connected", host=self._settings.host, port=self._settings.port)
                await self._work(client)
            finally:
                await self._take_leave(client)

    async def _work(self, client: Connection) -> None:
        arrived: asyncio.Queue[aiomqtt.Message] = asyncio.Queue()  # bounded by the broker: IN_FLIGHT
        takers = [self._take_each(client, arrived) for _ in range(TAKERS)]
        await _until_one_ends(
            [self._send_outbox(client), self._send_live(client), self._receive(client, arrived), *takers]
        )

    async def _take_leave(self, client: Connection) -> None:
        """Say that we go; when the connection is gone the broker says it for us."""
        with suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await client.publish(self._topic(topics.STATUS), self._status(False), qos=1, retain=True)

    def _connection(self) -> Connection:
        settings = self._settings
        return Connection(
            settings.host,
            settings.port,
            username=settings.user,
            password=settings.password,
            tls_context=settings.tls,
            identifier=settings.identifier,
            will=aiomqtt.Will(self._topic(topics.STATUS), self._status(False), qos=1, retain=True),
            keepalive=20,
            timeout=CONFIRM_SECONDS,
        )

    def _topic(self, below: str) -> str:
        return f"{topics.ROOT}/{below}"

    def _status(self, online: bool) -> bytes:
        now = self._clock.now()
        id_ = messages.state_id(f"{topics.STATUS}/{'online' if online else 'offline'}", now)
        return messages.encode("status", id_, now, messages.Status(online=online))

    async def _greet(self, client: Connection) -> None:
        await client.publish(self._topic(topics.STATUS), self._status(True), qos=1, retain=True)
        for name in messages.TYPES:
            body = msgspec.json.encode(messages.schema(name))
            await client.publish(self._topic(f"schema/{name}"), body, qos=1, retain=True)
        client.check_refusals()
        # All of it: what goes to a misspelt topic must come back as a dead letter, not vanish.
        await client.subscribe(self._topic("in/#"), qos=1)
        self._live.everything()
        self._written.set()

    # --- out ---

    async def _send_again(self, client: Connection) -> None:
        since = asyncio.get_running_loop().time() - LATELY
        while self._lately and self._lately[0][0] < since:
            self._lately.popleft()
        again = [message for _, message in self._lately]
        for begin in range(0, len(again), BATCH):
            some = again[begin : begin + BATCH]
            await client.publish_all((self._topic(one.topic), one.payload) for one in some)
            self.health.repeated += len(some)

    async def _send_outbox(self, client: Connection) -> None:
        loop = asyncio.get_running_loop()
        if self._taking_off is not None:
            # A connection may break while the database takes messages off: it does so all the same.
            with suppress(Unavailable):
                await asyncio.shield(self._taking_off)
        while True:
            begun = loop.time()
            self._written.clear()
            batch = await self._outbox.waiting(BATCH)
            if batch:
                await client.publish_all((self._topic(one.topic), one.payload) for _, one in batch)
                confirmed = loop.time()
                self._lately.extend((confirmed, message) for _, message in batch)
                work = self._take_off([place for place, _ in batch])
                self._taking_off = asyncio.create_task(work)
                await asyncio.shield(self._taking_off)
            if len(batch) == BATCH:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._written.wait()
            await asyncio.sleep(begun + OUTBOX_EVERY - loop.time())

    async def _take_off(self, places: Sequence[int]) -> None:
        self.health.sent += await self._outbox.sent(places)

    async def _send_live(self, client: Connection) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            due = self._live.due(self._clock.now())
            await client.retain_all([(self._topic(topic), payload) for topic, payload in due.items()])
            for topic, payload in self._live.contexts(self._clock.now()):
                await client.publish(self._topic(topic), payload, qos=1, properties=expiring(CONTEXT_LIFE))
            await asyncio.sleep(LIVE_INTERVAL)

    # --- in ---

    async def _receive(self, client: Connection, arrived: asyncio.Queue[aiomqtt.Message]) -> None:
        async for message in client.messages:
            self.health.received += 1
            arrived.put_nowait(message)

    async def _take_each(self, client: Connection, arrived: asyncio.Queue[aiomqtt.Message]) -> None:
        while True:
            await self._take(client, await arrived.get())

    async def _take(self, client: Connection, message: aiomqtt.Message) -> None:
        topic = str(message.topic)
        payload = message.payload if isinstance(message.payload, bytes) else b""
        try:
            entry = take(topic, payload, self._partners, self._clock.now())
        except Bad as bad:
            self.health.dead_letters += 1
            await self._inbox.keep(self._rejected(topic, payload, str(bad)))
        else:
            await self._inbox.keep(entry)
        client.acknowledge(message)

    def _rejected(self, topic: str, payload: bytes, reason: str) -> RejectedMessage:
        digest = hashlib.sha256(topic.encode() + b"\0" + payload).hexdigest()[:32]
        return RejectedMessage(
            id=f"dead/{digest}",
            received=self._clock.now(),
            partner=Source.of(topic).partner,
            topic=topic,
            reason=reason,
            payload=payload,
        )


async def _until_one_ends(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all until one ends; raises what ended it.

    `asyncio.wait_for`, which aiomqtt waits with, loses a cancellation that comes together with what it waits
    for (Python < 3.12): so each task is cancelled until it heeds, and our own caller never waits by it.
    """
    tasks = {asyncio.create_task(one) for one in work}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pending = {task for task in tasks if not task.done()}
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.2)
    # Several may have ended of the same cause: each is asked, one is told.
    errors = [error for task in tasks if not task.cancelled() and (error := task.exception()) is not None]
    for task in done:
        task.result()
    if errors:
        raise errors[0]

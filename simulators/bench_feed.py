"""How fast the outbox empties into a real mosquitto, and whether a consumer has each message exactly once."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acd.ids import CallId, OrgId
from acd.record import FlowStep
from callrouter.controller import SteadyClock
from callrouter.feed.client import FeedClient, FeedSettings
from callrouter.feed.messages import published
from callrouter.feed.topics import ROOT
from callrouter.ports import Change, Snapshot
from callrouter.store import migrate
from callrouter.store.database import Database
from callrouter.store.outbox import StoredOutbox
from callrouter.store.writer import RecordWriter
from callrouter.toolchain import locate
from callrouter.toolchain.broker import Broker
from simulators.bench_store_load import entries

WANTED: Final = 2_000.0
"""Messages a second."""
PER_CALL: Final = 3
"""The call, its transfer, and the transfer once more for the line it went to."""
_SECONDS: Final = 300.0
_LOOK: Final = 0.005
_READY: Final = "bench/ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFigures:
    messages: int
    messages_per_second: float
    """From the first to the broker's last confirmation, with what removing them from the outbox takes."""
    received: int
    """Different messages at a consumer that was there from the beginning."""
    repeated: int


class _Quiet:
    """A floor on which nothing happens."""

    def snapshot(self) -> Snapshot:
        return Snapshot(at=0.0, seats=(), queues=(), calls=())

    def way(self, call: CallId) -> Sequence[FlowStep]:
        return ()

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        return lambda: None


async def measure(folder: Path, messages: int) -> FeedFigures:
    """Fill an outbox, then let the feed empty it. Raises `ToolchainError` without mosquitto."""
    database = Database(folder / "callrouter.sqlite")
    await migrate.upgrade(database)
    writer = RecordWriter(database, folder / "spill", publish=published)
    await writer.start()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    broker = Broker(folder / "broker", port)
    try:
        count = await _fill(writer, messages)
        await broker.start()
        consumer = await _consumer(port, count)
        reading = asyncio.create_task(_ids(consumer))
        try:
            took = await _empty(database, writer, port, count)
            async with asyncio.timeout(_SECONDS):
                ids = await reading
        finally:
            if consumer.returncode is None:
                consumer.kill()
            await consumer.wait()
    finally:
        await broker.stop()
        await writer.stop()
        await database.close()
    different = len(set(ids))
    return FeedFigures(
        messages=count,
        messages_per_second=count / took,
        received=different,
        repeated=len(ids) - different,
    )


async def _fill(writer: RecordWriter, messages: int) -> int:
    calls = -(-messages // PER_CALL)
    for number in range(calls):
        record, *_ = entries(number)
        writer.put(record)
        if number % 1000 == 999:
            await writer.flush()
    await writer.flush()
    return calls * PER_CALL


async def _consumer(port: int, count: int) -> asyncio.subprocess.Process:
    """mosquitto's own client, subscribed: it shares no code with ours, and takes none of our time."""
    where = ("-h", "127.0.0.1", "-p", str(port), "-q", "1")
    publish, subscribe = locate("mosquitto_pub"), locate("mosquitto_sub")
    told = await asyncio.create_subprocess_exec(
        *publish.command(*where, "-t", _READY, "-r", "-m", _READY), env=publish.environment()
    )
    await told.wait()
    topics = (_READY, *(f"{ROOT}/{below}/#" for below in ("calls", "transfers", "lines")))
    wanted = [word for topic in topics for word in ("-t", topic)]
    process = await asyncio.create_subprocess_exec(
        *subscribe.command(*where, "-C", str(count + 1), "-F", "%t %p", *wanted),
        env=subscribe.environment(),
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdout is not None
    # What is retained comes when the subscription stands.
    async with asyncio.timeout(_SECONDS):
        await process.stdout.readline()
    return process


async def _ids(consumer: asyncio.subprocess.Process) -> list[tuple[str, str]]:
    assert consumer.stdout is not None
    found = []
    while line := await consumer.stdout.readline():
        found.append(line)
    # Read first, understood afterwards: what is timed is the feed.
    parts = (line.partition(b" ") for line in found)
    return [(topic.decode(), json.loads(payload)["id"]) for topic, _, payload in parts]


class _Nobody:
    """No partners."""

    def organisation(self, partner: str) -> OrgId | None:
        return None

    def answers(self, partner: str, line: str) -> bool:
        return False


async def _empty(database: Database, writer: RecordWriter, port: int, count: int) -> float:
    feed = FeedClient(
        FeedSettings(host="127.0.0.1", port=port),
        engine=_Quiet(),
        outbox=StoredOutbox(database),
        inbox=writer,
        partners=_Nobody(),
        lines=lambda: (),
        clock=SteadyClock(),
    )
    running = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(_SECONDS):
            while not feed.health.connected:  # noqa: ASYNC110 - the feed keeps its state, and tells nobody of changes
                await asyncio.sleep(_LOOK)
            began = time.perf_counter()
            while feed.health.sent < count:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)
            return time.perf_counter() - began
    finally:
        running.cancel()
        await asyncio.wait({running})

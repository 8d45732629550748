"""The feed against a real mosquitto: nothing lost, nothing with more than one effect."""

import asyncio
import gc
import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from callrouter.feed.client import OUTBOX_EVERY, FeedClient, FeedSettings
from callrouter.feed.connection import Connection
from callrouter.feed.messages import published
from callrouter.links import feed_settings as settings_of_feed
from callrouter.ports import Unavailable
from callrouter.settings import Feed
from callrouter.store import migrate
from callrouter.store.database import Database
from callrouter.store.outbox import StoredOutbox
from callrouter.store.writer import RecordWriter
from tests.feed.broker import TLS, USERS, TestBroker
from tests.feed.consumer import Consumer, client
from tests.feed.test_inbound import Known, call, order
from tests.store.samples import T0, record
from tests.web.fakes import FakeEngine, Watch

pytestmark = pytest.mark.asterisk

HANDBOOK = Path(__file__).parents[2] / "docs" / "howto"


@dataclass
class Stage:
    """Writer, feed and broker together."""

    database: Database
    writer: RecordWriter
    broker: TestBroker
    feed: FeedClient
    engine: FakeEngine
    clock: Watch
    consumer: Consumer = field(default_factory=Consumer)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def run(self, work: "Awaitable[None]") -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        self.tasks.append(task)
        return task

    async def end(self, task: "asyncio.Task[None]") -> None:
        task.cancel()
        await asyncio.wait({task})
        self.tasks.remove(task)

    async def ask(self, query: str) -> list[tuple[Any, ...]]:
        assert self.database.path is not None
        with sqlite3.connect(self.database.path) as connection:
            return connection.execute(query).fetchall()

    async def until_rows(self, query: str, count: int) -> None:
        async with asyncio.timeout(20):
            while await self.ask(query) != [(count,)]:  # noqa: ASYNC110 - what is awaited happens elsewhere
                await asyncio.sleep(0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is awaited happens at the broker
            await asyncio.sleep(0.02)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    database = Database(tmp_path / "callrouter.sqlite")
    await migrate.upgrade(database)
    broker = TestBroker(tmp_path / "broker")
    await broker.start()
    engine = FakeEngine()
    clock = Watch()
    feed: FeedClient
    writer = RecordWriter(database, tmp_path / "spill", publish=published, committed=lambda: feed.written())
    feed = FeedClient(
        FeedSettings(host="127.0.0.1", port=broker.port, user="callrouter", password=USERS["callrouter"]),
        engine=engine,
        outbox=StoredOutbox(database),
        inbox=writer,
        partners=Known(),
        lines=lambda: ("12315",),
        clock=clock,
    )
    await writer.start()
    found = Stage(database, writer, broker, feed, engine, clock)
    yield found
    for task in found.tasks:
        task.cancel()
    if found.tasks:
        await asyncio.wait(found.tasks)
    await writer.stop()
    await database.close()
    await broker.stop()


async def test_calls_arrive_once_and_leave_the_outbox(stage: Stage) -> None:
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/calls/#"))
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    for number in range(50):
        stage.writer.put(record(f"c{number}"))
    await until(lambda: len(stage.consumer.found) == 50)
    await until(lambda: stage.feed.health.sent == 150)
    assert await stage.ask("SELECT count(*) FROM outbox") == [(0,)]
    assert set(stage.consumer.topics.values()) == {"callrouter/v1/calls/qinghai"}
    assert stage.consumer.found["c7/ended"]["data"]["outcome"] == "answered"


async def test_a_broker_killed_under_load_costs_nothing(stage: Stage) -> None:
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/calls/#"))
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    for number in range(400):
        stage.writer.put(record(f"c{number}"))
        if number == 200:
            await until(lambda: len(stage.consumer.found) > 20)
            await stage.broker.stop(kill=True)
            await asyncio.sleep(0.5)
            await stage.broker.start()
    await until(lambda: len(stage.consumer.found) == 400)
    await stage.writer.flush()
    await stage.until_rows("SELECT count(*) FROM outbox", 0)
    assert {f"c{number}/ended" for number in range(400)} == set(stage.consumer.found)


async def test_what_a_killed_broker_had_confirmed_and_not_written_down_is_told_again(stage: Stage) -> None:
    """A broker confirms first and writes down later: what was confirmed in between dies with it."""
    reading = stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/calls/#"))
    stage.run(stage.feed.run())
    stage.writer.put(record("c0"))
    await until(lambda: "c0/ended" in stage.consumer.found)
    await stage.end(reading)  # from now on the broker keeps its messages for it
    await stage.broker.stop()
    written_down = stage.broker.memory.read_bytes()
    await stage.broker.start()
    await until(lambda: stage.feed.health.connected)
    for number in range(1, 31):
        stage.writer.put(record(f"c{number}"))
    await until(lambda: stage.feed.health.sent == 93)
    await stage.broker.stop(kill=True)
    assert set(stage.consumer.found) == {"c0/ended"}
    stage.broker.memory.write_bytes(written_down)
    await stage.broker.start()
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/calls/#"))
    await until(lambda: len(stage.consumer.found) == 31)
    assert await stage.ask("SELECT count(*) FROM outbox") == [(0,)]
    await until(lambda: stage.feed.health.repeated >= 93)  # c0 too, when it was confirmed before the stop


async def test_a_connection_that_breaks_while_the_outbox_is_emptied_loses_no_count(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database empties it all the same, though nobody waits for that: nothing is left to send."""
    sent, emptied = StoredOutbox.sent, asyncio.Event()

    async def slowly(outbox: StoredOutbox, places: Collection[int]) -> int:
        found = await sent(outbox, places)
        emptied.set()
        await until(lambda: not stage.feed.health.connected)
        return found

    with monkeypatch.context() as slow:
        slow.setattr(StoredOutbox, "sent", slowly)
        stage.run(stage.feed.run())
        await until(lambda: stage.feed.health.connected)
        stage.writer.put(record("c0"))
        await emptied.wait()
        await stage.broker.stop()
        await until(lambda: not stage.feed.health.connected)
    await stage.broker.start()
    await until(lambda: stage.feed.health.connected)
    await until(lambda: stage.feed.health.sent == 3)
    stage.writer.put(record("c1"))
    await until(lambda: stage.feed.health.sent == 6)
    assert await stage.ask("SELECT count(*) FROM outbox") == [(0,)]


async def test_a_database_that_is_away_is_not_the_brokers_fault(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("the disk is gone")

    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    with monkeypatch.context() as broken:
        broken.setattr(StoredOutbox, "waiting", away)
        stage.feed.written()
        await until(lambda: "the feed waits for the records' database" in stage.feed.health.problem())
        assert "the disk is gone" in stage.feed.health.problem()
    await until(lambda: stage.feed.health.problem() == "")


async def test_live_state_is_there_for_whoever_comes_later(stage: Stage) -> None:
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    stage.engine.change_seat("s1", state="ready")
    await asyncio.sleep(0.5)
    consumer = stage.consumer
    stage.run(consumer.read(stage.broker.port, "callrouter/v1/live/#"))
    await until(lambda: len(consumer.found) == 5)
    assert consumer.latest["live/seats/s1"]["data"]["state"] == "ready"
    stage.engine.change_seat("s1", state="talking")
    await until(lambda: consumer.latest["live/seats/s1"]["data"]["state"] == "talking")


async def test_status_tells_of_coming_leaving_and_dying(stage: Stage) -> None:
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/status"))
    running = stage.run(stage.feed.run())

    def online() -> bool | None:
        found = stage.consumer.latest.get("status")
        return found["data"]["online"] if found else None

    await until(lambda: online() is True)
    await stage.end(running)
    await until(lambda: online() is False)


async def test_schemas_are_published(stage: Stage) -> None:
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    async with client(stage.broker.port, "12315") as partner:
        await partner.subscribe("callrouter/v1/schema/+", qos=1)
        async with asyncio.timeout(10):
            message = await anext(aiter(partner.messages))
    assert isinstance(message.payload, bytes)
    assert json.loads(message.payload)["$schema"]


async def test_partners_data_lands_in_the_same_tables(stage: Stage) -> None:
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    async with client(stage.broker.port, "12315") as partner:
        for _ in range(2):  # at least once means: now and then twice
            await partner.publish("callrouter/v1/in/12315/calls", json.dumps(call()), qos=1)
            await partner.publish("callrouter/v1/in/12315/work-orders", json.dumps(order()), qos=1)
    await until(lambda: stage.feed.health.received == 4)
    await stage.writer.flush()
    assert await stage.ask("SELECT call, organisation, outcome, node FROM calls") == [
        ("12315/m1", "12315", "answered", "feed/12315")
    ]
    assert await stage.ask("SELECT source, work_order, state FROM work_orders") == [
        ("12315", "w1", "dispatched")
    ]


async def test_bad_messages_come_back_with_the_reason(stage: Stage) -> None:
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    stage.run(
        stage.consumer.read(
            stage.broker.port, "callrouter/v1/dead-letter/12315", user="12315", identifier="p"
        )
    )
    async with client(stage.broker.port, "12315") as partner:
        for payload in (b"nonsense", b"nonsense", json.dumps(call(outcome="happy")).encode()):
            await partner.publish("callrouter/v1/in/12315/calls", payload, qos=1)
    await until(lambda: len(stage.consumer.found) == 2)
    reasons = [envelope["data"]["reason"] for envelope in stage.consumer.found.values()]
    assert any("malformed" in reason for reason in reasons)
    assert any("happy" in reason for reason in reasons)
    assert await stage.ask("SELECT count(*) FROM dead_letters") == [(2,)]


async def test_a_flood_of_hostile_messages_harms_nobody(stage: Stage) -> None:
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    deep = b'{"a":' * 10_000 + b"%d" + b"}" * 10_000
    async with client(stage.broker.port, "12315") as partner:
        for number in range(150):
            payload = (deep % number, b"\xff\xfe %d" % number, b"x" * (70_000 + number))[number % 3]
            await partner.publish("callrouter/v1/in/12315/calls", payload, qos=1)
        await partner.publish("callrouter/v1/in/12315/calls", json.dumps(call()), qos=1)
    await stage.until_rows("SELECT count(*) FROM calls", 1)
    await stage.until_rows("SELECT count(*) FROM dead_letters", 150)
    assert stage.feed.health.connected
    assert stage.feed.health.dead_letters == 150


async def test_tls_with_a_certificate_that_is_checked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = stage.broker.memory.with_name("secret")
    secret.write_text(USERS["callrouter"])
    wanted = {"broker": f"127.0.0.1:{stage.broker.tls_port}", "tls": True, "user": "callrouter"}
    distrusted = settings_of_feed(Feed(**wanted, password_file=secret))
    trusted = settings_of_feed(Feed(**wanted, password_file=secret, ca_file=TLS / "ca.crt"))
    stage.feed._settings = distrusted
    running = stage.run(stage.feed.run())
    await until(lambda: "CERTIFICATE_VERIFY_FAILED" in stage.feed.health.reason)
    await stage.end(running)
    stage.feed._settings = trusted
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/calls/#"))
    stage.run(stage.feed.run())
    stage.writer.put(record())
    await until(lambda: "c1/ended" in stage.consumer.found)


async def test_a_partner_cannot_speak_for_another_nor_listen_in(stage: Stage) -> None:
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    async with client(stage.broker.port, "12333") as other:
        with suppress(aiomqtt.MqttError):  # whether mosquitto refuses or silently drops is its own affair
            await other.publish("callrouter/v1/in/12315/calls", json.dumps(call()), qos=1)
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/#", user="12333", identifier="spy"))
    stage.writer.put(record())
    await until(lambda: stage.feed.health.sent > 0)
    await asyncio.sleep(0.3)
    assert stage.feed.health.received == 0
    assert not any("calls/" in topic or "transfers" in topic for topic in stage.consumer.topics.values())


async def test_what_came_while_we_were_away_is_not_lost(stage: Stage) -> None:
    running = stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    await stage.end(running)
    async with client(stage.broker.port, "12315") as partner:
        for number in range(30):
            message = {**call(), "id": f"m{number}"}
            await partner.publish("callrouter/v1/in/12315/calls", json.dumps(message), qos=1)
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.received >= 30)
    await stage.writer.flush()
    assert await stage.ask("SELECT count(*) FROM calls") == [(30,)]


async def test_a_message_that_could_not_be_kept_is_not_confirmed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from callrouter.ports import Unavailable

    async def refuse(_: object) -> None:
        raise Unavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(stage.writer, "keep", refuse)
        running = stage.run(stage.feed.run())
        await until(lambda: stage.feed.health.connected)
        async with client(stage.broker.port, "12315") as partner:
            await partner.publish("callrouter/v1/in/12315/calls", json.dumps(call()), qos=1)
        await until(lambda: stage.feed.health.received >= 1)
        await stage.end(running)
    stage.run(stage.feed.run())
    await stage.until_rows("SELECT count(*) FROM calls", 1)


async def test_no_broker_is_told_and_waited_for(stage: Stage) -> None:
    await stage.broker.stop()
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.reason != "")
    stage.writer.put(record())
    await stage.writer.flush()
    assert not stage.feed.health.connected
    await until(lambda: "3 messages wait" in stage.feed.health.problem())
    await stage.broker.start()
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/calls/#"))
    await until(lambda: "c1/ended" in stage.consumer.found)
    assert stage.feed.health.problem() == ""


async def test_times_are_ours(stage: Stage) -> None:
    stage.run(stage.consumer.read(stage.broker.port, "callrouter/v1/live/#"))
    stage.run(stage.feed.run())
    await until(lambda: "live/seats/s1" in stage.consumer.latest)
    assert stage.consumer.latest["live/seats/s1"]["at"] == T0


async def test_a_broker_that_refuses_empties_no_outbox(stage: Stage) -> None:
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    stage.broker.allow("user callrouter\ntopic write callrouter/v1/status\n")
    stage.writer.put(record())
    await until(lambda: "refuses" in stage.feed.health.reason)
    assert await stage.ask("SELECT count(*) FROM outbox") == [(3,)]
    stage.broker.allow()
    await until(lambda: stage.feed.health.sent == 3)


async def test_the_partner_client_of_the_handbook(stage: Stage) -> None:
    stage.clock.at = time.time()
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    partner = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HANDBOOK / "partner_client.py"),
        *("127.0.0.1", str(stage.broker.port), "12315", USERS["12315"]),
        stdout=asyncio.subprocess.PIPE,
    )
    assert partner.stdout is not None
    try:
        async with asyncio.timeout(20):
            refused = (await partner.stdout.readline()).decode()
            stage.writer.put(record())
            handed_over = (await partner.stdout.readline()).decode()
    finally:
        partner.terminate()
        await partner.wait()
    assert refused.startswith("dead_letter")
    assert "missing required field" in refused
    assert handed_over.startswith("transfer_ended")
    await stage.until_rows("SELECT count(*) FROM calls WHERE node = 'feed/12315'", 1)


async def test_a_broker_that_goes_first_leaves_no_complaint_behind(stage: Stage) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    host = {"username": "callrouter", "password": USERS["callrouter"], "identifier": "other"}
    async with Connection("127.0.0.1", stage.broker.port, **host) as connection:
        gone = connection._disconnected
        await stage.broker.stop(kill=True)
        await asyncio.wait({gone}, timeout=20)
    assert gone.done()
    del connection, gone
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


async def test_many_commits_cost_few_looks_into_the_outbox(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    look = StoredOutbox.waiting

    async def counted(outbox: StoredOutbox, limit: int) -> Any:
        looks.append(asyncio.get_running_loop().time())
        return await look(outbox, limit)

    monkeypatch.setattr(StoredOutbox, "waiting", counted)
    stage.run(stage.feed.run())
    await until(lambda: stage.feed.health.connected)
    for number in range(30):
        stage.writer.put(record(f"c{number}"))
        await stage.writer.flush()
    await until(lambda: stage.feed.health.sent == 90)
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert gaps
    assert min(gaps) > OUTBOX_EVERY - 0.01

"""The client's sockets: connecting, losing, being refused, replaced and not listened to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from acd import commands as c
from acd.events import (
    CallOffered,
    CommandFailed,
    NodeDown,
    NodeUp,
    PlaybackFinished,
    PlaybackStarted,
    SwitchEvent,
)
from acd.ids import BridgeId, CallId, ChannelId, NodeId, PlaybackId
from callrouter.ari.client import AnswerPhoneHook, AriClient, AriSettings
from callrouter.ari.codec import ALLOWED_EVENTS
from callrouter.ari.errors import AriError, AriRefused, AriReplaced, AriUnsuitable
from tests.ari.fake_asterisk import FakeAsterisk, fake_asterisk
from tests.ari.said import caller, playback, said

NODE, CALL, IN, LEG = NodeId("n1"), CallId("k"), ChannelId("1795412490.0"), ChannelId("leg-1")
ANSWER = c.Answer(node=NODE, call=CALL, channel=IN)
ORIGINATE = c.Originate(
    node=NODE, call=CALL, channel=LEG, endpoint="PJSIP/a1", caller_number="1", caller_name="", ring_for=9.0
)
UP = NodeUp(node=NODE, bridges=(BridgeId("ours"),))
Facts = asyncio.Queue[SwitchEvent]


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as running:
        yield running


def settings(asterisk: FakeAsterisk, **more: float) -> AriSettings:
    quick = {"request_timeout": 0.5, "ping_interval": 5.0, "backoff_first": 0.01, "backoff_last": 0.02}
    return AriSettings(url=asterisk.url, user="callrouter", password="secret", **{**quick, **more})  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running(
    asterisk: FakeAsterisk, *, hook: AnswerPhoneHook | None = None, **more: float
) -> AsyncIterator[tuple[AriClient, Facts]]:
    client, facts = AriClient(NODE, settings(asterisk, **more), answer_phone=hook), Facts()
    task = asyncio.create_task(client.run(facts.put_nowait))
    try:
        async with asyncio.timeout(10):
            yield client, facts
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, AriError):
            await task


async def failure(facts: Facts) -> CommandFailed:
    fact = await facts.get()
    assert isinstance(fact, CommandFailed)
    return fact


async def test_a_connection_filters_and_tells_what_lives(asterisk: FakeAsterisk) -> None:
    asterisk.channels = [{"id": "old", "state": "Up"}]
    async with running(asterisk) as (client, facts):
        old = (ChannelId("old"),)
        assert await facts.get() == NodeUp(node=NODE, channels=old, bridges=(BridgeId("ours"),), answered=old)
        assert [f["type"] for f in asterisk.filters[0]["allowed"]] == list(ALLOWED_EVENTS)
        assert (client.connected, client.version) == (True, "22.10.1+dfsg")
        await asterisk.say(caller())
        assert isinstance(await facts.get(), CallOffered)


async def test_the_filter_is_set_again_on_each_connection(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (client, facts):
        for number in range(1, 4):
            assert await facts.get() == UP
            assert len(asterisk.filters) == number
            await asterisk.sockets[-1].close()
            assert await facts.get() == NodeDown(node=NODE)
        assert client.metrics.connections == 3


async def test_playbacks_whose_end_was_lost_with_the_link_are_asked_about(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (_, facts):
        assert await facts.get() == UP
        for one in ("over", "goes-on"):
            await asterisk.say(playback("PlaybackStarted", one, "playing"))
            assert await facts.get() == PlaybackStarted(node=NODE, playback=PlaybackId(one))
        asterisk.playing = ["goes-on"]
        await asterisk.sockets[-1].close()
        assert await facts.get() == NodeDown(node=NODE)
        assert await facts.get() == UP
        assert await facts.get() == PlaybackFinished(node=NODE, playback=PlaybackId("over"))
        await asterisk.say(playback("PlaybackFinished", "goes-on", "done"))
        assert await facts.get() == PlaybackFinished(node=NODE, playback=PlaybackId("goes-on"))


async def test_commands_and_their_refusal(asterisk: FakeAsterisk) -> None:
    asterisk.status[f"POST channels/{IN}/answer"] = 404
    async with running(asterisk) as (client, facts):
        await facts.get()
        client.send(ANSWER)
        assert (await asterisk.asked.get())["uri"] == f"channels/{IN}/answer"
        failed = await failure(facts)
        assert (failed.what, failed.status, failed.reason) == ("Answer", 404, "said so")


async def test_many_commands_keep_their_order(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (client, facts):
        await facts.get()
        for number in range(500):
            client.send(c.Hangup(node=NODE, call=CALL, channel=ChannelId(f"c{number}")))
        uris = [(await asterisk.asked.get())["uri"] for _ in range(500)]
        assert uris == [f"channels/c{number}" for number in range(500)]


async def test_an_asterisk_that_does_not_answer(asterisk: FakeAsterisk) -> None:
    async with running(asterisk, request_timeout=0.2) as (client, facts):
        await facts.get()
        asterisk.silent = True
        client.send(ANSWER)
        failed = await failure(facts)
        assert (failed.status, failed.reason) == (0, "Asterisk did not answer in time")


async def test_a_link_that_breaks_under_a_command(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (client, facts):
        await facts.get()
        asterisk.silent = True
        client.send(ANSWER)
        await asterisk.asked.get()
        await asterisk.sockets[-1].close()
        assert await facts.get() == NodeDown(node=NODE)
        failed = await failure(facts)
        assert (failed.status, failed.reason) == (0, "the link to Asterisk broke")
        assert await facts.get() == UP


async def test_a_peer_that_no_longer_pongs_is_given_up(asterisk: FakeAsterisk) -> None:
    asterisk.silent = True
    async with running(asterisk, ping_interval=0.1) as (_, facts):
        assert [type(await facts.get()) for _ in range(3)] == [NodeUp, NodeDown, NodeUp]


async def test_digits_hold_a_join_back_by_the_clock(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (client, facts):
        await facts.get()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        client.send(c.SendDigits(node=NODE, call=CALL, channel=IN, digits="1"))
        client.send(c.Join(node=NODE, call=CALL, channel=IN, bridge=BridgeId("b")))
        assert (await asterisk.asked.get())["uri"].endswith("dtmf")
        assert (await asterisk.asked.get())["uri"] == "bridges/b/addChannel"
        assert 0.3 <= loop.time() - begun < 1.5


@pytest.mark.parametrize("exists", [True, False])
async def test_a_doubtful_originate_is_asked_for(asterisk: FakeAsterisk, exists: bool) -> None:
    asterisk.status = {f"POST channels/{LEG}": 409, f"POST channels/{IN}/ring": 404}
    asterisk.channels = [{"id": LEG, "state": "Down"}] if exists else []
    async with running(asterisk) as (client, facts):
        await facts.get()
        client.send(ORIGINATE)
        assert await asterisk.looked_up.get() == f"channels/{LEG}"
        if not exists:
            first = await failure(facts)
            assert (first.what, first.status) == ("Originate", 404)
            assert "unknown or nobody is registered there" in first.reason
        client.send(c.Ring(node=NODE, call=CALL, channel=IN))
        assert (await failure(facts)).what == "Ring"
        assert facts.empty()


async def test_a_phone_is_asked_by_the_hook(asterisk: FakeAsterisk) -> None:
    asked: asyncio.Queue[ChannelId] = asyncio.Queue()

    async def hook(channel: ChannelId) -> None:
        asked.put_nowait(channel)
        if channel == "odd":
            raise RuntimeError("no such phone")

    async with running(asterisk, hook=hook) as (client, facts):
        await facts.get()
        client.send(c.AnswerPhone(node=NODE, call=CALL, channel=LEG))
        assert await asked.get() == LEG
        client.send(c.AnswerPhone(node=NODE, call=CALL, channel=ChannelId("odd")))
        failed = await failure(facts)
        assert (failed.what, failed.subject, failed.reason) == ("AnswerPhone", "odd", "no such phone")


async def test_without_a_hook_no_phone_can_be_asked(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (client, facts):
        await facts.get()
        client.send(c.AnswerPhone(node=NODE, call=CALL, channel=LEG))
        assert "no way to make a phone answer" in (await failure(facts)).reason


async def first_connection(asterisk: FakeAsterisk) -> None:
    await asyncio.wait_for(AriClient(NODE, settings(asterisk)).run(lambda fact: None), 5)


async def test_a_wrong_password_is_said_at_once(asterisk: FakeAsterisk) -> None:
    asterisk.password_ok = False
    with pytest.raises(AriRefused, match=r"refuses our ARI user or password.*ari\.conf"):
        await first_connection(asterisk)
    assert "secret" not in repr(settings(asterisk))


@pytest.mark.parametrize(
    ("version", "words"),
    [("22.9.0", "22.9.0 .* too old: install 22.10.1"), ("GIT-master", "GIT-master"), ("", "''")],
)
async def test_an_asterisk_that_will_not_do(asterisk: FakeAsterisk, version: str, words: str) -> None:
    asterisk.version = version
    with pytest.raises(AriUnsuitable, match=words):
        await first_connection(asterisk)


async def test_refused_later_on_it_is_tried_again(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (_, facts):
        await facts.get()
        asterisk.password_ok = False
        await asterisk.sockets[-1].close()
        assert await facts.get() == NodeDown(node=NODE)
        asterisk.password_ok = True
        assert await facts.get() == UP


async def test_nobody_at_home_is_tried_again() -> None:
    async with fake_asterisk() as gone:
        url = gone.url
    client = AriClient(
        NODE, AriSettings(url=url, user="u", password="p", backoff_first=0.01, backoff_last=0.01)
    )
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.run(lambda fact: None), 0.3)
    assert not client.connected


async def test_replaced_by_another_controller_it_stops(asterisk: FakeAsterisk) -> None:
    client, facts = AriClient(NODE, settings(asterisk)), Facts()
    task = asyncio.create_task(client.run(facts.put_nowait))
    assert await facts.get() == UP
    await asterisk.say(said("ApplicationReplaced"))
    with pytest.raises(AriReplaced, match="stop one of the two"):
        await asyncio.wait_for(task, 5)
    assert await facts.get() == NodeDown(node=NODE)
    assert len(asterisk.sockets) == 1


async def test_when_the_listener_is_full_the_link_begins_anew(asterisk: FakeAsterisk) -> None:
    facts, full = Facts(), 3

    def sink(fact: SwitchEvent) -> None:
        nonlocal full
        if isinstance(fact, CallOffered | NodeDown) and full:
            full -= 1
            raise BufferError("full")
        facts.put_nowait(fact)

    client = AriClient(NODE, settings(asterisk))
    task = asyncio.create_task(client.run(sink))
    try:
        async with asyncio.timeout(5):
            assert await facts.get() == UP
            await asterisk.say(caller())
            assert await facts.get() == NodeDown(node=NODE)
            assert await facts.get() == UP
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_listener_that_sends_at_once_hears_each_fact_once(asterisk: FakeAsterisk) -> None:
    client, facts = AriClient(NODE, settings(asterisk)), Facts()

    def sink(fact: SwitchEvent) -> None:
        facts.put_nowait(fact)
        if isinstance(fact, NodeUp | CallOffered):
            client.send(ANSWER)

    task = asyncio.create_task(client.run(sink))
    try:
        async with asyncio.timeout(5):
            assert await facts.get() == UP
            await asterisk.say(caller())
            assert isinstance(await facts.get(), CallOffered)
            for _ in range(2):
                assert (await asterisk.asked.get())["uri"] == f"channels/{IN}/answer"
            assert facts.empty()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_text_that_is_not_utf8_costs_no_link(asterisk: FakeAsterisk) -> None:
    async with running(asterisk) as (client, facts):
        await facts.get()
        await asterisk.sockets[-1].send_frame(b'{"type":"\xff\xfe"}', 1)  # type: ignore[arg-type]
        await asterisk.say(caller())
        assert isinstance(await facts.get(), CallOffered)
        assert client.protocol.codec.malformed == 1


async def test_sending_before_running_is_a_mistake(asterisk: FakeAsterisk) -> None:
    with pytest.raises(RuntimeError, match="before"):
        AriClient(NODE, settings(asterisk)).send(ANSWER)

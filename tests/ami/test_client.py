"""The manager client against every fault that was met, on a fake that says just what the test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable

import pytest

from acd.commands import MonitorStart, MonitorStop
from acd.events import PhoneEvent, SeatReachable, SeatUnreachable, TrunkReachable, TrunkUnreachable
from acd.ids import CallId, ChannelId, NodeId, RecordingId, SeatId
from callrouter.ami.client import AmiClient, AmiSettings
from callrouter.ami.errors import AmiError, AmiRefused
from callrouter.ami.protocol import MAX_UNFINISHED
from tests.ami.fake_manager import FakeManager, error, fake_manager, message

ONE, TWO = SeatId("1001"), SeatId("1002")
Facts = asyncio.Queue[PhoneEvent]


@pytest.fixture
async def manager() -> AsyncIterator[FakeManager]:
    async with fake_manager() as opened:
        yield opened


def settings(manager: FakeManager, **more: float) -> AmiSettings:
    quick = {"action_timeout": 0.5, "ping_interval": 5.0, "backoff_first": 0.01, "backoff_last": 0.02}
    return AmiSettings(port=manager.port, user="callrouter", password="secret", **{**quick, **more})  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running(manager: FakeManager, **more: float) -> AsyncIterator[tuple[AmiClient, Facts]]:
    client, facts = AmiClient(settings(manager, **more), {"a1001": ONE, "a1002": TWO}), Facts()
    task = asyncio.create_task(client.run(facts.put_nowait))
    try:
        async with asyncio.timeout(10):
            yield client, facts
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def told(facts: Facts, count: int = 2) -> list[PhoneEvent]:
    return [await facts.get() for _ in range(count)]


def status(uri: str, what: str, endpoint: str = "a1001") -> bytes:
    return message(Event="ContactStatus", URI=uri, ContactStatus=what, AOR=endpoint, EndpointName=endpoint)


async def test_each_connection_tells_every_seat(manager: FakeManager) -> None:
    manager.contacts(("a1001", "sip:1", "Reachable"))
    async with running(manager) as (client, facts):
        first = [SeatReachable(seat=ONE), SeatUnreachable(seat=TWO)]
        assert await told(facts) == first
        manager.drop()
        assert await told(facts) == first
        assert client.connections == 2


async def test_without_any_contact_nobody_waits_for_a_list(manager: FakeManager) -> None:
    async with running(manager) as (_, facts):
        assert await told(facts) == [SeatUnreachable(seat=ONE), SeatUnreachable(seat=TWO)]
        assert manager.connections == 1


async def test_events_before_the_list_is_complete_come_after_it(manager: FakeManager) -> None:
    manager.contacts(("a1001", "sip:1", "Reachable"))
    listing = manager.answers["PJSIPShowContacts"]
    manager.answers["PJSIPShowContacts"] = lambda asked: [status("sip:1", "Removed"), *listing(asked)]
    async with running(manager) as (_, facts):
        assert await told(facts, 3) == [
            SeatReachable(seat=ONE),
            SeatUnreachable(seat=TWO),
            SeatUnreachable(seat=ONE),
        ]


async def test_a_wrong_password_is_said_once_and_clearly(manager: FakeManager) -> None:
    manager.answers["Login"] = error("Authentication failed")
    client = AmiClient(settings(manager), {})
    with pytest.raises(AmiRefused, match=r"refuses user 'callrouter'.*manager\.conf"):
        await asyncio.wait_for(client.run(lambda fact: None), 5)
    assert "secret" not in repr(settings(manager))


async def test_a_refusal_later_on_is_tried_again(manager: FakeManager) -> None:
    async with running(manager) as (client, facts):
        await told(facts)
        login = manager.answers["Login"]
        manager.answers["Login"] = error("Authentication failed")
        manager.drop()
        await manager.until_asked("Login", 3)
        manager.answers["Login"] = login
        await told(facts)
        assert client.connections == 2


async def test_utf8_split_between_segments_is_kept(manager: FakeManager) -> None:
    async with running(manager) as (_, facts):
        await told(facts)
        data = status("sip:张三@127.0.0.1", "Created")
        for byte in data:
            manager.say(bytes([byte]))
            await asyncio.sleep(0)
        assert await facts.get() == SeatReachable(seat=ONE)
        manager.say(status("sip:张三@127.0.0.1", "Removed"))
        assert await facts.get() == SeatUnreachable(seat=ONE)


async def test_bytes_that_are_no_text_do_no_harm(manager: FakeManager) -> None:
    async with running(manager) as (_, facts):
        await told(facts)
        manager.say(b"Event: \xff\xfe\x00\r\n: \r\nnonsense\r\n\r\n\r\n\r\n" + status("sip:1", "Created"))
        assert await facts.get() == SeatReachable(seat=ONE)


async def test_a_message_without_end_costs_the_link_only(manager: FakeManager) -> None:
    async with running(manager) as (client, facts):
        await told(facts)
        manager.say(b"x" * (MAX_UNFINISHED + 2))
        await told(facts)
        assert client.connections == 2


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\x00b", "\x7f"])
async def test_no_value_can_begin_another_line(manager: FakeManager, value: str) -> None:
    async with running(manager) as (client, facts):
        await told(facts)
        before = len(manager.asked)
        with pytest.raises(AmiError, match="control character"):
            await client.answer_phone(ChannelId(value))
        await client.reload("res_pjsip.so")
        assert [one["Action"] for one in manager.asked[before:]] == ["Reload"]


async def test_a_phone_is_asked_to_answer(manager: FakeManager) -> None:
    async with running(manager) as (client, facts):
        await told(facts)
        await client.answer_phone(ChannelId("leg-1"))
        (asked,) = manager.asked_for("PJSIPNotify")
        assert (asked["Channel"], asked["Variable"]) == ("leg-1", "Event=talk")
        manager.answers["PJSIPNotify"] = error("Channel not found")
        with pytest.raises(AmiError, match="PJSIPNotify: Channel not found"):
            await client.answer_phone(ChannelId("leg-1"))


async def test_an_action_without_reply_fails_in_time_and_leaves_nothing(manager: FakeManager) -> None:
    async with running(manager, action_timeout=0.1) as (client, facts):
        await told(facts)
        del manager.answers["Reload"]
        for _ in range(3):
            with pytest.raises(AmiError, match=r"did not answer Reload within 0\.1 s"):
                await client.reload("x.so")
        assert client._protocol is not None
        assert client._protocol.responses == {}


async def test_an_action_under_way_when_the_link_breaks_fails_at_once(manager: FakeManager) -> None:
    async with running(manager, action_timeout=5.0) as (client, facts):
        await told(facts)
        del manager.answers["Reload"]
        asking: Awaitable[None] = asyncio.ensure_future(client.reload("x.so"))
        await manager.until_asked("Reload")
        manager.drop()
        with pytest.raises(AmiError, match="broke"):
            await asyncio.wait_for(asking, 1)


async def test_without_a_link_actions_fail_and_health_says_so(manager: FakeManager) -> None:
    client = AmiClient(settings(manager), {})
    with pytest.raises(AmiError, match="no link"):
        await client.reload("x.so")
    health = await client.health()
    assert (health.connected, health.problem) == (False, "no link to Asterisk's manager interface")


async def test_health_asks_asterisk(manager: FakeManager) -> None:
    manager.answers["CoreStatus"] = lambda asked: [
        message(
            Response="Success",
            ActionID=asked["ActionID"],
            CoreStartupDate="2026-11-23",
            CoreStartupTime="05:36:40",
            CoreCurrentCalls="7",
        )
    ]
    async with running(manager) as (client, facts):
        await told(facts)
        health = await client.health()
        assert (health.connected, health.calls, health.started) == (True, 7, "2026-11-23 05:36:40")
        assert health.round_trip is not None


async def test_a_link_that_no_longer_answers_pings_is_given_up(manager: FakeManager) -> None:
    async with running(manager, ping_interval=0.05, action_timeout=0.1) as (client, facts):
        await told(facts)
        await manager.until_asked("Ping", 2)
        del manager.answers["Ping"]
        await told(facts)
        assert client.connections >= 2


async def test_device_state_that_contradicts_is_checked_not_believed(manager: FakeManager) -> None:
    manager.contacts(("a1001", "sip:1", "Reachable"))
    async with running(manager) as (_, facts):
        await told(facts)
        manager.contacts()
        for state in ("NOT_INUSE", "UNAVAILABLE"):
            manager.say(message(Event="DeviceStateChange", Device="PJSIP/a1001", State=state))
        assert await facts.get() == SeatUnreachable(seat=ONE)
        assert len(manager.asked_for("PJSIPShowContacts")) == 2


async def test_new_seats_are_learnt_without_reconnecting(manager: FakeManager) -> None:
    async with running(manager) as (client, facts):
        await told(facts)
        manager.contacts(("a1003", "sip:3", "Reachable"))
        client.replace_seats({"a1001": ONE, "a1003": SeatId("1003")})
        assert await facts.get() == SeatReachable(seat=SeatId("1003"))
        assert client.connections == 1


async def test_a_listener_that_is_full_gets_everything_anew(manager: FakeManager) -> None:
    kept, overflowed = Facts(), False

    def sink(fact: PhoneEvent) -> None:
        nonlocal overflowed
        if kept.qsize() == 1 and not overflowed:
            overflowed = True
            raise BufferError("full")
        kept.put_nowait(fact)

    client = AmiClient(settings(manager), {"a1001": ONE, "a1002": TWO})
    task = asyncio.create_task(client.run(sink))
    both: list[PhoneEvent] = [SeatUnreachable(seat=ONE), SeatUnreachable(seat=TWO)]
    assert await asyncio.wait_for(told(kept, 3), 5) == [both[0], *both]
    task.cancel()


async def test_trunks_are_asked_for_at_each_connection_and_told_on_change(manager: FakeManager) -> None:
    def endpoint(asked: dict[str, str]) -> list[bytes]:
        if asked["Endpoint"] != "departments":
            return error("Unable to retrieve endpoint")(asked)
        rows = [
            {"Response": "Success", "EventList": "start", "Message": "Following are Events"},
            {"Event": "ContactStatusDetail", "URI": "sip:peer", "Status": "Unreachable"},
            {"Event": "EndpointDetailComplete", "EventList": "Complete"},
        ]
        return [message(**row, ActionID=asked["ActionID"]) for row in rows]

    manager.answers["PJSIPShowEndpoint"] = endpoint
    client, facts = AmiClient(settings(manager), {}, ["departments", "not-yet-loaded"]), Facts()
    task = asyncio.create_task(client.run(facts.put_nowait))
    async with asyncio.timeout(5):
        assert await facts.get() == TrunkUnreachable(trunk="departments")
        manager.say(status("sip:peer", "Reachable", "departments"))
        assert await facts.get() == TrunkReachable(trunk="departments")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_recordings_begin_and_end_on_the_channels_unique_id(manager: FakeManager) -> None:
    def done(asked: dict[str, str]) -> list[bytes]:
        return [message(Response="Success", ActionID=asked["ActionID"])]

    about = {"node": NodeId("main"), "call": CallId("C1"), "recording": RecordingId("cr-C1-talk1")}
    begin = MonitorStart(channel=ChannelId("1795420007.17"), **about)  # type: ignore[arg-type]
    end = MonitorStop(channel=ChannelId("1795420007.17"), **about)  # type: ignore[arg-type]
    manager.answers["MixMonitor"] = done
    manager.answers["StopMixMonitor"] = error("No such channel")
    async with running(manager) as (client, facts):
        await told(facts)
        await client.monitor(begin)
        await client.monitor(end)
        manager.answers["MixMonitor"] = error("No such channel")
        with pytest.raises(AmiError, match="No such channel"):
            await client.monitor(begin)
    asked = manager.asked_for("MixMonitor")[0]
    assert (asked["Channel"], asked["File"]) == ("1795420007.17", "cr-C1-talk1.wav")

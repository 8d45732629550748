"""The ARI client on a real Asterisk: what was found there is held here."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acd import commands as c
from acd.events import (
    CallOffered,
    CommandFailed,
    DigitReceived,
    LegAnswered,
    LegEnded,
    LegRinging,
    NodeDown,
    NodeUp,
    PlaybackFinished,
    PlaybackStarted,
)
from acd.ids import BridgeId, CallId, ChannelId, PlaybackId
from callrouter.ari import models
from callrouter.ari.client import AriClient
from callrouter.ari.errors import AriRefused, AriReplaced
from callrouter.ari.generate import load, render
from callrouter.ari.requests import encode
from callrouter.toolchain import asterisk_files
from callrouter.toolchain.asterisk import AsteriskServer
from tests.ari.test_requests import command, originate
from tests.asterisk.link_rig import NODE, Rig, ari_settings, run_asterisk, run_rig

pytestmark = pytest.mark.asterisk
BRIDGE, PROMPT = BridgeId("b1"), PlaybackId("p1")
ROUNDS = 30
LONG_PROMPT = ("sound:demo-congrats",)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskServer]:
    async with run_asterisk(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


@pytest.fixture
async def rig(server: AsteriskServer) -> AsyncIterator[Rig]:
    async with run_rig(server) as running:
        yield running


# --- the description


def test_the_models_are_what_the_description_gives() -> None:
    committed = Path(models.__file__).read_text(encoding="utf-8")
    assert render(load(asterisk_files().rest_api)) == committed


ENCODABLE: list[c.Command] = [
    *(command(kind) for kind in (c.Answer, c.Ring, c.StopPlayback, c.MusicOn, c.MusicOff, c.CreateBridge)),
    *(command(kind) for kind in (c.DestroyBridge, c.Join, c.Leave, c.Hangup)),
    command(c.Ring, on=False),
    command(c.Play, media=("sound:a",)),
    command(c.SendDigits, digits="1"),
    command(c.ToDialplan, context="x", extension="s"),
    originate(variables={"A": "b"}, originator=ChannelId("x")),
]


@pytest.mark.parametrize("asked", ENCODABLE, ids=lambda asked: type(asked).__name__)
def test_every_request_is_one_that_asterisk_describes(asked: c.Command) -> None:
    request = encode(asked, "callrouter")
    described: dict[tuple[str, ...], set[str]] = {}
    for file in asterisk_files().rest_api.glob("*.json"):
        for api in json.loads(file.read_text()).get("apis", ()):
            for operation in api.get("operations", ()):
                path = (operation["httpMethod"], *api["path"].strip("/").split("/"))
                described[path] = {p["name"] for p in operation.get("parameters", ())}
    said = (request.method, *request.uri.split("/"))
    parameters = [
        names
        for path, names in described.items()
        if len(path) == len(said)
        and all(a == b or a.startswith("{") for a, b in zip(path, said, strict=True))
    ]
    given = {name for name, _ in request.query} | set(json.loads(request.body or b"{}"))
    assert any(given <= names for names in parameters), (said, given, parameters)


# --- callers


HOSTILE = {
    "4 kB of name": ('"' + "x" * 4096 + '" <sip:139@c.invalid>', "", "139"),
    "quotes and dialplan": ('"a\\"b,c;${SHELL(id)}" <sip:13909710001@c.invalid>', "", "13909710001"),
    "Chinese": ('"张三" <sip:+8613909710001@c.invalid;user=phone>', "", "13909710001"),
    "escaped line break": ('"x" <sip:139%0d%0aAction:%20Originate@c.invalid>', "", ""),
    "anonymous": ("Anonymous <sip:anonymous@anonymous.invalid>", "Privacy: id\r\n", ""),
    "not UTF-8": ('"\udcff\udcfe" <sip:13909710001@c.invalid>', "", "13909710001"),
    "asserted": (
        "<sip:1@c.invalid>",
        "P-Asserted-Identity: <tel:+869718123456>\r\nUser-to-User: a)b(c,d${EPOCH}&x=%\r\n",
        "09718123456",
    ),
    "asserted and private": (
        "<sip:anonymous@anonymous.invalid>",
        "P-Asserted-Identity: <tel:+869718123456>\r\nPrivacy: id\r\n",
        "",
    ),
    "4 kB of headers": ("<sip:139@c.invalid>", "User-to-User: " + "ab" * 2000 + "\r\n", "139"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_whoever_calls_is_offered_clean(rig: Rig, case: str) -> None:
    caller, extra, number = HOSTILE[case]
    _, channel = await rig.caller(answered=False, caller=caller, extra=extra)
    offered = await rig.of(CallOffered, channel)
    assert (offered.caller, offered.dialled, offered.trunk) == (number, "12345", "carrier")
    for text in (offered.display, *offered.headers.values()):
        assert text.isprintable()
        assert len(text) <= 256
    if case == "asserted":
        assert offered.headers["User-to-User"] == "a)b(c,d${EPOCH}&x=%"
    assert rig.client.protocol.codec.malformed == 0
    assert not rig.client.protocol.codec.unknown_types
    assert not rig.client.protocol.codec.unknown_fields


async def test_refused_with_the_cause_that_was_asked_for(rig: Rig) -> None:
    phone, channel = await rig.caller(answered=False)
    rig.do(c.Hangup, channel=channel, cause=1)
    answer = await phone.response(above=199)
    phone.settle(answer)
    assert answer.status == 404
    assert (await rig.of(LegEnded, channel)).cause == 1


async def test_a_caller_who_hangs_up(rig: Rig) -> None:
    phone, channel = await rig.caller()
    await phone.bye()
    assert (await rig.of(LegEnded, channel)).cause == 16
    await rig.settled()
    assert rig.count(LegEnded, channel) == 1


# --- legs that we originate


@pytest.mark.parametrize(
    ("statuses", "cause"),
    [
        ((486,), 17),
        ((180, 486), 17),
        ((180, 603), 21),
        ((404,), 1),
        ((180, 480), 19),
        ((408,), 18),
        ((503,), 34),
    ],
)
async def test_how_a_leg_ended_that_was_refused(rig: Rig, statuses: tuple[int, ...], cause: int) -> None:
    phone = await rig.phone("a1001")
    phone.statuses = statuses
    rig.dial("leg", "a1001")
    assert (await rig.of(LegEnded, "leg")).cause == cause
    await rig.settled()
    assert rig.count(LegEnded, "leg") == 1
    assert rig.count(LegRinging, "leg") == (180 in statuses)


async def test_a_leg_that_nobody_answers(rig: Rig) -> None:
    phone = await rig.phone("a1001")
    phone.statuses = (180,)
    rig.dial("leg", "a1001", ring_for=1.0)
    assert (await rig.of(LegEnded, "leg")).cause == 19
    await rig.of(LegRinging, "leg")


async def test_a_leg_to_a_phone_that_vanished(rig: Rig) -> None:
    phone = await rig.phone("a1001")
    phone.silent = True
    rig.dial("leg", "a1001", ring_for=1.0)
    assert (await rig.of(LegEnded, "leg")).cause == 19
    assert rig.count(LegRinging, "leg") == 0


async def test_a_leg_that_we_give_up_while_it_rings(rig: Rig) -> None:
    phone = await rig.phone("a1001")
    phone.statuses = (180,)
    rig.dial("leg", "a1001")
    await rig.of(LegRinging, "leg")
    rig.do(c.Hangup, channel=ChannelId("leg"), cause=16)
    assert (await rig.of(LegEnded, "leg")).cause == 16
    await asyncio.wait_for(phone.ended.wait(), 3)


@pytest.mark.parametrize("before", [[], ["same id twice"]])
async def test_nobody_registered_is_told_as_such_whatever_asterisk_says(rig: Rig, before: list[str]) -> None:
    """A stale errno makes it 409 "already exists" once that was true of any other channel."""
    if before:
        phone = await rig.phone("a1001")
        phone.statuses = (180,)
        rig.dial("leg", "a1001")
        rig.dial("leg", "a1001")
    for number, endpoint in enumerate(("a1002", "nobody")):
        rig.dial(f"gone-{number}", endpoint)
        failed = await rig.fact(CommandFailed, lambda f, n=number: f.subject == f"gone-{n}")  # type: ignore[misc]
        assert failed.status == 404
        assert "unknown or nobody is registered there" in failed.reason
    failures = [f for f in rig.facts if isinstance(f, CommandFailed) and f.subject == "leg"]
    assert failures == []


async def test_a_quick_refusal_is_never_missed(rig: Rig) -> None:
    """486 may come before Asterisk has subscribed us to the channel."""
    phone = await rig.phone("a1001")
    phone.statuses = (486,)
    for number in range(ROUNDS):
        rig.dial(f"leg-{number}", "a1001")
    for number in range(ROUNDS):
        assert (await rig.of(LegEnded, f"leg-{number}")).cause == 17


async def test_ringing_is_never_missed(rig: Rig) -> None:
    phone = await rig.phone("a1001")
    phone.statuses = (180, 200)
    for number in range(ROUNDS):
        rig.dial(f"leg-{number}", "a1001")
    for number in range(ROUNDS):
        await rig.of(LegAnswered, f"leg-{number}")
        assert rig.count(LegRinging, f"leg-{number}") == 1


async def test_early_media_rings_too(rig: Rig) -> None:
    phone = await rig.phone("a1001")
    phone.statuses = (183,)
    rig.dial("leg", "a1001")
    await rig.of(LegRinging, "leg")


async def test_the_far_end_sees_what_we_say(rig: Rig) -> None:
    phone = await rig.phone("a1001")
    variables = {"PJSIP_HEADER(add,X-Call)": "abc"}
    rig.dial("leg", "a1001", caller_name='张 "x"', variables=variables)
    await rig.of(LegAnswered, "leg")
    invite = next(request for request in phone.requests if request.method == "INVITE")
    assert invite.get("From").startswith('"张 x" <sip:13909710001@')
    assert invite.get("X-Call") == "abc"


# --- what would stall everyone


async def reply_time(rig: Rig) -> float:
    """Seconds until another call's command is answered."""
    begun = time.monotonic()
    await rig.settled(CallId("other"))
    return time.monotonic() - begun


async def bridged(rig: Rig) -> ChannelId:
    _, channel = await rig.caller()
    rig.do(c.CreateBridge, bridge=BRIDGE)
    rig.do(c.Join, bridge=BRIDGE, channel=channel)
    return channel


@pytest.mark.parametrize("where", ["alone", "bridged"])
async def test_no_prompt_stalls_the_link(rig: Rig, where: str) -> None:
    channel = await bridged(rig) if where == "bridged" else (await rig.caller())[1]
    rig.do(c.CreateBridge, bridge=BRIDGE)
    rig.do(c.Play, channel=channel, playback=PROMPT, media=LONG_PROMPT)
    await rig.fact(PlaybackStarted)
    blocking = c.Leave if where == "bridged" else c.Join
    rig.do(blocking, channel=channel, bridge=BRIDGE)
    assert await reply_time(rig) < 0.5
    await rig.fact(PlaybackFinished)


async def test_no_digits_stall_the_link(rig: Rig) -> None:
    _, channel = await rig.caller()
    rig.do(c.CreateBridge, bridge=BRIDGE)
    rig.do(c.SendDigits, channel=channel, digits="12345")
    rig.do(c.Join, channel=channel, bridge=BRIDGE)
    assert await reply_time(rig) < 0.5


async def test_music_outlasts_a_prompt(rig: Rig) -> None:
    phone, channel = await rig.caller()
    rig.do(c.MusicOn, channel=channel)
    rig.do(c.Play, channel=channel, playback=PROMPT, media=("sound:beep",))
    await rig.fact(PlaybackFinished)
    before = phone.media.received
    await phone.media.listen(0.6)
    assert phone.media.received - before > 20
    rig.do(c.MusicOff, channel=channel)
    await rig.settled()
    await phone.media.listen(0.2)
    before = phone.media.received
    await phone.media.listen(0.4)
    assert phone.media.received - before <= 2


async def test_several_media_are_one_playback(rig: Rig) -> None:
    _, channel = await rig.caller()
    rig.do(c.Play, channel=channel, playback=PROMPT, media=("sound:missing", "sound:beep", "sound:beep"))
    await rig.fact(PlaybackFinished)
    told = [type(f) for f in rig.facts if isinstance(f, PlaybackStarted | PlaybackFinished)]
    assert told == [PlaybackStarted, PlaybackFinished]


async def test_digits_are_heard_in_and_out_of_a_bridge(rig: Rig) -> None:
    phone, channel = await rig.caller()
    await phone.media.press("5")
    assert (await rig.of(DigitReceived, channel)).digit == "5"
    rig.do(c.CreateBridge, bridge=BRIDGE)
    seat = await rig.phone("a1001")
    rig.dial("leg", "a1001")
    await rig.of(LegAnswered, "leg")
    for one in (channel, ChannelId("leg")):
        rig.do(c.Join, bridge=BRIDGE, channel=one)
    await rig.settled()
    seat.media.speak(0)
    await seat.media.press("*")
    assert (await rig.of(DigitReceived, "leg")).digit == "*"


# --- the link


async def talking(rig: Rig) -> tuple[ChannelId, ChannelId]:
    """A caller and a seat in one bridge, each speaking a tone."""
    phone, channel = await rig.caller()
    seat = await rig.phone("a1001")
    rig.dial("leg", "a1001")
    await rig.of(LegAnswered, "leg")
    rig.do(c.CreateBridge, bridge=BRIDGE)
    for one in (channel, ChannelId("leg")):
        rig.do(c.Join, bridge=BRIDGE, channel=one)
    await rig.settled()
    phone.media.speak(600)
    seat.media.speak(1000)
    return channel, ChannelId("leg")


async def test_calls_outlive_a_broken_link_and_are_told_after_it(server: AsteriskServer) -> None:
    async with run_rig(server, tidy=False) as first:
        channel, leg = await talking(first)
        phone, seat = first.phones
    await phone.media.listen(0.3)
    assert (await phone.media.listen(0.5), await seat.media.listen(0.5)) == (1000.0, 600.0)
    async with run_rig(server) as second:
        up = await second.fact(NodeUp)
        assert set(up.channels) == {channel, leg}
        assert BRIDGE in up.bridges
        await phone.bye()
        assert (await second.of(LegEnded, channel)).cause == 16
        second.do(c.Hangup, channel=leg, cause=16)
        assert (await second.of(LegEnded, leg)).cause == 16
        await asyncio.wait_for(seat.ended.wait(), 3)
        phone.close()
        seat.close()


async def test_a_second_controller_takes_over_and_the_first_stops(server: AsteriskServer) -> None:
    told: asyncio.Queue[object] = asyncio.Queue()
    first = AriClient(NODE, ari_settings(server.rendered))
    running = asyncio.create_task(first.run(told.put_nowait))
    assert isinstance(await told.get(), NodeUp)
    async with run_rig(server) as second:
        with pytest.raises(AriReplaced, match="another controller"):
            await asyncio.wait_for(running, 5)
        assert isinstance(await told.get(), NodeDown)
        _, channel = await second.caller()
        second.do(c.Hangup, channel=channel)
        await second.of(LegEnded, channel)


async def test_a_wrong_password(server: AsteriskServer) -> None:
    client = AriClient(NODE, ari_settings(server.rendered, password="wrong-password"))
    with pytest.raises(AriRefused, match=r"ari\.conf"):
        await asyncio.wait_for(client.run(lambda fact: None), 5)


async def test_a_loop_that_stalls_loses_no_fact(rig: Rig) -> None:
    """Asterisk waits `websocket_write_timeout` for a reader; events pile up meanwhile."""
    phones = [await rig.phone() for _ in range(20)]
    for phone in phones:
        phone.invite("12345")
    time.sleep(1.5)  # noqa: ASYNC251 - the stall is what is tested
    offered = set()
    while len(offered) < len(phones):
        fact = await rig.fact(CallOffered, lambda f: f.channel not in offered)
        offered.add(fact.channel)
    assert not any(isinstance(fact, NodeDown) for fact in rig.facts)


async def test_asterisk_killed_and_started_again(tmp_path: Path) -> None:
    async with run_asterisk(tmp_path) as server, run_rig(server) as rig:
        await talking(rig)
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await rig.fact(NodeDown)
        since = len(rig.facts)
        rig.do(c.Hangup, channel=ChannelId("leg"))
        assert (await rig.fact(CommandFailed, since=since)).status == 0
        await server.stop()
        await server.start()
        assert await rig.fact(NodeUp, since=since, seconds=20) == NodeUp(node=NODE)
        _, channel = await rig.caller()
        assert channel

"""The rendered configuration on a real Asterisk: who gets in, what is heard, which phones are gone."""

import asyncio
import base64
import itertools
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from callrouter.toolchain import asterisk_files
from callrouter.toolchain.asterisk import (
    AsteriskError,
    AsteriskPlan,
    AsteriskServer,
    SeatAccount,
    TrunkAccount,
    render,
)
from callrouter.toolchain.logwatch import old_logs
from tests.asterisk.ari_desk import AriDesk, ari_desk
from tests.asterisk.raw_sip import Phone, free_port

pytestmark = pytest.mark.asterisk
PASSWORD = "seat-password"
SEATS = ("a1001", "a1002")
OpenPhone = Callable[..., Awaitable[Phone]]


def plan(**more: object) -> AsteriskPlan:
    ports = {name: free_port() for name in ("sip_port", "http_port", "ami_port")}
    values: dict[str, object] = {
        "asterisk": asterisk_files(),
        "rtp_first": 34000,
        "rtp_last": 34999,
        "seats": tuple(SeatAccount(user, PASSWORD, f"Seat {user}") for user in SEATS),
        "trunks": (TrunkAccount("carrier", ("127.0.0.1",)),),
        "night_group": ("a1002",),
        "net_retry": 1,
        "net_patience": 3,
    }
    return AsteriskPlan(**{**ports, **values, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskServer]:
    rendered = render(plan(), tmp_path_factory.mktemp("asterisk"))
    with (rendered.conf.parent / "manager.conf").open("a", encoding="utf-8") as more:
        more.write(f"\n[witness]\nsecret = {PASSWORD}\nread = all\nwrite = system\n")
    running = AsteriskServer(rendered)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def desk(server: AsteriskServer) -> AsyncIterator[AriDesk]:
    async with ari_desk(server.rendered) as opened:
        yield opened
        await opened.clear()


@pytest.fixture
async def phones(server: AsteriskServer) -> AsyncIterator[OpenPhone]:
    opened: list[Phone] = []

    async def opener(address: str = "127.0.0.1") -> Phone:
        phone = await Phone.open(("127.0.0.1", server.rendered.sip_port), address)
        opened.append(phone)
        return phone

    yield opener
    for phone in opened:
        phone.close()


async def caller_in_stasis(desk: AriDesk, phone: Phone, *, hertz: float = 425, answer: bool = True) -> str:
    """A caller whom the controller has answered, speaking a tone; returns the channel's id."""
    known = {one["channel"]["id"] for one in desk.of("StasisStart")}
    phone.invite("12345")
    start = await desk.event("StasisStart", lambda one: one["channel"]["id"] not in known)
    channel = str(start["channel"]["id"])
    if answer:
        await desk.ask("POST", f"/channels/{channel}/answer")
        phone.settle(await phone.response(above=199))
        phone.media.speak(hertz)
    return channel


# --- starting and stopping


async def test_log_is_clean_from_start_to_stop(tmp_path: Path) -> None:
    seats = (SeatAccount("a1001", PASSWORD, "张三"), SeatAccount("b1001", PASSWORD, "browser", webrtc=True))
    fresh = AsteriskServer(render(plan(seats=seats, night_group=("a1001",)), tmp_path))
    await fresh.start()
    try:
        pid = fresh.pid
        assert "modules will be loaded" in fresh.rendered.log.read_text()
        assert fresh.log_faults() == []
        running = await fresh.command("module show")
        for module in ("res_ari_events.so", "chan_pjsip.so", "res_timing_timerfd.so"):
            assert module in running
    finally:
        await fresh.stop()
    assert fresh.log_faults() == []
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_port_in_use_is_named(server: AsteriskServer, tmp_path: Path) -> None:
    second = AsteriskServer(render(plan(sip_port=server.rendered.sip_port), tmp_path))
    with pytest.raises(AsteriskError, match=f"SIP port {server.rendered.sip_port}/UDP"):
        await second.start()
    assert second.pid is None


async def test_a_second_one_in_the_same_folder_is_refused(server: AsteriskServer) -> None:
    folder = server.rendered.folder
    second = AsteriskServer(render(plan(), folder))
    with pytest.raises(AsteriskError, match=rf"process {server.pid}\) runs in {folder} already"):
        await second.start()


KILLED = """
import asyncio, os, pathlib, sys
from tests.asterisk.test_conf_live import AsteriskServer, plan, render
server = AsteriskServer(render(plan(), pathlib.Path(sys.argv[1])))
asyncio.run(server.start())
print(server.pid, flush=True)
os.kill(os.getpid(), 9)
"""


async def test_it_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert starter.stdout is not None
    pid = int(await starter.stdout.readline())
    await starter.wait()
    # Not our child: its end can only be looked for.
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}/exe").exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)


async def test_a_grown_log_is_rotated_on_command(server: AsteriskServer) -> None:
    log = server.rendered.log
    await server.command("logger rotate")
    await server.command("logger rotate")
    assert [one.name for one in old_logs(log)][:2] == ["messages.log.0", "messages.log.1"]


async def test_start_that_fails_says_why(tmp_path: Path) -> None:
    rendered = render(plan(), tmp_path)
    (tmp_path / "etc/modules.conf").write_text("[modules]\nautoload=no\nrequire=res_not_there.so\n")
    broken = AsteriskServer(rendered)
    with pytest.raises(AsteriskError, match="res_not_there"):
        await broken.start()
    assert broken.pid is None


# --- who gets in


@pytest.mark.parametrize(
    "user", ["12345", "097412345", "0974-12345", "+8697412345", "operator", "*2", "12,3)${X}"]
)
async def test_every_user_part_reaches_the_controller(desk: AriDesk, phones: OpenPhone, user: str) -> None:
    phone = await phones()
    escaped = user.replace("$", "%24").replace("{", "%7b").replace("}", "%7d")
    phone.invite(
        escaped, extra="User-to-User: 00a1;encoding=hex\r\nP-Asserted-Identity: <tel:+8613909710002>\r\n"
    )
    start = await desk.event("StasisStart")
    assert start["channel"]["dialplan"]["exten"] == user
    assert start["channel"]["caller"]["number"] == "+8613909710002"
    assert start["args"] == [
        "caller",
        "carrier",
        "allowed_not_screened",
        encoded("00a1;encoding=hex"),
        "70",
        encoded(""),
    ]
    await desk.ask("DELETE", f"/channels/{start['channel']['id']}", reason_code=1)
    refused = await phone.response(above=199)
    phone.settle(refused)
    assert refused.status == 404


def encoded(header: str) -> str:
    return base64.b64encode(f".{header}".encode()).decode()


@pytest.mark.parametrize("user", ["h", "i", "t", "s"])
async def test_names_of_the_dialplan_are_no_numbers(phones: OpenPhone, user: str) -> None:
    assert await (await phones()).call(user) in (404, 484)


HOSTILE = {
    "4 kB display": ('"' + "x" * 4096 + '" <sip:139@c.invalid>', ""),
    "quotes, commas, dialplan": (
        '"a\\"b,c;${SHELL(id)} | 张三" <sip:139@c.invalid>',
        "User-to-User: a)b(c,d${EPOCH}&x=%\r\n",
    ),
    "line breaks in the number": ('"x" <sip:139%0d%0aAction:%20Originate@c.invalid>', ""),
    "4 kB headers": (
        "<sip:139@c.invalid>",
        "User-to-User: " + "ab" * 2000 + "\r\nHistory-Info: " + 'é%"' * 900 + "\r\n",
    ),
    "anonymous": ("Anonymous <sip:anonymous@anonymous.invalid>", "Privacy: id\r\n"),
    "not UTF-8": ('"\udcff\udcfe" <sip:139@c.invalid>', ""),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_hostile_identity_is_only_text(desk: AriDesk, phones: OpenPhone, case: str) -> None:
    caller, extra = HOSTILE[case]
    phone = await phones()
    phone.invite("12345", caller=caller, extra=extra)
    start = await desk.event("StasisStart")
    assert start["args"][:2] == ["caller", "carrier"]
    assert len(start["args"]) == 6
    assert start["channel"]["dialplan"]["exten"] == "12345"
    assert len(base64.b64decode(start["args"][3])) <= 361
    assert len(start["channel"]["caller"]["name"]) <= 80
    await desk.ask("DELETE", f"/channels/{start['channel']['id']}", reason_code=1)
    phone.settle(await phone.response(above=199))


@pytest.mark.parametrize("caller", ['"a\r\n b" <sip:139@c.invalid>', "<sip:13\udcff9@c.invalid>"])
async def test_unparsable_identity_is_dropped_and_harms_nobody(
    desk: AriDesk, phones: OpenPhone, caller: str
) -> None:
    phone = await phones()
    phone.invite("12345", caller=caller)
    with pytest.raises(TimeoutError):
        await phone.response(seconds=0.3)
    await caller_in_stasis(desk, await phones())


async def test_a_seat_must_prove_itself(phones: OpenPhone) -> None:
    phone = await phones()
    assert await phone.register("a1001", "wrong-password") == 401
    assert await phone.register("a1001", PASSWORD) == 200
    impostor = await phones()
    assert await impostor.call("12345", caller="<sip:a1001@127.0.0.1>") == 401


@pytest.mark.parametrize("claimed", ["<sip:carrier@127.0.0.1>", "<sip:13909710001@127.0.0.1>"])
async def test_unknown_address_is_refused(phones: OpenPhone, server: AsteriskServer, claimed: str) -> None:
    stranger = await phones("127.0.0.2")
    assert await stranger.call("12345", caller=claimed) == 401
    assert "127.0.0.2" in server.rendered.log.read_text(errors="replace")


async def test_an_ordinary_call_leaves_a_clean_log(
    server: AsteriskServer, desk: AriDesk, phones: OpenPhone
) -> None:
    before = len(server.log_faults())
    phone = await phones()
    channel = await caller_in_stasis(desk, phone)
    await phone.bye()
    await desk.event("StasisEnd", lambda one: one["channel"]["id"] == channel)
    assert server.log_faults()[before:] == []
    assert re.fullmatch(r"[0-9a-f]{8}-\d+\.\d+", channel), "its id doesn't name its Asterisk"


async def test_seat_that_dials_reaches_the_controller(desk: AriDesk, phones: OpenPhone) -> None:
    phone = await phones()
    await phone.register("a1001", PASSWORD)
    phone.invite("*212315", caller="<sip:a1001@127.0.0.1>")
    challenge = await phone.response(above=199)
    assert challenge.status == 401
    phone.settle(challenge)
    phone.prove(challenge, "a1001", PASSWORD)
    start = await desk.event("StasisStart")
    assert start["args"][:2] == ["seat", "a1001"]
    assert start["channel"]["dialplan"]["exten"] == "*212315"
    await desk.ask("DELETE", f"/channels/{start['channel']['id']}")
    phone.settle(await phone.response(above=199))


# --- media


@pytest.mark.parametrize("way", ["rfc4733", "info"])
async def test_digits_reach_the_controller(desk: AriDesk, phones: OpenPhone, way: str) -> None:
    phone = await phones()
    channel = await caller_in_stasis(desk, phone)
    await press(phone, "7", way)
    digit = await desk.event("ChannelDtmfReceived")
    assert (digit["digit"], digit["channel"]["id"]) == ("7", channel)


async def press(phone: Phone, digit: str, way: str) -> None:
    if way == "info":
        assert await phone.info(digit) == 200
    else:
        await phone.media.press(digit)


async def bridged(desk: AriDesk, phones: OpenPhone) -> tuple[Phone, Phone, str, str]:
    caller, seat = await phones(), await phones()
    assert await seat.register("a1001", PASSWORD) == 200
    channel = await caller_in_stasis(desk, caller, hertz=600)
    leg = f"leg-{time.monotonic_ns()}"
    await desk.ask(
        "POST", f"/channels/{leg}", endpoint="PJSIP/a1001", app="callrouter", callerId="13909710001"
    )
    await desk.event("StasisStart", lambda one: one["channel"]["id"] == leg)
    seat.media.speak(900)
    bridge = f"bridge-{leg}"
    await desk.ask("POST", f"/bridges/{bridge}", type="mixing")
    await desk.ask("POST", f"/bridges/{bridge}/addChannel", channel=f"{channel},{leg}")
    for inside in (channel, leg):
        await desk.event("ChannelEnteredBridge", lambda one, inside=inside: one["channel"]["id"] == inside)
    return caller, seat, channel, leg


async def test_both_sides_of_a_bridge_hear_each_other(desk: AriDesk, phones: OpenPhone) -> None:
    caller, seat, *_ = await bridged(desk, phones)
    await asyncio.gather(caller.media.listen(0.2), seat.media.listen(0.2))
    heard = await asyncio.gather(caller.media.listen(0.5), seat.media.listen(0.5))
    assert heard == pytest.approx([900, 600], abs=5)


@pytest.mark.parametrize("way", ["rfc4733", "info"])
async def test_digits_are_reported_while_bridged(desk: AriDesk, phones: OpenPhone, way: str) -> None:
    caller, seat, channel, leg = await bridged(desk, phones)
    await press(seat, "5", way)
    assert (await desk.event("ChannelDtmfReceived"))["channel"]["id"] == leg
    await press(caller, "8", way)
    await desk.event(
        "ChannelDtmfReceived", lambda one: one["digit"] == "8" and one["channel"]["id"] == channel
    )


async def test_music_is_a_law_and_heard(desk: AriDesk, phones: OpenPhone) -> None:
    phone = await phones()
    channel = await caller_in_stasis(desk, phone)
    await desk.ask("POST", f"/channels/{channel}/moh", mohClass="default")
    await phone.media.listen(0.5)
    assert await phone.media.listen(1.0) > 50
    gaps = [later.at - sooner.at for sooner, later in itertools.pairwise(phone.media.heard)]
    assert max(gaps) < 0.2


@pytest.mark.parametrize(("media", "hertz"), [("tone:ring", 450), ("sound:beep", 700)])
async def test_tones_and_core_sounds_play(desk: AriDesk, phones: OpenPhone, media: str, hertz: float) -> None:
    phone = await phones()
    channel = await caller_in_stasis(desk, phone)
    await desk.ask("POST", f"/channels/{channel}/play", media=media)
    await desk.event("PlaybackStarted")
    assert await phone.media.listen(0.4) == pytest.approx(hertz, abs=40)


async def test_channel_variable_changes_are_not_reported(desk: AriDesk, phones: OpenPhone) -> None:
    caller, _, channel, _ = await bridged(desk, phones)
    await caller.bye()
    await desk.event("StasisEnd", lambda one: one["channel"]["id"] == channel)
    assert desk.of("ChannelVarset") == []


# --- phones that vanish


async def test_vanished_phone_is_reported_within_two_seconds(
    server: AsteriskServer, phones: OpenPhone
) -> None:
    phone = await phones()
    rendered = server.rendered
    reader, writer = await asyncio.open_connection(rendered.ami_host, rendered.ami_port)

    async def until(*wanted: str) -> float:
        async with asyncio.timeout(10):
            block = ""
            while not all(word in block for word in wanted):
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
        return time.monotonic()

    login = f"Action: Login\r\nUsername: {rendered.ami_user}\r\nSecret: {rendered.ami_password}\r\n\r\n"
    writer.write(login.encode())
    await until("Event: FullyBooted")
    assert await phone.register("a1001", PASSWORD) == 200
    await until("Event: ContactStatus", "ContactStatus: Reachable")
    phone.silent = True
    gone = time.monotonic()
    assert await until("Event: ContactStatus", "ContactStatus: Unreachable") - gone <= 2.0
    phone.silent = False
    back = time.monotonic()
    assert await until("Event: ContactStatus", "ContactStatus: Reachable") - back <= 2.0
    writer.close()


async def test_calls_make_no_manager_events(server: AsteriskServer, desk: AriDesk, phones: OpenPhone) -> None:
    """They would wake each session's thread fifty times a call; one without filters hears none either."""
    rendered = server.rendered
    reader, writer = await asyncio.open_connection(rendered.ami_host, rendered.ami_port)
    writer.write(f"Action: Login\r\nUsername: witness\r\nSecret: {PASSWORD}\r\n\r\n".encode())
    caller, _, _, leg = await bridged(desk, phones)
    await caller.bye()
    await desk.ask("DELETE", f"/channels/{leg}")
    await desk.event("StasisEnd", lambda one: one["channel"]["id"] == leg)
    writer.write(b"Action: Ping\r\nActionID: last\r\n\r\n")
    blocks = [""]
    async with asyncio.timeout(10):  # what was made before goes out before the answer
        while "ActionID: last" not in blocks[-1]:
            blocks.append((await reader.readuntil(b"\r\n\r\n")).decode())
    writer.close()
    assert any("Event: FullyBooted" in block for block in blocks)
    assert [block for block in blocks if "\nChannel: " in block] == []


# --- the safety net


async def test_without_controller_the_caller_hears_a_tone_and_is_taken_over(
    server: AsteriskServer, phones: OpenPhone
) -> None:
    phone = await phones()
    assert await phone.call("12345") == 200
    phone.media.speak(600)
    heard = await phone.media.listen(0.9)
    assert heard == pytest.approx(450, abs=10)
    async with ari_desk(server.rendered) as desk:
        start = await desk.event("StasisStart")
        assert start["channel"]["dialplan"]["exten"] == "12345"
        await desk.ask("DELETE", f"/channels/{start['channel']['id']}")
    async with asyncio.timeout(3):
        await phone.ended.wait()


async def test_without_controller_the_night_group_rings(phones: OpenPhone) -> None:
    caller, night = await phones(), await phones()
    assert await night.register("a1002", PASSWORD) == 200
    assert await caller.call("12345") == 200
    caller.media.speak(600)
    async with asyncio.timeout(8):
        await night.invited.wait()
    night.media.speak(900)
    await caller.media.listen(0.3)
    assert await caller.media.listen(0.5) == pytest.approx(900, abs=5)
    assert await night.media.listen(0.5) == pytest.approx(600, abs=5)
    await night.bye()
    async with asyncio.timeout(3):
        await caller.ended.wait()


async def test_controller_may_give_a_caller_to_the_night_group(desk: AriDesk, phones: OpenPhone) -> None:
    caller, night = await phones(), await phones()
    assert await night.register("a1002", PASSWORD) == 200
    channel = await caller_in_stasis(desk, caller)
    await desk.ask("POST", f"/channels/{channel}/continue", context="safety-net", extension="s", priority=1)
    async with asyncio.timeout(3):
        await night.invited.wait()
    night.media.speak(900)
    await caller.media.listen(0.3)
    assert await caller.media.listen(0.5) == pytest.approx(900, abs=5)


async def test_call_in_stasis_outlives_its_controller(server: AsteriskServer, phones: OpenPhone) -> None:
    phone = await phones()
    async with ari_desk(server.rendered) as first:
        channel = await caller_in_stasis(first, phone)
    async with ari_desk(server.rendered) as second:
        listed = await second.ask("GET", "/applications/callrouter")
        assert channel in listed["channel_ids"] or channel in [
            one["id"] for one in await second.ask("GET", "/channels")
        ]
        await second.ask("DELETE", f"/channels/{channel}")
    async with asyncio.timeout(3):
        await phone.ended.wait()

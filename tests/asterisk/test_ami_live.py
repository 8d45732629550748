"""The manager client on a real Asterisk: phones that come, go, vanish and answer when asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from acd import commands as c
from acd.events import CommandFailed, LegAnswered, LegRinging, SeatReachable, SeatUnreachable
from acd.ids import ChannelId, SeatId
from callrouter.ami.client import AmiClient
from callrouter.ami.errors import AmiError, AmiRefused
from callrouter.toolchain.asterisk import AsteriskServer
from tests.asterisk.link_rig import PASSWORD, SEATS, Rig, ami_settings, run_asterisk, run_rig
from tests.asterisk.raw_sip import Message, Phone

pytestmark = pytest.mark.asterisk
SEAT, LEG = "a1001", ChannelId("leg")


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskServer]:
    async with run_asterisk(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


@pytest.fixture
async def rig(server: AsteriskServer) -> AsyncIterator[Rig]:
    async with run_rig(server) as running:
        yield running


class ObedientPhone(Phone):
    """Answers a ringing call when told so by NOTIFY ``Event: talk``."""

    def received(self, data: bytes, sender: tuple[str, int], at: float) -> None:
        super().received(data, sender, at)
        if data.startswith(b"NOTIFY") and Message.parse(data).get("Event") == "talk":
            invite = [request for request in self.requests if request.method == "INVITE"][-1]
            self.reply(invite, 200, "Content-Type: application/sdp\r\n", self.sdp())


async def reach(rig: Rig, kind: type, since: int) -> None:
    await rig.fact(kind, lambda f: f.seat == SEAT, since=since)


async def test_a_phone_that_registers_vanishes_returns_and_leaves(rig: Rig) -> None:
    since = len(rig.facts)
    phone = await rig.phone()
    assert await phone.register(SEAT, PASSWORD) == 200
    await reach(rig, SeatReachable, since)
    since, phone.silent = len(rig.facts), True
    await reach(rig, SeatUnreachable, since)
    since, phone.silent = len(rig.facts), False
    await reach(rig, SeatReachable, since)
    since = len(rig.facts)
    assert await phone.register(SEAT, PASSWORD, expires=0) == 200
    await reach(rig, SeatUnreachable, since)


async def test_a_phone_that_moves_is_never_told_gone(rig: Rig) -> None:
    await rig.phone(SEAT)
    since = len(rig.facts)
    again = await rig.phone()
    assert await again.register(SEAT, PASSWORD) == 200
    await rig.ami.health()
    assert not [f for f in rig.facts[since:] if isinstance(f, SeatUnreachable) and f.seat == SEAT]


async def test_who_is_there_already_is_learnt_at_once(server: AsteriskServer) -> None:
    async with run_rig(server) as first:
        phone = await first.phone(SEAT)
        async with run_rig(server) as second:
            assert second.reachable(SEAT)
            assert not second.reachable("a1003")
        phone.close()


async def test_a_ringing_phone_answers_when_asked(rig: Rig) -> None:
    phone = await rig.phone(SEAT, ObedientPhone)
    phone.statuses = (180,)
    rig.dial(LEG, SEAT)
    await rig.of(LegRinging, LEG)
    rig.do(c.AnswerPhone, channel=LEG)
    await rig.of(LegAnswered, LEG)


async def test_a_phone_that_does_not_ring_cannot_be_asked(rig: Rig) -> None:
    rig.do(c.AnswerPhone, channel=LEG)
    failed = await rig.fact(CommandFailed)
    assert (failed.what, failed.status) == ("AnswerPhone", 0)
    assert "Channel not found" in failed.reason


async def test_nothing_reaches_another_line_of_the_action(rig: Rig) -> None:
    rig.do(c.AnswerPhone, channel=ChannelId("x\r\nAction: Command\r\nCommand: core stop now\r\n"))
    assert "control character" in (await rig.fact(CommandFailed)).reason
    assert (await rig.ami.health()).connected


async def test_reload_and_health(rig: Rig) -> None:
    await rig.ami.reload("res_pjsip.so")
    with pytest.raises(AmiError, match="No such module"):
        await rig.ami.reload("nothing.so")
    health = await rig.ami.health()
    assert (health.connected, health.calls, health.problem) == (True, 0, "")
    assert health.round_trip is not None
    assert health.round_trip < 1


async def test_a_wrong_password(server: AsteriskServer) -> None:
    client = AmiClient(ami_settings(server.rendered, password="wrong-password"), {SEAT: SeatId(SEAT)})
    with pytest.raises(AmiRefused, match=r"manager\.conf"):
        await asyncio.wait_for(client.run(lambda fact: None), 5)


async def test_asterisk_restarted_every_seat_is_told_anew(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with run_asterisk(tmp_path_factory.mktemp("own")) as server, run_rig(server) as rig:
        await rig.phone(SEAT)
        since = len(rig.facts)
        await server.stop()
        await server.start()
        for seat in SEATS:
            await rig.fact(
                (SeatReachable, SeatUnreachable),  # type: ignore[arg-type]
                lambda f, seat=seat: f.seat == seat,
                since=since,
                seconds=20,
            )
        assert rig.ami.connections == 2

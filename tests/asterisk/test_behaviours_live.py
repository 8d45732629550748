"""Partners that don't simply answer: what the caller and the seat hear then, and where the call ends up."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from acd import events as e
from acd.ids import AgentId, SeatId
from simulators.audio import broadband_share, longest_gap, tone_seconds
from simulators.partners import ADDRESS, Behaviour, Kind, tone
from simulators.plain_phone import Phone
from simulators.softphone import Softphone, SoftphonePool
from tests.asterisk.ears import CALLER_HZ, SEAT_HZ, hears_tone, in_talk
from tests.asterisk.hotline import Hotline, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]
LINE, PARTNER_HZ = "12315", 1500


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("behaviours"), phone_pool) as hotline:
        yield hotline


@pytest.fixture
async def hotline(province: Hotline) -> AsyncIterator[Hotline]:
    yield province
    await province.clear()


async def back_together(caller: Softphone, desk: Softphone) -> None:
    await hears_tone(caller, SEAT_HZ, within=15)
    await hears_tone(desk, CALLER_HZ)


@pytest.mark.parametrize("target", ["partner", "us"])
async def test_a_redirect_is_a_way_that_failed_and_rings_nobody(hotline: Hotline, target: str) -> None:
    """By itself Asterisk would dial the new number as a caller whom nobody hears."""
    caller, desk, call = await in_talk(hotline)
    partners = hotline.province.partners
    place = {"partner": f"sip:12333@{partners.proxy}", "us": f"sip:12345@{hotline.province.sip}"}[target]
    partners.set(LINE, Behaviour(kind=Kind.REDIRECT, target=place))
    asked = len(partners.received)
    await desk.send_digits(f"*2{LINE}")
    await hotline.until(lambda: len(partners.received) > asked, "the INVITE")
    await hotline.until(lambda: hotline.live(call).transfer_state == "returned", "returned")
    await back_together(caller, desk)
    assert [view.call for view in hotline.engine.snapshot().calls] == [call]
    assert [one.number for one in partners.received[asked:]] == [LINE]
    await caller.hangup()
    assert (await hotline.ended(call)).transfers[0].outcome == "returned"


async def test_a_phone_that_forwards_its_calls_is_passed_over(hotline: Hotline) -> None:
    host, port = hotline.province.sip.split(":")
    phone = await Phone.open((host, int(port)))
    assert await phone.register("a1001", hotline.province.passwords["a1001"]) == 200
    phone.statuses = (302,)
    await hotline.until(lambda: hotline.view("a1001").reachable, "reachable")
    hotline.engine.submit(e.SeatSignedIn(seat=SeatId("a1001"), agent=AgentId("a1001")))
    hotline.engine.submit(e.SeatReadied(seat=SeatId("a1001")))
    hotline._seats.append(SeatId("a1001"))
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits("1")
    await phone.got("INVITE", seconds=20)
    desk = await hotline.seat("a1002", auto_answer=0.1)
    await desk.play(SEAT_HZ)
    await hears_tone(caller, SEAT_HZ, within=25)
    await caller.hangup()
    assert (await hotline.ended(call)).first_seat == "a1002"
    phone.close()


@pytest.mark.parametrize(
    ("behaviour", "hears"),
    [
        (Behaviour(kind=Kind.ANSWER, after=3.0), 450),
        (Behaviour(kind=Kind.ANSWER, slow=0.3), 450),
    ],
    ids=["late", "slow"],
)
async def test_until_it_answers_the_seat_hears_ringing_and_the_caller_never_silence(
    hotline: Hotline, behaviour: Behaviour, hears: int
) -> None:
    caller, desk, call = await in_talk(hotline)
    hotline.province.partners.set(LINE, behaviour)
    since = time.monotonic()
    await desk.send_digits(f"*2{LINE}")
    await hears_tone(desk, tone(LINE), within=12)
    at_desk, at_caller = (await desk.heard(since)).samples, (await caller.heard(since)).samples
    assert tone_seconds(at_desk, hears, (tone(LINE), CALLER_HZ)) > 0.2, "the ringing tone"
    assert longest_gap(at_desk) < 5.0, "the ringing tone's own pause is 4 s"
    assert longest_gap(at_caller) < 2.0
    await desk.send_digits("*0")
    await back_together(caller, desk)
    await caller.hangup()
    assert (await hotline.ended(call)).transfers[0].outcome == "returned"


async def test_an_answering_machine_is_heard_by_the_seat_and_the_caller_comes_back(hotline: Hotline) -> None:
    caller, desk, call = await in_talk(hotline)
    hotline.province.partners.set(LINE, Behaviour(kind=Kind.MACHINE, length=1.0))
    since = time.monotonic()
    await desk.send_digits(f"*2{LINE}")
    await hotline.until(lambda: hotline.live(call).transfer_state == "consulting", "answered")
    await hotline.until(lambda: hotline.live(call).transfer_state == "returned", "it has hung up", 30)
    assert broadband_share((await desk.heard(since)).samples) > 0.1, "its announcement"
    await back_together(caller, desk)
    await caller.hangup()
    assert (await hotline.ended(call)).transfers[0].outcome == "returned"


async def test_a_partner_that_puts_the_caller_on_hold_leaves_music(hotline: Hotline) -> None:
    caller, desk, call = await in_talk(hotline)
    host, port = hotline.province.sip.split(":")
    partner = await Phone.open((host, int(port)), ADDRESS)
    hotline.province.partners.set(LINE, Behaviour(kind=Kind.ELSEWHERE, target=partner.contact))
    await desk.send_digits(f"*2{LINE}")
    await asyncio.wait_for(partner.invited.wait(), 10)
    partner.media.speak(PARTNER_HZ)
    await hears_tone(desk, PARTNER_HZ)
    await desk.send_digits("*1")
    await hears_tone(caller, PARTNER_HZ)
    partner.media.quiet()
    since = time.monotonic()
    assert await partner.hold() == 200
    await asyncio.sleep(3)
    music = (await caller.heard(since)).samples
    assert broadband_share(music) > 0.2
    assert longest_gap(music) < 2.0
    assert await partner.hold(False) == 200
    partner.media.speak(PARTNER_HZ)
    await hears_tone(caller, PARTNER_HZ)
    await caller.hangup()
    record = await hotline.ended(call)
    assert record.transfers[0].outcome == "completed"
    partner.close()

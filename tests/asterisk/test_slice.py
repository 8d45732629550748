"""INVITE to record on a real Asterisk; what both ends really hear decides."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from simulators.audio import broadband_share, find_prompt, level, longest_gap, tone_seconds
from simulators.partners import Behaviour, Kind, tone
from simulators.softphone import SoftphonePool
from tests.asterisk.ears import CALLER_HZ, SEAT_HZ, hears, hears_tone, in_talk
from tests.asterisk.hotline import Hotline, prompt, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("province"), phone_pool) as hotline:
        yield hotline


@pytest.fixture
async def hotline(province: Hotline) -> AsyncIterator[Hotline]:
    yield province
    await province.clear()


def test_log_is_clean_at_start(province: Hotline) -> None:
    assert province.province.asterisk.log_faults() == []
    assert province.province.partners.log_faults() == []


async def test_the_caller_hears_the_greeting_and_reaches_a_person_without_a_key(hotline: Hotline) -> None:
    desk = await hotline.seat("a1002", auto_answer=0.3)
    caller = await hotline.caller()
    call = await hotline.call(caller)
    assert await caller.first_rtp_after_invite() <= 0.150
    await hotline.until(lambda: hotline.view("a1002").state == "talking", "talking", 20)
    greeting = find_prompt((await caller.heard()).samples, prompt("greeting_province"))
    assert greeting.score > 0.8
    await caller.play(CALLER_HZ)
    await desk.play(SEAT_HZ)
    await hears_tone(caller, SEAT_HZ)
    await hears_tone(desk, CALLER_HZ)
    await caller.hangup()
    record = await hotline.ended(call)
    assert record.outcome == "answered"
    assert record.answered is not None
    assert record.answered - record.ingress <= 15
    assert [s.activity.value for s in record.segments if s.track == "caller"] == ["flow", "ring", "talk"]


async def test_one_key_by_the_desk_api_hands_the_caller_over_warm(hotline: Hotline) -> None:
    caller, desk, call = await in_talk(hotline)
    hotline.province.partners.set("12315", Behaviour(record=True))
    status, _ = await hotline.api("a1002", "POST", "/seats/a1002/transfer", target="12315", kind="consult")
    assert status < 300
    partner = await hotline.partner_call("12315")
    assert call.encode().hex() in partner.header("User-to-User").lower()
    await hears_tone(desk, tone("12315"))
    told = await hears(caller, 0.1)
    deadline = time.monotonic() + 10
    while find_prompt(told, prompt("transfer_12315")).score < 0.8 and time.monotonic() < deadline:
        told = (await caller.heard(deadline - 18)).samples
        await asyncio.sleep(0.5)
    assert find_prompt(told, prompt("transfer_12315")).score > 0.8, "told before being moved"
    music = await hears(caller, 3.0)
    assert level(music) > -45
    assert broadband_share(music) > 0.2
    assert tone_seconds(music, SEAT_HZ) < 0.2
    status, _ = await hotline.api("a1002", "POST", "/seats/a1002/transfer/complete")
    assert status < 300
    await hears_tone(caller, tone("12315"))
    await hotline.until(lambda: hotline.view("a1002").state == "wrap_up", "wrap-up")
    await hotline.province.partners.hang_up(partner)
    at_partner = await hotline.province.partners.heard(partner)
    assert tone_seconds(at_partner, SEAT_HZ) > 1.0, "the seat spoke with the partner first"
    assert tone_seconds(at_partner, CALLER_HZ) > 1.0, "then the caller"
    record = await hotline.ended(call)
    assert record.ended_by == "partner"
    assert [t.outcome for t in record.transfers] == ["completed"]
    assert record.transfers[0].target == "12315"


@pytest.mark.parametrize("method", ["rfc4733", "info"])
async def test_one_key_from_a_plain_phone(hotline: Hotline, method: str) -> None:
    caller, desk, call = await in_talk(hotline)
    await desk.send_digits("*212315", method=method)
    partner = await hotline.partner_call("12315")
    await hears_tone(desk, tone("12315"))
    await desk.send_digits("*3", method=method)
    await hears_tone(caller, tone("12315"), others=(SEAT_HZ,))
    await hears_tone(caller, SEAT_HZ, others=(tone("12315"),))
    await desk.hangup()
    await hears_tone(caller, tone("12315"))
    await caller.hangup()
    record = await hotline.ended(call)
    assert record.transfers[0].outcome == "completed"
    assert partner.number == "12315"


async def test_cancel_brings_the_caller_back(hotline: Hotline) -> None:
    caller, desk, call = await in_talk(hotline)
    await desk.send_digits("*212333")
    await hotline.partner_call("12333")
    await hears_tone(desk, tone("12333"))
    await desk.send_digits("*0")
    await hears_tone(caller, SEAT_HZ)
    await hears_tone(desk, CALLER_HZ)
    await caller.hangup()
    assert (await hotline.ended(call)).transfers[0].outcome == "returned"


async def test_a_busy_partner_gives_the_caller_back(hotline: Hotline) -> None:
    caller, desk, call = await in_talk(hotline)
    hotline.province.partners.set("12315", Behaviour(kind=Kind.REJECT, status=486))
    await desk.send_digits("*212315")
    await hears_tone(caller, SEAT_HZ, within=12)
    await hears_tone(desk, CALLER_HZ)
    await caller.hangup()
    record = await hotline.ended(call)
    assert record.transfers[0].outcome == "returned"
    assert record.transfers[0].cause == "cause_17"


@pytest.mark.parametrize("stage", ["greeting", "waiting", "ringing", "talking", "seeking", "consulting"])
async def test_the_caller_may_leave_at_any_stage(hotline: Hotline, stage: str) -> None:
    if stage in ("talking", "seeking", "consulting"):
        if stage == "seeking":
            hotline.province.partners.set("12315", Behaviour(kind=Kind.NO_ANSWER))
        caller, _, call = await in_talk(hotline)
        if stage != "talking":
            await hotline.api("a1002", "POST", "/seats/a1002/transfer", target="12315", kind="consult")
        wanted = {"talking": "", "seeking": "ringing", "consulting": "consulting"}[stage]
        await hotline.until(lambda: hotline.live(call).transfer_state == wanted, wanted)
    else:
        if stage == "ringing":
            await hotline.seat("a1002", auto_answer=None)
        caller = await hotline.caller()
        call = await hotline.call(caller)
        owner = {"greeting": "flow", "waiting": "queue", "ringing": "queue"}[stage]
        await hotline.until(lambda: hotline.live(call).owner == owner, owner, 20)
        if stage == "ringing":
            await hotline.until(lambda: hotline.view("a1002").state == "ringing", "ringing")
    await caller.hangup()
    record = await hotline.ended(call)
    assert record.ended_by == "caller"
    assert record.outcome == {
        "greeting": "abandoned_flow",
        "waiting": "abandoned_queue",
        "ringing": "abandoned_ringing",
    }.get(stage, "answered")


async def test_waiting_is_never_silence(hotline: Hotline) -> None:
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await hotline.until(lambda: hotline.live(call).owner == "queue", "queue", 20)
    heard = await hears(caller, 6.0)
    assert longest_gap(heard) < 2.0
    assert broadband_share(heard) > 0.2
    await caller.hangup()
    await hotline.ended(call)


async def test_a_seat_that_does_not_answer_is_passed_over(hotline: Hotline) -> None:
    await hotline.seat("a1001", auto_answer=None)
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await hotline.until(lambda: hotline.view("a1001").state == "ringing", "ringing", 20)
    second = await hotline.seat("a1002", auto_answer=0.1)
    await hotline.until(lambda: hotline.view("a1002").state == "talking", "the next seat", 25)
    await second.play(SEAT_HZ)
    await hears_tone(caller, SEAT_HZ)
    await caller.hangup()
    record = await hotline.ended(call)
    assert record.first_seat == "a1002"


async def test_a_number_that_no_flow_serves_is_answered_404(hotline: Hotline) -> None:
    caller = await hotline.caller()
    await caller.dial(f"sip:55555@{hotline.province.sip}")
    await hotline.until(lambda: caller.call is not None and caller.call.over, "refusal")
    assert caller.call is not None
    assert caller.call.code == 404
    await hotline.nothing_left()


HOSTILE = [
    '"<script>\\"alert(1)\\"',
    "Robert'); DROP TABLE calls;--",
    "青海省测试",
    "ActionID: 1%0d%0aAction: Originate",
]


@pytest.mark.parametrize("display", HOSTILE, ids=["markup", "sql", "utf8", "crlf"])
async def test_a_hostile_display_name_is_only_a_name(hotline: Hotline, display: str) -> None:
    caller = await hotline.caller("13800000000", display=display)
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.hangup()
    record = await hotline.ended(call)
    assert record.caller == "13800000000"


async def test_two_hundred_keys_do_no_harm(hotline: Hotline) -> None:
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    for digit in "1234567890*#" * 17:
        await caller.send_digits(digit, method="info", duration=0.04, gap=0.02)
    assert hotline.live(call) is not None
    await caller.hangup()
    await hotline.ended(call)

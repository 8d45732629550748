"""The caller's story on the wire: what a partner gets with a caller, what it brings, where circles end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
import msgspec
import pytest

from simulators.partners import ADDRESS, tone
from simulators.plain_phone import Phone
from simulators.softphone import SoftphonePool
from tests.asterisk.ears import SEAT_HZ, hears_tone, in_talk
from tests.asterisk.hotline import Hotline, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]
PARTNER_HZ = 1500


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("context"), phone_pool) as hotline:
        yield hotline


@pytest.fixture
async def hotline(province: Hotline) -> AsyncIterator[Hotline]:
    yield province
    await province.clear()


def uui(visited: str, call: str = "their-call") -> str:
    return f"User-to-User: {f'{call};visited={visited}'.encode().hex()};encoding=hex;purpose=callrouter\r\n"


async def partner_phone(hotline: Hotline) -> Phone:
    host, port = hotline.province.sip.split(":")
    return await Phone.open((host, int(port)), ADDRESS)


async def comes(hotline: Hotline, phone: Phone, extra: str, hops: str = "70") -> Any:
    """A caller whom a partner hands to 12345; our view of the call."""
    phone.invite("12345", extra=extra, hops=hops)
    phone.settle(await phone.response(above=199, seconds=20))
    phone.media.speak(PARTNER_HZ)
    return (await hotline.until(lambda: hotline.engine.snapshot().calls, "the call"))[-1]


async def phone_hears(phone: Phone, hertz: float) -> None:
    async with asyncio.timeout(15):
        while abs(await phone.media.listen(0.5) - hertz) > 10:
            continue


async def test_a_partner_gets_the_callers_story_by_sip_and_by_mqtt(hotline: Hotline) -> None:
    caller, _, call = await in_talk(hotline)
    host, port = hotline.province.broker.url.rpartition("/")[2].split(":")
    async with aiomqtt.Client(host, int(port), protocol=aiomqtt.ProtocolVersion.V5) as listening:
        await listening.subscribe("callrouter/v1/lines/+/context", qos=1)
        status, said = await hotline.api(
            "a1002", "POST", "/seats/a1002/transfer", target="12315", note="bought a kettle,\nwants a refund"
        )
        assert status == 200, said
        async with asyncio.timeout(10):
            message = await anext(aiter(listening.messages))
    envelope = msgspec.json.decode(message.payload)
    assert str(message.topic) == "callrouter/v1/lines/12315/context"
    told = envelope["data"]
    assert (told["call"], told["line"], told["dialled"], told["seat"]) == (call, "12315", "12345", "a1002")
    assert told["caller"] == "138****0001"
    assert told["note"] == "bought a kettle, wants a refund"
    assert told["way"][0].startswith("greeting")
    partner = await hotline.partner_call("12315")
    payload = bytes.fromhex(partner.header("User-to-User").partition(";")[0]).decode()
    assert payload == f"{call};visited=12345"
    assert "sip:13897110001@" in partner.header("P-Asserted-Identity")
    assert "sip:13897110001@" in partner.header("From")
    assert "sip:12345@" in partner.header("Diversion")
    assert "sip:12345@" in partner.header("History-Info")
    assert "index=1" in partner.header("History-Info")
    status, story = await hotline.api("a1002", "GET", f"/calls/{call}")
    assert status == 200
    assert story["live"]["caller"] == "13897110001", "the seat's own call: to read out"
    assert story["live"]["note"] == "bought a kettle, wants a refund"
    assert story["live"]["trace"]
    await caller.hangup()
    await hotline.ended(call)


async def test_a_partners_caller_is_met_before_others_and_with_its_story(hotline: Hotline) -> None:
    first = await hotline.caller()
    waiting = await hotline.call(first)
    await first.wait_for("confirmed")
    await first.send_digits("1")
    await hotline.until(lambda: hotline.live(waiting).owner == "queue", "queue", 20)
    phone = await partner_phone(hotline)
    view = await comes(hotline, phone, uui("12315"))
    await phone.media.press("1")
    await hotline.until(lambda: hotline.live(view.call).place == 1, "before the other", 20)
    desk = await hotline.seat("a1002", auto_answer=0.1)
    await desk.play(SEAT_HZ)
    await phone_hears(phone, SEAT_HZ)
    _, story = await hotline.api("a1002", "GET", f"/calls/{view.call}")
    assert story["live"]["context"] == {"call": "their-call", "visited": "12315", "from": "12315"}
    await phone.bye()
    phone.close()
    await hotline.until(lambda: hotline.live(view.call) is None, "the end")
    await first.hangup()
    await hotline.ended(waiting)


async def test_prefecture_to_province_and_back_only_with_a_person_along(hotline: Hotline) -> None:
    desk = await hotline.seat("a1002", auto_answer=0.1)
    phone = await partner_phone(hotline)
    view = await comes(hotline, phone, uui("097112345"))
    await phone.media.press("1")
    await desk.play(SEAT_HZ)
    await phone_hears(phone, SEAT_HZ)
    status, said = await hotline.api(
        "a1002", "POST", "/seats/a1002/transfer", target="097112345", kind="blind"
    )
    assert (status, said["reason"]) == (409, "been_there")
    await desk.send_digits("*2097112345")
    partner = await hotline.partner_call("097112345")
    payload = bytes.fromhex(partner.header("User-to-User").partition(";")[0]).decode()
    assert payload == f"{view.call};visited=097112345,12345"
    await hears_tone(desk, tone("097112345"))
    await desk.send_digits("*1")
    await phone_hears(phone, tone("097112345"))
    await phone.bye()
    phone.close()
    assert [t.outcome for t in (await hotline.ended(view.call)).transfers] == ["completed"]


@pytest.mark.parametrize(
    ("visited", "hops"),
    [("12345,097112345", "70"), ("12366,12345,12333,12345,12333", "70"), ("12366", "4"), ("", "3")],
    ids=["ours", "third round", "few hops", "hops alone"],
)
async def test_who_has_been_everywhere_ends_at_a_person_here(
    hotline: Hotline, visited: str, hops: str
) -> None:
    phone = await partner_phone(hotline)
    view = await comes(hotline, phone, uui(visited) if visited else "", hops)
    await hotline.until(lambda: hotline.live(view.call).owner == "queue", "in line without a key", 20)
    desk = await hotline.seat("a1002", auto_answer=0.1)
    await desk.play(SEAT_HZ)
    await phone_hears(phone, SEAT_HZ)
    await phone.bye()
    phone.close()
    assert (await hotline.ended(view.call)).answered is not None


async def test_or_at_a_person_of_the_first_receiver(hotline: Hotline) -> None:
    phone = await partner_phone(hotline)
    view = await comes(hotline, phone, uui("12366,12345,12333"))
    await phone_hears(phone, tone("12366"))
    await phone.bye()
    phone.close()
    assert [(t.target, t.outcome) for t in (await hotline.ended(view.call)).transfers] == [
        ("12366", "completed")
    ]

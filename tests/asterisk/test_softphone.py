"""Softphones on a real Asterisk: registration, audio, digits, hold, desk-answer, music."""

import asyncio
import time

import pytest

from simulators import audio
from simulators.softphone import CallEnded, RegistrationFailed, SoftphonePool
from tests.asterisk.exchange import PASSWORD, Exchange, eventually

pytestmark = pytest.mark.asterisk


async def test_a_wrong_password_does_not_register(exchange: Exchange, phone_pool: SoftphonePool) -> None:
    phone = await phone_pool.phone("a1001", "wrong", exchange.sip)
    with pytest.raises(RegistrationFailed, match=r"40[13]"):
        await phone.register()
    await phone.close()


async def test_caller_and_seat_speak_key_hold_and_part(exchange: Exchange, phone_pool: SoftphonePool) -> None:
    seat = await phone_pool.phone("a1001", PASSWORD, exchange.sip, auto_answer=0.2)
    await seat.register()
    caller = await phone_pool.caller("13900000001")
    await caller.dial(exchange.uri("a1001"))
    call = await seat.incoming()
    assert "13900000001" in call.remote
    await caller.wait_for("confirmed")
    await caller.play(500)
    await seat.play(800)
    await asyncio.sleep(1.5)  # of conversation
    assert audio.tone_seconds((await caller.heard()).samples, 800, [500]) > 1.0
    assert audio.tone_seconds((await seat.heard()).samples, 500, [800]) > 1.0
    await caller.send_digits("*212315")
    await seat.wait_digits("*212315")
    await seat.send_digits("#9", method="info")
    await caller.wait_digits("#9")

    await seat.hold()
    held = time.monotonic()
    await asyncio.sleep(3.0)  # of music
    name, score = audio.identify((await caller.heard(held + 0.5)).samples, exchange.music())
    assert name
    assert score > 0.9
    await seat.resume()
    await asyncio.sleep(0.7)
    assert audio.tone_seconds((await caller.heard(time.monotonic() - 0.4)).samples, 800) > 0.2

    await caller.hangup()
    await seat.wait_for("disconnected")
    stats = await seat.stats()
    assert stats.received > 100
    assert stats.lost == 0
    await seat.close()
    await caller.close()
    await eventually(exchange.is_idle)


async def test_a_notify_talk_makes_the_ringing_phone_answer(
    exchange: Exchange, phone_pool: SoftphonePool
) -> None:
    seat = await phone_pool.phone("a1002", PASSWORD, exchange.sip)
    await seat.register()
    caller = await phone_pool.caller("13900000002")
    await caller.dial(exchange.uri("a1002"))
    await seat.incoming()
    (channel,) = [name for name in await exchange.channels() if "a1002" in name]
    # "talk" is a type that the configuration's pjsip_notify.conf names.
    await exchange.server.command(f"pjsip send notify talk channel {channel}")
    await seat.wait_for("confirmed", 3.0)
    await caller.wait_for("confirmed", 3.0)
    await asyncio.sleep(0.5)  # what the PBX makes of the phone's answer to NOTIFY
    assert seat.call is not None
    assert not seat.call.over
    await caller.hangup()
    await seat.close()
    await caller.close()


async def test_a_prompt_is_heard_from_its_first_syllable(
    exchange: Exchange, phone_pool: SoftphonePool
) -> None:
    caller = await phone_pool.caller("13900000003")
    await caller.dial(exchange.uri("prompt"))
    assert await caller.first_rtp_after_invite() < 1.0
    await caller.wait_for("disconnected")
    heard = (await caller.heard()).samples
    assert audio.find_prompt(heard, exchange.sound("tt-weasels")).score > 0.7
    assert audio.find_prompt(heard, exchange.sound("vm-goodbye")).score < 0.4
    await caller.close()


async def test_keys_come_back(exchange: Exchange, phone_pool: SoftphonePool) -> None:
    caller = await phone_pool.caller("13900000004")
    await caller.dial(exchange.uri("read"))
    await caller.wait_for("confirmed")
    await caller.send_digits("0123456")
    await caller.wait_digits("0123456")
    await caller.hangup()
    await caller.close()


@pytest.mark.parametrize(("number", "code"), [("busy", 486), ("gone", 404), ("nowhere", 404)])
async def test_refusals_reach_the_caller(
    exchange: Exchange, phone_pool: SoftphonePool, number: str, code: int
) -> None:
    caller = await phone_pool.caller("13900000005")
    await caller.dial(exchange.uri(number))
    with pytest.raises(CallEnded) as caught:
        await caller.wait_for("confirmed")
    assert caught.value.code == code
    await caller.close()

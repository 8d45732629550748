"""Phones that call each other directly: no PBX in between."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from simulators import audio
from simulators.softphone import (
    CallEnded,
    PhoneProcessLost,
    PhoneRefused,
    PhonesUnavailable,
    Softphone,
    SoftphonePool,
)
from simulators.softphone_call import combine
from simulators.softphone_process import INTERPRETER_VARIABLE

pytestmark = pytest.mark.slow


async def talk(caller: Softphone, called: Softphone) -> None:
    await caller.dial(called.contact)
    await called.incoming()
    await called.answer()
    await caller.wait_for("confirmed")


async def test_both_hear_each_other_and_nothing_else(pool: SoftphonePool) -> None:
    caller, called = await pool.caller("13900000001"), await pool.caller("a1001")
    await talk(caller, called)
    await caller.play(500)
    await called.play(800)
    assert await caller.first_rtp_after_invite() < 2.0
    await asyncio.sleep(1.5)  # a second and a half of conversation
    for phone, hears, own in ((caller, 800, 500), (called, 500, 800)):
        recording = await phone.heard()
        assert audio.tone_seconds(recording.samples, hears, [own]) > 1.0
        assert audio.tone_seconds(recording.samples, own, [hears]) == 0
        assert audio.longest_gap(recording.samples) < 0.1
    await caller.hangup()
    await called.wait_for("disconnected")
    stats = await called.stats()
    assert stats.codec in ("PCMA", "PCMU")
    assert stats.received > 50
    assert stats.lost == 0
    await caller.close()
    await called.close()


async def test_a_phone_shows_who_calls_and_takes_one_call_at_a_time(pool: SoftphonePool) -> None:
    caller = await pool.caller("13900000001", display='张"三\\')
    second, called = await pool.caller("13900000002"), await pool.caller("a1001")
    await caller.dial(called.contact, headers={"X-Line": "12315"}, call_id="known@test")
    call = await called.incoming()
    assert call.call_id == "known@test"
    assert call.header("x-line") == "12315"
    assert '"张\\"三\\\\" <sip:13900000001@127.0.0.1>' in call.header("from")
    await caller.wait_for("early")
    await second.dial(called.contact)
    with pytest.raises(CallEnded, match="486"):
        await second.wait_for("confirmed")
    with pytest.raises(PhoneRefused, match="already in a call"):
        await caller.dial(called.contact)
    await caller.hangup()
    await called.wait_for("disconnected")
    assert call.code == 487
    for phone in (caller, second, called):
        await phone.close()


async def test_declining_tells_the_caller_why(pool: SoftphonePool) -> None:
    caller, called = await pool.caller("1"), await pool.caller("a1001")
    await caller.dial(called.contact)
    await called.incoming()
    await called.decline(603)
    with pytest.raises(CallEnded, match="603"):
        await caller.wait_for("confirmed")
    await called.close()
    await caller.close()


async def test_auto_answer_waits_as_long_as_it_was_told(pool: SoftphonePool) -> None:
    caller, called = await pool.caller("1"), await pool.caller("a1001", auto_answer=0.4)
    await caller.dial(called.contact)
    rang, spoke = await caller.wait_for("early"), await caller.wait_for("confirmed")
    assert spoke - rang == pytest.approx(0.4, abs=0.15)
    await caller.hangup()
    await called.auto_answer(None)
    await caller.dial(called.contact)
    await caller.wait_for("early")
    with pytest.raises(TimeoutError, match="state confirmed"):
        await caller.wait_for("confirmed", 0.5)
    await caller.hangup()
    await called.close()
    await caller.close()


@pytest.mark.parametrize("method", ["rfc4733", "info"])
async def test_every_key_arrives_once_and_in_order(pool: SoftphonePool, method: str) -> None:
    caller, called = await pool.caller("1"), await pool.caller("a1001")
    await talk(caller, called)
    await called.send_digits("*#0123456789", method=method, duration=0.06, gap=0.06)
    await caller.wait_digits("*#0123456789")
    assert caller.call is not None
    assert caller.call.digits == "*#0123456789"
    assert {event["method"] for event in caller.events if event["event"] == "digit"} == {method}
    await caller.hangup()
    await called.close()
    await caller.close()


async def test_hold_silences_both_and_resume_restores(pool: SoftphonePool) -> None:
    caller, called = await pool.caller("1"), await pool.caller("a1001")
    await talk(caller, called)
    await caller.play(500)
    await called.play(800)
    await called.hold()
    await caller.wait_media("remote_hold")
    held = (await caller.heard()).started + (await caller.heard()).seconds
    await asyncio.sleep(0.6)  # the silence that is to be heard
    assert audio.level((await caller.heard(held + 0.2)).samples) < -60
    await called.resume()
    await caller.wait_media("active")
    await asyncio.sleep(0.6)
    assert audio.tone_seconds((await caller.heard(held)).samples, 800) > 0.3
    await caller.hangup()
    await called.close()
    await caller.close()


async def test_a_phrase_is_spoken_once_and_its_end_is_told(pool: SoftphonePool) -> None:
    caller, called = await pool.caller("1"), await pool.caller("a1001")
    await talk(caller, called)
    await caller.play([(600, 0.4), (0, 0.2), (900, 0.4)])
    await caller.wait_played()
    await asyncio.sleep(0.3)  # what is still in the jitter buffer
    spans = audio.find_tones((await called.heard()).samples, [600, 900])
    assert [span.hertz for span in spans] == [600, 900]
    assert spans[1].start - spans[0].end == pytest.approx(0.2, abs=0.11)
    await caller.play(600)
    await caller.stop()
    await caller.hangup()
    await called.close()
    await caller.close()


async def test_five_phones_need_a_second_process_and_all_talk_at_once(pool: SoftphonePool) -> None:
    phones = [await pool.caller(f"a{number}") for number in range(8)]
    assert len(pool.pids) >= 2
    pairs = list(zip(phones[:4], phones[4:], strict=True))
    await asyncio.gather(*(talk(one, other) for one, other in pairs))
    await asyncio.gather(*(one.play(400 + 100 * number) for number, (one, _) in enumerate(pairs)))
    await asyncio.sleep(1.0)
    for number, (_, other) in enumerate(pairs):
        assert audio.tone_seconds((await other.heard()).samples, 400 + 100 * number) > 0.5
    await asyncio.gather(*(one.hangup() for one, _ in pairs))
    await asyncio.gather(*(phone.close() for phone in phones))


async def test_planted_loss_is_counted_by_the_phone_that_suffers_it() -> None:
    async with SoftphonePool(drop_sent_percent=20) as lossy:
        caller, called = await lossy.caller("1"), await lossy.caller("a1001", auto_answer=0.0)
        await caller.dial(called.contact)
        await caller.wait_for("confirmed")
        await asyncio.sleep(3.0)
        stats = await caller.stats()
        await caller.hangup()
    assert 0.08 < stats.loss < 0.35


async def test_a_process_that_dies_is_told_to_whoever_waits() -> None:
    async with SoftphonePool() as doomed:
        phone = await doomed.caller("1", auto_answer=0.0)
        waiting = asyncio.create_task(phone.incoming())
        await phone.dial("sip:nobody@127.0.0.1:9")
        (pid,) = doomed.pids
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(PhoneRefused, match="process ended"):
            await phone.wait_for("confirmed")
        with pytest.raises(PhoneProcessLost):
            await phone.hangup()
        waiting.cancel()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_leaving_the_pool_ends_every_process_even_in_a_call() -> None:
    async with SoftphonePool() as brief:
        caller, called = await brief.caller("1"), await brief.caller("a1001", auto_answer=0.0)
        await caller.dial(called.contact)
        await caller.wait_for("confirmed")
        pids = brief.pids
    assert pids
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_a_python_without_pjsua2_is_said_to_be_one(tmp_path: Path) -> None:
    bare = [sys.executable, "-S", "-I"]
    async with SoftphonePool(interpreter=bare) as pool:
        with pytest.raises(PhonesUnavailable, match="pjsua2"):
            await pool.caller("1")
    async with SoftphonePool(interpreter=[str(tmp_path / "nothing")]) as pool:
        with pytest.raises(PhonesUnavailable, match="cannot run"):
            await pool.caller("1")


async def test_the_interpreter_can_be_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INTERPRETER_VARIABLE, f"{sys.executable} -X utf8")
    async with SoftphonePool() as chosen:
        phone = await chosen.caller("1")
        assert phone.contact.startswith("sip:1@127.0.0.1:")


async def test_a_number_that_is_no_uri_is_refused(pool: SoftphonePool) -> None:
    caller = await pool.caller("1")
    with pytest.raises(PhoneRefused):
        await caller.dial("not a uri\r\nX: y")
    with pytest.raises(PhoneRefused, match="no call"):
        await caller.answer()
    with pytest.raises(PhoneRefused):
        await pool.caller("broken>;<")
    await caller.close()


def test_figures_of_restarted_media_add_up() -> None:
    stream = {
        "codec": "PCMA",
        **dict.fromkeys(
            ("received", "lost", "discarded", "reordered", "duplicated", "sent", "peer_lost"), 10
        ),
        **dict.fromkeys(("jitter_ms", "jitter_max_ms", "loss_period_ms", "peer_jitter_ms"), 4.0),
        **dict.fromkeys(("rtt_ms", "jitter_buffer_ms"), 40.0),
    }
    total = combine([stream, {**stream, "received": 30, "jitter_ms": 8.0}])
    assert (total.received, total.lost) == (40, 20)
    assert total.jitter_ms == pytest.approx(7.0)
    assert total.loss == pytest.approx(40 / 60)
    assert combine([]).loss == 0


async def test_an_ended_call_does_not_take_the_next_one_with_it(pool: SoftphonePool) -> None:
    caller, called = await pool.caller("1"), await pool.caller("a1001", auto_answer=0.4)
    await caller.dial(called.contact)
    await called.incoming()
    await caller.hangup()
    await called.wait_for("disconnected")
    await called.auto_answer(0.0)
    await caller.dial(called.contact)
    await caller.wait_for("confirmed")
    # The first call's answer would be due now, and its id belongs to the second.
    assert not await caller.until_over(0.8)
    await caller.hangup()
    await called.close()
    await caller.close()


async def test_phones_that_have_rested_hear_at_once() -> None:
    async with SoftphonePool() as rested:
        caller, called = await rested.caller("1"), await rested.caller("a1001", auto_answer=0.0)
        for _ in range(2):
            await asyncio.sleep(2.5)  # longer than a process stays awake without calls
            await caller.dial(called.contact)
            await caller.wait_for("confirmed")
            await called.play(700)
            assert await caller.first_rtp_after_invite() < 0.5
            await asyncio.sleep(0.8)
            assert audio.tone_seconds((await caller.heard()).samples, 700) > 0.3
            await caller.hangup()

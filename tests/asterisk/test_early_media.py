"""What lines say before they answer, heard by real ears: who hears it, and what they hear without any."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from simulators.audio import tone_seconds
from tests.asterisk.trio import (
    CALLER,
    OTHER,
    OURS,
    PARTNER,
    PATIENCE,
    SEAT,
    TONE,
    House,
    Trio,
    open_house,
)

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]
SILENT_AT_MOST = 2.1
"""Seconds: 2, and the grain of packets and timers."""


@pytest.fixture(scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    ladder = {"mode": "DUAL_NUMBER", "trunks": ["departments"], "ring_for": 12, "backup": "12320"}
    async with open_house(tmp_path_factory.mktemp("early"), 20, {"12317": ladder}, recorded=True) as house:
        yield house


@pytest.fixture
async def house(built: House) -> AsyncIterator[House]:
    yield built
    await built.clear()


async def test_a_seat_that_consults_hears_the_line_before_it_answers(house: House) -> None:
    async def answers() -> None:
        trio = await Trio.open(house, "12315")
        invite = await trio.press()
        assert invite.all("Max-Forwards") == ["69"], "one, and one less than the caller's"
        trio.partner.say(180)
        await trio.hears(trio.seat, TONE)
        spoke = time.monotonic()
        trio.partner.early()
        assert await trio.hears(trio.seat, PARTNER) - spoke < 0.5
        before = trio.heard(trio.seat, spoke)
        assert before.seconds.get(TONE, 0) < 0.3, "our tone goes on over the line's voice"
        trio.partner.answer()
        await trio.until("consulting")
        await trio.hears(trio.partner, SEAT)
        caller = trio.heard(trio.caller)
        assert caller.gap < SILENT_AT_MOST
        assert not caller.seconds.get(PARTNER), "the caller on hold hears nothing of it"
        trio.ask("*1")
        await trio.completed()
        record = await trio.end()
        assert [one.outcome for one in record.transfers] == ["completed"]

    async def refuses_after_words() -> None:
        trio = await Trio.open(house, "12333")
        await trio.press()
        trio.partner.early()
        await trio.hears(trio.seat, PARTNER, 2.6)
        trio.partner.media.speak(0)
        await trio.hears(trio.seat, TONE)
        assert trio.heard(trio.seat).gap < SILENT_AT_MOST
        trio.partner.media.speak(PARTNER)
        await trio.hears(trio.seat, PARTNER)
        trio.partner.say(486)
        await trio.until("returned")
        await trio.together()
        record = await trio.end()
        assert [(one.outcome, one.cause) for one in record.transfers] == [("returned", "cause_17")]
        files = await trio.recordings()
        assert tone_seconds(files["consult"], PARTNER, (SEAT,)) > 1
        assert tone_seconds(files["consult"], CALLER, (SEAT, PARTNER)) < 0.2
        assert tone_seconds(files["talk"], PARTNER, (SEAT, CALLER)) < 0.2, "the caller did not hear it"

    async def rings_by_itself() -> None:
        """1 s of tone, 4 s of pause, as a Chinese network rings: ours is not mixed in."""
        trio = await Trio.open(house, "12328")
        await trio.press()
        trio.partner.early()
        await trio.hears(trio.seat, PARTNER)
        since = time.monotonic()
        await asyncio.sleep(0.6)  # the rest of the burst
        trio.partner.media.speak(0)
        await asyncio.sleep(4.0)  # the pause itself is what is tried
        trio.partner.media.speak(PARTNER)
        await trio.hears(trio.seat, PARTNER)
        assert not trio.heard(trio.seat, since).seconds.get(TONE)
        trio.ask("*0")
        await trio.until("returned")
        await trio.partner.got("CANCEL", seconds=PATIENCE)
        await trio.together()
        await trio.end()

    async def silent_packets() -> None:
        trio = await Trio.open(house, "12348")
        await trio.press()
        trio.partner.early(0)
        await asyncio.sleep(4.0)  # long enough for silence to be noticed
        heard = trio.heard(trio.seat)
        assert heard.gap < SILENT_AT_MOST
        assert heard.seconds[TONE] > 0.9
        await trio.until("returned")
        await trio.together()
        assert (await trio.end()).transfers[0].cause == "no_answer"

    async def no_packets() -> None:
        trio = await Trio.open(house, "12316")
        await trio.press()
        trio.partner.say(183, sdp=True)
        await trio.hears(trio.seat, TONE)
        await trio.until("returned")
        assert trio.heard(trio.seat).gap < SILENT_AT_MOST
        await trio.together()
        assert (await trio.end()).transfers[0].cause == "no_answer"

    async def stops_sending() -> None:
        trio = await Trio.open(house, "12350")
        await trio.press()
        trio.partner.early()
        await trio.hears(trio.seat, PARTNER, 1.0)
        trio.partner.media.quiet()
        await trio.hears(trio.seat, TONE)
        assert trio.heard(trio.seat).gap < SILENT_AT_MOST
        trio.partner.media.speak(PARTNER)
        await trio.hears(trio.seat, PARTNER)
        trio.partner.answer()
        await trio.until("consulting")
        await trio.hears(trio.seat, PARTNER)
        await trio.end()

    async def caller_leaves() -> None:
        trio = await Trio.open(house, "12329")
        await trio.press()
        trio.partner.early()
        await trio.hears(trio.seat, PARTNER)
        await trio.caller.bye()
        await trio.partner.got("CANCEL", seconds=PATIENCE)
        assert (await trio.record()).transfers[0].outcome == "abandoned"

    await asyncio.gather(
        answers(),
        refuses_after_words(),
        rings_by_itself(),
        silent_packets(),
        no_packets(),
        caller_leaves(),
        stops_sending(),
    )


async def test_callers_hear_the_line_that_they_are_sent_to(house: House) -> None:
    async def blind() -> None:
        trio = await Trio.open(house, "12315")
        await trio.press("*7")
        trio.partner.early()
        await trio.hears(trio.caller, PARTNER)
        trio.partner.answer()
        await trio.until("completed")
        await trio.completed()
        assert (await trio.end()).transfers[0].outcome == "completed"
        files = await trio.recordings()
        assert files.keys() == {"talk"}
        assert tone_seconds(files["talk"], PARTNER, (CALLER,)) > 0.4

    async def blonde_and_busy() -> None:
        trio = await Trio.open(house, "12333")
        await trio.press()
        trio.partner.early()
        await trio.hears(trio.seat, PARTNER)
        trio.ask("*1")
        await trio.until("blonde")
        await trio.hears(trio.caller, PARTNER)
        trio.partner.say(486)
        await trio.until("requeued")
        assert (await trio.end()).transfers[0].outcome == "requeued"

    async def blonde_and_silent() -> None:
        trio = await Trio.open(house, "12328")
        await trio.press()
        trio.partner.early()
        await trio.hears(trio.seat, PARTNER, 2.6)
        trio.ask("*1")
        await trio.until("blonde")
        trio.partner.media.speak(0)
        await trio.hears(trio.caller, TONE)
        trio.partner.answer()
        await trio.completed()
        assert trio.heard(trio.caller).gap < SILENT_AT_MOST
        assert (await trio.end()).transfers[0].outcome == "completed"

    async def next_way() -> None:
        """The first way says something and refuses, the second only rings."""
        trio = await Trio.open(house, "12317")
        trio.reached_at("12320")
        await trio.press()
        trio.partner.early()
        await trio.hears(trio.seat, PARTNER)
        since = time.monotonic()
        trio.partner.say(486)
        trio.partner.media.quiet()
        await trio.partner.got("INVITE", since=since, seconds=PATIENCE)
        trio.partner.say(180)
        await trio.hears(trio.seat, TONE)
        trio.partner.answer()
        await trio.until("consulting")
        await trio.hears(trio.seat, PARTNER)
        trio.ask("*1")
        await trio.completed()
        assert (await trio.end()).transfers[0].outcome == "completed"

    await asyncio.gather(blind(), blonde_and_busy(), blonde_and_silent(), next_way())


async def test_all_who_speak_hear_an_emergency_service_and_a_further_line(house: House) -> None:
    async def emergency() -> None:
        trio = await Trio.open(house, "120")
        await trio.press()
        trio.partner.early()
        await asyncio.gather(trio.hears(trio.caller, PARTNER), trio.hears(trio.seat, PARTNER))
        trio.partner.media.speak(0)
        await trio.together()
        trio.partner.answer()
        await trio.until("conference")
        trio.seat.media.speak(0)
        await trio.completed()
        heard = trio.heard(trio.caller)
        assert heard.gap < SILENT_AT_MOST
        assert heard.seconds.get(OURS, 0) < 1.0, "no music for somebody in need"
        assert (await trio.end()).transfers[0].kind == "emergency"

    async def refused_emergency() -> None:
        trio = await Trio.open(house, "119")
        await trio.press()
        trio.partner.early()
        await asyncio.gather(trio.hears(trio.caller, PARTNER), trio.hears(trio.seat, PARTNER))
        trio.partner.say(503)
        trio.partner.media.quiet()
        await trio.until("returned")
        await trio.together()
        await trio.end()

    async def a_fourth() -> None:
        trio = await Trio.open(house, "12315")
        await trio.press()
        trio.partner.answer()
        await trio.until("consulting")
        trio.ask("*3")
        await trio.until("conference")
        trio.partner.media.speak(OTHER)
        further = await trio.further("12333")
        trio.ask("*212333")
        await further.got("INVITE", seconds=PATIENCE)
        further.early()
        everybody = (trio.caller, trio.seat, trio.partner)
        await asyncio.gather(*(trio.hears(phone, PARTNER) for phone in everybody))
        further.answer()
        await asyncio.gather(trio.hears(further, OTHER), trio.hears(further, CALLER))
        assert trio.heard(trio.caller).gap < SILENT_AT_MOST
        assert len((await trio.end()).transfers) == 2

    await asyncio.gather(emergency(), refused_emergency(), a_fourth())

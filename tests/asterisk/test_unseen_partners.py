"""Partners whose SIP is legal and seldom seen, or not even legal: nobody is lost, nobody sits in silence.

Each story has people of its own; the stories of a test run side by side.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from acd import events as e
from simulators.plain_phone import Message
from simulators.rtp_port import RtpPort
from tests.asterisk.trio import ADDRESS, OURS, PARTNER, PATIENCE, SEAT, TONE, House, Trio, open_house

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]
SILENT_AT_MOST = 2.1
Story = Callable[[Trio], Awaitable[None]]


@pytest.fixture(scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("unseen"), 40) as house:
        yield house


@pytest.fixture
async def house(built: House) -> AsyncIterator[House]:
    yield built
    await built.clear()


async def side_by_side(house: House, *stories: tuple[str, Story]) -> None:
    """Each with a line of its own; all faults are told, with whose they are."""

    async def one(line: str, story: Story) -> None:
        try:
            await story(await Trio.open(house, line))
        except (AssertionError, TimeoutError) as fault:
            raise AssertionError(f"{story.__name__}: {str(fault) or 'nothing came'}") from fault

    told = await asyncio.gather(*(one(*story) for story in stories), return_exceptions=True)
    faults = [str(fault) for fault in told if fault is not None]
    assert not faults, "\n".join(faults)


async def consulted(trio: Trio) -> None:
    """Answered: seat and partner hear each other; completed: caller and partner do; the record says so."""
    await trio.until("consulting")
    await asyncio.gather(trio.hears(trio.seat, PARTNER), trio.hears(trio.partner, SEAT))
    trio.ask("*1")
    await trio.until("completed")
    await trio.completed()
    assert trio.heard(trio.caller).gap < SILENT_AT_MOST
    record = await trio.end()
    assert [one.outcome for one in record.transfers] == ["completed"]


async def returned(trio: Trio, cause: str = "") -> None:
    """It came to nothing: caller and seat are together again, the record says why."""
    await trio.until("returned")
    await trio.together()
    assert trio.heard(trio.caller).gap < SILENT_AT_MOST
    assert trio.heard(trio.seat).gap < SILENT_AT_MOST
    record = await trio.end()
    assert [one.outcome for one in record.transfers] == ["returned"]
    if cause:
        assert record.transfers[0].cause == cause


# --- on the way to the answer ----------------------------------------------------------


async def provisional_of_every_kind(trio: Trio) -> None:
    await trio.press()
    for status in (100, 180, 181, 182):
        trio.partner.say(status)
    await trio.hears(trio.seat, TONE)
    trio.partner.early()
    await trio.hears(trio.seat, PARTNER)
    trio.partner.answer()
    await consulted(trio)


async def another_description_with_the_answer(trio: Trio) -> None:
    """183 named one port, 200 names another."""
    await trio.press()
    trio.partner.early()
    await trio.hears(trio.seat, PARTNER)
    await _moves_its_media(trio)
    trio.partner.answer()
    await consulted(trio)


async def _moves_its_media(trio: Trio) -> None:
    trio.partner.media.quiet()
    old, new = trio.partner.media, RtpPort()
    new.open(ADDRESS)
    new.peer = old.peer
    trio.partner.media = new
    trio.house.open_ports.append(old)


async def reliable_without_description(trio: Trio) -> None:
    invite = await trio.press()
    assert "100rel" in ",".join(invite.all("Supported"))
    trio.partner.say(183, extra="Require: 100rel\r\nRSeq: 7\r\n")
    prack = await trio.partner.got("PRACK", seconds=PATIENCE)
    assert prack.get("RAck").startswith("7 ")
    await trio.hears(trio.seat, TONE)
    trio.partner.answer()
    await consulted(trio)


async def reliable_with_description(trio: Trio) -> None:
    await trio.press()
    trio.partner.say(183, sdp=True, extra="Require: 100rel\r\nRSeq: 1\r\n")
    await trio.partner.got("PRACK", seconds=PATIENCE)
    trio.partner.media.speak(PARTNER)
    await trio.hears(trio.seat, PARTNER)
    trio.partner.answer()
    await consulted(trio)


async def forked(trio: Trio) -> None:
    """Two phones ring, the second speaks first, the second answers."""
    await trio.press()
    trio.partner.say(180, tag="first")
    trio.partner.say(183, sdp=True, tag="second")
    trio.partner.media.speak(PARTNER)
    await trio.hears(trio.seat, PARTNER)
    trio.partner.say(200, sdp=True, tag="second")
    await consulted(trio)


async def forked_and_the_other_answers(trio: Trio) -> None:
    await trio.press()
    trio.partner.say(183, sdp=True, tag="first")
    trio.partner.media.speak(PARTNER)
    await trio.hears(trio.seat, PARTNER)
    await _moves_its_media(trio)
    trio.partner.say(200, sdp=True, tag="second")
    trio.partner.media.speak(PARTNER)
    await consulted(trio)


async def wants_longer_sessions(trio: Trio) -> None:
    """422: asked again with the interval that it wants (RFC 4028 section 7.3)."""
    since = time.monotonic()
    await trio.press()
    trio.partner.dialog = None
    trio.partner.say(422, extra="Min-SE: 3600\r\n")
    await trio.partner.got("ACK", since=since, seconds=PATIENCE)
    invite = await _asked_again(trio)
    assert int(invite.get("Session-Expires").partition(";")[0]) >= 3600
    trio.partner.say(200, sdp=True, extra="Require: timer\r\nSession-Expires: 3600;refresher=uas\r\n")
    trio.partner.media.speak(PARTNER)
    await consulted(trio)


async def _asked_again(trio: Trio) -> Message:
    async with asyncio.timeout(PATIENCE):
        while len({x.get("CSeq") for x in trio.partner.requests if x.method == "INVITE"}) < 2:
            await trio.partner.got("INVITE", seconds=PATIENCE)
            await asyncio.sleep(0.02)
    return trio.partner.invite


async def test_however_a_line_comes_to_its_answer_everybody_hears_everybody(house: House) -> None:
    await side_by_side(
        house,
        ("12315", provisional_of_every_kind),
        ("12333", another_description_with_the_answer),
        ("12328", reliable_without_description),
        ("12348", reliable_with_description),
        ("12316", forked),
        ("12329", forked_and_the_other_answers),
        ("12350", wants_longer_sessions),
    )


# --- refusals --------------------------------------------------------------------------------


def refuses(status: int, extra: str = "", after: int = 0) -> Story:
    async def story(trio: Trio) -> None:
        await trio.press()
        if after:
            trio.partner.say(after)
        trio.partner.say(status, extra=extra)
        await trio.partner.got("ACK", seconds=PATIENCE)
        await returned(trio)
        assert len({x.get("CSeq") for x in trio.partner.requests if x.method == "INVITE"}) == 1

    story.__name__ = f"refuses_with_{status}"
    return story


MORE_CONTACTS = "Contact: <sip:1@127.0.0.3:5999>;q=0.7\r\nContact: <sip:2@127.0.0.3:5998>;q=0.2\r\n"


async def test_whatever_a_line_refuses_with_the_seat_has_its_caller_back(house: House) -> None:
    digest = 'realm="p", nonce="n", algorithm=MD5\r\n'
    await side_by_side(
        house,
        ("12315", refuses(300, MORE_CONTACTS)),
        ("12333", refuses(401, f"WWW-Authenticate: Digest {digest}")),
        ("12328", refuses(407, f"Proxy-Authenticate: Digest {digest}")),
        ("12348", refuses(491)),
        ("12316", refuses(503, "Retry-After: 120\r\n")),
        ("12329", refuses(600, after=180)),
        ("12350", refuses(580)),
    )


# --- crossings -------------------------------------------------------------------------------


async def answers_what_we_cancel(trio: Trio) -> None:
    """200 to the INVITE crosses our CANCEL: Asterisk has to acknowledge it and to hang up."""
    await trio.press()
    trio.partner.say(180)
    await trio.hears(trio.seat, TONE)
    trio.partner.on_cancel = trio.partner.answer
    trio.ask("*0")
    await trio.partner.got("CANCEL", seconds=PATIENCE)
    await trio.partner.got("ACK", seconds=PATIENCE)
    await trio.partner.got("BYE", seconds=PATIENCE)
    await returned(trio)


async def hangs_up_as_we_do(trio: Trio) -> None:
    await trio.press()
    trio.partner.answer()
    await trio.until("consulting")
    trio.ask("*1")
    await trio.completed()
    trio.partner.on_bye = trio.partner.hang_up
    await trio.caller.bye()
    await trio.partner.got("BYE", seconds=PATIENCE)
    record = await trio.record()
    assert [one.outcome for one in record.transfers] == ["completed"]
    assert record.ended_by == "caller"


async def leaves_with_its_answer(trio: Trio) -> None:
    """200, and BYE as soon as that is acknowledged."""
    await trio.press()
    trio.partner.on_ack = trio.partner.hang_up
    trio.partner.say(200, sdp=True)
    await returned(trio)


async def says_200_twice_from_two_phones(trio: Trio) -> None:
    """The second of a forked call has to be let go."""
    await trio.press()
    trio.partner.say(200, sdp=True, tag="first")
    trio.partner.media.speak(PARTNER)
    await trio.partner.got("ACK", seconds=PATIENCE)
    trio.partner.say(200, sdp=True, tag="second")
    trio.partner.tag = "first"
    await consulted(trio)


async def answers_without_description(trio: Trio) -> None:
    await trio.press()
    trio.partner.say(200)
    await trio.until("returned")
    await trio.together()
    await trio.end()


async def test_messages_that_cross_lose_nobody(house: House) -> None:
    await side_by_side(
        house,
        ("12315", answers_what_we_cancel),
        ("12333", hangs_up_as_we_do),
        ("12328", leaves_with_its_answer),
        ("12348", says_200_twice_from_two_phones),
        ("12316", answers_without_description),
    )


# --- within the call -------------------------------------------------------------------------


async def answered(trio: Trio) -> None:
    await trio.press()
    trio.partner.answer()
    await trio.until("consulting")
    await trio.hears(trio.seat, PARTNER)


async def updates(trio: Trio) -> None:
    await answered(trio)
    assert await trio.partner.offer("UPDATE", trio.partner.sdp()) == 200
    await consulted(trio)


async def changes_the_codec(trio: Trio) -> None:
    """PCMU from now on, if Asterisk agrees; if not (488) all stays as it was."""
    await answered(trio)
    sdp = (
        trio.partner.sdp().replace("RTP/AVP 8 101", "RTP/AVP 0 101").replace("rtpmap:8 PCMA", "rtpmap:0 PCMU")
    )
    status = await trio.partner.offer("INVITE", sdp)
    assert status in (200, 488)
    await trio.hears(trio.partner, SEAT)
    assert await trio.partner.offer("INVITE", trio.partner.sdp()) == 200
    await consulted(trio)


async def only_talks(trio: Trio) -> None:
    """200 with a=sendonly: it says that it does not listen; we are put on hold, and hear music."""
    await trio.press()
    trio.partner.say(200, sdp=True, direction="sendonly")
    trio.partner.media.speak(PARTNER)
    await trio.until("consulting")
    await asyncio.sleep(3)  # silence would show
    assert trio.heard(trio.seat).gap < SILENT_AT_MOST
    assert await trio.partner.offer("INVITE", trio.partner.sdp()) == 200
    await consulted(trio)


async def holds_in_its_answer(trio: Trio) -> None:
    """200 with a=inactive: nothing is heard of it, hence music, until it speaks."""
    await trio.press()
    trio.partner.say(200, sdp=True, direction="inactive")
    await trio.until("consulting")
    await asyncio.sleep(3)  # silence would show
    assert trio.heard(trio.seat).gap < SILENT_AT_MOST
    trio.partner.media.speak(PARTNER)
    assert await trio.partner.offer("INVITE", trio.partner.sdp()) == 200
    await consulted(trio)


async def holds_while_the_caller_is_brought_to_it(trio: Trio) -> None:
    await answered(trio)
    assert await trio.partner.offer("INVITE", trio.partner.sdp("inactive")) == 200
    trio.partner.media.quiet()
    await trio.hears(trio.seat, OURS)
    trio.ask("*1")
    await trio.until("completed")
    completed = time.monotonic()
    await asyncio.sleep(3)
    assert trio.heard(trio.caller, completed).gap < SILENT_AT_MOST
    trio.partner.media.speak(PARTNER)
    assert await trio.partner.offer("INVITE", trio.partner.sdp()) == 200
    await trio.completed()
    assert [one.outcome for one in (await trio.end()).transfers] == ["completed"]


async def speaks_from_another_port(trio: Trio) -> None:
    """Its packets come from where its description does not say, as behind a NAT."""
    await trio.press()
    trio.partner.say(200, sdp=True)
    await _moves_its_media(trio)
    trio.partner.media.speak(PARTNER)
    await consulted(trio)


async def pauses(trio: Trio) -> None:
    """No packet for five seconds, and then it speaks on."""
    await answered(trio)
    trio.partner.media.quiet()
    await asyncio.sleep(5)
    assert trio.state == "consulting"
    trio.partner.media.speak(PARTNER)
    await consulted(trio)


async def sends_the_caller_back(trio: Trio) -> None:
    """REFER to 12345: the caller comes to a person here."""
    await answered(trio)
    trio.ask("*1")
    await trio.completed()
    trio.house.engine.submit(e.SeatReadied(seat=trio.seat_name))
    host, port = trio.house.server
    assert await trio.partner.refer(f"sip:12345@{host}:{port}") in (200, 202)
    await trio.house.until(lambda: trio.house.desk(trio.seat_name).state == "talking", "talk again")
    trio.seat.media.speak(SEAT)
    await trio.together()
    assert (await trio.end()).transfers[0].outcome == "completed"


async def test_whatever_a_line_does_in_talk_nobody_is_lost(house: House) -> None:
    await side_by_side(
        house,
        ("12315", updates),
        ("12333", changes_the_codec),
        ("12328", only_talks),
        ("12348", holds_in_its_answer),
        ("12317", holds_while_the_caller_is_brought_to_it),
        ("12316", speaks_from_another_port),
        ("12329", pauses),
        ("12350", sends_the_caller_back),
    )


async def test_a_seat_that_holds_in_its_answer_gives_the_caller_music(house: House) -> None:
    trio = await Trio.open(house, "12320", seat_answers="inactive")
    connected = time.monotonic()
    await asyncio.sleep(3)
    assert trio.heard(trio.caller, connected).gap < SILENT_AT_MOST
    assert await trio.seat.hold(False) == 200
    trio.seat.media.speak(SEAT)
    await trio.together()
    await trio.end()

"""The partner lines as a caller's side meets them."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from callrouter.toolchain import asterisk_files
from simulators.partners import LINES, Behaviour, Kind, Partners, tone
from tests.asterisk.raw_sip import Phone

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
async def router() -> AsyncIterator[Phone]:
    """Stands for the router: partners' own calls arrive here."""
    phone = await Phone.open(("127.0.0.1", 9))
    yield phone
    phone.close()


@pytest.fixture(scope="module")
async def running(router: Phone, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Partners]:
    lines = Partners(asterisk_files(), tmp_path_factory.mktemp("partners"), ("127.0.0.1", router.port))
    await lines.start()
    yield lines
    await lines.stop()


@pytest.fixture
async def partners(running: Partners) -> AsyncIterator[Partners]:
    yield running
    running.reset()


@pytest.fixture
async def caller(running: Partners) -> AsyncIterator[Phone]:
    host, port = running.proxy.split(":")
    phone = await Phone.open((host, int(port)))
    yield phone
    phone.close()


def test_tones_tell_the_lines_apart() -> None:
    hertz = [tone(number) for number in LINES]
    assert len(LINES) == 14 + 9 + 4
    assert min(later - sooner for sooner, later in itertools.pairwise(hertz)) >= 60
    assert min(hertz) > 500
    assert max(hertz) < 3400


@pytest.mark.parametrize("number", ["12315", "12367", "097912345", "110"])
async def test_line_answers_with_its_own_tone(partners: Partners, caller: Phone, number: str) -> None:
    extra = "User-to-User: 00a1b2;encoding=hex\r\nP-Asserted-Identity: <sip:13909710002@x.invalid>\r\n"
    assert await caller.call(number, extra=extra) == 200
    caller.media.speak(425)
    await caller.media.listen(0.2)
    assert await caller.media.listen(0.6) == pytest.approx(tone(number), abs=3)
    call = await partners.call_of(number)
    assert call.header("user-to-user") == "00a1b2;encoding=hex"
    assert "13909710002" in call.header("P-Asserted-Identity")
    assert call.header("X-Partner-Does") == ""
    await caller.bye()
    await partners.wait(lambda: call.ended is not None)
    assert partners.log_faults() == []


@pytest.mark.parametrize("status", [404, 480, 486, 500, 503, 600, 603])
async def test_line_refuses(partners: Partners, caller: Phone, status: int) -> None:
    partners.set("12315", Behaviour(kind=Kind.REJECT, status=status, after=0.1))
    caller.invite("12315")
    assert (await caller.response(above=100)).status == 180
    refused = await caller.response(above=199)
    caller.settle(refused)
    assert refused.status == status


async def test_line_redirects(partners: Partners, caller: Phone) -> None:
    partners.set("12333", Behaviour(kind=Kind.REDIRECT, target="sip:12315@127.0.0.3"))
    caller.invite("12333")
    moved = await caller.response(above=199)
    caller.settle(moved)
    assert (moved.status, moved.get("contact")) == (302, "<sip:12315@127.0.0.3>")


@pytest.mark.parametrize("kind", [Kind.BLACK_HOLE, Kind.UNREACHABLE])
async def test_line_keeps_silent(partners: Partners, caller: Phone, kind: Kind) -> None:
    partners.set("12328", Behaviour(kind=kind))
    caller.invite("12328")
    with pytest.raises(TimeoutError):
        await caller.response(seconds=0.5)
    assert partners.received[-1].number == "12328"
    caller.request(
        "OPTIONS",
        "sip:12328@x",
        {"From": "<sip:a@x>;tag=1", "To": "<sip:b@x>", "Call-ID": "o", "CSeq": "1 OPTIONS"},
    )
    if kind is Kind.BLACK_HOLE:
        assert (await caller.response()).status == 200
    else:
        with pytest.raises(TimeoutError):
            await caller.response(seconds=0.3)


@pytest.mark.parametrize("kind", [Kind.NO_ANSWER, Kind.REJECT])
async def test_caller_may_give_up_while_it_rings(partners: Partners, caller: Phone, kind: Kind) -> None:
    partners.set("12348", Behaviour(kind=kind, after=30))
    caller.invite("12348")
    await caller.response(above=100)
    caller.cancel()
    cancelled = await caller.response(above=200)
    assert cancelled.status == 487
    caller.settle(cancelled)


async def test_progress_without_sound(partners: Partners, caller: Phone) -> None:
    partners.set("12316", Behaviour(kind=Kind.PROGRESS_ONLY))
    caller.invite("12316")
    progress = await caller.response(above=100)
    assert (progress.status, "m=audio" in progress.body) == (183, True)
    assert await caller.media.listen(0.4) == 0
    caller.cancel()
    caller.settle(await caller.response(above=200))


async def test_early_media_is_the_lines_tone(partners: Partners, caller: Phone) -> None:
    partners.set("12329", Behaviour(kind=Kind.EARLY_MEDIA, after=1.0))
    caller.invite("12329")
    assert (await caller.response(above=100)).status == 183
    assert await caller.media.listen(0.5) == pytest.approx(tone("12329"), abs=3)
    caller.settle(await caller.response(above=199))
    await caller.bye()


async def test_line_answers_late_and_slowly(partners: Partners, caller: Phone) -> None:
    partners.set("12350", Behaviour(after=0.4, slow=0.4))
    began = asyncio.get_running_loop().time()
    assert await caller.call("12350") == 200
    assert asyncio.get_running_loop().time() - began >= 0.8
    await caller.bye()


async def test_line_answers_and_hangs_up(partners: Partners, caller: Phone) -> None:
    partners.set("12317", Behaviour(kind=Kind.HANG_UP, length=0.3))
    assert await caller.call("12317") == 200
    async with asyncio.timeout(2):
        await caller.ended.wait()


async def test_line_that_sends_no_audio(partners: Partners, caller: Phone) -> None:
    partners.set("12320", Behaviour(kind=Kind.ONE_WAY))
    assert await caller.call("12320") == 200
    caller.media.speak(425)
    assert await caller.media.listen(0.5) == 0
    await caller.bye()


async def test_answering_machine_speaks(partners: Partners, caller: Phone) -> None:
    partners.set("12305", Behaviour(kind=Kind.MACHINE))
    assert await caller.call("12305") == 200
    caller.media.speak(425)
    await caller.media.listen(0.3)
    assert await caller.media.listen(0.8) > 80
    await caller.bye()


async def test_line_hears_records_and_presses(partners: Partners, caller: Phone) -> None:
    partners.set("12313", Behaviour(record=True))
    assert await caller.call("12313") == 200
    caller.media.speak(1000)
    call = await partners.call_of("12313")
    await caller.media.press("7")
    await partners.wait(lambda: call.digits == "7")
    await partners.press(call, "42")
    await partners.wait(lambda: caller.media.digits == "42")
    await caller.media.listen(1.0)
    await partners.hang_up(call)
    async with asyncio.timeout(2):
        await caller.ended.wait()
    heard = await partners.heard(call)
    assert len(heard) > 4000
    spectrum = np.abs(np.fft.rfft(heard[-4000:]))
    assert spectrum.argmax() * 8000 / 4000 == pytest.approx(1000, abs=5)


async def test_line_refers_its_caller(partners: Partners, caller: Phone) -> None:
    assert await caller.call("12366") == 200
    call = await partners.call_of("12366")
    await partners.refer(call, "12345")

    referred = await caller.got("REFER")
    assert re.search(r"sip:12345@127\.0\.0\.1", referred.get("Refer-To"))
    await caller.bye()


async def test_line_calls_the_router(partners: Partners, router: Phone) -> None:
    call = await partners.dial(
        "12367", caller="13909710003", headers={"User-to-User": "00ff;encoding=hex", "Diversion": "12367"}
    )
    invite = next(one for one in router.requests if one.method == "INVITE")
    assert invite.start.startswith("INVITE sip:12345@127.0.0.1")
    assert invite.get("User-to-User") == "00ff;encoding=hex"
    assert "12367" in invite.get("Diversion")
    assert "13909710003" in invite.get("P-Asserted-Identity")
    router.media.speak(425)
    await router.media.listen(0.3)
    assert await router.media.listen(0.5) == pytest.approx(tone("12367"), abs=3)
    await partners.hang_up(call)
    async with asyncio.timeout(2):
        await router.ended.wait()


async def test_unknown_number_is_404_and_unknown_line_a_mistake(partners: Partners, caller: Phone) -> None:
    assert await caller.call("12399") == 404
    with pytest.raises(KeyError):
        partners.set("12399", Behaviour())
    with pytest.raises(ValueError, match="rejection"):
        Behaviour(kind=Kind.REJECT, status=200)


async def test_stop_leaves_no_process(tmp_path: Path, router: Phone) -> None:
    lines = Partners(asterisk_files(), tmp_path, ("127.0.0.1", router.port), rtp=(38000, 38100))
    await lines.start()
    assert lines.pid is not None
    await lines.stop()
    assert lines.pid is None

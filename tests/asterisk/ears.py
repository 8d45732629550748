"""What people at both ends really hear, waited for."""

import asyncio
import time
from typing import Final

from simulators.audio import Samples, tone_seconds
from simulators.softphone import Softphone
from tests.asterisk.hotline import Hotline

CALLER_HZ: Final = 700
SEAT_HZ: Final = 1100


async def hears_tone(
    phone: Softphone, hertz: float, seconds: float = 1.0, within: float = 6.0, others: tuple[float, ...] = ()
) -> None:
    """The phone really receives a tone for `seconds` on end, within a time."""
    since = time.monotonic()
    while True:
        await asyncio.sleep(seconds / 2)
        heard = (await phone.heard(since)).samples
        if tone_seconds(heard, hertz, others) >= seconds:
            return
        assert time.monotonic() - since < within, f"no {hertz} Hz in {len(heard) / 8000:.1f} s of audio"


async def hears(phone: Softphone, seconds: float) -> Samples:
    since = time.monotonic()
    await asyncio.sleep(seconds)
    return (await phone.heard(since)).samples


async def in_talk(hotline: Hotline, seat: str = "a1002") -> tuple[Softphone, Softphone, str]:
    """A caller with tone 700 Hz in talk with a seat of 1100 Hz."""
    desk = await hotline.seat(seat, auto_answer=0.2)
    caller = await hotline.caller()
    call = await hotline.call(caller)
    await caller.wait_for("confirmed")
    await caller.send_digits("1")  # not to hear the greeting each time
    await hotline.until(lambda: hotline.view(seat).state == "talking", "talking", 20)
    await caller.play(CALLER_HZ)
    await desk.play(SEAT_HZ)
    await hears_tone(caller, SEAT_HZ)
    return caller, desk, call

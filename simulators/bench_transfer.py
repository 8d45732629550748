"""Figures of the warm transfer on a province that runs: from the key to the partner, and from voice to voice.

A caller, a seat and a partner are phones of bare packets with a tone each, so
that every instant is the kernel's and not an event loop's. One transfer after
another: the seat talks with the caller, consults, completes. Measured are

* from the key to the INVITE at the partner, by the desk's API and by a phone's key (RFC 4733);
* what is missing in the audio at either end when partner and caller are joined;
* the requests that Asterisk was asked for it.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Final, Protocol

from simulators.audio import SILENCE_DBFS, level
from simulators.changeover import NothingHeard, carries, changeover
from simulators.plain_phone import Phone
from simulators.rtp_port import FRAME_SECONDS

WAIT: Final = 20.0
CALLER_HZ, SEAT_HZ, PARTNER_HZ = 700, 1100, 1900
LINE: Final = "12315"
WAYS: Final = ("desk", "phone")
"""How the key is pressed: transfers take turns. (By SIP INFO Asterisk plays a key out before it tells us.)"""
STEADY: Final = 0.3
"""Seconds of a voice before it counts as heard, and after a join, to see that it stays."""


class House(Protocol):
    """The running province, as the bench needs it."""

    async def press(self, wish: str) -> None:
        """The seat clicks ``transfer``, ``transfer/complete`` … at its desk: one request to the API."""

    async def until(self, what: str, state: str) -> None:
        """Until the ``seat``, or the ``transfer``, is in a state. Raises TimeoutError."""

    async def on_hold_with_music(self) -> None:
        """Until the caller has been told, and hears music."""

    async def rest(self) -> None:
        """The call is over: until nothing is left of it and the seat is ready again."""

    @property
    def requests(self) -> int:
        """What Asterisk has been asked so far."""


@dataclass(slots=True)
class TransferFigures:
    """Seconds, one for each transfer; `requests` are counts."""

    key_to_invite: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    gap_at_caller: list[float] = field(default_factory=list)
    gap_at_partner: list[float] = field(default_factory=list)
    key_to_voice: list[float] = field(default_factory=list)
    """From the completing key until caller and partner hear each other."""
    requests: list[int] = field(default_factory=list)


class TransferBench:
    """`measure` makes one transfer after another; the phones are the owner's to close."""

    def __init__(self, house: House, caller: Phone, seat: Phone, partner: Phone) -> None:
        self._house, self._caller, self._seat, self._partner = house, caller, seat, partner
        self.figures = TransferFigures()

    async def measure(self, transfers: int) -> TransferFigures:
        """Raises TimeoutError or `NothingHeard` when a transfer does not come about."""
        for way in itertools.islice(itertools.cycle(WAYS), transfers):
            await self._one(way)
        return self.figures

    async def _one(self, way: str) -> None:
        await self._talk()
        before = self._house.requests
        pressed = await self._press(way, f"*2{LINE}", "transfer")
        invite = await self._partner.got("INVITE", since=pressed, seconds=WAIT)
        self.figures.key_to_invite[way].append(invite.at - pressed)
        self._partner.media.speak(PARTNER_HZ)
        await self._house.until("transfer", "consulting")
        await _hears(self._seat, PARTNER_HZ)
        await _hears(self._partner, SEAT_HZ)
        await self._house.on_hold_with_music()
        await _hears(self._caller, None)
        held = time.monotonic() - STEADY
        pressed = await self._press(way, "*1", "transfer/complete")
        await _hears(self._caller, PARTNER_HZ)
        await _hears(self._partner, CALLER_HZ)
        await _over(self._seat)
        self.figures.requests.append(self._house.requests - before)
        ends = [
            changeover(self._caller.media.since(held), PARTNER_HZ, pressed),
            changeover(self._partner.media.since(held), CALLER_HZ, pressed),
        ]
        self.figures.gap_at_caller.append(ends[0].gap)
        self.figures.gap_at_partner.append(ends[1].gap)
        self.figures.key_to_voice.append(max(end.heard for end in ends) - pressed)
        await self._caller.bye()
        await _over(self._partner)
        self._partner.media.quiet()
        await self._house.rest()

    async def _talk(self) -> None:
        """Caller and seat hear each other."""
        if (status := await self._caller.call("12345")) != 200:
            raise NothingHeard(f"12345 answered {status}")
        self._caller.media.speak(CALLER_HZ)
        await self._caller.media.press("1")  # not to hear the greeting each time
        await self._house.until("seat", "talking")
        self._seat.media.speak(SEAT_HZ)
        await _hears(self._caller, SEAT_HZ)
        await _hears(self._seat, CALLER_HZ)

    async def _press(self, way: str, keys: str, wish: str) -> float:
        """The instant of the last key, or of the click."""
        pressed = time.monotonic()
        if way == "desk":
            await self._house.press(wish)
        for key in keys if way != "desk" else "":
            pressed = await self._seat.media.press(key)
        return pressed


async def _hears(phone: Phone, hertz: float | None) -> None:
    """Until nothing but this tone (None: any sound) has been heard for `STEADY`. Raises `NothingHeard`."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        await asyncio.sleep(FRAME_SECONDS)
        latest = phone.media.since(time.monotonic() - STEADY)
        heard = [carries(x.samples, hertz) if hertz else level(x.samples) > SILENCE_DBFS for x in latest]
        if len(heard) >= 0.8 * STEADY / FRAME_SECONDS and all(heard):
            return
    raise NothingHeard(f"no {f'{hertz:g} Hz' if hertz else 'sound'} within {WAIT:g} s")


async def _over(phone: Phone) -> None:
    await asyncio.wait_for(phone.ended.wait(), WAIT)

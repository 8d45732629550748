"""One RTP port of bare packets: says a tone or digits, keeps what it hears with the time of each packet.

A-law in packets of 20 ms (RFC 3551, payload type 8) and telephone events (RFC 4733, type 101).
"""

import asyncio
import itertools
import struct
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from callrouter.toolchain.music import alaw_table
from simulators.audio import FRAME, RATE, Samples, decode_g711, tone
from simulators.timed_udp import Address, TimedUdp

A_LAW: Final = 8
_LAWS: Final = {0: "u", A_LAW: "a"}
"""Payload types that are heard; spoken is A-law alone."""
EVENT: Final = 101
EVENT_CODES: Final = "0123456789*#ABCD"
FRAME_SECONDS: Final = FRAME / RATE
KEPT: Final = 6000
"""Packets of audio: two minutes."""

_HEADER: Final = struct.Struct("!BBHII")
_EVENT: Final = struct.Struct("!BBH")
_LAST_OF_EVENT: Final = 0x80
_UPDATES, _ENDS = 5, 3
"""Packets of a key that is held, and of its end (RFC 4733 section 2.5.1.4)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """Audio as it came: `at` in seconds of `time.monotonic()`, by the kernel."""

    at: float
    data: bytes
    law: str = "a"
    """``a`` or ``u``."""

    @property
    def samples(self) -> Samples:
        return decode_g711(self.data, self.law)


class RtpPort:
    """`peer` is where to send; packets are taken from anybody."""

    def __init__(self) -> None:
        self.peer: Address | None = None
        self.heard: deque[Packet] = deque(maxlen=KEPT)
        self.received = 0
        """Packets of audio so far."""
        self.digits = ""
        self._udp = TimedUdp(self._came)
        self._last_event = -1
        self._sequence, self._stamp = 1, FRAME
        self._sending: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._udp.port

    def open(self, address: str) -> None:
        """Raises OSError when the address isn't this machine's."""
        self._udp.open(address)

    def close(self) -> None:
        self.quiet()
        self._udp.close()

    # --- hearing

    def since(self, instant: float) -> list[Packet]:
        """What came from `instant` on, oldest first."""
        return [packet for packet in self.heard if packet.at >= instant]

    async def listen(self, seconds: float) -> float:
        """Loudest frequency (Hz) of what arrives in the next `seconds`; 0 for silence."""
        start = time.monotonic()
        await asyncio.sleep(seconds)
        return loudest(b"".join(packet.data for packet in self.since(start)))

    def _came(self, data: bytes, _sender: Address, at: float) -> None:
        if len(data) <= _HEADER.size:
            return
        kind = data[1] & 0x7F
        if kind in _LAWS:
            self.received += 1
            self.heard.append(Packet(at, data[_HEADER.size :], _LAWS[kind]))
        elif kind == EVENT and len(data) >= _HEADER.size + _EVENT.size:
            self._keyed(data)

    def _keyed(self, data: bytes) -> None:
        code, flags, _ = _EVENT.unpack_from(data, _HEADER.size)
        stamp = _HEADER.unpack_from(data)[3]
        if flags & _LAST_OF_EVENT and stamp != self._last_event and code < len(EVENT_CODES):
            self._last_event = stamp
            self.digits += EVENT_CODES[code]

    # --- speaking

    def speak(self, hertz: float) -> None:
        """Send a tone (0: silence) until `quiet`; every phone sends something, as real ones do."""
        self.quiet()
        self._sending = asyncio.create_task(self._stream(hertz))

    def quiet(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    async def press(self, digit: str) -> float:
        """One key for 100 ms; returns when its first end packet left: the instant it counts as pressed."""
        code, stamp, pressed = EVENT_CODES.index(digit), self._stamp, 0.0
        for step in range(_UPDATES + _ENDS):
            end = _LAST_OF_EVENT if step >= _UPDATES else 0
            if step == _UPDATES:
                pressed = time.monotonic()
            held = min(step + 1, _UPDATES + 1) * FRAME
            self._send(EVENT, _EVENT.pack(code, end | 10, held), marker=step == 0, stamp=stamp)
            await asyncio.sleep(FRAME_SECONDS)
        self._stamp += 10 * FRAME
        return pressed

    async def _stream(self, hertz: float) -> None:
        # A whole second holds whole periods of any whole frequency.
        second = alaw_table()[tone(hertz, 1.0).view(np.uint16)].tobytes()
        due = time.monotonic()
        for start in itertools.cycle(range(0, RATE, FRAME)):
            self._send(A_LAW, second[start : start + FRAME])
            self._stamp += FRAME
            due += FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _send(self, kind: int, payload: bytes, *, marker: bool = False, stamp: int | None = None) -> None:
        if self.peer is None:
            return
        second = kind | (0x80 if marker else 0)
        header = _HEADER.pack(0x80, second, self._sequence & 0xFFFF, stamp or self._stamp, 4711)
        self._udp.sendto(header + payload, self.peer)
        self._sequence += 1


def loudest(alaw: bytes) -> float:
    """Frequency in Hz with most power; 0 for silence or less than 0.1 s."""
    samples = decode_g711(alaw).astype(np.float64)
    if len(samples) < RATE // 10 or np.sqrt(np.mean(samples**2)) < 50:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))

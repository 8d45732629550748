"""The process that owns all phones' RTP: it speaks and hears for them, whatever keeps the tests' loop.

Messages are JSON over a SEQPACKET pair; `open` carries the RTP socket. Every 20 ms each
voice says a packet (tones are multiples of 50 Hz, so that all frames are alike), every
100 ms what has arrived is taken. The process ends when the parent closes the connection.
"""

import bisect
import contextlib
import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from simulators.audio import FRAME, RATE, Samples, decode_g711
from tests.asterisk.transfer_proof.ears import longest_silence, story, voices

FRAME_SECONDS: Final = FRAME / RATE
TICKS_A_LOOK: Final = 5
TICKS_A_SECOND: Final = 50
SILENCE: Final = b"\xd5" * FRAME
MESSAGE_LIMIT: Final = 16_384
A_LAW: Final = 8
WINDOW: Final = 0.5
"""Seconds of audio that must be as expected, on end."""
PAUSE: Final = 0.1
SPREAD: Final = 997
"""Between two phones' first packets. When voices change Asterisk carries differences under 100 on, and
whoever is sent numbers that go back takes them for old packets, for seconds."""
KEPT: Final = 9000
"""Packets of one call that are kept: three minutes."""
_HEADER: Final = struct.Struct("!BBHII")


@dataclass(slots=True)
class Hearing:
    """What one call sounded like at one phone: when each packet was taken, its stamp, its A-law."""

    packets: list[tuple[float, int, bytes]] = field(default_factory=list)

    def samples(self, since: float = 0.0) -> Samples:
        """From `since` on; where RTP's clock jumps and no packet came for over `PAUSE` there is silence."""
        pieces: list[Samples] = []
        due, before = None, since or None
        first = bisect.bisect_left(self.packets, since, key=lambda packet: packet[0])
        for at, stamp, data in self.packets[first:]:
            if stamp != due and before is not None and at - before > PAUSE:
                pieces.append(np.zeros(round((at - before) * RATE), np.int16))
            pieces.append(decode_g711(data))
            due, before = (stamp + len(data)) % 2**32, at
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


@dataclass(slots=True)
class Phone:
    """One phone's RTP port, here."""

    port: socket.socket
    hearing: Hearing = field(default_factory=Hearing)
    past: dict[str, Hearing] = field(default_factory=dict)
    """Calls by name, the one that goes on included."""
    peer: tuple[str, int] | None = None
    frame: bytes = b""
    sequence: int = 1
    stamp: int = FRAME

    def say(self, seldom: bool) -> None:
        """A packet of the tone; of silence only `seldom`, lest the call be thought dead."""
        if self.peer is None or not (self.frame or seldom):
            return
        header = _HEADER.pack(0x80, A_LAW, self.sequence & 0xFFFF, self.stamp & 0xFFFFFFFF, 4711)
        self.sequence += 1
        self.stamp += FRAME
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self.port.sendto(header + (self.frame or SILENCE), self.peer)

    def take(self, now: float) -> None:
        while True:
            try:
                data = self.port.recv(2048)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            if len(data) > _HEADER.size and data[1] & 0x7F == A_LAW and len(self.hearing.packets) < KEPT:
                self.hearing.packets.append((now, _HEADER.unpack_from(data)[3], data[_HEADER.size :]))


@dataclass(slots=True)
class Waiting:
    """Somebody wants to know when a phone hears just these voices, in audio from `since` on."""

    question: int
    phone: Phone
    wanted: frozenset[str]
    tones: Mapping[str, float]
    since: float
    until: float


class Sound:
    """The child's world. `answer` sends a reply to a question."""

    def __init__(self, answer: Callable[[dict[str, Any]], None]) -> None:
        self._answer = answer
        self._phones: dict[int, Phone] = {}
        self._waiting: list[Waiting] = []

    def tick(self, number: int) -> None:
        for phone in self._phones.values():
            phone.say(number % TICKS_A_SECOND == 0)

    def look(self) -> None:
        """Take what has come, and tell those who waited for it."""
        now = time.monotonic()
        for phone in self._phones.values():
            phone.take(now)
        self._waiting = [one for one in self._waiting if not self._settled(one, now)]

    def _settled(self, one: Waiting, now: float) -> bool:
        if now < one.since + WINDOW:
            return False
        heard = voices(one.phone.hearing.samples(now - WINDOW), one.tones)
        right = heard == one.wanted
        if right or now > one.until:
            told = None if heard is None else sorted(heard)
            self._answer({"question": one.question, "right": right, "heard": told})
            return True
        return False

    def obey(self, order: dict[str, Any], ports: list[int]) -> None:
        """One message of the parent's; each `op` is a method below."""
        getattr(self, f"_{order.pop('op')}")(**order, **({"port": ports[0]} if ports else {}))

    def _open(self, phone: int, port: int) -> None:
        rtp = socket.socket(fileno=port)
        rtp.setblocking(False)
        first = phone * SPREAD % 2**16
        self._phones[phone] = Phone(rtp, sequence=first, stamp=first * FRAME)

    def _close(self, phone: int) -> None:
        self._phones.pop(phone).port.close()

    def _speak(self, phone: int, frame: str) -> None:
        self._phones[phone].frame = bytes.fromhex(frame)

    def _quiet(self, phone: int) -> None:
        self._phones[phone].frame = b""

    def _over(self, phone: int) -> None:
        self._phones[phone].frame, self._phones[phone].peer = b"", None

    def _call(self, phone: int, name: str, peer: list[Any]) -> None:
        """A new call begins at this phone: what is heard from now on is its, `peer` is where to speak to."""
        one = self._phones[phone]
        one.peer = (str(peer[0]), int(peer[1]))
        one.take(time.monotonic())
        one.hearing = one.past[name] = Hearing()

    def _hear(
        self, question: int, phone: int, wanted: list[str], tones: dict[str, float], within: float
    ) -> None:
        now = time.monotonic()
        one = Waiting(question, self._phones[phone], frozenset(wanted), tones, now, now + within)
        self._waiting.append(one)

    def _story(self, question: int, phone: int, name: str, tones: dict[str, float]) -> None:
        """Who was heard in one of the phone's calls, and the longest silence in it."""
        self.look()
        samples = self._phones[phone].past[name].samples()
        told = [sorted(who) for who in story(samples, tones)]
        self._answer({"question": question, "story": told, "silence": longest_silence(samples)})


def serve(link: socket.socket) -> None:
    """Until the parent closes the connection."""
    sound = Sound(lambda reply: link.sendall(json.dumps(reply).encode()))
    due, ticks = time.monotonic(), 0
    while True:
        link.settimeout(max(0.0001, due - time.monotonic()))
        try:
            data, ports, _, _ = socket.recv_fds(link, MESSAGE_LIMIT, 1)
            if not data:
                return
            link.settimeout(5)
            sound.obey(json.loads(data), list(ports))
        except TimeoutError:
            link.settimeout(5)
            ticks += 1
            sound.tick(ticks)
            due += FRAME_SECONDS
            if ticks % TICKS_A_LOOK == 0:
                sound.look()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as parent:
        serve(parent)

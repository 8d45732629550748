"""All phones' voices, spoken by a process of its own: whatever keeps the tests' loop, tones never falter.

The parent hands over a duplicate of each phone's RTP socket with the frame to repeat (tones are
multiples of 50 Hz, so that every 20 ms are alike) and takes it back with `quiet`. The child ends
when the parent closes the connection.
"""

import contextlib
import json
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from callrouter.toolchain.music import alaw_table
from simulators.audio import FRAME, RATE

FRAME_SECONDS: Final = FRAME / RATE
MESSAGE_LIMIT: Final = 4096
_ALAW: Final = alaw_table()


def alaw_frame(hertz: int) -> bytes:
    """20 ms of a tone as A-law. Raises ValueError unless `hertz` is a multiple of 50."""
    if hertz % 50:
        raise ValueError(f"{hertz} Hz does not fit a 20 ms frame: use a multiple of 50")
    instants = np.arange(FRAME) / RATE
    samples = (8000 * np.sin(2 * np.pi * hertz * instants)).astype(np.int16).view(np.uint16)
    return _ALAW[samples].tobytes()


class Choir:
    """The parent's end."""

    def __init__(self) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )

    def speak(self, voice: int, port: int, peer: tuple[str, int], hertz: int) -> None:
        """From now on `voice` says a tone of `hertz` to `peer`, from the socket with descriptor `port`."""
        message = {"voice": voice, "peer": peer, "frame": alaw_frame(hertz).hex()}
        socket.send_fds(self._link, [json.dumps(message).encode()], [port])

    def quiet(self, voice: int) -> None:
        if self._link.fileno() >= 0:  # a phone may be told of its call's end after the choir has gone
            self._link.send(json.dumps({"voice": voice}).encode())

    def close(self) -> None:
        self._link.close()
        self._process.wait(5)


@dataclass(slots=True)
class _Voice:
    port: socket.socket
    peer: tuple[str, int]
    frame: bytes
    sequence: int = 1
    stamp: int = FRAME

    def say(self) -> None:
        header = struct.pack("!BBHII", 0x80, 8, self.sequence & 0xFFFF, self.stamp & 0xFFFFFFFF, 4711)
        self.sequence += 1
        self.stamp += FRAME
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self.port.sendto(header + self.frame, self.peer)


def _obey(voices: dict[int, _Voice], message: dict[str, object], ports: list[int]) -> None:
    voice = int(str(message["voice"]))
    before = voices.pop(voice, None)
    if before is not None:
        before.port.close()
    if ports:
        host, number = message["peer"]  # type: ignore[misc]
        port = socket.socket(fileno=ports[0])
        spoken = _Voice(port, (str(host), int(str(number))), bytes.fromhex(str(message["frame"])))
        if before is not None:
            # The same stream goes on: a number that jumps back would be taken for an old packet.
            spoken.sequence, spoken.stamp = before.sequence, before.stamp
        voices[voice] = spoken


def sing(link: socket.socket) -> None:
    """The child's life."""
    voices: dict[int, _Voice] = {}
    due = time.monotonic()
    while True:
        link.settimeout(max(0.0001, due - time.monotonic()))
        try:
            data, ports, _, _ = socket.recv_fds(link, MESSAGE_LIMIT, 1)
            if not data:
                return
            _obey(voices, json.loads(data), list(ports))
        except TimeoutError:
            for voice in voices.values():
                voice.say()
            due += FRAME_SECONDS


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as link:
        sing(link)

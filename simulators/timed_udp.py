"""A UDP port that knows when each datagram came, whatever the event loop was busy with then."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import Final

Address = tuple[str, int]
Received = Callable[[bytes, Address, float], None]
"""Data, sender, and when the kernel received it: seconds of `time.monotonic()`."""

_TIMESTAMPS: Final = getattr(socket, "SO_TIMESTAMPNS", 35)
"""Linux; Python names it since 3.14."""
_TIMESPEC: Final = struct.Struct("@ll")
_LARGEST: Final = 65_536
_AT_ONCE: Final = 64
"""Datagrams read before the loop's other work gets its turn."""


class TimedUdp:
    """`open` binds to a free port of `address`; `received` is called in the loop, in order of arrival."""

    def __init__(self, received: Received) -> None:
        self._received = received
        self._socket: socket.socket | None = None
        self.port = 0

    def open(self, address: str) -> None:
        """Raises OSError when the address isn't this machine's."""
        port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            port.setblocking(False)
            port.bind((address, 0))
            port.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        except OSError:
            port.close()
            raise
        self._socket, self.port = port, port.getsockname()[1]
        asyncio.get_running_loop().add_reader(port, self._read)

    def sendto(self, data: bytes, to: Address) -> None:
        """Nothing is sent by a closed port."""
        if self._socket is not None:
            self._socket.sendto(data, to)

    def fileno(self) -> int:
        """The descriptor, for a process that shall send from this port too; -1 when closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return
            try:
                data, more, _flags, sender = self._socket.recvmsg(_LARGEST, 128)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # an ICMP answer to something that we sent
            self._received(data, sender, _arrival(more))


def _arrival(more: list[tuple[int, int, bytes]]) -> float:
    now = time.monotonic()
    for level, kind, data in more:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            # The kernel stamps by the wall clock; only the age counts, so a clock that is set does no harm.
            age: float = time.time() - seconds - nanoseconds * 1e-9
            return now - max(0.0, age)
    return now

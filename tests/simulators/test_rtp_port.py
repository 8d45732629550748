"""Two RTP ports and what passes between them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest

from simulators.rtp_port import RtpPort
from simulators.timed_udp import Address, TimedUdp


@pytest.fixture
async def pair() -> AsyncIterator[tuple[RtpPort, RtpPort]]:
    one, other = RtpPort(), RtpPort()
    for port in (one, other):
        port.open("127.0.0.1")
    one.peer, other.peer = ("127.0.0.1", other.port), ("127.0.0.1", one.port)
    yield one, other
    one.close()
    other.close()


async def test_a_tone_is_heard_and_a_key_too(pair: tuple[RtpPort, RtpPort]) -> None:
    one, other = pair
    one.speak(1100)
    before = time.monotonic()
    pressed = await one.press("#")
    assert other.digits == "#"
    assert 0.09 < pressed - before < 0.3
    assert await other.listen(0.2) == pytest.approx(1100, abs=8)
    one.quiet()


async def test_packets_that_are_no_rtp_are_survived(pair: tuple[RtpPort, RtpPort]) -> None:
    one, other = pair
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for data in (b"", b"\x80", b"\x80\x08" + bytes(10), b"\x80\x65" + bytes(12), bytes(1500)):
            stranger.sendto(data, ("127.0.0.1", other.port))
        stranger.sendto(b"\x80\x65" + bytes(10) + b"\xff\x80\x01\x00", ("127.0.0.1", other.port))
    one.speak(0)
    assert await other.listen(0.1) == 0
    assert other.received > 1
    assert other.digits == ""


async def test_the_kernel_tells_when_it_came() -> None:
    came = asyncio.get_running_loop().create_future()

    def received(data: bytes, sender: Address, at: float) -> None:
        came.set_result(at)

    port = TimedUdp(received)
    port.open("127.0.0.1")
    sent = time.monotonic()
    port.sendto(b"x", ("127.0.0.1", port.port))
    time.sleep(0.05)  # a loop that is busy # noqa: ASYNC251
    busy = time.monotonic()
    at = await asyncio.wait_for(came, 2)
    port.close()
    assert sent - 0.001 <= at < busy - 0.03

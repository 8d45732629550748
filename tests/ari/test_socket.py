"""The event socket against a WebSocket server that breaks the habits of Asterisk."""

import asyncio
import contextlib
import socket as net
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable

import pytest
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

from callrouter.ari import socket as event_socket
from callrouter.ari.socket import EventSocket, connect

TEXT, BYTES, MORE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION


class Peer(WSListener):
    """The other side: `link` is there once somebody has connected."""

    def __init__(self) -> None:
        self.link: asyncio.Future[WSTransport] = asyncio.get_running_loop().create_future()
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.link.set_result(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is TEXT:
            self.got.put_nowait(frame.get_payload_as_bytes())


class Ours:
    """Our side, and what it has heard."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.heard: list[bytes] = []
        self.turns: asyncio.Queue[int] = asyncio.Queue()
        self.refuse: Exception | None = None
        self.socket = EventSocket(self.frames, self.hear, lambda: self.turns.put_nowait(len(self.heard)))

    def segments(self) -> int:
        """Segments with data that have left: `tcpi_data_segs_out` of linux/tcp.h."""
        assert self.socket._tcp is not None
        told = self.socket._tcp.getsockopt(net.IPPROTO_TCP, net.TCP_INFO, 160)
        return int.from_bytes(told[156:160], sys.byteorder)

    def hear(self, data: bytes) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.heard.append(data)


@contextlib.asynccontextmanager
async def linked(*, ping: float = 10.0) -> AsyncIterator[tuple[Ours, Peer, WSTransport]]:
    peer, ours = Peer(), Ours()

    def meet(request: WSUpgradeRequest) -> WSListener | None:
        return peer if request.path == b"/ari/events?app=x" else None

    server = await ws_create_server(meet, "127.0.0.1", 0, enable_auto_pong=ping > 1)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ari/events?app="
    try:
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionError, match=r"no event socket at .*/ari/events: .*404"):
                await connect(url + "y", {}, Ours().socket, ping=ping, within=5)
            await connect(url + "x", {}, ours.socket, ping=ping, within=5)
            yield ours, peer, await peer.link
    finally:
        ours.socket.close()
        server.close()


async def test_messages_come_whole_and_in_order_and_a_turn_is_told_once() -> None:
    async with linked() as (ours, _, link):
        link.send(TEXT, b"one")
        link.send(TEXT, b"tw", fin=False)
        link.send_ping(b"between")
        link.send(MORE, b"", fin=False)
        link.send(MORE, b"o")
        link.send(BYTES, b"three")
        while await ours.turns.get() < 3:
            continue
        assert ours.heard == [b"one", b"two", b"three"]


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (lambda link: link.send_close(WSCloseCode.GOING_AWAY), r"closed the event socket \(code 1001\)"),
        (lambda link: link.disconnect(graceful=False), r"closed the event socket \(without a word\)"),
        (lambda link: link.send(MORE, b"x"), "frames of two messages are mixed"),
        (lambda link: (link.send(BYTES, b"x", fin=False), link.send(BYTES, b"y")), "mixed"),
        (lambda link: link.send(TEXT, b"x" * 2001), "broken: .*max allowed size"),
        (
            lambda link: [link.send(kind, b"x" * 1500, fin=False) for kind in (TEXT, MORE)],
            "more than 2000 bytes",
        ),
        (lambda link: link.underlying_transport.write(b"\xff\x00"), "broken: .*opcode"),
    ],
)
async def test_whatever_ends_it_is_told_in_words(
    say: Callable[[WSTransport], object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_socket, "LARGEST", 2000)
    async with linked() as (ours, _, link):
        say(link)
        with pytest.raises(ConnectionResetError, match=words):
            await ours.socket.until_over()


async def test_silence_is_pinged_and_given_up() -> None:
    async with linked(ping=0.1) as (ours, _, _):
        with pytest.raises(ConnectionResetError, match="no answer to a ping"):
            await ours.socket.until_over()


async def test_what_the_listener_raises_ends_it_and_nothing_more_is_heard() -> None:
    async with linked() as (ours, _, link):
        ours.refuse = LookupError("too much")
        for _ in range(2):
            link.send(TEXT, b"x")
        with pytest.raises(LookupError, match="too much"):
            await ours.socket.until_over()
        await link.wait_disconnected()
        assert (ours.heard, ours.turns.empty()) == ([], True)


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_CORK and TCP_INFO are Linux's")
async def test_frames_of_one_turn_leave_in_one_segment() -> None:
    async with linked() as (ours, peer, _):
        sent = [b"%d" % number for number in range(9)]
        ours.frames.extend(sent)
        before = ours.segments()
        ours.socket.flush()
        assert [await peer.got.get() for _ in sent] == sent
        assert ours.segments() == before + 1


async def test_what_a_slow_asterisk_does_not_take_waits_with_us() -> None:
    async with linked() as (ours, peer, link):
        link.underlying_transport.pause_reading()
        sent = [b"%08d" % number * 8000 for number in range(400)]
        ours.frames.extend(sent)
        ours.socket.flush()
        assert 200 < len(ours.frames) < 400
        ours.socket.flush()
        waiting = len(ours.frames)
        link.underlying_transport.resume_reading()
        assert [await peer.got.get() for _ in sent] == sent
        assert (len(ours.frames), waiting > 200) == (0, True)

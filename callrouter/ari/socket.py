"""The event socket: a WebSocket (RFC 6455) whose messages are handed on in the turn that has read them.

picows reads, masks and pings below Python. What is left here: messages in several
frames, a bound for each, frames of one turn in one segment, a slow Asterisk, and
one exception for whatever ends the connection.
"""

import asyncio
import logging
import socket as net
from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one message."""

_TCP_CORK: Final[int | None] = getattr(net, "TCP_CORK", None)
"""Linux only."""

# What it would say is in the exception that ends the connection.
_silent: Final = logging.getLogger("callrouter.ari.picows")
_silent.setLevel(logging.CRITICAL + 1)


class EventSocket(WSListener):
    """`heard` is given each message; `turn_over` is called when those that came together have been.

    What `heard` raises ends the connection. `frames` are sent by `flush`; those that
    Asterisk is too slow to take stay there.
    """

    def __init__(
        self, frames: deque[bytes], heard: Callable[[bytes], None], turn_over: Callable[[], object]
    ) -> None:
        self._frames = frames
        self._heard = heard
        self._turn_over = turn_over
        self._transport: WSTransport | None = None
        self._tcp: net.socket | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._slow = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def until_over(self) -> NoReturn:
        """Serve; raises what has ended the connection: never returns."""
        await self._over
        assert self._transport is not None
        try:
            await self._transport.wait_disconnected()
        except WSError as error:
            raise ConnectionResetError(f"event socket broken: {error.args[-1]}") from error
        raise ConnectionResetError(f"Asterisk closed the event socket ({self._farewell()})")

    def flush(self) -> None:
        """Send what waits in `frames`, as far as Asterisk takes it."""
        frames, transport = self._frames, self._transport
        if not frames or transport is None or self._slow:
            return
        several = len(frames) > 1
        if several:
            self._cork(True)
        while frames and not self._slow:
            transport.send(WSMsgType.TEXT, frames.popleft())
        if several:
            self._cork(False)

    def close(self) -> None:
        """Take leave and end the connection, without waiting for anybody."""
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect(graceful=not self._slow)

    def end(self, error: Exception | None = None) -> None:
        """Nothing more is heard; `until_over` raises `error`."""
        if self._over.done():
            return
        if error is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(error)
            self.close()

    def _cork(self, corked: bool) -> None:
        """Frames of one turn leave in one segment: else each wakes Asterisk's thread, at our expense."""
        if _TCP_CORK is not None and self._tcp is not None:
            self._tcp.setsockopt(net.IPPROTO_TCP, _TCP_CORK, int(corked))

    def _farewell(self) -> str:
        assert self._transport is not None
        shaken = self._transport.close_handshake
        said = shaken.recv if shaken is not None else None
        if said is not None:
            return f"code {said.code:d}"
        return "no answer to a ping" if shaken is not None else "without a word"

    # --- what picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        # Of its own: uvloop's stand-in makes a socket for each option that is set.
        self._tcp = transport.underlying_transport.get_extra_info("socket").dup()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._over.done():
            return
        kind = frame.msg_type
        try:
            if kind is WSMsgType.TEXT and frame.fin:
                self._heard(frame.get_payload_as_bytes())
            elif kind is WSMsgType.CLOSE:
                self.close()
            elif kind is not WSMsgType.PONG:
                self._part(frame)
            if frame.last_in_buffer:
                self._turn_over()
        except Exception as error:  # noqa: BLE001 - raised again by until_over
            self.end(error)

    def _part(self, frame: WSFrame) -> None:
        """A message in several frames, or of bytes: Asterisk sends neither, the protocol allows both."""
        if (frame.msg_type is WSMsgType.CONTINUATION) is not bool(self._parts):
            raise ConnectionResetError("event socket broken: frames of two messages are mixed")
        self._size += frame.payload_size
        if self._size > LARGEST:
            raise ConnectionResetError(f"event socket broken: a message of more than {LARGEST} bytes")
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole, self._parts, self._size = b"".join(self._parts), [], 0
            self._heard(whole)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._tcp is not None:
            self._tcp.close()
            self._tcp = None
        self.end()

    def pause_writing(self) -> None:
        self._slow = True

    def resume_writing(self) -> None:
        self._slow = False
        self.flush()


async def connect(
    url: str, headers: dict[str, str], listener: EventSocket, *, ping: float, within: float
) -> None:
    """Open the socket. A link silent for `ping` seconds is pinged, and given up half as long after that.

    Raises OSError, TimeoutError, or ConnectionError with what the other side has answered instead.
    """
    try:
        async with asyncio.timeout(within):
            await ws_connect(
                lambda: listener,
                "ws" + url.removeprefix("http"),
                extra_headers=headers,
                websocket_handshake_timeout=within,
                logger_name=_silent,
                enable_auto_ping=True,
                auto_ping_idle_timeout=ping,
                auto_ping_reply_timeout=ping / 2,
                max_frame_size=LARGEST,
                max_redirects=0,
                use_aiofastnet=False,
            )
    except WSError as error:
        raise ConnectionError(f"no event socket at {url.partition('?')[0]}: {error.args[0]}") from error

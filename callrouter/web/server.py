"""uvicorn as a guest in the controller's loop."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

STOP_PATIENCE: Final = 3
"""Seconds given to requests under way when the server stops."""

STALLED_PEER_MS: Final = 20_000


class WebServerError(Exception):
    """The server cannot listen; the text says where and why."""


class _Guest(uvicorn.Server):
    """Signals belong to the program, not to its web part."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """Serves `app` on `host`:`port` (0: any free one) until stopped."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        listening: socket.socket | None = None,
    ) -> None:
        """`listening`: what `listen` gave for this host and port."""
        self._host = host
        self._port = port
        self._app = app
        self._listening = listening
        self._server: _Guest | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Listen; returns when requests are served. Raises `WebServerError` when it cannot."""
        listening = self._listening or listen(self._host, self._port)
        self._port = int(listening.getsockname()[1])
        server = _Guest(_config(self._app))
        self._server = server
        self._task = asyncio.create_task(server.serve(sockets=[listening]), name="web server")
        while not server.started:
            if self._task.done():
                listening.close()
                await self._task
                raise WebServerError(f"the web server at {self.url} ended while starting")
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Finish what is under way, at most `STOP_PATIENCE` seconds, then close."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await asyncio.wait({self._task}, timeout=STOP_PATIENCE + 2)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})
        self._server = None


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is done. Raises `WebServerError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its protocol asyncio knows TCP and sends at once; else a reply's body waits 40 ms for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A peer that accepts no more bytes is dropped by the kernel; accepted sockets inherit this.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_PEER_MS)
    try:
        listening.bind((host, port))
        # Listen here already: binding alone lets a second program bind the same port.
        listening.listen(512)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise WebServerError(
                f"HTTP port {port} on {host} is in use: stop what uses it or choose another port"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise WebServerError(f"HTTP port {port} on {host} is not allowed for this user") from error
        raise WebServerError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    listening.setblocking(False)
    return listening


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="websockets-sansio",
        ws_max_size=16 * 1024,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        # Compression would cost the loop more than loopback bytes do.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_PATIENCE,
        limit_concurrency=1000,
        h11_max_incomplete_event_size=32 * 1024,
    )

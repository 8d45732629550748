"""What stands before every request: host, origin and size are checked, safe headers are added.

The Host check stops DNS rebinding: a page on another site can make its own name
resolve to this machine, but then the browser sends that name as Host. Pure ASGI,
because it must see WebSocket handshakes too.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callrouter.web.problems import problem_response
from callrouter.web.settings import WebSettings

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "media-src blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}

FILES: Final = "/api/v1/site/files/"
"""Below this bodies are files, and may be larger."""


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, settings: WebSettings) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        self._limit, self._file_limit = settings.body_limit, settings.file_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._file_limit if scope["path"].startswith(FILES) else self._limit
        fault = self._fault(headers, limit)
        if scope["type"] == "websocket":
            if fault:
                await send({"type": "websocket.close", "code": 4403, "reason": fault[2]})
            else:
                await self._app(scope, receive, send)
            return
        sending = _with_headers(send, private=scope["path"].startswith("/api/"))
        if fault:
            await problem_response(*fault)(scope, receive, sending)
            return
        await self._app(scope, _limited(receive, limit), sending)

    def _fault(self, headers: Headers, limit: int) -> tuple[int, str, str] | None:
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return 400, "unknown_host", "this server does not go by that name: see allowed_hosts"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "foreign_origin", "requests from pages of other sites are refused"
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return 400, "bad_length", "Content-Length is not a number"
        if int(length) > limit:
            return 413, "too_large", f"the body has more than {limit} bytes"
        return None


def _limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, f"the body has more than {limit} bytes")
        return message

    return receive_limited


def _name(host: str) -> str:
    """The Host header without its port; brackets of an IPv6 address stay."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _with_headers(send: Send, *, private: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if private:
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending

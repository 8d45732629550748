"""A SIP phone of bare bytes, for what a decent stack would refuse to send and to time what really arrives.

One dialog at a time per phone; audio is an `RtpPort`. Bench and tests steer it; it decides nothing.
"""

import asyncio
import hashlib
import itertools
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from simulators.rtp_port import RtpPort
from simulators.timed_udp import Address, TimedUdp

KEPT: Final = 2000
"""Requests remembered."""
_COUNTER: Final = itertools.count(1)


@dataclass
class Message:
    """A SIP message: start line, headers with lower-case names in order, body."""

    start: str
    headers: list[tuple[str, str]]
    body: str
    at: float = 0.0
    """When it came, `time.monotonic()`."""

    @classmethod
    def parse(cls, data: bytes, at: float = 0.0) -> "Message":
        head, _, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = [line.partition(":") for line in lines]
        return cls(start, [(name.strip().lower(), value.strip()) for name, _, value in pairs], body, at)

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """``""`` for a response."""
        return "" if self.status else self.start.split()[0]

    def get(self, name: str) -> str:
        """First value of a header, ``""`` when absent."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


@dataclass
class Dialog:
    """What every request within a call repeats (RFC 3261 section 12)."""

    call_id: str
    local: str
    remote: str
    target: str
    route: list[str] = field(default_factory=list)
    cseq: int = 1


class Phone:
    """Answers an INVITE with `statuses`, in order; `silent` lets it vanish."""

    def __init__(self, server: Address, address: str = "127.0.0.1") -> None:
        self.server = server
        """Where requests go: the registrar, the exchange."""
        self.address = address
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.requests: deque[Message] = deque(maxlen=KEPT)
        """What was asked of this phone, retransmissions included."""
        self.media = RtpPort()
        self._udp = TimedUdp(self.received)
        self.dialog: Dialog | None = None
        self.silent = False
        self._invite = b""
        self._sender = server
        self._arrived = asyncio.Event()
        self.statuses: tuple[int, ...] = (180, 200)
        self.direction = "sendrecv"
        """Of the media in its answer: ``inactive`` holds in the same breath."""
        self.ended = asyncio.Event()
        self.invited = asyncio.Event()

    @classmethod
    async def open(cls, server: Address, address: str = "127.0.0.1") -> Self:
        """A phone with ports of its own on `address`. Raises OSError."""
        phone = cls(server, address)
        phone._udp.open(address)
        phone.media.open(address)
        return phone

    @property
    def port(self) -> int:
        return self._udp.port

    @property
    def contact(self) -> str:
        """Where an INVITE reaches this phone."""
        return f"sip:phone@{self.address}:{self.port}"

    def close(self) -> None:
        self.media.close()
        self._udp.close()

    # --- sending

    def sdp(self, direction: str = "sendrecv") -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {self.media.port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
            f"a={direction}\r\n"
        )

    def raw(self, data: bytes, to: Address | None = None) -> None:
        self._udp.sendto(data, to or self.server)

    def request(
        self, method: str, uri: str, headers: Mapping[str, str], extra: str = "", body: str = ""
    ) -> tuple[bytes, Address]:
        """Send a request; returns it and where it went, for whoever has to repeat it."""
        branch = f"z9hG4bK{next(_COUNTER)}x{self.port}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address}:{self.port};rport;branch={branch}",
        ]
        lines += [f"{name}: {value}" for name, value in {"Max-Forwards": "70", **headers}.items()]
        lines.append(f"Contact: <{self.contact}>")
        data = "\r\n".join(lines) + "\r\n" + extra + f"Content-Length: {len(body)}\r\n\r\n{body}"
        encoded = data.encode("utf-8", "surrogateescape")
        if method == "INVITE":
            self._invite = encoded
        found = re.search(r"@([0-9.]+):([0-9]+)", uri)
        to = (found.group(1), int(found.group(2))) if found else self.server
        self.raw(encoded, to)
        return encoded, to

    async def response(self, *, seconds: float = 5.0, above: int = 0) -> Message:
        """The next response with a status greater than `above`."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.inbox.get()
                if message.status > above:
                    return message

    async def got(self, method: str, *, since: float = 0.0, seconds: float = 5.0) -> Message:
        """The first request of that method from `since` on, past or to come. Raises TimeoutError."""

        def wanted(request: Message) -> bool:
            return request.method == method and request.at >= since

        async with asyncio.timeout(seconds):
            while True:
                found = next((one for one in self.requests if wanted(one)), None)
                if found is not None:
                    return found
                self._arrived.clear()
                await self._arrived.wait()

    async def register(self, user: str, password: str, *, expires: int = 120) -> int:
        """Register and return the final status."""
        uri = f"sip:{self.server[0]}:{self.server[1]}"
        who = f"<sip:{user}@{self.server[0]}>"
        headers = {
            "From": f"{who};tag=r{self.port}",
            "To": who,
            "Call-ID": f"r{self.port}",
            "CSeq": "1 REGISTER",
        }
        self.request("REGISTER", uri, headers, f"Expires: {expires}\r\n")
        answer = await self.response(above=199)
        if answer.status != 401:
            return answer.status
        headers["CSeq"] = "2 REGISTER"
        proof = authorization(answer.get("WWW-Authenticate"), "REGISTER", uri, user, password)
        self.request("REGISTER", uri, headers, f"Expires: {expires}\r\nAuthorization: {proof}\r\n")
        return (await self.response(above=199)).status

    def invite(
        self,
        user: str,
        *,
        caller: str = "<sip:13909710001@carrier.invalid>",
        extra: str = "",
        uri: str = "",
        hops: str = "70",
    ) -> None:
        uri = uri or f"sip:{user}@{self.server[0]}:{self.server[1]}"
        number = next(_COUNTER)
        local, call_id = f"{caller};tag=i{number}", f"i{number}x{self.port}"
        self.dialog = Dialog(call_id, local, f"<{uri}>", uri)
        headers = {"From": local, "To": f"<{uri}>", "Call-ID": call_id, "CSeq": "1 INVITE"}
        headers["Max-Forwards"] = hops
        self.ended.clear()
        self.request("INVITE", uri, headers, extra + "Content-Type: application/sdp\r\n", self.sdp())

    async def call(self, user: str, **options: str) -> int:
        """INVITE and wait for the final status; a 200 is acknowledged and RTP begins."""
        self.invite(user, **options)
        answer = await self.response(above=199, seconds=20)
        self.settle(answer)
        return answer.status

    def cancel(self) -> None:
        """Give up an unanswered INVITE: CANCEL carries its branch (RFC 3261 section 9.1)."""
        invite = self._invite
        cancel = re.sub(rb"^INVITE ", b"CANCEL ", invite).replace(b"CSeq: 1 INVITE", b"CSeq: 1 CANCEL")
        head = re.sub(rb"Content-(Type|Length): [^\r]*\r\n", b"", cancel.split(b"\r\n\r\n")[0] + b"\r\n")
        self.raw(head + b"Content-Length: 0\r\n\r\n")

    def prove(self, challenge: Message, user: str, password: str) -> None:
        """Send the INVITE again, now with credentials."""
        dialog = self.dialog
        assert dialog is not None
        dialog.cseq += 1
        dialog.remote = f"<{dialog.target}>"
        proof = authorization(challenge.get("WWW-Authenticate"), "INVITE", dialog.target, user, password)
        headers = {"From": dialog.local, "To": dialog.remote, "Call-ID": dialog.call_id}
        extra = f"Authorization: {proof}\r\nContent-Type: application/sdp\r\n"
        self.request("INVITE", dialog.target, {**headers, "CSeq": f"{dialog.cseq} INVITE"}, extra, self.sdp())

    def settle(self, answer: Message) -> None:
        dialog = self.dialog
        assert dialog is not None
        dialog.remote = answer.get("To")
        found = re.search(r"<(sip:[^>]+)>", answer.get("Contact"))
        if answer.status < 300 and found:
            dialog.target = found.group(1)
            self._learn_media(answer.body)
            self._in_dialog("ACK", "")
        elif answer.status >= 300:
            self._in_dialog("ACK", "")

    def _in_dialog(self, method: str, body: str, extra: str = "") -> None:
        dialog = self.dialog
        assert dialog is not None
        if method != "ACK":
            dialog.cseq += 1
        headers = {"From": dialog.local, "To": dialog.remote, "Call-ID": dialog.call_id}
        self.request(method, dialog.target, {**headers, "CSeq": f"{dialog.cseq} {method}"}, extra, body)

    async def info(self, digit: str) -> int:
        """A digit by SIP INFO, as old PBXs send it."""
        self._in_dialog(
            "INFO", f"Signal={digit}\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay\r\n"
        )
        return (await self.response(above=199)).status

    async def refer(self, target: str, more: str = "") -> int:
        """Ask for a transfer to a URI; how it goes comes by NOTIFY."""
        self._in_dialog("REFER", "", f"Refer-To: <{target}{more}>\r\n")
        return (await self.response(above=199)).status

    async def hold(self, held: bool = True) -> int:
        """Put the other end on hold, or take it back, by re-INVITE (RFC 3264 section 8.4)."""
        body = self.sdp("sendonly" if held else "sendrecv")
        self._in_dialog("INVITE", body, "Content-Type: application/sdp\r\n")
        answer = await self.response(above=199)
        self._in_dialog("ACK", "")
        return answer.status

    async def bye(self) -> int:
        self._in_dialog("BYE", "")
        self.media.quiet()
        return (await self.response(above=199)).status

    def _learn_media(self, sdp: str) -> None:
        port, host = re.search(r"m=audio (\d+)", sdp), re.search(r"c=IN IP4 (\S+)", sdp)
        if port and host and int(port.group(1)):
            self.media.peer = (host.group(1), int(port.group(1)))

    # --- receiving

    def received(self, data: bytes, sender: Address, at: float) -> None:
        """One datagram; a request is answered as `statuses` and RFC 3261 say."""
        if self.silent:
            return
        self._sender = sender
        message = Message.parse(data, at)
        if message.status:
            self.inbox.put_nowait(message)
            return
        self.requests.append(message)
        self._arrived.set()
        handler: Callable[[Message], None] | None = {
            "INVITE": self._invited,
            "BYE": self._ended,
            "CANCEL": self._ended,
        }.get(message.method)
        if handler:
            handler(message)
        elif message.method != "ACK":
            self.reply(message, 200)

    def reply(self, request: Message, status: int, extra: str = "", body: str = "") -> None:
        copied = [
            (name, value) for name, value in request.headers if name in ("via", "from", "call-id", "cseq")
        ]
        to = request.get("To")
        to += "" if "tag=" in to or status == 100 else f";tag=p{self.port}"
        lines = [f"SIP/2.0 {status} x", *(f"{name}: {value}" for name, value in copied), f"To: {to}"]
        lines.append(f"Contact: <{self.contact}>")
        self.raw(
            ("\r\n".join(lines) + f"\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}").encode(),
            self._sender,
        )

    def _invited(self, request: Message) -> None:
        if "tag=" in request.get("To"):
            self._learn_media(request.body)
            self.reply(request, 200, "Content-Type: application/sdp\r\n", self.sdp())
            return
        self._learn_media(request.body)
        self.ended.clear()
        self.invited.set()
        found = re.search(r"<(sip:[^>]+)>", request.get("Contact"))
        tagged = f"{request.get('To')};tag=p{self.port}"
        self.dialog = Dialog(
            request.get("Call-ID"), tagged, request.get("From"), found.group(1) if found else "", cseq=100
        )
        for status in self.statuses:
            with_sdp = status in (183, 200)
            self.reply(
                request,
                status,
                "Content-Type: application/sdp\r\n" if with_sdp else "",
                self.sdp(self.direction) if with_sdp else "",
            )

    def _ended(self, request: Message) -> None:
        self.reply(request, 200)
        self.media.quiet()
        self.ended.set()


def authorization(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """RFC 2617 digest with MD5, qop=auth when offered."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    first, second = md5(f"{user}:{fields['realm']}:{password}"), md5(f"{method}:{uri}")
    parts = {"username": user, "realm": fields["realm"], "nonce": fields["nonce"], "uri": uri}
    if "qop" in fields:
        parts["response"] = md5(f"{first}:{fields['nonce']}:00000001:abc:auth:{second}")
        tail = ', qop=auth, nc=00000001, cnonce="abc"'
    else:
        parts["response"] = md5(f"{first}:{fields['nonce']}:{second}")
        tail = ""
    if "opaque" in fields:
        parts["opaque"] = fields["opaque"]
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in parts.items()) + tail

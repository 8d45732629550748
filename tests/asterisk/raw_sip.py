"""A SIP phone of bare bytes, for what a decent stack would refuse to send and to count what really arrives.

One dialog at a time per phone. RTP is A-law (payload type 8) and RFC 4733 (101).
"""

import asyncio
import hashlib
import itertools
import math
import re
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from callrouter.toolchain.music import alaw_table

_COUNTER = itertools.count(1)
EVENT_CODES = "0123456789*#ABCD"


@dataclass
class Message:
    start: str
    headers: list[tuple[str, str]]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> "Message":
        head, _, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = [line.partition(":") for line in lines]
        return cls(start, [(name.strip().lower(), value.strip()) for name, _, value in pairs], body)

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.start.split()[0]

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


def alaw_decode(data: bytes) -> np.ndarray:
    codes = np.frombuffer(data, dtype=np.uint8).astype(np.int32) ^ 0x55
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    magnitude = np.where(
        exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    )
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.float64)


def loudest(samples: np.ndarray) -> float:
    """Frequency in Hz with most power, 0 for silence."""
    if len(samples) < 800 or np.sqrt(np.mean(samples**2)) < 50:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 8000 / len(samples))


class Media(asyncio.DatagramProtocol):
    """One RTP port: keeps what it hears, sends a tone or digits on command."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.packets: list[float] = []
        self.digits = ""
        self._last_event = -1
        self._sequence, self._stamp = 1, 160
        self.peer: tuple[str, int] | None = None
        self._sending: asyncio.Task[None] | None = None

    async def open(self, address: str) -> None:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, 0))
        self.port = self.transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: object) -> None:
        kind = data[1] & 0x7F
        if kind == 8:
            self.heard += data[12:]
            self.packets.append(asyncio.get_running_loop().time())
        elif kind == 101 and data[13] & 0x80:
            stamp = struct.unpack("!I", data[4:8])[0]
            if stamp != self._last_event:
                self._last_event = stamp
                self.digits += EVENT_CODES[data[12]]

    def _send(self, kind: int, payload: bytes, *, marker: bool = False, stamp: int | None = None) -> None:
        if self.peer:
            second = kind | (0x80 if marker else 0)
            header = struct.pack("!BBHII", 0x80, second, self._sequence & 0xFFFF, stamp or self._stamp, 4711)
            self.transport.sendto(header + payload, self.peer)
            self._sequence += 1

    async def _stream(self, hertz: float) -> None:
        table, loop = alaw_table(), asyncio.get_running_loop()
        due = loop.time()
        for frame in itertools.count():
            instants = np.arange(frame * 160, frame * 160 + 160)
            samples = (8000 * np.sin(2 * math.pi * hertz * instants / 8000)).astype(np.int16).view(np.uint16)
            self._send(8, table[samples].tobytes())
            self._stamp += 160
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    def speak(self, hertz: float) -> None:
        """Send a tone (0: silence) until `close`; every phone sends something, as real ones do."""
        self.quiet()
        self._sending = asyncio.create_task(self._stream(hertz))

    def quiet(self) -> None:
        if self._sending:
            self._sending.cancel()
            self._sending = None

    async def press(self, digit: str) -> None:
        """RFC 4733: five updates of 20 ms, then three end packets."""
        code, stamp = EVENT_CODES.index(digit), self._stamp
        for step in range(8):
            end = 0x80 if step >= 5 else 0
            duration = min(step + 1, 6) * 160
            payload = struct.pack("!BBH", code, end | 10, duration)
            self._send(101, payload, marker=step == 0, stamp=stamp)
            await asyncio.sleep(0.02)
        self._stamp += 1600

    async def listen(self, seconds: float) -> float:
        """Loudest frequency of what arrives in the next `seconds`."""
        start = len(self.heard)
        await asyncio.sleep(seconds)
        return loudest(alaw_decode(bytes(self.heard[start:])))

    def close(self) -> None:
        self.quiet()
        self.transport.close()


@dataclass
class Dialog:
    call_id: str
    local: str
    remote: str
    target: str
    route: list[str] = field(default_factory=list)
    cseq: int = 1


class Phone(asyncio.DatagramProtocol):
    """Answers an INVITE with `statuses`, in order; `silent` lets it vanish."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.requests: list[Message] = []
        self.media = Media()
        self.dialog: Dialog | None = None
        self.silent = False
        self._invite = b""
        self._sender = server
        self._arrived = asyncio.Event()
        self.statuses: tuple[int, ...] = (180, 200)
        self.ended = asyncio.Event()
        self.invited = asyncio.Event()

    @classmethod
    async def open(cls, server: tuple[str, int], address: str = "127.0.0.1") -> "Phone":
        phone = cls(server)
        phone.address = address
        loop = asyncio.get_running_loop()
        phone.transport, _ = await loop.create_datagram_endpoint(lambda: phone, local_addr=(address, 0))
        phone.port = phone.transport.get_extra_info("sockname")[1]
        await phone.media.open(address)
        return phone

    address: str
    port: int

    def close(self) -> None:
        self.media.close()
        self.transport.close()

    # --- sending

    def sdp(self) -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {self.media.port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    def raw(self, data: bytes, to: tuple[str, int] | None = None) -> None:
        self.transport.sendto(data, to or self.server)

    def request(
        self, method: str, uri: str, headers: Mapping[str, str], extra: str = "", body: str = ""
    ) -> None:
        branch = f"z9hG4bK{next(_COUNTER)}x{self.port}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address}:{self.port};rport;branch={branch}",
        ]
        lines += [f"{name}: {value}" for name, value in {"Max-Forwards": "70", **headers}.items()]
        lines.append(f"Contact: <sip:phone@{self.address}:{self.port}>")
        data = "\r\n".join(lines) + "\r\n" + extra + f"Content-Length: {len(body)}\r\n\r\n{body}"
        encoded = data.encode("utf-8", "surrogateescape")
        if method == "INVITE":
            self._invite = encoded
        found = re.search(r"@([0-9.]+):([0-9]+)", uri)
        self.raw(encoded, (found.group(1), int(found.group(2))) if found else None)

    async def response(self, *, seconds: float = 5.0, above: int = 0) -> Message:
        """The next response with a status greater than `above`."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.inbox.get()
                if message.status > above:
                    return message

    async def got(self, method: str, *, seconds: float = 5.0) -> Message:
        """The first request of that method, past or to come."""
        async with asyncio.timeout(seconds):
            while True:
                found = next((one for one in self.requests if one.method == method), None)
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
        self, user: str, *, caller: str = "<sip:13909710001@carrier.invalid>", extra: str = "", uri: str = ""
    ) -> None:
        uri = uri or f"sip:{user}@{self.server[0]}:{self.server[1]}"
        number = next(_COUNTER)
        local, call_id = f"{caller};tag=i{number}", f"i{number}x{self.port}"
        self.dialog = Dialog(call_id, local, f"<{uri}>", uri)
        headers = {"From": local, "To": f"<{uri}>", "Call-ID": call_id, "CSeq": "1 INVITE"}
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

    async def bye(self) -> int:
        self._in_dialog("BYE", "")
        self.media.quiet()
        return (await self.response(above=199)).status

    def _learn_media(self, sdp: str) -> None:
        port, host = re.search(r"m=audio (\d+)", sdp), re.search(r"c=IN IP4 (\S+)", sdp)
        if port and host and int(port.group(1)):
            self.media.peer = (host.group(1), int(port.group(1)))

    # --- receiving

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # type: ignore[override]
        if self.silent:
            return
        self._sender = addr
        message = Message.parse(data)
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
        lines.append(f"Contact: <sip:phone@{self.address}:{self.port}>")
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
                self.sdp() if with_sdp else "",
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


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody has at this moment, for TCP and UDP alike."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

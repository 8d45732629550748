"""The SIP front of the partner lines: decides what each INVITE meets before any Asterisk sees it.

One UDP port stands for all lines. `Front.decide` is pure: a datagram in, actions
out. Rejections, redirects and silence are answered here (Asterisk can't send a
603 or keep quiet); everything else goes on to the partners' Asterisk with the
line's orders in ``X-Partner-*`` headers. In-dialog requests pass by the front:
they follow the Contact.
"""

import asyncio
import itertools
import re
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Address = tuple[str, int]
CALLS_KEPT: Final = 10_000
MOBILE: Final = re.compile(r"1[3-9]\d{9}")
COPY_AFTER: Final = 1.0
"""Seconds before a retransmitted INVITE means that the first was lost, and not that we read both late."""
PEOPLE_HERTZ: Final = 400
"""What a person who is called back speaks with: no line's tone."""
_PLACE: Final = re.compile(r"sip:[^@\s<>]+@(\d+\.\d+\.\d+\.\d+):(\d{1,5})")
_NUMBER: Final = re.compile(r"^(?:sips?|tel):([^@;>\s]+)@?", re.IGNORECASE)


class Kind(StrEnum):
    """What a line does with a call."""

    ANSWER = "answer"
    NO_ANSWER = "no_answer"
    REJECT = "reject"
    """Final status `Behaviour.status`, after ringing for `after` seconds."""
    REDIRECT = "redirect"
    """302 to `Behaviour.target`."""
    HANG_UP = "hang_up"
    """Answers, hangs up after `length` seconds."""
    ONE_WAY = "one_way"
    """Answers and sends no audio."""
    EARLY_MEDIA = "early_media"
    """183 and its tone for `after` seconds, then answers."""
    PROGRESS_ONLY = "progress_only"
    """183 and silence, for ever."""
    MACHINE = "machine"
    """An answering machine: announcement, beep, hangs up after `length` seconds."""
    BLACK_HOLE = "black_hole"
    """Never answers an INVITE, though OPTIONS are."""
    UNREACHABLE = "unreachable"
    """Answers nothing at all, OPTIONS included."""
    ELSEWHERE = "elsewhere"
    """Goes on to a phone of yours at `Behaviour.target`: ``sip:…@address:port``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a line behaves; seconds. `slow` delays every message to it, `record` keeps what it hears."""

    kind: Kind = Kind.ANSWER
    after: float = 0.0
    length: float = 0.5
    status: int = 486
    target: str = ""
    slow: float = 0.0
    record: bool = False

    def __post_init__(self) -> None:
        if not 300 <= self.status <= 699:
            raise ValueError(f"status {self.status}: a rejection is 300 to 699")
        if min(self.after, self.length, self.slow) < 0:
            raise ValueError("after, length and slow are seconds from now: not negative")
        if self.kind is Kind.REDIRECT and not re.fullmatch(r"sip:[^\s<>]+", self.target):
            raise ValueError(f"target {self.target!r}: a redirect needs a sip: URI")
        if self.kind is Kind.ELSEWHERE and not _PLACE.fullmatch(self.target):
            raise ValueError(f"target {self.target!r}: a phone is at sip:…@address:port")

    @property
    def place(self) -> Address | None:
        """Where calls go instead of to the partners' Asterisk."""
        found = _PLACE.fullmatch(self.target) if self.kind is Kind.ELSEWHERE else None
        return (found[1], int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Received:
    """An INVITE as it arrived: `headers` with lower-case names, in order, nothing added."""

    call: str
    number: str
    at: float
    headers: tuple[tuple[str, str], ...]
    behaviour: Behaviour

    def header(self, name: str) -> str:
        """First value of a header, ``""`` when absent."""
        return next((value for key, value in self.headers if key == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Send:
    """Send `data` to `to` after `delay` seconds; `unless_cancelled` drops it when the caller gave up."""

    data: bytes
    to: Address
    delay: float = 0.0
    dialog: str = ""


@dataclass
class _Seen:
    """What was decided for a Call-ID, so that a retransmission meets the same."""

    sender: Address
    received: Received
    open: bool = True
    answered: bool = False
    """Something has come back from where the call went on to."""


_PHRASES: Final = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    302: "Moved Temporarily",
    486: "Busy Here",
    487: "Cancelled",
}


@dataclass
class Front:
    """Decisions for each datagram. `asterisk` is where calls go on to; `tones` are the lines' tones in Hz."""

    asterisk: Address
    tones: Mapping[str, int]
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    for_callers: dict[tuple[str, str], Behaviour] = field(default_factory=dict)
    """What a line does with one caller, by (number, caller's number); goes before `behaviours`."""
    people: Behaviour = field(default=Behaviour(kind=Kind.HANG_UP, after=2.0, length=20.0))
    """What a call to a mobile number meets: the carrier's network, for callbacks."""
    silent: bool = False
    """The network to the partners is cut."""
    received: deque[Received] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    newest: dict[str, Received] = field(default_factory=dict)
    """The newest INVITE by the caller's number."""
    _seen: "OrderedDict[str, _Seen]" = field(default_factory=OrderedDict)
    _serial: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def decide(self, data: bytes, sender: Address, now: float) -> list[Send]:
        """What to send in answer to one datagram; an unreadable one yields nothing."""
        if self.silent:
            return []
        start, headers = _parse(data)
        call_id = _first(headers, "call-id", "i")
        if start.startswith("SIP/2.0"):
            seen = self._seen.get(call_id)
            if seen is None:
                return []
            seen.answered = True
            return [Send(data, seen.sender)]
        method, _, rest = start.partition(" ")
        if method == "INVITE":
            return self._invite(data, sender, now, rest, headers, call_id)
        if method == "OPTIONS":
            kind = self.behaviours.get(_user(rest), Behaviour()).kind
            return [] if kind is Kind.UNREACHABLE else [Send(_reply(headers, 200), sender)]
        seen = self._seen.get(call_id)
        return self._other(method, data, sender, headers, seen) if seen is not None else []

    def _invite(
        self,
        data: bytes,
        sender: Address,
        now: float,
        rest: str,
        headers: list[tuple[str, str]],
        call_id: str,
    ) -> list[Send]:
        seen = self._seen.get(call_id)
        fresh = seen is None
        if seen is None:
            number = _user(rest)
            name = f"p{next(self._serial)}"
            behaviour = self._behaviour(number, calling(headers))
            seen = _Seen(sender, Received(name, number, now, tuple(headers), behaviour))
            self._seen[call_id] = seen
            self.received.append(seen.received)
            self.newest[calling(headers)] = seen.received
            if len(self.newest) > CALLS_KEPT:
                self.newest.pop(next(iter(self.newest)))
            if len(self._seen) > CALLS_KEPT:
                self._seen.popitem(last=False)
        behaviour = seen.received.behaviour
        match behaviour.kind:
            case Kind.BLACK_HOLE | Kind.UNREACHABLE:
                return []
            case Kind.REJECT | Kind.REDIRECT:
                return self._refuse(headers, sender, behaviour, call_id) if fresh else []
        again = seen is not None and _first(headers, "cseq") != _first(list(seen.received.headers), "cseq")
        if seen is not None and again:
            seen.answered = False  # asked anew after a challenge or a 422, no copy
        elif not fresh and (behaviour.slow or seen.answered or now - seen.received.at < COPY_AFTER):
            return []  # The first is there or on its way; a copy after the answer would be a call of its own.
        ordered = _with_headers(data, self._orders(seen.received))
        return [Send(ordered, behaviour.place or self.asterisk, behaviour.slow)]

    def _refuse(
        self, headers: list[tuple[str, str]], sender: Address, behaviour: Behaviour, call_id: str
    ) -> list[Send]:
        status = 302 if behaviour.kind is Kind.REDIRECT else behaviour.status
        contact = f"Contact: <{behaviour.target}>\r\n" if behaviour.kind is Kind.REDIRECT else ""
        answers = [Send(_reply(headers, 100), sender, behaviour.slow)]
        if behaviour.after:
            answers.append(Send(_reply(headers, 180), sender, behaviour.slow))
        delay = behaviour.slow + behaviour.after
        return [*answers, Send(_reply(headers, status, contact), sender, delay, call_id)]

    def _other(
        self, method: str, data: bytes, sender: Address, headers: list[tuple[str, str]], seen: _Seen
    ) -> list[Send]:
        """CANCEL, ACK and whatever else follows an INVITE the same way."""
        kind = seen.received.behaviour.kind
        if kind in (Kind.BLACK_HOLE, Kind.UNREACHABLE):
            return []
        if kind in (Kind.REJECT, Kind.REDIRECT):
            if method != "CANCEL" or not seen.open:
                return []
            seen.open = False
            invite = list(seen.received.headers)
            return [Send(_reply(headers, 200), sender), Send(_reply(invite, 487), sender)]
        behaviour = seen.received.behaviour
        return [Send(data, behaviour.place or self.asterisk, behaviour.slow)]

    def still_wanted(self, dialog: str) -> bool:
        """Whether a delayed final answer may still be sent; asking closes the call."""
        seen = self._seen.get(dialog)
        wanted = seen is not None and seen.open
        if seen is not None:
            seen.open = False
        return wanted

    def _behaviour(self, number: str, caller: str) -> Behaviour:
        if number in self.tones:
            return self.for_callers.get((number, caller)) or self.behaviours.get(number, Behaviour())
        return self.people if MOBILE.fullmatch(number) else Behaviour(kind=Kind.REJECT, status=404)

    def _orders(self, received: Received) -> dict[str, str]:
        behaviour = received.behaviour
        orders = {
            "Does": behaviour.kind.value,
            "Call": received.call,
            "Tone": str(self.tones.get(received.number, PEOPLE_HERTZ)),
            "After": f"{behaviour.after:g}",
            "Length": f"{behaviour.length:g}",
        }
        if behaviour.record:
            orders["Record"] = received.call
        return {f"X-Partner-{name}": value for name, value in orders.items()}


class FrontProtocol(asyncio.DatagramProtocol):
    """The UDP port of a `Front`."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._transport: asyncio.DatagramTransport | None = None
        self.arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        loop = asyncio.get_running_loop()
        for send in self._front.decide(data, addr, loop.time()):
            if send.delay:
                loop.call_later(send.delay, self._send, send)
            else:
                self._send(send)
        self.arrived.set()

    def _send(self, send: Send) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if not send.dialog or self._front.still_wanted(send.dialog):
            self._transport.sendto(send.data, send.to)


def _parse(data: bytes) -> tuple[str, list[tuple[str, str]]]:
    head = data.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")
    start, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return start, [(name.strip().lower(), value.strip()) for name, sign, value in pairs if sign]


def _first(headers: list[tuple[str, str]], *names: str) -> str:
    return next((value for name, value in headers if name in names), "")


def calling(headers: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> str:
    """The caller's number: P-Asserted-Identity, else From; ``""`` when neither tells one."""
    for name in ("p-asserted-identity", "from"):
        found = re.search(r"(?:sips?|tel):([^@;>\s]+)", _first(list(headers), name))
        if found:
            return found[1]
    return ""


def _user(request_target: str) -> str:
    """Number of a request line's URI without separators, ``""`` when it has no user part."""
    uri = request_target.split(" ", 1)[0]
    if uri.lower().startswith("sip") and "@" not in uri:
        return ""
    found = _NUMBER.match(uri)
    return re.sub(r"[-.()]", "", found.group(1)) if found else ""


def _reply(request: list[tuple[str, str]], status: int, extra: str = "") -> bytes:
    lines = [f"SIP/2.0 {status} {_PHRASES.get(status, 'Partner')}"]
    for name, value in request:
        if name in ("via", "v", "from", "f", "to", "t", "call-id", "i", "cseq"):
            tag = ";tag=front" if name in ("to", "t") and ";tag=" not in value and status > 100 else ""
            lines.append(f"{name}: {value}{tag}")
    return ("\r\n".join(lines) + f"\r\n{extra}Content-Length: 0\r\n\r\n").encode()


def _with_headers(data: bytes, extra: Mapping[str, str]) -> bytes:
    start, _, rest = data.partition(b"\r\n")
    return start + b"\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in extra.items()) + rest

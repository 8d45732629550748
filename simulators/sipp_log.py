"""Reading SIPp's logs while they grow: messages with their times, and notes."""

import calendar
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READ_BYTES: Final = 1 << 20


class Tail:
    """The complete lines that a growing file has gained since the last look."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: io.BufferedReader | None = None
        self._rest = b""

    def lines(self) -> Iterator[str]:
        if self._stream is None:
            try:
                self._stream = self._file.open("rb")
            except FileNotFoundError:
                return
        while data := self._stream.read(READ_BYTES):
            *whole, self._rest = (self._rest + data).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One message as SIPp sent or received it. `at` is Unix time in seconds, to the microsecond."""

    at: float
    sent: bool
    call: str
    """Call-ID without SIPp's ``///`` prefix."""
    cseq: int
    method: str
    """Of the CSeq header: responses carry their request's."""
    status: int
    """0 for a request."""
    uri: str
    """Request-URI, "" for a response."""


_minutes: dict[str, int] = {}


def parse_message(line: str) -> SipMessage | None:
    """A line of SIPp's short message log; None when it is no such line."""
    parts = line.split("\t")
    if len(parts) < 5:
        return None
    stamp, way, call, cseq, first = parts[:5]
    number, _, method = cseq.removeprefix("CSeq:").strip().partition(" ")
    if not number.isdigit():
        return None
    words = first.split(" ", 2)
    is_response = words[0].startswith("SIP/")
    return SipMessage(
        at=parse_instant(stamp),
        sent=way == "S",
        call=call.rpartition("///")[2],
        cseq=int(number),
        method=method.strip(),
        status=int(words[1]) if is_response and len(words) > 1 and words[1].isdigit() else 0,
        uri="" if is_response or len(words) < 2 else words[1],
    )


def parse_instant(stamp: str) -> float:
    """Unix time of ``2026-11-23T06:13:56.434815Z``. Raises ValueError."""
    minute = stamp[:16]
    base = _minutes.get(minute)
    if base is None:
        year, month, rest = minute.split("-")
        day, clock = rest.split("T")
        hour, minutes = clock.split(":")
        base = calendar.timegm((int(year), int(month), int(day), int(hour), int(minutes), 0))
        _minutes.clear()
        _minutes[minute] = base
    return base + float(stamp[17:].rstrip("Z"))

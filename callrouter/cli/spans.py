"""Spans of time as people give them to a command."""

import time
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callrouter.cli.state import fail


@dataclass(frozen=True, slots=True)
class Span:
    """What is reported on. Instants are microseconds since the epoch."""

    since: int
    until: int
    now: float
    zone: ZoneInfo
    organisations: list[str] | None

    def words(self) -> str:
        begin, end = (datetime.fromtimestamp(at / 1e6, self.zone) for at in (self.since, self.until))
        of = ", ".join(self.organisations) if self.organisations else "all organisations"
        return f"{begin:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M} ({self.zone}), {of}"


def read_span(since: str | None, until: str | None, zone: str, organisation: list[str] | None) -> Span:
    """What the options name; ends the command when they name nothing."""
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fail(f"--zone {zone!r} is no time zone: write it like Asia/Shanghai")
    now = time.time()
    midnight = datetime.fromtimestamp(now, where).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight.timestamp() if since is None else _instant("--since", since, now, where)
    end = now if until is None else _instant("--until", until, now, where)
    if begin >= end:
        fail("the span is empty: --since must lie before --until")
    return Span(round(begin * 1e6), round(end * 1e6), now, where, organisation or None)


def _instant(option: str, text: str, now: float, zone: ZoneInfo) -> float:
    ago = {"d": 86400, "h": 3600, "m": 60}.get(text[-1:])
    if ago is not None and text[:-1].isascii() and text[:-1].isdigit():
        return max(0.0, now - int(text[:-1]) * ago)
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        fail(f"{option} {text!r} is no time: write it like 2026-11-23, 2026-11-23T08:00 or 7d")

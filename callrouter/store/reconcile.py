"""Our records against Asterisk's own word: every caller's channel has a record, and they agree on time.

Asterisk's channel event log (``cel_custom``, see ``asterisk_conf/cel_custom.conf``) knows
nothing of us, hence what both say is so. Each difference is named: a channel without a
record (the controller was away, or lost it), a record without a channel, stamps that
differ by more than a network's jitter, legs that were never let go.

Reports add up columns; `recounted` adds up the records themselves, formula by
formula, and must come to the same.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from acd.record import INTERRUPTED, CallRecord
from acd.service_level import TALLY_FIELDS, Tally, call_tally, seat_tallies, summed, transfer_tally

TOLERANCE: Final = 0.5
"""Seconds by which our stamps may lag Asterisk's."""
CALLERS: Final = "from-trunk"
"""Beginning of the dialplan contexts in which callers arrive."""
LEG_PREFIX: Final = "cr-"
"""Channels that we originate are named ``cr-CALL-NUMBER``."""
_FIELDS: Final = 6
_NOT_OF_CALLS: Final = frozenset(
    ("missed", "called_back", "surveyed", "rated", "satisfied", "on_contact", "idle")
)
"""Counts that come from callbacks, surveys and seats' time as well, or alone."""


@dataclass(slots=True)
class Channel:
    """A channel as Asterisk tells it. Instants are seconds since the epoch."""

    unique: str
    context: str
    started: float
    answered: float | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    call: str
    """Our id; ``""`` for a channel without a record."""
    channel: str
    what: str
    """``no_record``, ``no_channel``, ``ingress``, ``accepted``, ``ended``, ``legs`` or ``never_ended``."""
    ours: float | None = None
    asterisk: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscount:
    """A count of the reports that its records do not bear out. Durations are microseconds."""

    name: str
    reported: int
    recounted: int


@dataclass(slots=True)
class Reconciled:
    channels: int = 0
    """Callers' channels that began within the span and have ended."""
    records: int = 0
    matched: int = 0
    still_up: int = 0
    unreadable_lines: int = 0
    differences: list[Difference] = field(default_factory=list)
    miscounts: list[Miscount] = field(default_factory=list)


def read_events(file: Path) -> tuple[dict[str, Channel], int]:
    """Channels of an event log by unique id, and how many lines could not be read. Raises `OSError`."""
    channels: dict[str, Channel] = {}
    unreadable = 0
    with file.open(newline="", encoding="utf-8", errors="replace") as source:
        for row in csv.reader(line.replace("\0", "") for line in source):
            if len(row) != _FIELDS or not _apply(channels, row):
                unreadable += 1
    return channels, unreadable


def _apply(channels: dict[str, Channel], row: list[str]) -> bool:
    kind, stamp, unique, _, _, context = row
    try:
        at = float(stamp)
    except ValueError:
        return False
    channel = channels.setdefault(unique, Channel(unique, context, at))
    channel.context = channel.context or context
    if kind == "CHAN_START":
        channel.started = at
    elif kind == "ANSWER":
        channel.answered = channel.answered or at
    elif kind == "CHAN_END":
        channel.ended = at
    return kind in ("CHAN_START", "ANSWER", "CHAN_END")


def compare(
    records: Iterable[CallRecord], channels: dict[str, Channel], *, since: float, until: float
) -> Reconciled:
    """Hold calls that began within ``[since, until)``, oldest first, against the channels.

    A caller whom a partner has joined to another call goes on there: it ends with the caller's channel.
    Who was asked in again after a stop of the controller has one call after another on one channel.
    """
    result = Reconciled()
    legs: dict[str, list[Channel]] = {}
    for channel in channels.values():
        call, _, number = channel.unique.rpartition("-")
        if number.isdigit():
            legs.setdefault(call, []).append(channel)
    met: set[str] = set()
    moved: dict[str, str] = {}
    stopped: dict[str, Difference] = {}
    """By channel, the end of a call that its channel has outlived: until the next call is met there."""
    for record in records:
        result.records += 1
        found = channels.get(record.channel)
        if found is None:
            result.differences.append(
                Difference(call=record.call, channel=record.channel, what="no_channel", ours=record.ingress)
            )
            continue
        again = record.channel in met
        met.add(record.channel)
        lasting = channels.get(moved.pop(record.call, record.channel), found)
        for transfer in record.transfers:
            if transfer.joined is not None:
                moved[transfer.joined], lasting = lasting.unique, replace(lasting, ended=record.ended)
        ours = legs.get(f"{LEG_PREFIX}{record.call}", [])
        stamps = list(_stamps(record, found, lasting.ended))
        if again:
            stamps = [one for one in stamps if one.what == "ended"]
        if record.channel in stopped:
            ended = stopped.pop(record.channel)
            result.differences.remove(ended)
            result.matched += all(one.call != ended.call for one in result.differences)
        outlived = next((one for one in stamps if one.what == "ended" and _outlived(one)), None)
        if outlived is not None and record.outcome == INTERRUPTED:
            stamps.remove(outlived)  # whoever hung up while nobody was there has no later call
        elif outlived is not None and record.ended_by == "system":
            stopped[record.channel] = outlived
        differences = [*stamps, *_legs(record, ours)]
        result.differences += differences
        result.matched += not differences
    for channel in channels.values():
        if _is_caller(channel) and since <= channel.started < until:
            _count(result, channel, known=channel.unique in met)
    return result


def _count(result: Reconciled, channel: Channel, *, known: bool) -> None:
    if channel.ended is None and not known:
        result.still_up += 1
        return
    result.channels += 1
    if not known:
        result.differences.append(
            Difference(call="", channel=channel.unique, what="no_record", asterisk=channel.started)
        )


def _is_caller(channel: Channel) -> bool:
    return channel.context.startswith(CALLERS) and not channel.unique.startswith(LEG_PREFIX)


def _stamps(record: CallRecord, channel: Channel, ended: float | None) -> Iterator[Difference]:
    pairs = (
        ("ingress", record.ingress, channel.started),
        ("accepted", record.accepted, channel.answered),
        ("ended", record.ended, ended),
    )
    for what, ours, theirs in pairs:
        if ours is None and theirs is None:
            continue
        if ours is None or theirs is None or abs(ours - theirs) > TOLERANCE:
            yield Difference(call=record.call, channel=record.channel, what=what, ours=ours, asterisk=theirs)


def _outlived(end: Difference) -> bool:
    return end.ours is not None and (end.asterisk is None or end.asterisk > end.ours)


def _legs(record: CallRecord, found: list[Channel]) -> Iterator[Difference]:
    found = [leg for leg in found if leg.unique != record.channel]  # a callback's caller is called by us
    tracks = len({segment.track for segment in record.segments if segment.track != "caller"})
    if tracks != len(found):
        yield Difference(
            call=record.call, channel=record.channel, what="legs", ours=tracks, asterisk=len(found)
        )
    for leg in found:
        if leg.ended is None:
            yield Difference(call=record.call, channel=leg.unique, what="never_ended", asterisk=leg.started)


def recounted(record: CallRecord) -> Tally:
    """What a call adds to the counts of the reports, by the formulas."""
    parts = (*seat_tallies(record.segments).values(), *map(transfer_tally, record.transfers))
    return summed((call_tally(record), *parts))


def miscounts(reported: Tally, found: Tally) -> list[Miscount]:
    """Counts of calls, contacts and transfers in which the two differ."""
    return [
        Miscount(name=name, reported=getattr(reported, name), recounted=getattr(found, name))
        for name in TALLY_FIELDS
        if name not in _NOT_OF_CALLS and getattr(reported, name) != getattr(found, name)
    ]

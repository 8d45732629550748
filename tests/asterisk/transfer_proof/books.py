"""The books: whether a call's record is exact, and whether seats' and calls' times add up to each other."""

import itertools
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from acd.record import CallRecord, Segment
from tests.asterisk.transfer_proof.plan import After, Case

CONTACT: Final = ("reserved", "ringing", "talking", "consulting", "wrap_up")
"""States of a seat that belong to a call."""


def of_record(
    record: CallRecord, case: Case, number: str, transfers: tuple[tuple[str, str], ...]
) -> list[str]:
    """What is wrong with the record of a case's call; `transfers`: target and outcome of each."""
    faults = tiles(record)
    if record.caller != number or record.outcome.startswith("answered") is not case.answered:
        faults.append(f"record: caller {record.caller}, outcome {record.outcome}")
    told = [(transfer.target, transfer.outcome) for transfer in record.transfers]
    if told != list(transfers):
        faults.append(f"transfers {told}, not {list(transfers)}")
    ended_by = record.ended_by
    if (ended_by == "caller") is (case.after is After.TOLD):
        faults.append(f"ended by {ended_by}")
    return faults


def tiles(record: CallRecord) -> list[str]:
    """The caller's segments tile the call from INVITE to end; every other track has no gap."""
    tracks: defaultdict[str, list[Segment]] = defaultdict(list)
    for segment in record.segments:
        tracks[segment.track].append(segment)
    faults = []
    for name, segments in tracks.items():
        segments.sort(key=lambda one: (one.started, one.ended))
        for before, after in itertools.pairwise(segments):
            if before.ended != after.started:
                faults.append(
                    f"track {name}: {before.activity} ends {before.ended}, next begins {after.started}"
                )
        faults += [f"track {name}: empty segment" for one in segments if one.ended <= one.started]
    caller = tracks["caller"]
    if not caller or (caller[0].started, caller[-1].ended) != (record.ingress, record.ended):
        faults.append("the caller's track is not as long as the call")
    for transfer in record.transfers:
        if not record.ingress <= transfer.asked <= transfer.ended <= record.ended:
            faults.append("a transfer lies outside the call")
    return faults


def seats_against_calls(database: Path, calls: Iterable[str]) -> list[str]:
    """Each seat's time by its shift against its segments in each call, to the microsecond."""
    by_shift: defaultdict[tuple[str, str], int] = defaultdict(int)
    by_call: defaultdict[tuple[str, str], int] = defaultdict(int)
    wanted = set(calls)
    store = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        for seat, call, state, started, ended in store.execute(
            "SELECT seat, call, state, started, ended FROM seat_intervals WHERE call IS NOT NULL"
        ):
            if call in wanted and state in CONTACT:
                by_shift[seat, call] += ended - started
        for party, call, started, ended in store.execute(
            "SELECT party, call, started, ended FROM segments WHERE role = 'seat'"
        ):
            if call in wanted:
                by_call[party, call] += ended - started
    finally:
        store.close()
    return [
        f"{call}: seat {seat} {by_shift[seat, call]} µs by its shift, {by_call[seat, call]} µs by the call"
        for seat, call in sorted(by_shift.keys() | by_call.keys())
        if by_shift[seat, call] != by_call[seat, call]
    ]


def one_record_each(database: Path, calls: Iterable[str]) -> list[str]:
    """Every call has one record."""
    store = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        found = dict(store.execute("SELECT call, count(*) FROM calls GROUP BY call"))
    finally:
        store.close()
    return [f"{call}: {found.get(call, 0)} records" for call in calls if found.get(call, 0) != 1]

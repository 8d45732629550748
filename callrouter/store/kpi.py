"""Key figures over any span, by any of its dimensions, from packed columns.

The same counts as `acd.service_level` makes from records, on whole columns at
once; a test holds the two against each other. Sums are of whole microseconds, and exact.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final

import numpy as np

from acd.ids import Instant
from acd.record import CALLED_BACK, NOT_OFFERED
from acd.rolling import DAY, Window
from acd.service_level import (
    ABANDONED,
    CALLBACK_WITHIN,
    FIGURES,
    MICRO,
    SHORT,
    TALLY_FIELDS,
    TARGET,
    WAITING,
    Tally,
)
from callrouter.store.database import Database
from callrouter.store.local_time import LocalTime
from callrouter.store.packed import Mask, Names, Numbers, Packed
from callrouter.store.packing import QUARTER, load
from callrouter.store.summing import Counts, Key, Sums, add_by_names, add_by_span, by_cell

HOUR: Final = 3600 * 1_000_000
BLOCK: Final = 28
"""Days of columns in memory at a time."""
UTC_TIME: Final = LocalTime.fixed(0)
SPANS: Final[Mapping[str, int]] = {"quarter": QUARTER, "hour": HOUR, "day": DAY}
RANKS: Final = ("province", "prefecture")
"""Levels of the tree of organisations."""
NAMED: Final = ("organisation", "line", "queue", "language", "skill", "seat")
DIMENSIONS: Final = (*RANKS, *NAMED, *SPANS)

Ranks = Mapping[str, Mapping[str, str]]
"""By level, whom each organisation's calls belong to; who is not named belongs to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpis:
    """Tallies of a span by the values of one dimension, and their sum."""

    by: str
    since: int
    until: int
    groups: dict[Key, Tally]
    total: Tally
    worst: Window | None
    """The worst continuous 24 hours within the span."""
    away: Mapping[str, int] = field(default_factory=dict)
    """By seat: microseconds for which each seat was signed in but not ready, whomever it served."""


async def kpis(
    database: Database,
    *,
    since: int,
    until: int,
    by: str,
    now: Instant,
    local: LocalTime = UTC_TIME,
    organisations: Sequence[str] | None = None,
    ranks: Ranks | None = None,
    target: int = TARGET,
) -> Kpis:
    """Figures of calls with ``since ≤ ingress < until`` (microseconds since the epoch), by one dimension.

    `local`: whose days and hours.
    `organisations`: only theirs; seat time is then left out (a seat serves several).
    By skill a call counts for each skill that it asked for, hence not once, or not at all.
    Raises `Unavailable`.
    """
    found = await kpis_by_each(
        database,
        since=since,
        until=until,
        by=(by,),
        now=now,
        local=local,
        organisations=organisations,
        ranks=ranks,
        target=target,
    )
    return found[by]


async def kpis_by_each(
    database: Database,
    *,
    since: int,
    until: int,
    by: Sequence[str],
    now: Instant,
    local: LocalTime = UTC_TIME,
    organisations: Sequence[str] | None = None,
    ranks: Ranks | None = None,
    target: int = TARGET,
) -> dict[str, Kpis]:
    """`kpis` by several dimensions, read in one go."""
    ranks = ranks or {}
    names = {"outcome", "origin", *(_COLUMN.get(one, one) for one in by)}
    if organisations is not None:
        names.add("organisation")
    groups = {one: Sums() for one in by}
    total = Tally()
    away: Counter[str] = Counter()
    stamps: list[Numbers] = []
    reached: list[Mask] = []
    for begin, end in _blocks(since, until):
        parts = await load(database, tuple(_COUNTERS), begin, end, now, names)
        for kind, whole in parts.items():
            part = whole if organisations is None else _of(whole, organisations)
            counts = _COUNTERS[kind](part, target)
            total.add(_tally(counts))
            _add_by_group(groups, part, counts, local, ranks)
            if kind == "seat_time" and "seat" in by:
                away.update(_by_name(whole.names["seat"], whole.numbers["away"]))
            if kind == "calls":
                offered = np.asarray(counts["offered"], dtype=np.bool_)
                stamps.append(part.numbers["ingress"][offered])
                reached.append(np.asarray(counts["answered"], dtype=np.bool_)[offered])
        # Between blocks the loop gets its turn, should this run inside the controller.
        await asyncio.sleep(0)
    worst = worst_window(np.concatenate(stamps), np.concatenate(reached), since, until)
    return {
        one: Kpis(
            by=one, since=since, until=until, groups=found.tallies(), total=total, worst=worst, away=away
        )
        for one, found in groups.items()
    }


def _by_name(names: Names, values: Numbers) -> dict[str, int]:
    return dict(zip(names.names, by_cell(names.codes, values, len(names.names)).tolist(), strict=True))


def _blocks(since: int, until: int) -> Iterator[tuple[int, int]]:
    """The span cut at every `BLOCK` days: only one block's columns are in memory at a time."""
    begin = since
    while begin < until:
        end = min(until, (begin // DAY + BLOCK) * DAY)
        yield begin, end
        begin = end


def _of(part: Packed, organisations: Sequence[str]) -> Packed:
    if "organisation" not in part.names:
        return part.where(np.zeros(part.length, dtype=np.bool_))
    return part.where(part.names["organisation"].equal(*organisations))


# --- counting --------------------------------------------------------------------------


def _count_calls(part: Packed, target: int) -> Counts:
    outcome = part.names["outcome"]
    wait, span, entered = part.numbers["wait"], part.numbers["span"], part.numbers["enqueued"] == 1
    offered = ~(outcome.equal(*NOT_OFFERED) | outcome.beginning(CALLED_BACK))
    answered = offered & (part.numbers["answered"] == 1)
    left = {name: ~answered & outcome.equal(name) for name in ABANDONED}
    waiting = left["abandoned_queue"] | left["abandoned_ringing"]
    zero = np.zeros(part.length, dtype=np.int64)
    return {
        "offered": offered,
        "enqueued": offered & entered,
        "answered": answered,
        "answered_in_target": answered & (wait <= target),
        "human_in_target": answered & (span <= target),
        **left,
        "missed": waiting,
        "abandoned_in_target": waiting & entered & (wait <= target),
        "short": (waiting | left["abandoned_flow"]) & (span < SHORT),
        "wait": np.where(answered, wait, zero),
        "to_human": np.where(answered, span, zero),
    }


def _count_contacts(part: Packed, _: int) -> Counts:
    return {name: part.numbers[name] for name in ("handled", "talk", "hold", "wrap_up")}


def _count_transfers(part: Packed, _: int) -> Counts:
    return {
        "transfers": np.ones(part.length, dtype=np.bool_),
        "transfers_answered": part.numbers["answered"] >= 0,
    }


def _count_seat_time(part: Packed, _: int) -> Counts:
    return {name: part.numbers[name] for name in ("on_contact", "idle")}


def _count_callbacks(part: Packed, _: int) -> Counts:
    reached = part.names["outcome"].equal("reached", "called_in")
    ended, asked = part.numbers["ended"], part.numbers["ingress"]
    return {
        # Who hung up while waiting is counted with the call.
        "missed": ~part.names["origin"].equal(*WAITING),
        "called_back": reached & (ended >= 0) & (ended - asked <= CALLBACK_WITHIN),
    }


def _count_surveys(part: Packed, _: int) -> Counts:
    grade = part.numbers["grade"]
    return {
        "surveyed": np.ones(part.length, dtype=np.bool_),
        "rated": grade >= 1,
        "satisfied": grade >= 4,
    }


_COUNTERS: Final[Mapping[str, Callable[[Packed, int], Counts]]] = {
    "calls": _count_calls,
    "contacts": _count_contacts,
    "transfers": _count_transfers,
    "seat_time": _count_seat_time,
    "callbacks": _count_callbacks,
    "surveys": _count_surveys,
}


def figures_of(tallies: Sequence[Tally]) -> list[list[float | None]]:
    """All of `FIGURES` of many tallies at once, figure by figure: `Figure.of` of each."""
    fields = attrgetter(*TALLY_FIELDS)
    counts = np.array([fields(tally) for tally in tallies], dtype=np.int64).reshape(-1, len(TALLY_FIELDS))
    column = {name: counts[:, place] for place, name in enumerate(TALLY_FIELDS)}
    none = np.zeros(len(tallies), dtype=np.int64)
    found = []
    for figure in FIGURES:
        base = sum((column[name] for name in figure.denominator), none)
        base = base - sum((column[name] for name in figure.without), none)
        whole = sum((column[name] for name in figure.numerator), none)
        values = whole / np.maximum(base, 1)
        if figure.unit == "seconds":
            values = values / MICRO
        pairs = zip(values.tolist(), (base > 0).tolist(), strict=True)
        found.append([value if known else None for value, known in pairs])
    return found


# --- grouping --------------------------------------------------------------------------


def _tally(counts: Counts) -> Tally:
    return Tally(**{name: int(column.sum()) for name, column in counts.items()})


def _add_by_group(
    groups: Mapping[str, Sums], part: Packed, counts: Counts, local: LocalTime, ranks: Ranks
) -> None:
    """Add to the tallies of the dimensions' values; nothing to those that these rows do not have."""
    if not part.length:
        return
    named = {}
    for by, sums in groups.items():
        if by in SPANS:
            add_by_span(part, counts, sums, SPANS[by], local)
        else:
            named[by] = (_COLUMN.get(by, by), sums, partial(_keys_of, by, ranks=ranks))
    add_by_names(part, counts, named)


_COLUMN: Final = {"skill": "skills", **dict.fromkeys(RANKS, "organisation")}
"""The column that a dimension is made from, where it has another name."""


def _keys_of(by: str, name: str, *, ranks: Ranks) -> tuple[str, ...]:
    """The groups that rows of this name count in; rows without a name in none."""
    if by == "skill":
        return tuple(name.split())
    if by in RANKS:
        name = ranks.get(by, {}).get(name, name)
    return (name,) if name else ()


def worst_window(
    ingress: Numbers, answered: Mask, since: int, until: int, *, length: int = DAY, least: int = 1
) -> Window | None:
    """`acd.rolling.worst_window` on columns; `ingress` ascending."""
    length = min(length, until - since)
    latest = until - length
    sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(answered, dtype=np.int64)])
    after = np.searchsorted(ingress, ingress, side="right")
    candidates = (
        # Just after a call, just late enough to hold a call as its last, and the span's first and last.
        (ingress + 1, after, np.searchsorted(ingress, ingress + 1 + length, side="left")),
        (ingress - length + 1, np.searchsorted(ingress, ingress - length + 1, side="left"), after),
        _bounds(np.array([since, latest], dtype=np.int64), ingress, length),
    )
    found = []
    for starts, low, high in candidates:
        # Ascending: those within the span are one stretch, of which no copy is made.
        first, end = np.searchsorted(starts, since), np.searchsorted(starts, latest, side="right")
        within = slice(int(first), int(end))
        found.append(_worst_of(starts[within], low[within], high[within], sums, length, least))
    present = [window for window in found if window is not None]
    return min(present, key=lambda window: (window.answered / window.offered, window.start), default=None)


def _bounds(starts: Numbers, ingress: Numbers, length: int) -> tuple[Numbers, Numbers, Numbers]:
    low = np.searchsorted(ingress, starts, side="left")
    return starts, low, np.searchsorted(ingress, starts + length, side="left")


def _worst_of(
    starts: Numbers, low: Numbers, high: Numbers, sums: Numbers, length: int, least: int
) -> Window | None:
    offered, reached = high - low, sums[high] - sums[low]
    fits = offered >= max(1, least)
    if not fits.any():
        return None
    rates = reached / np.maximum(offered, 1)
    rates[~fits] = np.inf
    worst = int(rates.argmin())
    return Window(
        start=int(starts[worst]), length=length, offered=int(offered[worst]), answered=int(reached[worst])
    )

"""The curve of arrivals from instants: quarter-hours of the day, weekdays, busy and quiet days.

Calls in quarter-hour s of weekday w are Poisson with mean ``f(w)·r(s)`` for each
time it was watched. Both factors follow from the sums (maximum likelihood by
alternating; it converges in a few rounds), so an observation may begin and end anywhere.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acd.ids import Instant
from simulators.queue_sim.world import SLOT, SLOTS_A_DAY, SLOTS_A_WEEK, Floats

WEEKDAYS_FROM: Final = 14
"""Days of observation from which weekdays are told apart."""
MOST_SPREAD: Final = 2.0
_ROUNDS: Final = 30

Whole = NDArray[np.int64]
Covered = Mapping[int, Mapping[int, float]]
"""Quarter-hours of the week that were watched, by local day: which part of each (0 … 1)."""


def local_slots(at: Floats, zone: tzinfo) -> tuple[Whole, Whole]:
    """Local day (number since the epoch) and quarter-hour of the week of each instant."""
    slots = np.floor((at + np.array([_offset(one, zone) for one in at.tolist()])) / SLOT).astype(np.int64)
    days = slots // SLOTS_A_DAY
    return days, _of_week(days, slots)


def _of_week(day: Whole, slot: Whole) -> Whole:
    # The epoch was a Thursday.
    return np.asarray((day + 3) % 7 * SLOTS_A_DAY + slot % SLOTS_A_DAY)


def _offset(at: float, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset() or timedelta()
    return offset.total_seconds()


def covered_slots(since: Instant, until: Instant, zone: tzinfo) -> dict[int, dict[int, float]]:
    """Which part of each quarter-hour lies in ``[since, until)``; those at the ends may be cut."""
    begin, end = (since + _offset(since, zone)) / SLOT, (until + _offset(until, zone)) / SLOT
    slots = np.arange(math.floor(begin), math.ceil(end))
    days = slots // SLOTS_A_DAY
    covered: dict[int, dict[int, float]] = {}
    for day, slot, first in zip(days.tolist(), _of_week(days, slots).tolist(), slots.tolist(), strict=True):
        part = min(end, first + 1) - max(begin, first)
        if part > 0:
            covered.setdefault(day, {})[slot] = part
    return covered


def arrival_curve(days: Whole, slots: Whole, covered: Covered) -> tuple[Floats, Floats | None, float]:
    """Calls per hour by quarter-hour of the day, weekday factors (None: too short), spread of days.

    The spread is the standard deviation ÷ mean of how busy whole days are beyond Poisson.
    """
    watched = np.zeros(SLOTS_A_WEEK)
    for of_day in covered.values():
        watched[list(of_day)] += list(of_day.values())
    kept = np.array(
        [slot in covered.get(day, ()) for day, slot in zip(days.tolist(), slots.tolist(), strict=True)]
    )
    counts = np.bincount(slots[kept] if len(slots) else slots, minlength=SLOTS_A_WEEK).astype(np.float64)
    calls, times = counts.reshape(7, -1), watched.reshape(7, -1)
    tell_weekdays = len(covered) >= WEEKDAYS_FROM
    factors, rates = np.ones(7), np.zeros(SLOTS_A_DAY)
    for _ in range(_ROUNDS if tell_weekdays else 1):
        rates = _ratio(calls.sum(axis=0), (factors[:, None] * times).sum(axis=0))
        if tell_weekdays:
            factors = _ratio(calls.sum(axis=1), (rates * times).sum(axis=1))
            factors = factors / factors.mean() if factors.any() else np.ones(7)
    expected = (factors[:, None] * rates).ravel()
    spread = _spread(days[kept] if len(days) else days, covered, expected)
    return rates * 4, factors if tell_weekdays else None, spread


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _spread(days: Whole, covered: Covered, expected: Floats) -> float:
    """By moments: the variance of a day's calls is m + (spread·m)²."""
    whole = [day for day, slots in covered.items() if sum(slots.values()) > SLOTS_A_DAY - 1e-6]
    if len(whole) < 3:
        return 0.0
    means = np.array([expected[list(covered[day])].sum() for day in whole])
    seen = np.array([(days == day).sum() for day in whole])
    beyond = float(((seen - means) ** 2 - means).sum() / max((means**2).sum(), 1e-12))
    return min(MOST_SPREAD, math.sqrt(max(0.0, beyond)))

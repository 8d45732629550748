"""Days and hours of a place on columns of instants, through the days on which its clocks are set.

All instants are whole microseconds since the epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

import numpy as np

from callrouter.store.packed import Numbers

MICRO: Final = 1_000_000
LOOK: Final = 6 * 3600 * MICRO
"""No zone has set its clocks twice within so short a time."""


@dataclass(frozen=True, slots=True)
class LocalTime:
    """How far local time is ahead of UTC: `ahead[n]` from `since[n]` on, the first also before."""

    since: tuple[int, ...]
    ahead: tuple[int, ...]

    @classmethod
    def fixed(cls, ahead: int) -> "LocalTime":
        """The same at all times."""
        return cls((0,), (ahead,))

    @classmethod
    def of(cls, zone: tzinfo, begin: int, end: int) -> "LocalTime":
        """A zone's time between two instants."""
        since, ahead = [begin], [_ahead(zone, begin)]
        for look in range(begin, end, LOOK):
            later = min(look + LOOK, end)
            if _ahead(zone, later) != ahead[-1]:
                since.append(_change(zone, look, later))
                ahead.append(_ahead(zone, later))
        return cls(tuple(since), tuple(ahead))

    def at(self, instants: Numbers) -> tuple[Numbers, Numbers]:
        """How far ahead it is at each, and since when it is."""
        turns = np.searchsorted(np.array(self.since[1:], dtype=np.int64), instants, side="right")
        since = np.array((np.iinfo(np.int64).min, *self.since[1:]), dtype=np.int64)
        return np.array(self.ahead, dtype=np.int64)[turns], since[turns]

    def begins(self, local: Sequence[int]) -> list[int]:
        """When the clock first shows, or jumps over, each of these local times (microseconds, as if UTC)."""
        return [self._begins(one) for one in local]

    def _begins(self, local: int) -> int:
        for turn, ahead in enumerate(self.ahead):
            last = turn + 1 == len(self.ahead)
            if last or local - ahead < self.since[turn + 1]:
                # Where the clock was set forward past it, it never was: then the day begins with the change.
                return max(local - ahead, self.since[turn]) if turn else local - ahead
        raise AssertionError("the last stretch has no end")


def _ahead(zone: tzinfo, instant: int) -> int:
    found = datetime.fromtimestamp(instant // MICRO, zone).utcoffset()
    return round(found.total_seconds() * MICRO) if found is not None else 0


def _change(zone: tzinfo, before: int, after: int) -> int:
    """The first second with the later offset."""
    low, high = before // MICRO, -(-after // MICRO)
    wanted = _ahead(zone, after)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _ahead(zone, middle * MICRO) == wanted else (middle, high)
    return high * MICRO

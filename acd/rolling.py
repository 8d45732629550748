"""The answer rate over any continuous 24 hours: a standard is met only when its worst window meets it."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

DAY: Final = 24 * 3600 * 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Answered out of offered in ``[start, start + length)``, microseconds since the epoch."""

    start: int
    length: int
    offered: int
    answered: int

    @property
    def rate(self) -> float | None:
        return self.answered / self.offered if self.offered else None


def worst_window(
    calls: Sequence[tuple[int, bool]], since: int, until: int, *, length: int = DAY, least: int = 1
) -> Window | None:
    """The window with the lowest answer rate of all that lie within ``[since, until)``.

    `calls`: ingress (microseconds) and whether a person answered, ascending.
    Windows with fewer than `least` calls don't count; None when there is none.
    A span shorter than `length` is one window. Of equally bad ones the earliest.

    As a window slides, what it holds changes only where its start passes a call or its
    end reaches one: these windows, and the first and last, are all that need a look.
    """
    length = min(length, until - since)
    stamps = [ingress for ingress, _ in calls]
    sums: list[int] = [0]
    for _, by_a_person in calls:
        sums.append(sums[-1] + by_a_person)
    latest = until - length
    starts = {since, latest}
    starts.update(start for stamp in stamps for start in (stamp + 1, stamp - length + 1))
    best: tuple[float, int] | None = None
    found: Window | None = None
    low = high = 0
    for start in sorted(start for start in starts if since <= start <= latest):
        while low < len(stamps) and stamps[low] < start:
            low += 1
        while high < len(stamps) and stamps[high] < start + length:
            high += 1
        offered, answered = high - low, sums[high] - sums[low]
        if offered >= max(1, least) and (best is None or answered / offered < best[0]):
            best = (answered / offered, start)
            found = Window(start=start, length=length, offered=offered, answered=answered)
    return found


@dataclass(slots=True)
class RollingRate:
    """The window that ends now, kept up call by call; memory is bounded by the calls of one window."""

    length: int = DAY
    offered: int = 0
    answered: int = 0
    _calls: list[tuple[int, bool]] = field(default_factory=list)

    def add(self, ingress: int, answered: bool) -> None:
        """A call that is over. Calls end in another order than they come: the heap has the oldest on top."""
        heapq.heappush(self._calls, (ingress, answered))
        self.offered += 1
        self.answered += answered

    def at(self, now: int) -> Window:
        """The window ``[now - length, now)``; forgets what lies before it."""
        while self._calls and self._calls[0][0] < now - self.length:
            _, answered = heapq.heappop(self._calls)
            self.offered -= 1
            self.answered -= answered
        return Window(
            start=now - self.length, length=self.length, offered=self.offered, answered=self.answered
        )

"""How late the loop is: a rolling minute of delays."""

import math
import time
from bisect import bisect_left
from collections import deque
from itertools import accumulate
from typing import Final

WINDOW: Final = 60.0
KEPT: Final = 20_000
BOUNDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, math.inf)
"""Seconds: upper bounds of the histogram."""


class Delays:
    """Seconds between a fact's arrival and the end of its handling; the latest `KEPT` of a minute."""

    def __init__(self) -> None:
        self._counts = [0] * len(BOUNDS)
        self._seen: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.total = 0
        self.total_seconds = 0.0

    def add(self, seconds: float, now: float) -> None:
        """`now` is the monotonic clock's."""
        self.total += 1
        self.total_seconds += seconds
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._seen.append((now, seconds))

    def p99(self) -> float:
        """Nearest-rank 99th percentile of the last minute; 0 when nothing has happened."""
        since = time.monotonic() - WINDOW
        recent = sorted(seconds for at, seconds in self._seen if at >= since)
        if not recent:
            return 0.0
        return recent[min(len(recent) - 1, math.ceil(0.99 * len(recent)) - 1)]

    def buckets(self) -> list[tuple[float, int]]:
        """Upper bounds with cumulative counts, for Prometheus."""
        return list(zip(BOUNDS, accumulate(self._counts), strict=True))

"""Wall-clock time that never runs backwards and never jumps."""

import time

from acd.ids import Instant

_SLEW = 0.0005
"""Drift towards the system's clock, in seconds per second, after the system's clock was set."""


class SteadyClock:
    """The wall clock at start, carried on by the monotonic clock.

    A system clock that is stepped while calls run (NTP, an operator) would tear
    stamps apart. This clock follows it only as fast as `_SLEW` allows.
    """

    def __init__(self) -> None:
        self._last_monotonic = time.monotonic()
        self._now = time.time()

    def now(self) -> Instant:
        monotonic = time.monotonic()
        elapsed = monotonic - self._last_monotonic
        self._last_monotonic = monotonic
        behind = time.time() - (self._now + elapsed)
        allowed = elapsed * _SLEW
        if behind > allowed:
            behind = allowed
        elif behind < -allowed:
            behind = -allowed
        self._now += elapsed + behind
        return self._now

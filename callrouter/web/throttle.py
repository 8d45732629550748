"""Failed sign-ins are counted, so that passwords cannot be tried out."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

from acd.ids import Instant

WINDOW: Final = 60.0
"""Seconds in which failures are counted."""
_KEYS: Final = 20_000


@dataclass(slots=True)
class Throttle:
    """At most `limit` failures a key in `WINDOW`; memory is bounded by forgetting the oldest key."""

    limit: int
    _failures: OrderedDict[str, deque[Instant]] = field(default_factory=OrderedDict)

    def wait(self, key: str, now: Instant) -> float:
        """Seconds until this key may try again; 0: now."""
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        while failures and failures[0] <= now - WINDOW:
            failures.popleft()
        if not failures:
            del self._failures[key]
            return 0.0
        return failures[0] + WINDOW - now if len(failures) >= self.limit else 0.0

    def failed(self, key: str, now: Instant) -> None:
        failures = self._failures.setdefault(key, deque(maxlen=self.limit))
        failures.append(now)
        self._failures.move_to_end(key)
        if len(self._failures) > _KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)

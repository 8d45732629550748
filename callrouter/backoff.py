"""How long to wait before a broken link is tried again."""

import random


class Backoff:
    """Doubles from `first` to `last` seconds; half of each wait is random: clients return one by one."""

    def __init__(self, first: float, last: float) -> None:
        self._first = first
        self._last = last
        self._ceiling = first

    def next(self) -> float:
        """Seconds to wait now."""
        ceiling, self._ceiling = self._ceiling, min(self._last, self._ceiling * 2)
        return ceiling * (0.5 + random.random() / 2)

    def reset(self) -> None:
        """The link stood: begin anew."""
        self._ceiling = self._first

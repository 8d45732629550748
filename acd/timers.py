"""Deadlines by key: set, move, cancel, collect. No clock in it."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

from acd.ids import Instant

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """One deadline per key; setting again moves it. Ties fall in the order they were set."""

    __slots__ = ("_at", "_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[Instant, int, K]] = []
        self._at: dict[K, tuple[Instant, int]] = {}
        self._count = 0

    def set(self, key: K, at: Instant) -> None:
        self._count += 1
        self._at[key] = (at, self._count)
        heapq.heappush(self._heap, (at, self._count, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._at):
            self._heap = [(at, count, key) for key, (at, count) in self._at.items()]
            heapq.heapify(self._heap)

    def cancel(self, key: K) -> None:
        self._at.pop(key, None)

    def at(self, key: K) -> Instant | None:
        entry = self._at.get(key)
        return entry[0] if entry else None

    def next(self) -> Instant | None:
        heap = self._heap
        while heap and self._at.get(heap[0][2]) != heap[0][:2]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: Instant) -> K | None:
        """Take the earliest key whose deadline has come, or None."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._at[key]
        return key

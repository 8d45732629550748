"""Notices when the store goes away and when it is back: `callrouter.operator_notices.Notices`."""

import asyncio
from collections.abc import Callable
from typing import Final

from acd.ids import Instant
from callrouter.operator_notices import STORE_AWAY, Notice
from callrouter.store.writer import StoreHealth

LOOK_EVERY: Final = 1.0
TELL_EVERY: Final = 5.0
"""How often screens hear that more waits, while nothing else is different."""


class StoreWatch:
    """`run` until cancelled. The writer is asked, not told by: it must not wait for anybody."""

    def __init__(self, health: Callable[[], StoreHealth], now: Callable[[], Instant]) -> None:
        self._health = health
        self._now = now
        self._notice: Notice | None = None
        self._told = 0.0
        self._callbacks: set[Callable[[], None]] = set()

    def current(self) -> tuple[Notice, ...]:
        return () if self._notice is None else (self._notice,)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks.add(callback)
        return lambda: self._callbacks.discard(callback)

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Compare with how it was; tell who has subscribed what is worth telling."""
        health, now, before = self._health(), self._now(), self._notice
        if health.available:
            self._notice = None
        else:
            self._notice = Notice(
                kind=STORE_AWAY,
                since=now if before is None else before.since,
                reason=health.reason,
                waiting=health.spilled_bytes,
                lost=health.lost,
            )
        if self._notice == before:
            return
        only_more = (
            self._notice is not None
            and before is not None
            and (self._notice.lost, self._notice.reason) == (before.lost, before.reason)
        )
        if only_more and 0 <= now - self._told < TELL_EVERY:
            return
        self._told = now
        for callback in tuple(self._callbacks):
            callback()

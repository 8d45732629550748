"""Who follows what happens: screens and the feed, told of each thing that looks different.

A queue looks different with each caller that comes or goes and with each state of each of
its seats, several times for one call. It is told once in `QUEUES_EVERY` seconds, as it is then.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from acd.ids import QueueId, SeatId
from callrouter.controller import views
from callrouter.ports import Change
from callrouter.router import Router

QUEUES_EVERY: Final = 0.1

Changed = dict[tuple[str, str], None]
"""(kind, id) of what is different: ``call``, ``seat`` or ``queue``."""


class Audience:
    """Everything happens in the loop that runs the controller."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._members: list[Callable[[Change], None]] = []
        self._queues: Changed = {}
        self._timer: asyncio.TimerHandle | None = None

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        self._members.append(callback)

        def end() -> None:
            if callback in self._members:
                self._members.remove(callback)

        return end

    def tell(self, changed: Changed) -> None:
        """Calls and seats at once; queues, of seats too, when their time has come."""
        if not self._members:
            return
        told: Changed = {}
        for kind, name in changed:
            if kind == "queue":
                self._queues[kind, name] = None
            else:
                told[kind, name] = None
            if kind == "seat" and self._router.site.seat(SeatId(name)) is not None:
                for queue in self._router.floor.seat(SeatId(name)).queues:
                    self._queues["queue", queue] = None
        if self._queues and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(QUEUES_EVERY, self._tell_queues)
        self._tell(told)

    def all_queues(self) -> None:
        """The plan has changed."""
        self.tell({("queue", plan.queue): None for plan in self._router.site.floor.queues})

    def _tell_queues(self) -> None:
        self._timer = None
        # A plan may have lost some meanwhile.
        known = {plan.queue for plan in self._router.site.floor.queues}
        changed, self._queues = self._queues, {}
        self._tell({(kind, name): None for kind, name in changed if QueueId(name) in known})

    def _tell(self, changed: Changed) -> None:
        for change in views.changes(self._router, changed):
            for member in list(self._members):
                member(change)

"""Which phones can be rung: as the manager interface says, as long as there is a switch to ring them.

Without a switch no leg can be made. Were seats offered callers all the same, each offer
would fail at once, seat after seat, and everybody would be found not ready for calls
that never rang. So seats count as out of reach until the switch is back, callers keep their
places, and nobody has missed anything. Who is in a conversation is left in it: it
goes on in Asterisk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import agent
from acd import events as e
from acd.ids import NodeId, SeatId
from callrouter.router.notices import SeatShown

if TYPE_CHECKING:
    from callrouter.router.core import Router

_IN_TALK: Final = (agent.TALKING, agent.CONSULTING)


class Phones:
    """`registered`: seats whose phones the manager interface has told to be there."""

    def __init__(self) -> None:
        self.registered: dict[SeatId, None] = {}
        self._up: set[NodeId] = set()
        self.dark = False
        """There was a switch, and there is none now."""

    def node_up(self, router: Router, node: NodeId) -> None:
        self._up.add(node)
        if self.dark:
            self.dark = False
            for seat in self.registered:
                _tell(router, e.SeatReachable(seat=seat))

    def node_down(self, router: Router, node: NodeId) -> None:
        self._up.discard(node)
        if self._up or self.dark:
            return
        self.dark = True
        for seat in self.registered:
            if router.site.seat(seat) is not None and router.floor.seat(seat).state not in _IN_TALK:
                _tell(router, e.SeatUnreachable(seat=seat))

    def told(self, router: Router, event: e.SeatReachable | e.SeatUnreachable) -> None:
        """A fact of the manager interface."""
        if isinstance(event, e.SeatReachable):
            self.registered[event.seat] = None
            if self.dark:
                return
        else:
            self.registered.pop(event.seat, None)
        _tell(router, event)


def _tell(router: Router, event: e.SeatReachable | e.SeatUnreachable) -> None:
    router.tell_floor(event)
    if router.site.seat(event.seat) is not None:
        router.out.append(SeatShown(event.seat))

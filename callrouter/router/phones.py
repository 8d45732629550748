"""Which phones can be rung, and for whom: as the manager interface says, where a switch can ring them.

Without a switch no leg can be made. Were seats offered callers all the same, each offer
would fail at once, seat after seat, and everybody would be found not ready for calls
that never rang. So seats count as out of reach until the switch is back, callers keep their
places, and nobody has missed anything. Who is in a conversation is left in it: it
goes on in Asterisk.

With several switches a seat is rung on the switch of its caller. While that one is down
its callers are held back, each at the place it has, and seats take those of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import agent
from acd import events as e
from acd.call import Owner
from acd.ids import CallId, NodeId, SeatId
from callrouter.router.notices import SeatShown

if TYPE_CHECKING:
    from callrouter.router.core import Router

_IN_TALK: Final = (agent.TALKING, agent.CONSULTING)


class Phones:
    """`registered`: seats whose phones the manager interface has told to be there."""

    def __init__(self) -> None:
        self.registered: dict[SeatId, None] = {}
        self._up: set[NodeId] = set()
        self._down: set[NodeId] = set()
        """There was a link, and there is none now."""

    @property
    def dark(self) -> bool:
        """There was a switch, and there is none now."""
        return bool(self._down) and not self._up

    def node_up(self, router: Router, node: NodeId) -> None:
        was_dark = self.dark
        self._up.add(node)
        self._down.discard(node)
        if was_dark:
            for seat in self.registered:
                _tell(router, e.SeatReachable(seat=seat))
        if calls := _waiting(router, node):
            router.tell_floor(e.CallersReachable(calls=calls))

    def node_down(self, router: Router, node: NodeId) -> None:
        was_dark = self.dark
        self._up.discard(node)
        self._down.add(node)
        if calls := _waiting(router, node):
            router.tell_floor(e.CallersUnreachable(calls=calls))
        if was_dark or not self.dark:
            return
        for seat in self.registered:
            if router.site.seat(seat) is not None and router.floor.seat(seat).state not in _IN_TALK:
                _tell(router, e.SeatUnreachable(seat=seat))

    def joins(self, node: NodeId) -> bool:
        """Whether seats can be rung for the callers of this switch."""
        return node not in self._down

    def rings_from(self, wanted: NodeId) -> NodeId:
        """Where a call of ours begins: on the switch `wanted`, else on one that is there."""
        return wanted if wanted in self._up else min(self._up, default=wanted)

    def told(self, router: Router, event: e.SeatReachable | e.SeatUnreachable) -> None:
        """A fact of the manager interface."""
        if isinstance(event, e.SeatReachable):
            self.registered[event.seat] = None
            if self.dark:
                return
        else:
            self.registered.pop(event.seat, None)
        _tell(router, event)


def _waiting(router: Router, node: NodeId) -> tuple[CallId, ...]:
    return tuple(
        live.call.id
        for live in router.calls.values()
        if live.call.node == node and live.call.owner is Owner.QUEUE
    )


def _tell(router: Router, event: e.SeatReachable | e.SeatUnreachable) -> None:
    router.tell_floor(event)
    if router.site.seat(event.seat) is not None:
        router.out.append(SeatShown(event.seat))

"""A seat's time as intervals that tile its shift.

From sign-in to sign-out a seat is always in exactly one state; each change of
state closes an interval at the very instant the next one begins. Hence the
intervals of a shift add up to its length, and those of all seats to the floor's.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from acd.agent import LOGGED_OUT, NOT_READY, READY
from acd.commands import SeatChanged
from acd.fact import Fact
from acd.ids import AgentId, CallId, Instant, SeatId
from acd.kept import KeptSeat

IDLE: Final = frozenset({READY})
AWAY: Final = frozenset({NOT_READY, LOGGED_OUT})
"""All other states are contact."""


class SeatInterval(Fact):
    """A seat with an agent in one state, from `started` to `ended`."""

    seat: SeatId
    agent: AgentId | None
    state: str
    reason: str
    started: Instant
    ended: Instant
    call: CallId | None


@dataclass(slots=True)
class Shifts:
    """The open interval of each seat; closes it when the seat changes."""

    _open: dict[SeatId, SeatChanged] = field(default_factory=dict)

    def changed(self, change: SeatChanged) -> SeatInterval | None:
        """The interval that this change ends, if one was open and lasted."""
        before = self._open.pop(change.seat, None)
        if before is not None and change.since < before.since:
            # A clock that was set back must not make negative time: the interval goes on.
            self._open[change.seat] = before
            return None
        if change.state != LOGGED_OUT:
            self._open[change.seat] = change
        return _closed(before, change.since) if before is not None else None

    def resume(
        self, seats: Iterable[KeptSeat], going_on: Collection[SeatId], at: Instant, *, orderly: bool
    ) -> list[SeatInterval]:
        """Take up the seats of the process before, as they were `at` the last moment it told of.

        What an `orderly` end has closed already is not closed again. Nobody knows what a seat did in between,
        unless its conversation has gone on all the time.
        """
        closed = []
        for kept in seats:
            if kept.since <= 0:
                continue  # left by a version that did not tell
            state = SeatChanged(
                seat=kept.seat,
                agent=kept.agent,
                state=kept.state,
                reason=kept.reason,
                since=at if orderly else kept.since,
                call=kept.call,
            )
            if kept.seat in going_on:
                self._open[kept.seat] = state
            elif (interval := _closed(state, at)) is not None:
                closed.append(interval)
        return closed

    def end(self, now: Instant) -> list[SeatInterval]:
        """Close all that is open: the program stops."""
        closed = [_closed(change, now) for change in self._open.values()]
        self._open.clear()
        return [interval for interval in closed if interval is not None]


def _closed(change: SeatChanged, ended: Instant) -> SeatInterval | None:
    if ended <= change.since:
        return None
    return SeatInterval(
        seat=change.seat,
        agent=change.agent,
        state=change.state,
        reason=change.reason,
        started=change.since,
        ended=ended,
        call=change.call,
    )

"""What a router leaves to the next one: the floor's part, and what promised calls are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acd.ids import CallId, Instant, Seconds
from acd.kept import FloorResumed
from callrouter.router.promises import Origin

if TYPE_CHECKING:
    from callrouter.router.core import Router

SEATS_STAY: Final[Seconds] = 600.0
"""Whose controller was away for longer has gone elsewhere: seats are signed out then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Numbers of callers are in it as they were received."""

    at: Instant
    floor: FloorResumed
    promised: Mapping[CallId, Origin]
    """Origins by callback."""
    missed: Mapping[CallId, Origin]
    made: int
    """Callbacks promised so far: their ids end with it."""


def keep(router: Router, now: Instant) -> Kept:
    """What must not be lost should the process end now; changes nothing."""
    floor = router.floor.keep(now)
    known = router.promised
    origins = {missed.call: known.missed.get(missed.call) for missed in floor.missed}
    for call in origins:
        if (live := router.calls.get(call)) is not None:
            origins[call] = Origin.of(live.call)
    return Kept(
        at=now,
        floor=floor,
        promised={one.call: known[one.call] for one in floor.callbacks if one.call in known},
        missed={call: origin for call, origin in origins.items() if origin is not None},
        made=known.made,
    )


def resume(router: Router, kept: Kept) -> None:
    """Give it to a router that has just begun, before its first event."""
    floor = kept.floor
    promised, missed = kept.promised, kept.missed
    seats = floor.seats if router.now - kept.at <= SEATS_STAY else ()
    router.promised.update(promised)
    router.promised.missed.update(missed)
    router.promised.made = kept.made
    router.ask_floor(
        FloorResumed(
            # Without its origin nobody knows over which trunk to dial.
            callbacks=tuple(one for one in floor.callbacks if one.call in promised),
            missed=floor.missed,
            seats=seats,
            queues=floor.queues,
        )
    )

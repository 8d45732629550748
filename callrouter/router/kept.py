"""What a router leaves to the next one: the floor's part, and what promised calls are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from msgspec import structs

from acd.agent import LOGGED_OUT
from acd.ids import CallId, Instant, SeatId, Seconds
from acd.kept import FloorResumed, KeptCallback, KeptSeat
from callrouter.privacy import is_of
from callrouter.router import surviving
from callrouter.router.promises import Origin
from callrouter.router.surviving import KeptTalk

if TYPE_CHECKING:
    from callrouter.router.core import Router

SEATS_STAY: Final[Seconds] = 600.0
"""Whose controller was away for longer has gone elsewhere: seats are signed out then, or after their call."""


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
    talks: tuple[KeptTalk, ...] = ()
    """Conversations at hand."""
    orderly: bool = False
    """The process ended by itself: seats' intervals were closed at `at`."""

    @property
    def going_on(self) -> tuple[SeatId, ...]:
        """Seats in conversations that the next process takes up."""
        return tuple(seat for talk in self.talks for seat in talk.seats)


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
        talks=tuple(
            talk for live in router.calls.values() if (talk := surviving.keep(router, live, now)) is not None
        ),
    )


def without(kept: Kept, digits: str) -> tuple[Kept, tuple[KeptCallback, ...], int]:
    """The same without what it knows of a person: also their callbacks, and how many missed calls.

    `digits`: see `callrouter.privacy.national`.
    """
    theirs = {call for call, origin in kept.promised.items() if is_of(origin.caller, digits)}
    gave_up = {call for call, origin in kept.missed.items() if is_of(origin.caller, digits)}
    floor = kept.floor
    dropped = tuple(
        one
        for one in floor.callbacks
        if one.call in theirs or is_of(one.number, digits) or is_of(one.identity, digits)
    )
    gave_up.update(one.call for one in floor.missed if is_of(one.identity, digits))
    gone = {one.call for one in dropped}
    left = structs.replace(
        floor,
        callbacks=tuple(one for one in floor.callbacks if one.call not in gone),
        missed=tuple(one for one in floor.missed if one.call not in gave_up),
    )
    return (
        replace(
            kept,
            floor=left,
            promised={call: one for call, one in kept.promised.items() if call not in gone | theirs},
            missed={call: one for call, one in kept.missed.items() if call not in gave_up},
            talks=tuple(talk for talk in kept.talks if not is_of(talk.caller, digits)),
        ),
        dropped,
        len(gave_up),
    )


def _last_contact(seat: KeptSeat) -> KeptSeat:
    return structs.replace(seat, next_state=LOGGED_OUT, next_reason="")


def resume(router: Router, kept: Kept) -> None:
    """Give it to a router that has just begun, before its first event."""
    floor = kept.floor
    promised, missed = kept.promised, kept.missed
    surviving.take_up(router, kept.talks)
    going_on = kept.going_on
    at_work = [one for one in floor.seats if one.seat in going_on]
    soon = router.now - kept.at <= SEATS_STAY
    router.promised.update(promised)
    router.promised.missed.update(missed)
    router.promised.made = kept.made
    router.ask_floor(
        FloorResumed(
            # Without its origin nobody knows over which trunk to dial.
            callbacks=tuple(one for one in floor.callbacks if one.call in promised),
            missed=floor.missed,
            seats=floor.seats if soon else tuple(map(_last_contact, at_work)),
            going_on=going_on,
            queues=floor.queues,
        )
    )

"""Figures that have to agree, whatever happened: segments, seats' time, and what the screens count."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from acd.commands import SeatChanged
from acd.floor.views import QueueStatus
from acd.record import Activity, CallRecord, LateSegment, Role, Segment
from acd.service_level import micros, seat_tallies, summed
from acd.shift import SeatInterval, Shifts

SPEAKING = frozenset({Activity.TALK, Activity.HOLD, Activity.CONSULT, Activity.CONFERENCE})


def intervals_of(changes: Iterable[SeatChanged], now: float) -> list[SeatInterval]:
    shifts = Shifts()
    closed = [shifts.changed(change) for change in changes]
    return [one for one in closed if one is not None] + shifts.end(now)


def assert_shifts_are_tiled(changes: Sequence[SeatChanged], now: float) -> None:
    """From sign-in to sign-out each seat is in one state at a time, without gap or overlap."""
    found = intervals_of(changes, now)
    for seat in {one.seat for one in found}:
        mine = sorted((one for one in found if one.seat == seat), key=lambda one: one.started)
        assert all(one.started < one.ended for one in mine)
        assert all(a.ended <= b.started for a, b in itertools.pairwise(mine))
        assert sum(micros(one.ended) - micros(one.started) for one in mine) == _signed_in(
            [change for change in changes if change.seat == seat], now
        )


def _signed_in(changes: Sequence[SeatChanged], now: float) -> int:
    """Microseconds with an agent, told from sign-ins and sign-outs alone."""
    total, since = 0, None
    for change in changes:
        if change.state == "logged_out" and since is not None:
            total += micros(change.since) - micros(since)
            since = None
        elif change.state != "logged_out" and since is None:
            since = change.since
    return total + (micros(now) - micros(since) if since is not None else 0)


def all_segments(records: Iterable[CallRecord], late: Iterable[LateSegment]) -> list[Segment]:
    return [part for record in records for part in record.segments] + [one.segment for one in late]


def assert_seats_and_calls_agree(
    segments: Sequence[Segment], changes: Sequence[SeatChanged], now: float
) -> None:
    """A seat's time with a call is the same by its own intervals and by the call's segments."""
    by_seat: Counter[tuple[str, str]] = Counter()
    for one in intervals_of(changes, now):
        if one.call is not None and one.state in ("talking", "consulting"):
            by_seat[one.seat, one.call] += micros(one.ended) - micros(one.started)
    by_call: Counter[tuple[str, str]] = Counter()
    for part in segments:
        if part.role is Role.SEAT and part.activity in SPEAKING:
            by_call[part.party, part.call] += micros(part.ended) - micros(part.started)
    assert +by_seat == +by_call
    total = summed(seat_tallies(segments).values())
    assert total.talk + total.hold == sum(by_seat.values())


@dataclass(frozen=True, slots=True)
class Counted:
    """What the screens count of all queues, since midnight."""

    offered: int
    answered: int
    abandoned: int
    in_target: int


def counted_live(queues: Iterable[QueueStatus]) -> Counted:
    found = list(queues)
    return Counted(
        sum(one.offered for one in found),
        sum(one.answered for one in found),
        sum(one.abandoned for one in found),
        sum(one.answered_in_target for one in found),
    )


WAITING = frozenset({Activity.QUEUE, Activity.RING})


def counted_again(records: Iterable[CallRecord], target: int) -> Counted:
    """The same from records alone: each wait on a caller's track is one offer to a queue."""
    waits = [wait for record in records if record.offered for wait in waits_of(record)]
    answered = [length for length, after in waits if after in SPEAKING]
    return Counted(
        offered=len(waits),
        answered=len(answered),
        abandoned=sum(after is None for _, after in waits),
        in_target=sum(length <= target for length in answered),
    )


def waits_of(record: CallRecord) -> Iterator[tuple[int, Activity | None]]:
    """Microseconds of each wait in a queue, and what came next: None, the caller left.

    Where one wait follows another at once (the flow went on to another queue) two segments of waiting meet.
    """
    track = [part for part in record.segments if part.track == "caller"]
    since = None
    for part, after in itertools.zip_longest(track, track[1:]):
        if part.activity not in WAITING:
            continue
        since = part.started if since is None else since
        goes_on = after is not None and after.activity in WAITING
        if goes_on and not (part.activity is after.activity is Activity.QUEUE):
            continue
        yield micros(part.ended) - micros(since), after.activity if after is not None else None
        since = None


def assert_counts_agree(live: Counted, again: Counted) -> None:
    """Where a caller changes queues within one instant, records show one wait and the screens two."""
    assert (again.answered, again.abandoned) == (live.answered, live.abandoned)
    assert again.offered <= live.offered
    assert again.in_target <= live.in_target

"""What a floor is made of: seats, queues and rules, as frozen data.

The configuration layer builds a `FloorPlan` from YAML; a live edit builds a new
one. Nothing here changes while calls run: `acd.floor` holds the moving parts.
Durations are seconds.
"""

from bisect import bisect_right
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from acd.ids import Instant, QueueId, SeatId, Seconds

_NO_SKILLS: Mapping[str, int] = {}


@runtime_checkable
class Hours(Protocol):
    """When a queue takes new callers. Pure: the answer depends on `now` alone."""

    def open_at(self, now: Instant) -> bool: ...

    def changes_after(self, now: Instant) -> Instant | None:
        """When it closes if it is open at `now`, opens if it is closed; None: never."""


@dataclass(frozen=True, slots=True)
class AlwaysOpen:
    """7×24."""

    def open_at(self, now: Instant) -> bool:
        return True

    def changes_after(self, now: Instant) -> Instant | None:
        return None


@dataclass(frozen=True, slots=True)
class OpenIntervals:
    """Open in ``[start, end)`` of each interval; they are sorted and neither overlap nor touch.

    The calendar (`callrouter.flow.calendar`) unrolls opening hours, holidays and
    make-up days into intervals; the core stays free of time zones.
    """

    intervals: tuple[tuple[Instant, Instant], ...]
    known_until: Instant | None = None
    """From then on nobody has worked it out: open, since a caller had better wait than be
    sent away by mistake. None: closed after the last interval."""

    def open_at(self, now: Instant) -> bool:
        if self.known_until is not None and now >= self.known_until:
            return True
        index = self._last_begun(now)
        return index >= 0 and now < self.intervals[index][1]

    def changes_after(self, now: Instant) -> Instant | None:
        if self.known_until is not None and now >= self.known_until:
            return None
        index = self._last_begun(now)
        if index >= 0 and now < self.intervals[index][1]:
            end = self.intervals[index][1]
            return None if self.known_until is not None and end >= self.known_until else end
        if index + 1 < len(self.intervals):
            return self.intervals[index + 1][0]
        return self.known_until

    def _last_begun(self, now: Instant) -> int:
        return bisect_right(self.intervals, (now, float("inf"))) - 1


ALWAYS: Final = AlwaysOpen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A seat serves a queue. Seats of a lower `tier` are asked first."""

    queue: QueueId
    tier: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatPlan:
    """A workplace: its skills with proficiency 1 … 10 and the queues it serves."""

    seat: SeatId
    name: str = ""
    skills: Mapping[str, int] = field(default_factory=lambda: _NO_SKILLS)
    queues: tuple[Membership, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxationStep:
    """From `after` seconds of waiting on, ask for less. Steps add up.

    `drop`: skills no longer asked for; `lower`: levels less on every skill;
    `tiers`: the highest membership tier allowed from now on.
    """

    after: Seconds
    drop: tuple[str, ...] = ()
    lower: int = 0
    tiers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverflowRung:
    """Seats of `queue` help as soon as one of the conditions holds.

    The caller keeps the place in the first queue: the circle of seats widens.
    `after`: this caller has waited so long; `length`: so many wait in the queue;
    `expected_wait`: a newcomer would wait longer than this; `unstaffed`: nobody
    of the circle so far is at work.
    """

    queue: QueueId
    after: Seconds | None = None
    length: int | None = None
    expected_wait: Seconds | None = None
    unstaffed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlan:
    """A queue and its rules; defaults are those of the trade (see docs/topics/floor.md)."""

    queue: QueueId
    name: str = ""
    strategy: str = "longest_idle"
    ring_for: Seconds = 15.0
    ring_count: int = 1
    """How many seats ring at once for one caller; the first to answer has it."""
    rona_after: int = 2
    """Unanswered offers in a row that make a seat not ready."""
    wrap_up: Seconds = 30.0
    wrap_up_ceiling: Seconds = 120.0
    """Wrap-up with its one extension never lasts longer."""
    max_waiting: int = 500
    max_wait: Seconds | None = 1800.0
    unstaffed_exit: Seconds | None = None
    """Callers leave with ``unstaffed`` after waiting this long while nobody is at work; None: they stay."""
    weight: float = 1.0
    """A second of waiting here counts as so many elsewhere; must be above 0."""
    target: Seconds = 15.0
    """Answered within this counts for the service level."""
    announce_first: Seconds | None = 20.0
    announce_every: Seconds = 60.0
    callback_after: Seconds | None = 60.0
    """Offer a callback when the expected wait is longer; None: never."""
    relaxation: tuple[RelaxationStep, ...] = ()
    tiers: int | None = None
    """Highest membership tier that serves from the start; None: all."""
    overflow: tuple[OverflowRung, ...] = ()
    hours: Hours = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """Everything that the floor needs to know beforehand."""

    seats: tuple[SeatPlan, ...]
    queues: tuple[QueuePlan, ...]
    priority_step: Seconds = 60.0
    """One priority level is worth this head start of waiting."""
    rona_after: int = 2
    """For consult calls; queues have their own."""
    consult_ring_for: Seconds = 25.0
    consult_wrap_up: Seconds = 30.0
    redial_window: Seconds = 120.0
    sticky_wait: Seconds = 20.0
    retry_same_seat: Seconds = 20.0
    """A caller whose only possible seat did not answer is offered to it again after this."""
    declines_allowed: int = 3
    """Declined offers in a row that make a seat not ready (a phone in do-not-disturb would loop)."""
    phone_lost_in_talk: Seconds = 5.0
    """A phone that stays away for so long in a conversation is given up; the caller gets another person."""
    callback_attempts: int = 3
    callback_retry: Seconds = 600.0
    callback_limit: int = 1000
    callback_expiry: Seconds = 86_400.0
    """A callback that could not be made by then is closed."""
    missed_limit: int = 5000
    """Missed calls remembered for callback and for giving the place back."""
    missed_expiry: Seconds = 86_400.0
    day_offset: Seconds = 8 * 3600.0
    """Local time minus UTC: where the day's counters start anew."""


def problems(plan: FloorPlan, strategies: Container[str]) -> tuple[str, ...]:
    """What makes a plan unusable; empty when it holds together."""
    found: list[str] = []
    queues = {queue.queue for queue in plan.queues}
    if len(queues) < len(plan.queues):
        found.append("a queue's id is used twice")
    if len({seat.seat for seat in plan.seats}) < len(plan.seats):
        found.append("a seat's id is used twice")
    for queue in plan.queues:
        where = f"queue {queue.queue}"
        if queue.strategy not in strategies:
            found.append(f"{where}: unknown strategy {queue.strategy!r}")
        if queue.weight <= 0 or queue.ring_for <= 0 or queue.ring_count < 1 or queue.rona_after < 1:
            found.append(f"{where}: weight, ring_for, ring_count and rona_after must be above 0")
        if queue.announce_every <= 0:
            found.append(f"{where}: announce_every must be above 0")
        times = [step.after for step in queue.relaxation]
        if times != sorted(set(times)):
            found.append(f"{where}: relaxation steps must follow one another in time")
        found += [
            f"{where}: overflow to unknown queue {rung.queue}"
            for rung in queue.overflow
            if rung.queue not in queues
        ]
    for seat in plan.seats:
        served = [membership.queue for membership in seat.queues]
        found += [f"seat {seat.seat}: unknown queue {queue}" for queue in served if queue not in queues]
        if len(set(served)) < len(served):
            found.append(f"seat {seat.seat}: a queue is named twice")
    return tuple(found)

"""Which of the seats that may take a call takes it.

A strategy is two plain functions, gathered in one registry:

``rank(demand, levels)``  fixed for a group of like-skilled seats; lower ranks are
                          exhausted before higher ones are looked at
``order(seat, now)``      a number that stays fixed while the seat is idle; the
                          smallest of the best rank is chosen

Because both are fixed between events, a decision compares the heads of ordered
pools instead of scanning seats.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Final

from acd.agent import Seat
from acd.ids import Instant, Seconds
from acd.skill import Demand, proficiency

OCCUPANCY_MEMORY: Final[Seconds] = 3600.0
"""Time constant of the fading memory behind least-occupied."""

_NEVER_BUSY: Final = 1e-9

Order = Callable[[Seat, Instant], float]
Rank = Callable[[Demand, Mapping[str, int]], int]


def by_idle_time(seat: Seat, now: Instant) -> float:
    """Idle longest first."""
    return seat.idle_since


def by_turn(seat: Seat, now: Instant) -> float:
    """In turn: whoever's last offer lies furthest back."""
    return seat.last_offer


def by_occupancy(seat: Seat, now: Instant) -> float:
    """Least busy of late first.

    The busy share is weighted with ``exp(-age / OCCUPANCY_MEMORY)``. An idle
    seat's share decays as ``L·exp(-(t - t0)/T)``, at the same rate for all, so
    ``ln L + t0/T`` orders idle seats correctly at any later time.
    """
    share = max(busy_share(seat, now), _NEVER_BUSY)
    seat.busy_level, seat.busy_since = share, now
    return log(share) + now / OCCUPANCY_MEMORY


def busy_share(seat: Seat, now: Instant) -> float:
    """The seat's faded busy share at `now`, the contact since `seat.answered` included."""
    share, since = seat.busy_level, seat.busy_since
    if seat.answered > since:
        share *= exp(-(seat.answered - since) / OCCUPANCY_MEMORY)
        fade = exp(-(now - seat.answered) / OCCUPANCY_MEMORY)
        return share * fade + (1.0 - fade)
    return share * exp(-(now - since) / OCCUPANCY_MEMORY)


def alike(demand: Demand, levels: Mapping[str, int]) -> int:
    """Skills qualify, they do not rank."""
    return 0


def by_proficiency(demand: Demand, levels: Mapping[str, int]) -> int:
    """The sum of levels in the skills asked for: highest first."""
    return -proficiency(demand, levels)


@dataclass(frozen=True, slots=True)
class Strategy:
    order: Order
    rank: Rank = alike
    several: bool = False
    """Rings up to `QueuePlan.ring_count` seats at once."""


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "longest_idle": Strategy(by_idle_time),
    "least_occupied": Strategy(by_occupancy),
    "round_robin": Strategy(by_turn),
    "most_proficient": Strategy(by_idle_time, by_proficiency),
    "ring_several": Strategy(by_idle_time, several=True),
}

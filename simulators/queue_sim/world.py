"""What a simulation runs on: the floor's plan, who calls, who is on duty. Plain, checked data.

Time is seconds from the first midnight of the simulation. Rates are given by
quarter-hours of the week, Monday 00:00 first.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acd.ids import QueueId, SeatId
from acd.plan import FloorPlan
from simulators.workload import Duration

SLOT: Final = 900.0
SLOTS_A_DAY: Final = 96
SLOTS_A_WEEK: Final = 7 * SLOTS_A_DAY
DAY: Final = 86_400.0

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

TICK: Final = 2.0**-20
"""All times are multiples of this many seconds: sums and differences of them are exact, so that an instant
reckoned in two ways (joined + 20 s; now - joined ≥ 20 s) is one instant, on the first day and on the last."""

AT_ONCE: Final = Duration(constant=0.0)
FOREVER: Final = Duration(forever=True)
A_MINUTE: Final = Duration(constant=60.0)


def exact(times: Floats) -> Floats:
    """Rounded to multiples of `TICK`."""
    return np.asarray(np.rint(times / TICK) * TICK)


def one_of(duration: Duration, dice: np.random.Generator) -> float:
    """One draw, rounded to `TICK`."""
    return float(exact(duration.sample(dice, 1))[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Callers who ask for the same."""

    name: str
    queue: QueueId
    skills: str = ""
    priority: int = 5
    language: str = "zh"
    share: float = 1.0
    """Of its population."""
    talk: Duration
    patience: Duration = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Redial:
    """Callers who did not reach a person and try again."""

    chance: float
    after: Duration
    at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """Callers who accept to be called back when it is offered to them."""

    chance: float
    reached: float
    """Share of attempts in which the person answers."""
    ring: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """`factor` times the callers between two instants; below 1 for fewer."""

    factor: float
    begins: float
    ends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Callers with one curve of arrivals."""

    name: str
    kinds: tuple[Kind, ...]
    rate: Floats
    """Calls a second in each of the 672 quarter-hours of the week."""
    regular: bool = False
    """Arrivals at equal distances instead of at random."""
    day_spread: float = 0.0
    """Standard deviation ÷ mean of a day's number of calls, beyond Poisson's own."""
    flow: Duration = AT_ONCE
    """From INVITE to the queue: greeting and menus."""
    redial: Redial | None = None
    callbacks: Callbacks | None = None
    surges: tuple[Surge, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Seats that vanish with their conversations, on quarter-hours; back at the end."""

    seats: frozenset[SeatId]
    begins: float
    ends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What people at seats do."""

    ring: Duration = AT_ONCE
    """From the offer to the answer."""
    never: float = 0.0
    """Share of offers that nobody answers."""
    wrap_up: Duration | None = None
    """Until wrap-up is ended by hand; the queue's own time is its longest. None: always the queue's time."""
    back_after: Duration = A_MINUTE
    """From being made not ready for missed calls until ready again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One policy's simulation."""

    name: str
    plan: FloorPlan
    populations: tuple[Population, ...]
    duty: Mask
    """Quarter-hour of the week × seat, in the plan's order: who is on duty."""
    manners: Manners = Manners()
    outages: tuple[Outage, ...] = ()
    days: int = 1
    warm_up: float = 0.0
    """Callers before this are simulated and not counted."""
    first_weekday: int = 0
    """Of the first day; Monday is 0."""
    kinds: tuple[Kind, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(kind for pop in self.populations for kind in pop.kinds))

    @property
    def length(self) -> float:
        return self.days * DAY

    def slot_of_week(self, slot: int) -> int:
        """The quarter-hour of the week of the simulation's `slot`."""
        return (slot + self.first_weekday * SLOTS_A_DAY) % SLOTS_A_WEEK

    def expected_calls(self) -> float:
        """First attempts in one replication, surges left out."""
        slots = [self.slot_of_week(slot) for slot in range(min(self.days, 7) * SLOTS_A_DAY)]
        share = self.days / min(self.days, 7)
        return float(sum(pop.rate[slots].sum() for pop in self.populations) * SLOT * share)

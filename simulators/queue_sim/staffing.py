"""Seats per quarter-hour: by Erlang's formulas, and by simulating the real floor.

The formulas take each quarter-hour for itself and as if it lasted for ever; the
simulation knows that a queue outlives its quarter-hour, that phones ring, and that
who gives up calls again. Both see one queue with seats of its own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from acd.ids import QueueId, SeatId
from acd.plan import Membership, SeatPlan
from acd.skill import names, parse
from simulators.erlang import Target, seats_needed
from simulators.queue_sim.replicate import Runs, replicate
from simulators.queue_sim.world import SLOT, SLOTS_A_DAY, SLOTS_A_WEEK, Floats, Kind, Population, World

ENOUGH_CALLS: Final = 200
"""Quarter-hours with fewer calls are judged, and staffed, together with those that follow."""
LONGEST_BLOCK: Final = 4
"""Quarter-hours; an hour at most."""
ROUNDS: Final = 40
WORTH_A_SEAT: Final = 0.002
"""Two more seats that raise the service level by less are in vain."""
_DRAWS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What comes to one queue in one quarter-hour."""

    slot: int
    calls_per_hour: float
    aht: float
    """From the first ring to the end of wrap-up, seconds."""
    patience: float | None
    """Mean; None: nobody gives up."""

    @property
    def load(self) -> float:
        """Erlang."""
        return self.calls_per_hour * self.aht / 3600

    @property
    def time(self) -> str:
        return f"{self.slot // 4:02}:{self.slot % 4 * 15:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Seats for one quarter-hour."""

    demand: Demand
    erlang_c: int
    erlang_a: int | None
    simulated: int | None = None
    service_level: float | None = None
    """What the simulation has shown with `simulated` seats."""
    kept: bool | None = None
    """Whether that keeps the target; when not, more seats are in vain: phones ring too long."""

    def paid(self, shrinkage: float) -> int:
        """People to pay so that the seats are taken although some are away."""
        best = self.simulated if self.simulated is not None else self.erlang_a
        return people_for(self.erlang_c if best is None else best, shrinkage)


def people_for(seats: int, shrinkage: float) -> int:
    """So many people take the seats when a share of them (0 … 0.9) is away."""
    # Rounded first: 7 ÷ 0.7 is a little more than 10 in floating point, and would ask for an eleventh.
    return math.ceil(round(seats / (1 - shrinkage), 6))


_LEAST_PATIENCE: Final = 0.01
"""Seconds: who gives up at once has a rate of giving up nevertheless."""


def queues_of(world: World) -> tuple[QueueId, ...]:
    """Queues that somebody calls."""
    return tuple(dict.fromkeys(kind.queue for kind in world.kinds))


def demand_of(world: World, queue: QueueId, first_slot: int | None = None) -> list[Demand]:
    """Each quarter-hour of a day (of the simulation's first one, unless told otherwise)."""
    begin = world.slot_of_week(0) if first_slot is None else first_slot
    parts = [
        (population.rate[begin : begin + SLOTS_A_DAY] * kind.share / _shares(population), kind)
        for population in world.populations
        for kind in population.kinds
        if kind.queue == queue
    ]
    held = _held(world, queue)
    rates = sum((rate for rate, _ in parts), start=np.zeros(SLOTS_A_DAY))
    talk = sum((rate * kind.talk.mean for rate, kind in parts), start=np.zeros(SLOTS_A_DAY))
    gives_up = sum(
        (rate / max(kind.patience.mean, _LEAST_PATIENCE) for rate, kind in parts), start=np.zeros(SLOTS_A_DAY)
    )
    return [
        Demand(
            slot=slot,
            calls_per_hour=float(rates[slot] * 3600),
            aht=float(talk[slot] / rates[slot]) + held if rates[slot] > 0 else held,
            # Kinds together give up at the mean of their rates.
            patience=float(rates[slot] / gives_up[slot]) if gives_up[slot] > 0 else None,
        )
        for slot in range(SLOTS_A_DAY)
    ]


def _shares(population: Population) -> float:
    return sum(kind.share for kind in population.kinds)


def _held(world: World, queue: QueueId) -> float:
    """Seconds that a contact holds a seat besides talking: ringing and wrap-up."""
    manners = world.manners
    ring = manners.ring.mean
    plan = next(plan for plan in world.plan.queues if plan.queue == queue)
    longest = min(plan.wrap_up, plan.wrap_up_ceiling)
    if manners.wrap_up is None:
        return ring + longest
    drawn = manners.wrap_up.sample(np.random.default_rng(0), _DRAWS)
    return ring + float(np.minimum(drawn, longest).mean())


def by_formula(demand: Sequence[Demand], target: Target, ring: float = 0.0) -> list[Advice]:
    """Erlang C, and Erlang A where callers have a patience; `ring` seconds count against the target's."""
    target = replace(target, seconds=max(0.0, target.seconds - ring))
    return [
        Advice(
            demand=one,
            erlang_c=seats_needed(one.load, one.aht, target),
            erlang_a=None if one.patience is None else seats_needed(one.load, one.aht, target, one.patience),
        )
        for one in demand
    ]


# --- by simulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard to look: `days` days in each of `replications`."""

    days: int = 10
    replications: int = 2
    seed: int = 1
    processes: int | None = None


def by_simulation(
    world: World,
    queue: QueueId,
    target: Target,
    effort: Effort,
    progress: Callable[[int, int], None] = lambda round_, open_: None,
) -> list[Advice]:
    """The fewest seats of each quarter-hour that keep the target on the real floor.

    Starts from the formula and moves seat by seat: one more where the target is
    missed, one fewer where it is kept and that number has not failed before, until
    nothing moves. The callers are the same in every round. `progress` is told the
    round and how many blocks of quarter-hours are still moving.
    """
    demand = demand_of(world, queue)
    advice = by_formula(demand, target, world.manners.ring.mean)
    first = [one.erlang_c if one.erlang_a is None else one.erlang_a for one in advice]
    blocks = blocks_of(demand, effort.days * effort.replications)
    searches = [_Search(max(1, *(first[slot] for slot in block))) for block in blocks]
    for round_ in range(ROUNDS):
        by_slot = np.repeat([search.seats for search in searches], [len(block) for block in blocks])
        levels, busy = _tried(alone(world, queue, by_slot, effort.days), effort, blocks)
        for search, level, occupancy in zip(searches, levels, busy, strict=True):
            search.saw(float(level), bool(level >= target.share and occupancy <= target.most_occupancy))
        moving = [search for search in searches if search.step()]
        progress(round_ + 1, len(moving))
        if not moving:
            break
    found: list[Advice] = []
    for search, block in zip(searches, blocks, strict=True):
        seats, level, kept = search.best()
        found += [replace(advice[n], simulated=seats, service_level=level, kept=kept) for n in block]
    return found


@dataclass(slots=True)
class _Search:
    """One block's walk to the fewest seats that keep the target."""

    seats: int
    seen: dict[int, tuple[float, bool]] = field(default_factory=dict)
    """Service level, and whether the target was kept, by seats tried last."""

    def saw(self, level: float, kept: bool) -> None:
        # A neighbour's change may turn the verdict: once failed is failed, so that the walk ends.
        self.seen[self.seats] = (level, kept and self.seen.get(self.seats, (0.0, True))[1])

    def step(self) -> bool:
        """Move by a seat; False: stay."""
        level, kept = self.seen[self.seats]
        if not kept:
            if level - self.seen.get(self.seats - 2, (-1.0, False))[0] < WORTH_A_SEAT:
                return False
            self.seats += 1
        elif self.seats == 1 or not self.seen.get(self.seats - 1, (0.0, True))[1]:
            return False
        else:
            self.seats -= 1
        return True

    def best(self) -> tuple[int, float, bool]:
        """The fewest seats that kept the target; if none did, the fewest that came as near as any."""
        keeping = [seats for seats, (_, kept) in self.seen.items() if kept]
        highest = max(level for level, _ in self.seen.values())
        near = [seats for seats, (level, _) in self.seen.items() if level >= highest - WORTH_A_SEAT]
        seats = min(keeping or near)
        return seats, *self.seen[seats]


def blocks_of(demand: Sequence[Demand], days: int) -> list[range]:
    """Quarter-hours that are judged together: as few as have `ENOUGH_CALLS` over so many days."""
    blocks: list[range] = []
    begin, calls = 0, 0.0
    for slot, one in enumerate(demand):
        calls += one.calls_per_hour / 4 * days
        if calls >= ENOUGH_CALLS or slot + 1 - begin == LONGEST_BLOCK or slot + 1 == len(demand):
            blocks.append(range(begin, slot + 1))
            begin, calls = slot + 1, 0.0
    return blocks


def _tried(world: World, effort: Effort, blocks: Sequence[range]) -> tuple[Floats, Floats]:
    """Service level and occupancy of each block; 1 and 0 where nobody called."""
    runs: Runs = replicate([world], effort.seed, effort.replications, processes=effort.processes)
    curves = [outcome.curves["all"] for outcome in runs.by_policy[world.name]]
    total = {
        name: np.array([sum(curve[name][list(block)].sum() for curve in curves) for block in blocks])
        for name in ("answered_in_target", "offered", "contact", "idle")
    }
    time = total["contact"] + total["idle"]
    levels = np.divide(
        total["answered_in_target"], total["offered"], out=np.ones(len(blocks)), where=total["offered"] > 0
    )
    busy = np.divide(total["contact"], time, out=np.zeros(len(blocks)), where=time > 0)
    return levels, busy


def alone(world: World, queue: QueueId, seats: Floats, days: int) -> World:
    """The queue with seats of its own, all alike, so many on duty in each quarter-hour of every day."""
    kinds = [kind for kind in world.kinds if kind.queue == queue]
    skills = {name: 10 for kind in kinds for name in names(parse(kind.skills))}
    count = int(seats.max())
    rules = next(plan for plan in world.plan.queues if plan.queue == queue)
    plan = replace(
        world.plan,
        seats=tuple(
            SeatPlan(seat=SeatId(f"s{n}"), skills=skills, queues=(Membership(queue=queue),))
            for n in range(count)
        ),
        queues=(replace(rules, overflow=(), relaxation=()),),
    )
    day = np.arange(count)[None, :] < seats[:, None]
    return World(
        name=str(queue),
        plan=plan,
        populations=tuple(
            _only(population, queue, world) for population in world.populations if _calls(population, queue)
        ),
        duty=np.tile(day, (7, 1)),
        manners=world.manners,
        days=days,
    )


def _calls(population: Population, queue: QueueId) -> bool:
    return any(kind.queue == queue for kind in population.kinds)


def _only(population: Population, queue: QueueId, world: World) -> Population:
    """The population's callers of one queue, every day like the simulation's first."""
    kinds: tuple[Kind, ...] = tuple(kind for kind in population.kinds if kind.queue == queue)
    share = sum(kind.share for kind in kinds) / _shares(population)
    begin = world.slot_of_week(0)
    day = population.rate[begin : begin + SLOTS_A_DAY] * share
    return replace(population, kinds=kinds, rate=np.tile(day, SLOTS_A_WEEK // SLOTS_A_DAY), surges=())


def seat_hours(advice: Sequence[Advice], seats: Callable[[Advice], int | None]) -> float | None:
    """Hours at the desk a day."""
    found = [seats(one) for one in advice]
    return sum(one for one in found if one is not None) * SLOT / 3600 if None not in found else None

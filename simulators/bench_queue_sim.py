"""How fast is the simulation with the whole floor, beside SimPy and Ciw on the same models?

Two models: M/M/10 at 80 % load, which is all that a bare resource does; and a
floor of twenty seats in two skill groups with two priorities, where the others
need a dispatcher (SimPy) or a node of one's own (Ciw). Whoever is slow pays for it
in CPU time of this thread, so a busy machine does not spoil the figures. Engines
take turns, round by round, and every one's mean wait is checked against the rest.
"""

import heapq
import importlib.util
import math
import random
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from statistics import median
from time import thread_time
from typing import Any, Final

import numpy as np

from acd.floor import machine
from acd.ids import QueueId, SeatId
from acd.plan import FloorPlan, Membership, QueuePlan, SeatPlan
from simulators.queue_sim.compare import estimate
from simulators.queue_sim.engine import Simulation
from simulators.queue_sim.tally import ROW
from simulators.queue_sim.world import DAY, SLOT, SLOTS_A_WEEK, Kind, Population, World
from simulators.workload import Duration

AHT: Final = 180.0
WANTED_PER_MINUTE: Final = 2e6
QUEUE: Final = QueueId("q")


@dataclass(frozen=True, slots=True)
class Model:
    """`kinds`: (skill, priority 0 = first, share of callers); `seats`: skills of each."""

    name: str
    seats: tuple[frozenset[str], ...]
    load: float
    kinds: tuple[tuple[str, int, float], ...]

    @property
    def rate(self) -> float:
        return self.load * len(self.seats) / AHT


MM10: Final = Model("M/M/10", (frozenset("a"),) * 10, 0.8, (("a", 0, 1.0),))


def skilled(seats: int) -> Model:
    """Half of the seats have one skill, half have both; two priorities; callers fill 90 % of the time."""
    return Model(
        f"{seats} seats, 2 skills, 2 priorities",
        (frozenset("a"),) * (seats // 2) + (frozenset("ab"),) * (seats - seats // 2),
        0.9,
        (("a", 0, 0.2), ("a", 1, 0.4), ("b", 0, 0.1), ("b", 1, 0.3)),
    )


SKILLED: Final = (skilled(20), skilled(400))
MODELS: Final = (MM10, *SKILLED)


@dataclass(frozen=True, slots=True)
class Timing:
    """One engine on one model: CPU microseconds per call in each round."""

    model: str
    engine: str
    microseconds: tuple[float, ...]
    mean_wait: float
    """Seconds, over all rounds."""

    @property
    def typical(self) -> float:
        return median(self.microseconds)

    @property
    def calls_a_minute(self) -> float:
        return 60e6 / self.typical


Visit = Generator[Any, Any, None]
Engine = Callable[[Model, int, int], tuple[float, float]]
"""(model, calls, seed) → (CPU seconds, mean wait)."""


# --- ours


def world_of(model: Model, calls: int) -> World:
    """The model on the real floor, long enough for so many calls."""
    plan = QueuePlan(
        queue=QUEUE, wrap_up=0.0, max_waiting=10**9, max_wait=None, announce_first=None, callback_after=None
    )
    names = {skill for skills in model.seats for skill in skills}
    one_skill = len(names) == 1
    days = math.ceil(calls / model.rate / DAY)
    rate = np.zeros(SLOTS_A_WEEK)
    rate[: SLOTS_A_WEEK if days > 1 else max(1, round(calls / model.rate / SLOT))] = model.rate
    return World(
        name=model.name,
        plan=FloorPlan(
            # A level is worth a day: nobody of a lower priority is served first.
            priority_step=DAY,
            queues=(plan,),
            seats=tuple(
                SeatPlan(
                    seat=SeatId(f"s{n}"), skills=dict.fromkeys(skills, 5), queues=(Membership(queue=QUEUE),)
                )
                for n, skills in enumerate(model.seats)
            ),
        ),
        populations=(
            Population(
                name="callers",
                kinds=tuple(
                    Kind(
                        name=f"{skill}{priority}",
                        queue=QUEUE,
                        skills="" if one_skill else skill,
                        priority=9 - priority,
                        share=share,
                        talk=Duration(exponential=AHT),
                    )
                    for skill, priority, share in model.kinds
                ),
                rate=rate,
            ),
        ),
        duty=np.ones((SLOTS_A_WEEK, len(model.seats)), dtype=np.bool_),
        days=days,
    )


def by_floor(model: Model, calls: int, seed: int) -> tuple[float, float]:
    """Whole quarter-hours or days; the CPU time is scaled to `calls`."""
    world = world_of(model, calls)
    begun = thread_time()
    simulation = Simulation(world, seed, 0)
    simulation.advance(math.inf)
    spent = thread_time() - begun
    counts = simulation.tally.counts.sum(axis=(1, 2))
    answered = counts[ROW["answered"]]
    return float(spent / answered * calls), float(counts[ROW["wait"]] / answered)


# --- SimPy


def by_simpy(model: Model, calls: int, seed: int) -> tuple[float, float]:
    """A resource for the plain model, else processes around a dispatcher written by hand."""
    import simpy

    dice = random.Random(seed)
    env = simpy.Environment()
    waits: list[float] = []
    visit = (
        _plain_visit(env, model, dice, waits)
        if len(model.kinds) == 1
        else _dispatched(env, model, dice, waits)
    )

    def arrivals() -> Visit:
        kinds, shares = range(len(model.kinds)), [share for _, _, share in model.kinds]
        for _ in range(calls):
            yield env.timeout(dice.expovariate(model.rate))
            env.process(visit(dice.choices(kinds, shares)[0] if len(shares) > 1 else 0))

    env.process(arrivals())
    begun = thread_time()
    env.run()
    return thread_time() - begun, sum(waits) / len(waits)


def _plain_visit(env: Any, model: Model, dice: random.Random, waits: list[float]) -> Callable[[int], Visit]:
    import simpy

    resource = simpy.Resource(env, len(model.seats))

    def visit(kind: int) -> Visit:
        begun = env.now
        with resource.request() as request:
            yield request
            waits.append(env.now - begun)
            yield env.timeout(dice.expovariate(1 / AHT))

    return visit


def _dispatched(env: Any, model: Model, dice: random.Random, waits: list[float]) -> Callable[[int], Visit]:
    """Idle seats in order of idleness by group, callers by priority and arrival."""
    groups = {
        skills: deque(n for n, own in enumerate(model.seats) if own == skills) for skills in set(model.seats)
    }
    waiting: dict[str, list[tuple[int, float, int, Any]]] = {skill: [] for skill, _, _ in model.kinds}
    since = [0.0] * len(model.seats)
    number = 0

    def take(skill: str) -> int | None:
        heads = [seats for skills, seats in groups.items() if skill in skills and seats]
        return min(heads, key=lambda seats: since[seats[0]]).popleft() if heads else None

    def free(seat: int) -> None:
        since[seat] = env.now
        lines = [waiting[skill] for skill in model.seats[seat] if waiting.get(skill)]
        if lines:
            heapq.heappop(min(lines, key=lambda line: line[0]))[3].succeed(seat)
        else:
            groups[model.seats[seat]].append(seat)

    def visit(kind: int) -> Visit:
        nonlocal number
        skill, priority, _ = model.kinds[kind]
        begun = env.now
        seat = take(skill)
        if seat is None:
            number += 1
            turn = env.event()
            heapq.heappush(waiting[skill], (priority, begun, number, turn))
            seat = yield turn
        waits.append(env.now - begun)
        yield env.timeout(dice.expovariate(1 / AHT))
        if seat is not None:
            free(seat)

    return visit


# --- Ciw


def by_ciw(model: Model, calls: int, seed: int) -> tuple[float, float]:
    """A node as it comes for the plain model, else one that knows its servers' skills."""
    import ciw

    names = [f"{skill}{priority}" for skill, priority, _ in model.kinds]
    network = ciw.create_network(
        arrival_distributions={
            name: [ciw.dists.Exponential(model.rate * share)]
            for name, (_, _, share) in zip(names, model.kinds, strict=True)
        },
        service_distributions={name: [ciw.dists.Exponential(1 / AHT)] for name in names},
        priority_classes={name: priority for name, (_, priority, _) in zip(names, model.kinds, strict=True)},
        number_of_servers=[len(model.seats)],
    )
    ciw.seed(seed)
    node = ciw.Node if len(model.kinds) == 1 else _skilled_node(model)
    simulation = ciw.Simulation(network, node_class=node)
    begun = thread_time()
    simulation.simulate_until_max_customers(calls, method="Finish")
    spent = thread_time() - begun
    waits = [record.waiting_time for record in simulation.get_all_records()]
    return spent, sum(waits) / len(waits)


def _skilled_node(model: Model) -> Any:
    import ciw

    class SkilledNode(ciw.Node):  # type: ignore[misc]
        """Servers take only callers whose skill they have; otherwise Ciw's own rules."""

        arriving: Any = None
        freed: Any = None

        def begin_service_if_possible_accept(self, next_individual: Any) -> None:
            self.arriving = next_individual
            super().begin_service_if_possible_accept(next_individual)
            self.arriving = None

        def begin_service_if_possible_release(self, next_individual: Any, newly_free_server: Any) -> None:
            self.freed = newly_free_server
            super().begin_service_if_possible_release(next_individual, newly_free_server)
            self.freed = None

        def choose_next_customer(self) -> Any:
            if self.arriving is not None:
                return self.arriving  # nobody who waits could be served a moment ago
            skills = model.seats[self.freed.id_number - 1]
            for line in self.individuals:
                for individual in line:
                    if not individual.server and individual.customer_class[0] in skills:
                        return individual
            return None

        def find_free_server(self, ind: Any) -> Any:
            for server in self.servers:
                if not server.busy and ind.customer_class[0] in model.seats[server.id_number - 1]:
                    return server
            return None

    return SkilledNode


# --- the comparison

ENGINES: Final[dict[str, Engine]] = {"floor": by_floor, "SimPy": by_simpy, "Ciw": by_ciw}
_NEEDS: Final = {"SimPy": "simpy", "Ciw": "ciw"}


def core() -> str:
    """Is the floor that runs here `compiled` to C (`make compiled`) or `interpreted`?"""
    return "interpreted" if machine.__file__.endswith(".py") else "compiled"


def missing() -> tuple[str, ...]:
    """Engines that are not installed here."""
    return tuple(name for name, module in _NEEDS.items() if importlib.util.find_spec(module) is None)


def compare(
    calls: int = 20_000, rounds: int = 5, tell: Callable[[str], None] = lambda text: None
) -> list[Timing]:
    """Every installed engine on every model, taking turns."""
    engines = {name: engine for name, engine in ENGINES.items() if name not in missing()}
    timings: list[Timing] = []
    for model in MODELS:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
        for round_ in range(rounds):
            for name, engine in engines.items():
                tell(f"{model.name}: round {round_ + 1}, {name}")
                found[name].append(engine(model, calls, round_ + 1))
        timings += [_timing(model, name, calls, runs) for name, runs in found.items()]
    return timings


def _timing(model: Model, engine: str, calls: int, runs: Sequence[tuple[float, float]]) -> Timing:
    return Timing(
        model.name,
        engine,
        tuple(spent / calls * 1e6 for spent, _ in runs),
        sum(wait for _, wait in runs) / len(runs),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    measured: str
    wanted: str
    met: bool


def verdicts(timings: Sequence[Timing]) -> list[Verdict]:
    """The figures that were promised."""
    by_name = {(timing.model, timing.engine): timing for timing in timings}
    plain = by_name[MM10.name, "floor"]
    found = [
        Verdict(
            f"{MM10.name}, the whole floor",
            f"{plain.calls_a_minute / 1e6:.2f} M calls a minute a core",
            f"≥ {WANTED_PER_MINUTE / 1e6:g} M",
            plain.calls_a_minute >= WANTED_PER_MINUTE,
        )
    ]
    for model in SKILLED:
        other = by_name.get((model.name, "Ciw"))
        if other is not None:
            ours = by_name[model.name, "floor"]
            ratio = ours.typical / other.typical
            measured = f"{ratio:.2f} of its CPU{_interval(ours, other)}"
            found.append(Verdict(f"{model.name}, against Ciw", measured, "< 1", ratio < 1))
    return found


def _interval(one: Timing, other: Timing) -> str:
    """Of the mean ratio (geometric) over the rounds, which both engines took with the same seeds."""
    logs = [math.log(a / b) for a, b in zip(one.microseconds, other.microseconds, strict=True)]
    ratio = estimate(logs)
    if ratio is None or ratio.low is None or ratio.high is None:
        return ""
    return f" (95 % interval {math.exp(ratio.low):.2f} to {math.exp(ratio.high):.2f})"

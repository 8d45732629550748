"""Small worlds for tests of the simulation."""

from typing import Any

import numpy as np

from acd.ids import QueueId, SeatId
from acd.plan import FloorPlan, Membership, QueuePlan, SeatPlan
from simulators.queue_sim.compare import student_t
from simulators.queue_sim.engine import Simulation
from simulators.queue_sim.figures import ALL, Outcome, outcome
from simulators.queue_sim.world import FOREVER, SLOTS_A_WEEK, Kind, Manners, Population, World
from simulators.workload import Duration

Q = QueueId("q")
ENDLESS: dict[str, Any] = {
    "wrap_up": 0.0,
    "max_waiting": 10**6,
    "max_wait": None,
    "announce_first": None,
    "target": 20.0,
}


def exponential(mean: float) -> Duration:
    return Duration(exponential=mean)


def plan(seats: int, skills: dict[str, int] | None = None, **rules: Any) -> FloorPlan:
    """One queue, all seats alike."""
    return FloorPlan(
        queues=(QueuePlan(queue=Q, **{**ENDLESS, **rules}),),
        seats=tuple(
            SeatPlan(seat=SeatId(f"s{n}"), skills=skills or {}, queues=(Membership(queue=Q),))
            for n in range(seats)
        ),
    )


def callers(rate: float, talk: Duration, patience: Duration = FOREVER, **more: Any) -> Population:
    """`rate` calls a second around the clock."""
    kinds = more.pop("kinds", None) or (Kind(name="callers", queue=Q, talk=talk, patience=patience),)
    return Population(name="callers", kinds=kinds, rate=np.full(SLOTS_A_WEEK, rate), **more)


def world(floor: FloorPlan, *populations: Population, **more: Any) -> World:
    more.setdefault("duty", np.ones((SLOTS_A_WEEK, len(floor.seats)), dtype=np.bool_))
    more.setdefault("manners", Manners())
    return World(name=more.pop("name", "w"), plan=floor, populations=populations, **more)


def simulated(one: World, seed: int = 1, replication: int = 0) -> Simulation:
    simulation = Simulation(one, seed, replication)
    simulation.advance(float("inf"))
    assert simulation.done
    return simulation


def outcomes(one: World, replications: int, seed: int = 1) -> list[Outcome]:
    return [outcome(one, simulated(one, seed, number).tally, number) for number in range(replications)]


def within(found: list[Outcome], figure: str, oracle: float, scope: str = ALL) -> None:
    """The mean over replications lies within three standard errors (by Student's t) of the oracle."""
    values = np.array([one.figures[scope][figure] for one in found], dtype=np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert error > 0, f"{figure} does not vary"
    bound = student_t(len(values) - 1, 0.9973) * error
    assert abs(values.mean() - oracle) <= bound, f"{figure}: {values.mean():.6f} ± {bound:.6f}, not {oracle}"

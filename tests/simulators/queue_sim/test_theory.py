"""The simulation against queueing theory: the whole floor, within three standard errors."""

import numpy as np
import pytest

from acd.ids import QueueId, SeatId
from acd.plan import FloorPlan, Membership, QueuePlan, SeatPlan
from simulators.erlang import ErlangA, erlang_c, mean_wait
from simulators.queue_sim.world import Kind
from simulators.workload import Duration
from tests.simulators.queue_sim.worlds import ENDLESS, callers, exponential, outcomes, plan, within, world

pytestmark = pytest.mark.slow  # together seconds: not in `make check`

SLOW = pytest.param(30, id="slow", marks=pytest.mark.slow)
SCALES = [pytest.param(4, id="fast"), SLOW]
"""Replications of a day; the slow form tells finer differences."""
HOUR = 3600.0


@pytest.mark.parametrize("replications", SCALES)
@pytest.mark.parametrize(
    ("seats", "waits", "within_20", "asa"),
    [
        pytest.param(12, 0.449388, 0.640158, 40.445, marks=pytest.mark.slow),
        (13, 0.285270, 0.795595, 17.116),
        pytest.param(14, 0.174132, 0.888350, 7.836, marks=pytest.mark.slow),
    ],
)
def test_erlang_c(replications: int, seats: int, waits: float, within_20: float, asa: float) -> None:
    one = world(plan(seats), callers(10 / 180, exponential(180.0)), warm_up=2 * HOUR)
    found = outcomes(one, replications)
    within(found, "delayed", waits)
    within(found, "service_level_offered", within_20)
    within(found, "asa", asa)
    within(found, "occupancy", 10 / seats)
    within(found, "aht", 180.0)


@pytest.mark.parametrize("replications", [SLOW])
def test_erlang_c_of_55_seats(replications: int) -> None:
    one = world(plan(55, target=15.0), callers(0.2, exponential(240.0)), warm_up=2 * HOUR)
    found = outcomes(one, replications, seed=2)
    within(found, "delayed", 0.2387)
    within(found, "asa", 8.184)
    within(found, "service_level_offered", 0.8459)


@pytest.mark.parametrize("replications", SCALES)
def test_erlang_a(replications: int) -> None:
    one = world(plan(13), callers(10 / 180, exponential(180.0), exponential(300.0)), warm_up=2 * HOUR)
    found = outcomes(one, replications, seed=3)
    within(found, "delayed", 0.225797)
    within(found, "abandonment", 0.0249633)
    within(found, "mean_wait", 0.124817 * 60)
    within(found, "service_level_offered", ErlangA(13, 10.0, 180.0, 300.0).answered_within(20.0))


@pytest.mark.slow
def test_erlang_a_of_50_seats() -> None:
    one = world(plan(50), callers(48 / 60, exponential(60.0), exponential(120.0)), warm_up=HOUR)
    found = outcomes(one, 12, seed=4)
    within(found, "delayed", 0.467774)
    within(found, "abandonment", 0.0309122)
    within(found, "mean_wait", 3.7095)
    within(found, "occupancy", 0.930324)


@pytest.mark.parametrize("replications", SCALES)
def test_who_waits_gives_up_at_a_constant_rate(replications: int) -> None:
    """P(abandon) = θ·E[W], whatever the handling times."""
    talk = Duration.model_validate({"lognormal": {"mean": 180.0, "cv": 1.5}})
    one = world(plan(11), callers(10 / 180, talk, exponential(240.0)), warm_up=2 * HOUR)
    found = outcomes(one, replications, seed=5)
    for each in found:
        figures = each.figures["all"]
        figures["gap"] = (figures["abandonment"] or 0.0) - (figures["mean_wait"] or 0.0) / 240.0
    within(found, "gap", 0.0)


@pytest.mark.parametrize("replications", [SLOW])
@pytest.mark.parametrize("shape", [{"exponential": 180.0}, {"lognormal": {"mean": 180.0, "cv": 1.3}}])
def test_erlang_b_does_not_depend_on_the_shape_of_service(replications: int, shape: object) -> None:
    """Callers without patience are lost: B(10, 5 E)."""
    talk = Duration.model_validate(shape)
    one = world(plan(10), callers(5 / 180, talk, Duration(constant=0.0)), warm_up=2 * HOUR)
    within(outcomes(one, replications, seed=6), "abandonment", 0.0183846)


@pytest.mark.parametrize(
    "replications", [pytest.param(8, id="fast"), pytest.param(80, id="slow", marks=pytest.mark.slow)]
)
def test_pollaczek_khinchine(replications: int) -> None:
    """M/G/1, ρ = 0.8, c² = 1.5: five mean service times."""
    talk = Duration.model_validate({"lognormal": {"mean": 20.0, "cv": 1.5**0.5}})
    one = world(plan(1), callers(0.8 / 20, talk), warm_up=6 * HOUR)
    within(outcomes(one, replications, seed=7), "asa", 5 * 20.0)


@pytest.mark.parametrize("replications", [SLOW])
def test_all_skills_at_all_seats_is_the_pooled_queue(replications: int) -> None:
    """Three queues, three demands, everybody can do everything: M/M/13."""
    queues = tuple(QueueId(f"q{n}") for n in range(3))
    floor = FloorPlan(
        queues=tuple(QueuePlan(queue=queue, **ENDLESS) for queue in queues),
        seats=tuple(
            SeatPlan(
                seat=SeatId(f"s{n}"),
                skills={"a": 1 + n % 5, "b": 5, f"own{n}": 1},
                queues=tuple(Membership(queue=queue) for queue in queues),
            )
            for n in range(13)
        ),
    )
    kinds = tuple(
        Kind(name=str(n), queue=queue, skills=skills, share=share, talk=exponential(180.0))
        for n, (queue, skills, share) in enumerate(
            zip(queues, ("a", "a & b>=2", "a | c"), (5, 3, 2), strict=True)
        )
    )
    one = world(floor, callers(10 / 180, exponential(180.0), kinds=kinds), warm_up=2 * HOUR)
    within(outcomes(one, replications, seed=8), "asa", 17.116)


@pytest.mark.parametrize("replications", SCALES)
def test_priorities_share_the_wait_but_do_not_change_its_mean(replications: int) -> None:
    """Conservation law (Kleinrock 1965)."""
    kinds = tuple(
        Kind(name=name, queue=QueueId("q"), priority=priority, share=share, talk=exponential(180.0))
        for name, priority, share in (("high", 9, 0.3), ("low", 5, 0.7))
    )
    one = world(plan(13), callers(10 / 180, exponential(180.0), kinds=kinds), warm_up=2 * HOUR)
    found = outcomes(one, replications, seed=9)
    within(found, "asa", 17.116)
    high, low = (
        np.mean([each.figures[f"callers {name}"]["asa"] for each in found]) for name in ("high", "low")
    )
    assert high < 0.6 * low


@pytest.mark.parametrize("replications", [SLOW])
def test_many_servers_wait_as_halfin_and_whitt_say(replications: int) -> None:
    """β = 0.5 at 100 seats."""
    load = 95.0
    one = world(plan(100), callers(load / 240, exponential(240.0)), warm_up=3 * HOUR)
    found = outcomes(one, replications, seed=10)
    within(found, "delayed", erlang_c(100, load))
    within(found, "asa", mean_wait(100, load, 240.0))


@pytest.mark.slow
def test_littles_law() -> None:
    """Seats on contact = rate answered × holding time, to the digit: both are counted, not estimated."""
    one = world(plan(13), callers(10 / 180, exponential(180.0)), days=2)
    for each in outcomes(one, 3, seed=11):
        curve = each.curves["all"]
        assert curve["contact"].sum() == pytest.approx(
            curve["answered"].sum() * (each.figures["all"]["aht"] or 0.0), rel=0.01
        )

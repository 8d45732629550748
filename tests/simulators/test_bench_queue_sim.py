"""The engines that are compared simulate the same thing."""

import pytest

from simulators.bench_queue_sim import (
    ENGINES,
    MM10,
    SKILLED,
    Timing,
    compare,
    missing,
    verdicts,
    world_of,
)


@pytest.mark.slow
@pytest.mark.parametrize("model", [MM10, SKILLED[0]])
def test_all_engines_agree_on_the_wait(model: object) -> None:
    waits = {name: engine(model, 120_000, 5)[1] for name, engine in ENGINES.items()}  # type: ignore[arg-type]
    assert not missing()
    assert max(waits.values()) / min(waits.values()) < 1.25, waits


@pytest.mark.slow
def test_each_engine_is_timed_in_turn() -> None:
    told: list[str] = []
    timings = compare(300, 2, told.append)
    assert len(timings) == len(told) // 2 == 3 * len(ENGINES)
    assert all(len(one.microseconds) == 2 and one.typical > 0 for one in timings)
    assert told[:2] == ["M/M/10: round 1, floor", "M/M/10: round 1, SimPy"]
    assert len(verdicts(timings)) == 3


def test_verdicts_follow_the_figures() -> None:
    timings = [Timing(MM10.name, "floor", (25.0, 26.0, 31.0), 1.0)]
    timings += [
        Timing(model.name, engine, (cost,), 1.0)
        for model in SKILLED
        for engine, cost in (("floor", 20.0), ("Ciw", 40.0))
    ]
    assert [verdict.met for verdict in verdicts(timings)] == [True, True, True]
    slow = [
        Timing(one.model, one.engine, (one.typical * (3 if one.engine == "floor" else 1),), 1.0)
        for one in timings
    ]
    assert [verdict.met for verdict in verdicts(slow)] == [False, False, False]
    assert verdicts(timings)[1].measured == "0.50 of its CPU"


def test_a_ratio_has_its_interval_over_the_rounds() -> None:
    timings = [Timing(MM10.name, "floor", (25.0,), 1.0)]
    for model in SKILLED:
        timings += [
            Timing(model.name, "floor", (10.0, 20.0, 40.0), 1.0),
            Timing(model.name, "Ciw", (20.0, 50.0, 64.0), 1.0),
        ]
    # Logarithms of 0.5, 0.4, 0.625: mean ln 0.5, standard error 0.1288, t of 2 degrees 4.303.
    assert verdicts(timings)[1].measured == "0.40 of its CPU (95 % interval 0.29 to 0.87)"


def test_a_level_of_priority_is_worth_more_than_any_wait() -> None:
    world = world_of(SKILLED[0], 1000)
    assert world.plan.priority_step >= 86_400
    assert {kind.priority for kind in world.kinds} == {8, 9}
    assert sum(kind.share for kind in world.kinds) == pytest.approx(1.0)

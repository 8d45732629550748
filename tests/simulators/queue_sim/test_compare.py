"""Intervals hold what they promise; common callers make differences certain."""

from dataclasses import replace

import numpy as np
import pytest

from simulators.queue_sim.compare import complete, differences, estimate, means, student_t
from simulators.queue_sim.figures import Outcome
from tests.simulators.queue_sim.worlds import callers, exponential, outcomes, plan, world


@pytest.mark.parametrize(
    ("freedom", "confidence", "quantile"),
    [
        (1, 0.95, 12.7062),
        (2, 0.95, 4.3027),
        (4, 0.99, 4.6041),
        (9, 0.95, 2.2622),
        (29, 0.95, 2.0452),
        (10**6, 0.95, 1.9600),
    ],
)
def test_students_quantiles(freedom: int, confidence: float, quantile: float) -> None:
    assert student_t(freedom, confidence) == pytest.approx(quantile, abs=2e-4)


def test_intervals_cover_the_mean_as_often_as_they_say() -> None:
    dice = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        found = estimate(dice.normal(3.0, 2.0, 6).tolist())
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 3.0 <= found.high
    assert hits / 2000 == pytest.approx(0.95, abs=0.02)


def test_one_replication_has_no_interval_and_none_no_estimate() -> None:
    found = estimate([4.0])
    assert found is not None
    assert (found.mean, found.low, found.high, found.telling) == (4.0, None, None, False)
    assert estimate([]) is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="freedom"):
        student_t(0)


@pytest.mark.slow
def test_the_same_callers_make_a_difference_certain() -> None:
    one = world(plan(12), callers(10 / 180, exponential(180.0)))
    more = replace(one, name="more", plan=plan(13), duty=np.ones((672, 13), dtype=np.bool_))
    base, other = outcomes(one, 4), outcomes(more, 4)
    strangers = outcomes(more, 4, seed=99)
    paired, apart = (differences(base, found)["asa"] for found in (other, strangers))
    assert paired.telling
    assert paired.mean < 0
    assert paired.half is not None
    assert apart.half is not None
    assert paired.half < apart.half


def test_only_replications_of_both_are_compared() -> None:
    one = world(plan(4), callers(0.02, exponential(100.0)))
    found = outcomes(one, 3)
    assert differences(found, found[1:])["asa"].count == 2
    assert differences(found[:1], found[1:]) == {}


def test_unfinished_replications_count_only_when_there_is_no_other() -> None:
    one = world(plan(4), callers(0.02, exponential(100.0)))
    whole = outcomes(one, 2)
    cut: Outcome = replace(whole[1], covered=0.4)
    assert complete({"w": [cut, whole[0]]}) == {"w": [whole[0]]}
    assert complete({"w": [cut]}) == {"w": [cut]}
    assert means([]) == {}

"""Fits find what was put in; censored waits are neither left out nor taken for patience."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.queue_sim.fitting import fit_duration, fit_patience, kaplan_meier
from simulators.workload import Duration

DICE = np.random.default_rng


def drawn(shape: object, count: int, seed: int = 1) -> np.ndarray:
    return Duration.model_validate(shape).sample(DICE(seed), count)


def test_a_lognormal_is_found() -> None:
    fit = fit_duration(drawn({"lognormal": {"mean": 180.0, "cv": 0.8}}, 20_000))
    assert fit.duration.lognormal is not None
    assert fit.duration.lognormal.mean == pytest.approx(180.0, rel=0.03)
    assert fit.duration.lognormal.cv == pytest.approx(0.8, rel=0.05)
    assert fit.distance < 0.02
    assert fit.words.startswith("lognormal mean 1")


def test_an_exponential_is_found_and_a_constant() -> None:
    fit = fit_duration(drawn({"exponential": 90.0}, 20_000))
    assert fit.duration.exponential == pytest.approx(90.0, rel=0.03)
    assert fit_duration(np.full(50, 8.0)).duration.constant == 8.0


def test_few_observations_are_taken_as_their_mean() -> None:
    fit = fit_duration(np.array([10.0, 20.0, 60.0]))
    assert fit.duration.exponential == pytest.approx(30.0)
    assert fit.count == 3


def test_nothing_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="nothing"):
        fit_duration(np.empty(0))


def censored(patience: np.ndarray, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Waits of callers who are answered after an exponential time of 60 s unless they give up first."""
    answered = DICE(seed).exponential(60.0, len(patience))
    return np.minimum(patience, answered), patience < answered


def test_patience_is_seen_through_the_answers() -> None:
    waited, gave_up = censored(drawn({"exponential": 120.0}, 30_000))
    fit = fit_patience(waited, gave_up)
    assert fit.duration.exponential == pytest.approx(120.0, rel=0.03)
    assert fit.count == int(gave_up.sum())
    assert fit.censored == len(waited) - fit.count
    assert fit.distance < 0.03
    # What one would take it for otherwise.
    assert waited[gave_up].mean() < 50
    assert waited.mean() < 50


def test_a_weibull_patience_is_found() -> None:
    waited, gave_up = censored(drawn({"weibull": {"mean": 150.0, "shape": 0.6}}, 30_000))
    fit = fit_patience(waited, gave_up)
    assert fit.duration.weibull is not None
    assert fit.duration.weibull.shape == pytest.approx(0.6, rel=0.04)
    assert fit.duration.weibull.mean == pytest.approx(150.0, rel=0.1)
    assert fit.distance < 0.05


def test_nobody_gave_up() -> None:
    fit = fit_patience(np.array([3.0, 4.0]), np.array([False, False]))
    assert fit.duration.forever
    assert fit.words == "forever"
    assert (fit.count, fit.censored) == (0, 2)


def test_kaplan_meier_by_hand() -> None:
    """Textbook example: remission of 6 … 35 weeks, 9 of 21 relapsed (Freireich 1963)."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapsed = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    times, staying = kaplan_meier(np.array(weeks, dtype=float), np.array(relapsed, dtype=bool))
    assert times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert staying == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=1e-3)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.booleans()), min_size=1, max_size=80))
def test_any_waits_can_be_fitted(waits: list[tuple[float, bool]]) -> None:
    waited, gave_up = np.array([w for w, _ in waits]), np.array([g for _, g in waits])
    fit = fit_patience(waited, gave_up)
    assert 0 <= fit.distance <= 1
    assert fit.duration.mean > 0
    times, staying = kaplan_meier(waited, gave_up)
    assert len(times) == len(staying)
    assert all(0 <= share <= 1 for share in staying)
    assert (np.diff(staying) <= 1e-12).all()


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=80))
def test_any_durations_can_be_fitted(values: list[float]) -> None:
    fit = fit_duration(np.array(values))
    assert math.isfinite(fit.duration.mean)
    assert 0 <= fit.distance <= 1

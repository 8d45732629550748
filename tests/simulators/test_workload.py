from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from simulators.workload import MAX_CALLS, Arrivals, Duration, read_times, stream

ARRIVALS: TypeAdapter[Arrivals] = TypeAdapter(Arrivals)


def times(seed: int, duration: float, **plan: object) -> np.ndarray:
    return ARRIVALS.validate_python(plan).times(stream(seed, "test"), duration)


@pytest.mark.parametrize(
    ("plan", "mean", "spread"),
    [
        ({"constant": 30}, 30, 0),
        ({"exponential": 120}, 120, 120),
        ({"uniform": [10, 20]}, 15, 10 / 12**0.5),
        ({"lognormal": {"mean": 180, "cv": 0.8}}, 180, 144),
        ({"weibull": {"mean": 90, "shape": 0.7}}, 90, 90 * 1.462),
    ],
)
def test_durations_have_the_mean_and_spread_that_they_promise(
    plan: dict[str, object], mean: float, spread: float
) -> None:
    duration = Duration.model_validate(plan)
    drawn = duration.sample(stream(1, "d"), 200_000)
    assert duration.mean == pytest.approx(mean)
    assert drawn.mean() == pytest.approx(mean, rel=0.02)
    assert drawn.std() == pytest.approx(spread, rel=0.05)
    assert (drawn >= 0).all()


def test_a_tail_can_be_cut_and_forever_is_forever() -> None:
    assert Duration(exponential=100, at_most=50).sample(stream(1), 1000).max() <= 50
    assert np.isinf(Duration(forever=True).sample(stream(1), 3)).all()
    assert Duration(forever=True).mean == float("inf")


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"constant": 1, "exponential": 2},
        {"uniform": [5, 1]},
        {"constant": -1},
        {"exponential": 0},
        {"exponential": float("inf")},
        {"weibull": {"mean": 3}},
        {"constant": 3, "unit": "minutes"},
    ],
)
def test_a_duration_that_makes_no_sense_is_refused(plan: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Duration.model_validate(plan)


def test_the_same_words_draw_the_same_and_other_words_do_not() -> None:
    draws = [stream(7, "talk", 3).uniform(size=4).tolist() for _ in range(2)]
    assert draws[0] == draws[1]
    assert stream(7, "talk", 4).uniform(size=4).tolist() != draws[0]
    assert stream(8, "talk", 3).uniform(size=4).tolist() != draws[0]


def test_constant_arrivals_are_evenly_spaced() -> None:
    due = times(1, 10, process="constant", rate=5)
    assert len(due) in (49, 50)
    assert np.diff(due) == pytest.approx(0.2)


@given(seed=st.integers(0, 10_000))
def test_poisson_arrivals_are_as_many_as_their_rate_within_five_sigma(seed: int) -> None:
    due = times(seed, 100, process="poisson", rate=10)
    assert abs(len(due) - 1000) < 5 * 1000**0.5
    assert (np.diff(due) >= 0).all()
    assert due.min() >= 0
    assert due.max() < 100


def test_poisson_gaps_are_exponential() -> None:
    gaps = np.diff(times(3, 5000, process="poisson", rate=10))
    # Kolmogorov-Smirnov at the 0.1 % level.
    ordered = np.sort(gaps)
    distance = np.abs(np.arange(1, len(ordered) + 1) / len(ordered) - (1 - np.exp(-10 * ordered))).max()
    assert distance < 1.95 / len(ordered) ** 0.5


def test_a_day_curve_follows_its_hours_and_can_be_played_faster() -> None:
    hours = [0.0] * 24
    hours[8], hours[9] = 3600, 7200
    due = times(1, 7200, process="day_curve", hours=hours, starts_at=8)
    assert (due < 3600).sum() == pytest.approx(3600, abs=300)
    assert (due >= 3600).sum() == pytest.approx(7200, abs=400)
    fast = times(1, 300, process="day_curve", hours=hours, starts_at=8, speed=24)
    assert len(fast) == pytest.approx(10_800, abs=500)
    assert (fast < 150).sum() == pytest.approx(3600, abs=300)
    beyond_midnight = times(1, 7200, process="day_curve", hours=[7200.0, *[0.0] * 23], starts_at=23)
    assert (beyond_midnight >= 3600).all()
    assert len(beyond_midnight) > 6500


def test_a_surge_rises_and_falls() -> None:
    due = times(1, 300, process="surge", rate=20, peak=3, begins=100, ends=200, ramp=10)
    counts, _ = np.histogram(due, [0, 100, 110, 190, 300])
    assert counts[0] / 100 == pytest.approx(20, rel=0.15)
    assert counts[2] / 80 == pytest.approx(60, rel=0.1)
    with pytest.raises(ValidationError, match="surge"):
        times(1, 10, process="surge", rate=1, peak=2, begins=5, ends=6, ramp=1)


def test_scaling_multiplies_the_callers() -> None:
    for plan in (
        {"process": "constant", "rate": 2},
        {"process": "poisson", "rate": 2},
        {"process": "surge", "rate": 2, "peak": 2, "begins": 10, "ends": 90},
        {"process": "day_curve", "hours": [7200] * 24},
    ):
        arrivals = ARRIVALS.validate_python(plan)
        before = len(arrivals.times(stream(1), 1000))
        assert len(arrivals.scaled(3).times(stream(1), 1000)) == pytest.approx(3 * before, rel=0.1)


def test_a_recording_is_replayed(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(
        "time,caller\n2026-03-01T08:00:10+08:00,a\n2026-03-01T08:00:00+08:00,b\n2026-03-01T08:01:00+08:00,c\n"
    )
    assert times(1, 30, process="replay", file=file).tolist() == [0, 10]
    assert times(1, 30, process="replay", file=file, speed=4).tolist() == [0, 2.5, 15]
    file.write_text("time\n5\n7.5\n")
    assert read_times(file).tolist() == [0, 2.5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when\n1\n", "no column"),
        ("time;caller\n1;2\n", "found: 'time;caller'.*commas"),
        ("time\n", "nobody would call"),
        ("time\n2026-01-01T08:00:00\n5\n", ":3: dates and seconds"),
        ("time\n2026-01-01T08:00:00\n2026-01-01T08:00:05+08:00\n", ":3: dates and dates with a time zone"),
        ("time\n" + "x" * 200_000, "not readable as CSV"),
        ("time\nyesterday\n", ":2: 'yesterday'"),
        ("time\n1\nnan\n", ":3: 'nan'"),
        ("", "no column"),
    ],
)
def test_a_bad_recording_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=words):
        read_times(file)


def test_more_arrivals_than_memory_can_hold_are_refused() -> None:
    with pytest.raises(ValueError, match=str(MAX_CALLS)):
        times(1, 1e6, process="poisson", rate=1e6)
    with pytest.raises(ValueError, match=str(MAX_CALLS)):
        times(1, 1e6, process="constant", rate=1e6)
    with pytest.raises(ValueError, match=f"^1e\\+300 calls are more than {MAX_CALLS}"):
        times(1, 1, process="poisson", rate=1e300)
    with pytest.raises(ValueError, match="86400"):
        times(1, 1, process="day_curve", hours=[1] * 24, speed=1e13)

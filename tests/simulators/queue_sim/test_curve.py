"""Arrival curves from instants."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulators.queue_sim.curve import arrival_curve, covered_slots, local_slots

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 11, 23, tzinfo=SHANGHAI).timestamp()
DAY = 86_400.0


def test_slots_are_local() -> None:
    days, slots = local_slots(np.array([MONDAY, MONDAY - 1, MONDAY + 8 * 3600 + 901]), SHANGHAI)
    assert slots.tolist() == [0, 7 * 96 - 1, 33]
    assert days[0] == days[2] == days[1] + 1


def test_quarter_hours_at_the_ends_are_covered_in_part() -> None:
    (covered,) = covered_slots(MONDAY + 90, MONDAY + 3690, SHANGHAI).values()
    assert covered == pytest.approx({0: 0.9, 1: 1.0, 2: 1.0, 3: 1.0, 4: 0.1})
    assert covered_slots(MONDAY, MONDAY, SHANGHAI) == {}


def test_calls_of_a_quarter_hour_that_still_goes_on_count() -> None:
    """An installation of an hour's age: nothing but the present quarter-hour may have calls."""
    at = MONDAY + np.arange(0, 300, 3.0)
    rates, _, _ = fitted(at, 300 / DAY)
    assert rates[0] == pytest.approx(1200)
    assert rates[1:].max() == 0


def arrivals(days: int, factors: list[float], busy: float = 0.0, seed: int = 1) -> np.ndarray:
    """Calls at 20 an hour, 60 from 09:00 to 12:00, times the weekday's factor."""
    dice = np.random.default_rng(seed)
    times = []
    for day in range(days):
        factor = factors[day % 7] * (dice.gamma(1 / busy**2, busy**2) if busy else 1.0)
        for slot in range(96):
            rate = (60 if 36 <= slot < 48 else 20) / 4 * factor
            times.append(MONDAY + day * DAY + slot * 900 + dice.random(dice.poisson(rate)) * 900)
    return np.concatenate(times)


def fitted(at: np.ndarray, days: float, begin: float = 0.0) -> tuple[np.ndarray, np.ndarray | None, float]:
    return arrival_curve(
        *local_slots(at, SHANGHAI), covered_slots(MONDAY + begin * DAY, MONDAY + days * DAY, SHANGHAI)
    )


def test_the_curve_and_weekdays_are_found() -> None:
    factors = [1.2, 1.1, 1.0, 1.0, 1.1, 0.9, 0.7]
    rates, weekdays, spread = fitted(arrivals(56, factors), 56)
    assert rates[36:48].mean() == pytest.approx(60, rel=0.05)
    assert np.delete(rates, range(36, 48)).mean() == pytest.approx(20, rel=0.05)
    assert weekdays is not None
    assert weekdays == pytest.approx(factors, abs=0.06)
    assert spread < 0.03


def test_part_of_a_week_gives_no_weekdays_and_no_bias() -> None:
    """From Monday noon to Wednesday noon: every quarter-hour was watched twice."""
    at = arrivals(3, [1.0] * 7)
    rates, weekdays, spread = fitted(at, 2.5, begin=0.5)
    assert weekdays is None
    assert rates[36:48].mean() == pytest.approx(60, rel=0.2)
    assert rates[:36].mean() == pytest.approx(20, rel=0.2)
    assert spread == 0.0


def test_busy_and_quiet_days_are_told_from_chance() -> None:
    assert fitted(arrivals(84, [1.0] * 7, busy=0.25), 84)[2] == pytest.approx(0.25, abs=0.07)


def test_no_calls_no_rates() -> None:
    rates, _, spread = fitted(np.empty(0), 3)
    assert not rates.any()
    assert spread == 0.0


def test_summer_time_is_local_time_too() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 3, 28, 9, tzinfo=berlin)
    after = datetime(2026, 3, 30, 9, tzinfo=berlin)
    _, slots = local_slots(np.array([before.timestamp(), after.timestamp()]), berlin)
    assert slots.tolist() == [5 * 96 + 36, 36]
    assert after.astimezone(UTC) - before.astimezone(UTC) == timedelta(hours=47)

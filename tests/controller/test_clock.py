"""A system clock that is set does not tear the stamps of calls apart."""

import itertools
import time

import pytest

from callrouter.controller import SteadyClock


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_an_hour_either_way_is_followed_slowly(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    wall, steady = [1_795_000_000.0], [1000.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    monkeypatch.setattr(time, "monotonic", lambda: steady[0])
    clock = SteadyClock()
    stamps = [clock.now()]
    wall[0] += step
    for _ in range(1000):
        wall[0] += 0.1
        steady[0] += 0.1
        stamps.append(clock.now())
    lengths = [late - early for early, late in itertools.pairwise(stamps)]
    # 100 s of a call are 100 s, give or take a twentieth of a second.
    assert stamps[-1] - stamps[0] == pytest.approx(100.0, abs=0.06)
    assert min(lengths) > 0.0999
    assert max(lengths) < 0.1001


def test_the_clock_comes_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, steady = [1_795_000_000.0], [1000.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    monkeypatch.setattr(time, "monotonic", lambda: steady[0])
    clock = SteadyClock()
    wall[0] += 1.0
    for _ in range(25):
        wall[0] += 100.0
        steady[0] += 100.0
        clock.now()
    assert clock.now() == pytest.approx(wall[0], abs=1e-6)

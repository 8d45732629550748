"""Replications over processes: the same results, stopped in good order."""

import threading
from dataclasses import replace

import pytest

from simulators.queue_sim.draws import MOST_A_DAY, TooManyCalls
from simulators.queue_sim.replicate import replicate
from tests.simulators.queue_sim.worlds import callers, exponential, plan, world

CALM = world(plan(4), callers(0.01, exponential(100.0), exponential(60.0)))


@pytest.mark.slow
def test_processes_change_nothing() -> None:
    worlds = [CALM, replace(CALM, name="more", days=2)]
    alone, together = (replicate(worlds, 1, 2, processes=count) for count in (1, 2))
    for name in ("w", "more"):
        found = sorted(together.by_policy[name], key=lambda one: one.replication)
        assert [one.figures for one in found] == [one.figures for one in alone.by_policy[name]]
    assert together.processes == 2
    assert together.calls == alone.calls > 1000


def test_progress_ends_at_the_whole() -> None:
    shares: list[float] = []
    replicate([CALM], 1, 3, processes=1, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.slow
def test_a_stop_keeps_what_is_there(processes: int) -> None:
    stop = threading.Event()
    long = replace(CALM, days=360)

    def soon(share: float) -> None:
        if share > 0:
            stop.set()

    runs = replicate([long], 1, 2, processes=processes, progress=soon, stop=stop)
    assert runs.stopped
    found = runs.by_policy["w"]
    assert found
    assert all(0 < one.covered < 1 for one in found)
    assert all(one.calls > 0 for one in found)


def test_more_calls_than_memory_are_refused() -> None:
    with pytest.raises(TooManyCalls, match="are more than"):
        replicate([world(plan(1), callers(MOST_A_DAY / 80_000, exponential(1.0)))], 1, 1, processes=1)

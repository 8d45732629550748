import math
from collections.abc import Callable
from typing import Any

import pytest

from simulators.sip_load.capacity import MOST_RUNS, TOLERANCE, find_capacity


def system(verdict: Callable[[float], str]) -> Callable[[float], Any]:
    async def run(factor: float) -> dict[str, Any]:
        outcome = verdict(factor)
        return {
            "verdict": outcome,
            "void": ["late"] if outcome == "void" else [],
            "broken": [],
            "findings": [{"code": "slow", "text": "too slow"}] if outcome == "bad" else [],
            "figures": {"volume": {"achieved_rate": 10 * factor}},
        }

    return run


@pytest.mark.parametrize("limit", [0.3, 1.0, 7.3, 100.0])
async def test_the_search_closes_in_on_the_limit_from_both_sides(limit: float) -> None:
    found = await find_capacity(system(lambda factor: "good" if factor <= limit else "bad"))
    assert found.clean_factor is not None
    assert found.unclean_factor is not None
    assert found.clean_factor <= limit < found.unclean_factor
    assert found.unclean_factor / found.clean_factor <= TOLERANCE
    assert found.clean_rate == pytest.approx(10 * found.clean_factor)
    assert found.limit == "too slow"


async def test_one_bad_second_is_no_limit() -> None:
    bad = iter(["bad"])
    found = await find_capacity(system(lambda factor: next(bad, "good")), most=1)
    assert found.clean_factor == 1
    assert [step["verdict"] for step in found.steps] == ["bad", "good"]


async def test_a_generator_at_its_own_limit_bounds_the_search_and_says_so() -> None:
    found = await find_capacity(system(lambda factor: "void" if factor > 3 else "good"))
    assert found.clean_factor is not None
    assert 3 / TOLERANCE <= found.clean_factor <= 3
    assert found.by_generator
    assert "late" in found.limit


async def test_the_installations_own_limit_is_told_from_the_generators() -> None:
    def verdict(factor: float) -> str:
        return "good" if factor <= 3 else "bad" if factor <= 3.9 else "void"

    found = await find_capacity(system(verdict))
    assert not found.by_generator
    assert found.limit == "too slow"


async def test_a_run_that_breaks_off_ends_the_search() -> None:
    async def run(factor: float) -> dict[str, Any]:
        report = await system(lambda _: "good")(factor)
        return report if factor < 4 else {**report, "verdict": "broken", "broken": ["interrupted"]}

    found = await find_capacity(run)
    assert found.clean_factor == 2
    assert found.limit == "at 4×: interrupted"
    assert len(found.steps) == 3


async def test_the_scenarios_limits_end_the_search() -> None:
    found = await find_capacity(system(lambda factor: "good"), most=6)
    assert found.clean_factor == 6
    assert found.limit == "the scenario's limits"


async def test_a_system_that_is_never_clean_ends_it_too() -> None:
    found = await find_capacity(system(lambda factor: "bad"), most=math.inf)
    assert found.clean_rate is None
    assert len(found.steps) <= MOST_RUNS + 1

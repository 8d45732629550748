"""The highest rate that an installation takes cleanly, by search over whole runs.

Doubling until a run is not clean, then halving the interval on a logarithmic
scale. A run that fails is repeated once: one bad second is no capacity. A void
run counts as not clean, and the result says that the generator was the limit: what
is found then is the highest rate that can be measured from here. A broken run ends
the search.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

TOLERANCE: Final = 1.1
"""The search ends when the lowest unclean rate is within this factor of the highest clean one."""
MOST_RUNS: Final = 24

Report = dict[str, Any]


@dataclass(slots=True)
class Capacity:
    """What was found. Rates in calls per second as achieved; factors are of the scenario's own rates."""

    clean_factor: float | None = None
    clean_rate: float | None = None
    unclean_factor: float | None = None
    unclean_rate: float | None = None
    by_generator: bool = False
    """The lowest unclean rate was too much for the generator, not (known to be) for the installation."""
    limit: str = ""
    """What was wrong at the lowest unclean rate, or why the search ended."""
    steps: list[dict[str, Any]] = field(default_factory=list)


async def find_capacity(
    run: Callable[[float], Awaitable[Report]], *, start: float = 1.0, most: float = math.inf
) -> Capacity:
    """Search with `run(factor)`, which makes one run with the callers' rates times `factor`.

    `most` is the largest factor that the scenario's limits allow.
    """
    found = Capacity()
    factor = min(start, most)
    while len(found.steps) < MOST_RUNS:
        report = await _twice(run, factor, found)
        rate = report["figures"]["volume"]["achieved_rate"]
        if report["verdict"] == "broken":
            found.limit = f"at {factor:g}×: " + "; ".join(report["broken"])
            return found
        if report["verdict"] == "good":
            found.clean_factor, found.clean_rate = factor, rate
            if factor >= most:
                found.limit = "the scenario's limits"
                return found
        else:
            found.unclean_factor, found.unclean_rate = factor, rate
            found.by_generator = report["verdict"] == "void"
            told = report["void"] or [one["text"] for one in report["findings"]]
            found.limit = "; ".join(told[:3])
        following = _next(found, factor, most)
        if following is None:
            return found
        factor = following
    found.limit = found.limit or f"{MOST_RUNS} runs were made"
    return found


async def _twice(run: Callable[[float], Awaitable[Report]], factor: float, found: Capacity) -> Report:
    for _ in range(2):
        report = await run(factor)
        found.steps.append(
            {
                "factor": factor,
                "rate": report["figures"]["volume"]["achieved_rate"],
                "verdict": report["verdict"],
                "findings": [one["code"] for one in report["findings"]],
            }
        )
        if report["verdict"] in ("good", "broken"):
            break
    return report


def _next(found: Capacity, factor: float, most: float) -> float | None:
    low, high = found.clean_factor, found.unclean_factor
    if low is None:
        return factor / 2 if factor > 1e-3 else None
    if high is None:
        return min(factor * 2, most)
    return math.sqrt(low * high) if high / low > TOLERANCE else None

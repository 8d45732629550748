"""Means over replications with confidence intervals, and policies against the first one.

Every policy meets the same callers, so differences are taken replication by
replication: what both have in common cancels (common random numbers), and the
interval of a difference is often far narrower than those of the two means.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from simulators.queue_sim.figures import ALL, Figures, Outcome

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over `count` replications; `half` is None when there is only one."""

    mean: float
    half: float | None
    count: int

    @property
    def low(self) -> float | None:
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        return None if self.half is None else self.mean + self.half

    @property
    def telling(self) -> bool:
        """Does the interval leave out 0?"""
        return self.half is not None and abs(self.mean) > self.half


def estimate(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate | None:
    """Mean and half width by Student's t over independent replications; None without values."""
    if not values:
        return None
    mean = float(np.mean(values))
    if len(values) == 1:
        return Estimate(mean=mean, half=None, count=1)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Estimate(mean=mean, half=student_t(len(values) - 1, confidence) * error, count=len(values))


@lru_cache(maxsize=1024)
def student_t(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t with `freedom` ≥ 1 degrees.

    With t = √freedom·tan θ the density becomes cos^(freedom-1) θ: integrated by
    Simpson's rule and inverted.
    """
    if freedom < 1 or not 0 < confidence < 1:
        raise ValueError("freedom must be at least 1 and confidence between 0 and 1")
    # Nearly all of it lies within a few standard deviations of 0.
    end = min(math.pi / 2, math.atan(60 / math.sqrt(freedom))) if freedom > 3 else math.pi / 2
    theta = np.linspace(0.0, end, 20_001)
    density = np.cos(theta) ** (freedom - 1)
    step = theta[1] - theta[0]
    middle = np.cos(theta[:-1] + step / 2) ** (freedom - 1)
    pieces = step / 6 * (density[:-1] + 4 * middle + density[1:])
    share = np.concatenate([[0.0], np.cumsum(pieces)])
    angle = float(np.interp(confidence, share / share[-1], theta))
    return math.sqrt(freedom) * math.tan(angle)


def means(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Estimate]]:
    """Every figure of every scope over the replications of one policy."""
    return {
        scope: {
            name: found
            for name in outcomes[0].figures[scope]
            if (found := estimate(_values([o.figures[scope][name] for o in outcomes]))) is not None
        }
        for scope in (outcomes[0].figures if outcomes else {})
    }


def _values(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def differences(base: Sequence[Outcome], other: Sequence[Outcome], scope: str = ALL) -> dict[str, Estimate]:
    """`other` minus `base`, replication by replication."""
    of_base = {outcome.replication: outcome.figures.get(scope, {}) for outcome in base}
    pairs = [
        (of_base[outcome.replication], outcome.figures.get(scope, {}))
        for outcome in other
        if outcome.replication in of_base
    ]
    names = list(pairs[0][0]) if pairs else []
    found = {name: estimate(_paired(pairs, name)) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _paired(pairs: Sequence[tuple[Figures, Figures]], name: str) -> list[float]:
    both = ((one.get(name), two.get(name)) for one, two in pairs)
    return [two - one for one, two in both if one is not None and two is not None]


def complete(outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, list[Outcome]]:
    """Finished replications; those that were cut short only for policies that have no other."""
    return {
        policy: sorted(
            [one for one in found if one.covered >= 1.0] or list(found), key=lambda one: one.replication
        )
        for policy, found in outcomes.items()
    }

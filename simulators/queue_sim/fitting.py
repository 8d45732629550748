"""Distributions from observations, censored ones too. Maximum likelihood; the simpler model wins ties (AIC).

Patience is never seen whole: whoever is answered would have waited longer still.
Such a wait is *censored*. Leaving censored waits out makes callers look impatient;
counting them as patience does too. Both estimators here take them for what they are:
Kaplan and Meier's curve (1958) for the eye, exponential or Weibull for the simulation.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulators.workload import Duration

FEWEST: Final = 20
"""Fewer observations are taken as their mean, exponentially spread."""
STEADY: Final = 0.01
"""Standard deviation ÷ mean under which a duration counts as constant."""
WELL_SEEN: Final = 0.98
_SMALLEST: Final = 1e-3
"""Seconds; shorter ones are taken as this, so that logarithms exist."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """What was found. `distance`: the largest gap between observed and fitted distribution."""

    duration: Duration
    count: int
    """Observations; of patience: callers who gave up."""
    distance: float
    censored: int = 0

    @property
    def words(self) -> str:
        """Shape and numbers, for people."""
        shape = self.duration.model_dump(exclude_none=True)
        (name, value), *_ = shape.items()
        if isinstance(value, dict):
            value = ", ".join(f"{key} {number:g}" for key, number in value.items())
        return name if value is True else f"{name} {value if isinstance(value, str) else f'{value:g}'}"


def fit_duration(values: Values) -> Fit:
    """Constant, exponential or lognormal. Raises ValueError without values."""
    if len(values) == 0:
        raise ValueError("nothing was observed")
    values = np.sort(np.maximum(values, _SMALLEST))
    mean, spread = float(values.mean()), float(values.std())
    if spread <= STEADY * mean:
        return Fit(Duration(constant=rounded(mean)), len(values), 0.0)
    if len(values) < FEWEST:
        return Fit(Duration(exponential=rounded(mean)), len(values), _gap(values, -np.expm1(-values / mean)))
    logs = np.log(values)
    mu, sigma = float(logs.mean()), float(logs.std())
    likelihood = -len(values) * (mu + math.log(sigma) + 0.5 * math.log(2 * math.pi) + 0.5)
    simpler = -len(values) * (math.log(mean) + 1)
    if simpler + 1 >= likelihood:
        return Fit(Duration(exponential=rounded(mean)), len(values), _gap(values, -np.expm1(-values / mean)))
    shape: Any = {
        "mean": rounded(math.exp(mu + sigma**2 / 2)),
        "cv": rounded(math.sqrt(math.expm1(sigma**2))),
    }
    below = 0.5 * (1 + np.array([math.erf((log - mu) / (sigma * math.sqrt(2))) for log in logs]))
    return Fit(Duration(lognormal=shape), len(values), _gap(values, below))


def fit_patience(waited: Values, gave_up: NDArray[np.bool_]) -> Fit:
    """Exponential or Weibull from waits that ended in giving up or in something else (censored)."""
    waited = np.maximum(waited, _SMALLEST)
    events = int(gave_up.sum())
    censored = len(waited) - events
    if events == 0:
        return Fit(Duration(forever=True), 0, 0.0, censored)
    mean = float(waited.sum()) / events
    times, staying = kaplan_meier(waited, gave_up)
    # Beyond, hardly anybody is left to be seen giving up: the curve's end says nothing.
    told = times <= np.quantile(waited, WELL_SEEN)
    times, staying = times[told], staying[told]
    plain = Fit(
        Duration(exponential=rounded(mean)), events, _distance(staying, np.exp(-times / mean)), censored
    )
    if events < FEWEST:
        return plain
    shape, scale = _weibull(waited, gave_up)
    logs = np.log(waited[gave_up])
    likelihood = (
        events * (math.log(shape) - shape * math.log(scale))
        + (shape - 1) * float(logs.sum())
        - float(((waited / scale) ** shape).sum())
    )
    if -events * (math.log(mean) + 1) + 1 >= likelihood:
        return plain
    found: Any = {"mean": rounded(scale * math.gamma(1 + 1 / shape)), "shape": rounded(shape)}
    fitted = np.exp(-((times / scale) ** shape))
    return Fit(Duration(weibull=found), events, _distance(staying, fitted), censored)


def kaplan_meier(waited: Values, gave_up: NDArray[np.bool_]) -> tuple[Values, Values]:
    """When somebody gave up, and the share that stays beyond each of these instants."""
    times, place = np.unique(waited, return_inverse=True)
    leaving = np.bincount(place, gave_up.astype(np.float64), len(times))
    here = np.bincount(place, minlength=len(times))
    at_risk = len(waited) - np.concatenate([[0], np.cumsum(here)[:-1]])
    staying = np.cumprod(1 - leaving / at_risk)
    seen = leaving > 0
    return times[seen], staying[seen]


def _weibull(waited: Values, gave_up: NDArray[np.bool_]) -> tuple[float, float]:
    """Shape and scale where the likelihood is highest; its derivative in the shape rises through 0."""
    unit = float(waited.max())
    values = waited / unit
    logs = np.log(values)
    mean_log = float(logs[gave_up].mean())

    def slope(shape: float) -> float:
        powers = values**shape
        return float((powers * logs).sum() / powers.sum()) - 1 / shape - mean_log

    low, high = 0.11, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    scale = unit * float((values**low).sum() / gave_up.sum()) ** (1 / low)
    return low, scale


def _gap(ordered: Values, below: Values) -> float:
    """Kolmogorov and Smirnov's distance."""
    ranks = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((ranks[1:] - below).max(), (below - ranks[:-1]).max()))


def _distance(observed: Values, fitted: Values) -> float:
    return float(np.abs(observed - fitted).max()) if len(observed) else 0.0


def rounded(value: float) -> float:
    """Four digits are more than observations tell."""
    return float(f"{value:.4g}")

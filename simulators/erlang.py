"""How many seats, how long a wait: the formulas of Erlang, Palm, Halfin and Whitt.

Callers arrive at random (Poisson), `load` erlang of them: calls per second times
mean handling time. Handling times are exponential except where noted.

B (M/G/n/n)   who finds all seats busy is lost; any shape of handling time
C (M/M/n)     everybody waits, for as long as it takes
A (M/M/n+M)   everybody waits, but hangs up after an exponential time (Palm 1957)

B comes from its sum in logarithms and A from the integral of Zeltyn & Mandelbaum
("Call centers with impatient customers", Queueing Systems 51, 2005), so that all
hold for tens of thousands of seats. C follows from B. Times are seconds.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_SERVERS: Final = 1_000_000
"""A bound on memory: one number a server is kept while a formula is worked out."""

_NEGLIGIBLE: Final = 46.0
"""exp(-46) = 1e-20 of a sum or integral is left out."""
_PANELS: Final = 64
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What callers of a queue meet, in the long run."""

    waits: float
    """Probability of not being answered at once."""
    abandons: float
    """Probability of hanging up before an answer."""
    mean_wait: float
    """Seconds over all callers, those who hang up included."""
    queue: float
    """Mean number of callers waiting."""
    occupancy: float
    """Share of its time that a seat is busy."""


# --- Erlang B --------------------------------------------------------------------


def erlang_b(servers: int, load: float) -> float:
    """Probability that all `servers` are busy and the caller is lost.

    1/B = Σ over k of n!/(n-k)! / load^k. Raises ValueError for a negative load,
    or for servers outside 0 … `MAX_SERVERS`.
    """
    _check(servers, load)
    if load == 0:
        return 0.0 if servers else 1.0
    return math.exp(-_log_reciprocal_b(servers, load))


def _log_reciprocal_b(servers: int, load: float) -> float:
    # log of n!/(n-k)!/load^k for k = 0 … n
    steps = np.log(np.arange(servers, 0, -1, dtype=np.float64)) - math.log(load)
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    most = float(logs.max())
    return most + math.log(float(np.exp(logs - most).sum()))


def erlang_b_load(servers: int, blocking: float) -> float:
    """The load in erlang at which `servers` lose the share `blocking` (0 < blocking < 1)."""
    if not 0 < blocking < 1:
        raise ValueError(f"blocking must lie between 0 and 1, not {blocking}")
    _check(servers, 0.0)
    if servers == 0:
        return 0.0
    high = float(servers)
    while erlang_b(servers, high) < blocking:
        high *= 2
    return _bisect(lambda load: erlang_b(servers, load) - blocking, 0.0, high)


def erlang_b_servers(load: float, blocking: float) -> int:
    """The fewest servers that lose no more than the share `blocking`."""
    if not 0 < blocking < 1:
        raise ValueError(f"blocking must lie between 0 and 1, not {blocking}")
    _check(0, load)
    probability, servers = 1.0, 0
    while probability > blocking:
        servers += 1
        _check(servers, load)
        probability = load * probability / (servers + load * probability)
    return servers


# --- Erlang C --------------------------------------------------------------------


def erlang_c(servers: int, load: float) -> float:
    """Probability of having to wait; 1 when the load is more than the servers can carry."""
    if load >= servers:
        _check(servers, load)
        return 1.0
    lost = erlang_b(servers, load)
    return lost / (1 - load / servers * (1 - lost))


def answered_within(servers: int, load: float, aht: float, seconds: float) -> float:
    """Share of callers answered within so many seconds, when nobody hangs up; 0 under overload."""
    if load >= servers:
        return 0.0
    return 1 - erlang_c(servers, load) * math.exp(-(servers - load) * seconds / aht)


def mean_wait(servers: int, load: float, aht: float) -> float:
    """Average speed of answer when nobody hangs up; infinite under overload."""
    if load >= servers:
        return math.inf
    return erlang_c(servers, load) * aht / (servers - load)


def waiting_c(servers: int, load: float, aht: float) -> Waiting:
    """All of M/M/n at once."""
    wait = mean_wait(servers, load, aht)
    return Waiting(
        waits=erlang_c(servers, load),
        abandons=0.0,
        mean_wait=wait,
        queue=wait * load / aht,
        occupancy=min(1.0, load / servers) if servers else 1.0,
    )


# --- Erlang A --------------------------------------------------------------------


class ErlangA:
    """M/M/n+M: callers hang up after an exponential time with mean `patience`.

    `load` may exceed `servers`: those who hang up keep the queue finite.
    """

    def __init__(self, servers: int, load: float, aht: float, patience: float) -> None:
        """Raises ValueError for a load or time that is not above 0, or too many servers."""
        _check(servers, load)
        if min(load, aht, patience, servers) <= 0:
            raise ValueError("servers, load, handling time and patience must all be above 0")
        self.servers = servers
        self.aht = aht
        self.patience = patience
        self._rate = load / aht
        self._capacity = servers / aht
        self._peak = 0.0
        self._cut, self._peak, self._end = self._support()
        # The theory's E and λJ, both divided by the same number, so that nothing overflows.
        log_empty = _log_reciprocal_b(servers - 1, load)
        scale = max(self._peak, log_empty)
        self._density = self._rate * math.exp(self._peak - scale)
        self._density /= math.exp(log_empty - scale) + self._density * self._integral()

    @property
    def waits(self) -> float:
        """Probability of not being answered at once."""
        return self._density * self._integral()

    @property
    def abandons(self) -> float:
        """Probability of hanging up before an answer: 1 - P(patience outlasts the wait)."""
        return self._density * self._integral(lambda t: -np.expm1(-t / self.patience))

    @property
    def mean_wait(self) -> float:
        """Seconds over all callers: the integral of P(W > t)."""
        stays = self._integral(lambda t: -self.patience * np.expm1(-t / self.patience))
        return self._density * stays

    def answered_within(self, seconds: float) -> float:
        """Share of all callers who are answered within so many seconds."""
        within = self._integral(lambda t: np.exp(-t / self.patience), until=seconds)
        return 1 - self.waits + self._density * within

    @property
    def occupancy(self) -> float:
        """Share of its time that a seat is busy: what is answered must be worked through."""
        return min(1.0, self._rate * (1 - self.abandons) / self._capacity)

    def waiting(self) -> Waiting:
        """All of it at once."""
        wait = self.mean_wait
        return Waiting(
            waits=self.waits,
            abandons=self.abandons,
            mean_wait=wait,
            queue=self._rate * wait,
            occupancy=self.occupancy,
        )

    # The wait offered to a caller of endless patience has the density λ·exp(φ(t)) / (E + λJ), t > 0.

    def _exponent(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """φ(t) - peak, where φ(t) = λ·∫₀ᵗ P(patience > u)du - n·μ·t, concave."""
        theta = 1 / self.patience
        exponent = -self._rate / theta * np.expm1(-theta * t) - self._capacity * t - self._peak
        return np.asarray(exponent, dtype=np.float64)

    def _support(self) -> tuple[float, float, float]:
        """Where the density is not negligible: begin, its highest exponent, end."""
        top = max(0.0, self.patience * math.log(self._rate / self._capacity))

        def height(t: float) -> float:
            return float(self._exponent(np.array([t]))[0])

        peak = height(top)
        reach = max(self.aht / self.servers, 1e-9)
        while height(top + reach) > peak - _NEGLIGIBLE:
            reach *= 2
        end = _bisect(lambda t: peak - _NEGLIGIBLE - height(t), top, top + reach)
        begin = 0.0
        if height(0.0) < peak - _NEGLIGIBLE:
            begin = _bisect(lambda t: height(t) - peak + _NEGLIGIBLE, 0.0, top)
        return begin, peak, end

    def _integral(
        self,
        weight: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.ones_like,
        *,
        begin: float = 0.0,
        until: float = math.inf,
    ) -> float:
        """∫ weight·exp(φ - peak) by Gauss and Legendre, panel by panel."""
        low, high = max(begin, self._cut), min(until, self._end)
        if high <= low:
            return 0.0
        edges = np.linspace(low, high, _PANELS + 1)
        half = np.diff(edges)[:, None] / 2
        t = (edges[:-1, None] + half) + half * _NODES
        values = weight(t) * np.exp(self._exponent(t))
        return float((values * _WEIGHTS * half).sum())


# --- many servers ------------------------------------------------------------------


def beta(servers: int, load: float) -> float:
    """Servers above the load in units of √load: what decides P(wait) when both are large."""
    return (servers - load) / math.sqrt(load)


def halfin_whitt(excess: float) -> float:
    """Limit of P(wait) in M/M/n as n grows and `beta` stays at `excess` (Halfin & Whitt 1981)."""
    if excess <= 0:
        return 1.0
    density = _NORMAL.pdf(excess)
    # Beyond 38 standard deviations the density is smaller than any float: nobody waits.
    return density / (density + excess * _NORMAL.cdf(excess))


# --- how many seats -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is promised to callers: `share` of them answered within `seconds`."""

    share: float
    seconds: float
    most_occupancy: float = 1.0
    """Seats are not to be busier than this: people tire."""
    most_abandons: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.seconds < 0:
            raise ValueError("a target is a share between 0 and 1 within 0 or more seconds, e.g. 95/15")

    @staticmethod
    def parse(text: str) -> "Target":
        """``95/15``: 95 % within 15 s. Raises ValueError."""
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%?\s*/\s*(\d+(?:\.\d+)?)\s*s?\s*", text)
        if found is None:
            raise ValueError(f"{text!r} is no target: write PERCENT/SECONDS, for example 95/15")
        return Target(share=float(found[1]) / 100, seconds=float(found[2]))


@lru_cache(maxsize=65_536)
def seats_needed(load: float, aht: float, target: Target, patience: float | None = None) -> int:
    """The fewest seats that keep the target: by Erlang C, or by Erlang A when callers have a patience.

    Raises ValueError when even `MAX_SERVERS` are not enough.
    """
    if load <= 0:
        return 0

    def enough(seats: int) -> bool:
        return _keeps(seats, load, aht, target, patience)

    high = max(1, math.ceil(load))
    step = max(1, int(math.sqrt(load)))
    while not enough(high):
        high += step
        step *= 2
        _check(high, load)
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _keeps(seats: int, load: float, aht: float, target: Target, patience: float | None) -> bool:
    if patience is None or math.isinf(patience):
        return (
            load < seats
            and load / seats <= target.most_occupancy
            and answered_within(seats, load, aht, target.seconds) >= target.share
        )
    system = ErlangA(seats, load, aht, patience)
    return (
        system.occupancy <= target.most_occupancy
        and system.abandons <= target.most_abandons
        and system.answered_within(target.seconds) >= target.share
    )


def _check(servers: int, load: float) -> None:
    if not 0 <= servers <= MAX_SERVERS:
        raise ValueError(f"the number of servers must lie between 0 and {MAX_SERVERS}, not {servers}")
    if not 0 <= load < math.inf:
        raise ValueError(f"the load must be 0 or more erlang, not {load}")


def _bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function passes 0."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2

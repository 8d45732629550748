"""Ratios with their confidence intervals, and the figures that are wanted of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, stdev
from typing import Final

from simulators.bench_calls.block import Block
from simulators.bench_calls.clean import Search
from simulators.bench_calls.plan import Way
from simulators.bench_calls.reading import share
from simulators.queue_sim.compare import student_t

WANTED: Final = {
    "total_to_queue": 0.85,
    "asterisk_to_dial": 1.25,
    "controller_ms": 0.8,
    "controller_to_asterisk": 0.10,
    "sooner": 20.0,
    "clean_rate": 1.15,
}


@dataclass(frozen=True, slots=True)
class Between:
    """A mean with the bounds of its 95 % confidence interval; the bounds are NaN for a single value."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        bounds = "" if math.isnan(self.low) else f" ({self.low:.2f} … {self.high:.2f})"
        return f"{self.mean:.2f}{bounds}"


def mean_of(values: Sequence[float]) -> Between:
    """By Student's t over rounds."""
    mean = fmean(values)
    if len(values) < 2:
        return Between(mean, math.nan, math.nan)
    half = student_t(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Between(mean, mean - half, mean + half)


def ratio_of(ours: Sequence[float], others: Sequence[float]) -> Between:
    """Of pairs measured next to each other: the geometric mean, by Student's t on the logarithms.

    Raises ValueError when a value is not above 0.
    """
    if min(*ours, *others) <= 0:
        raise ValueError("a block has cost nothing: it was too short for the system's clock")
    logs = mean_of([math.log(a / b) for a, b in zip(ours, others, strict=True)])
    return Between(math.exp(logs.mean), math.exp(logs.low), math.exp(logs.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One wanted figure and what was measured."""

    name: str
    measured: str
    wanted: str
    met: bool


@dataclass(slots=True)
class Measured:
    """Everything that was measured, by way; parts that were not asked for are empty."""

    cost: dict[Way, list[Block]] = field(default_factory=dict)
    standing: dict[Way, list[Block]] = field(default_factory=dict)
    clean: dict[Way, Search] = field(default_factory=dict)

    def ratios(self) -> dict[str, Between]:
        """Figures by the names of `WANTED`."""
        found: dict[str, Between] = {}
        if self.cost:
            ours, queue, dial = (self.cost[way] for way in Way)
            asterisk = [block.per_call("asterisk") for block in ours]
            controller = [block.per_call("controller") for block in ours]
            found["total_to_queue"] = ratio_of([b.total for b in ours], [b.total for b in queue])
            found["asterisk_to_dial"] = ratio_of(asterisk, [b.total for b in dial])
            found["queue_to_dial"] = ratio_of([b.total for b in queue], [b.total for b in dial])
            found["controller_ms"] = mean_of(controller)
            found["controller_to_asterisk"] = ratio_of(controller, asterisk)
        if self.standing:
            gaps = {way: [median(block.gaps) for block in blocks] for way, blocks in self.standing.items()}
            found["sooner"] = ratio_of(gaps[Way.QUEUE], gaps[Way.OURS])
        if self.clean and all(search.clean for search in self.clean.values()):
            us, them = self.clean[Way.OURS], self.clean[Way.QUEUE]
            # Each true limit lies between its highest clean and its lowest unclean rate.
            low = us.clean / them.unclean if them.unclean else 0.0
            high = us.unclean / them.clean if us.unclean else math.inf
            found["clean_rate"] = Between(us.clean / them.clean, low, high)
        return found

    def faults(self) -> list[str]:
        """What makes the figures doubtful."""
        found = []
        for name, blocks in (("cost", self.cost), ("standing queue", self.standing)):
            for way, listed in blocks.items():
                for number, block in enumerate(listed, 1):
                    if wrong := _doubtful(block):
                        found.append(f"{name}, {way}, round {number}: {wrong}")
        for way, search in self.clean.items():
            if search.why.startswith("void"):
                found.append(f"clean rate, {way}: {search.why}")
            elif search.clean and search.open_above:
                why = search.why or "no time for more"
                found.append(f"clean rate, {way}: clean as far as it was tried ({why})")
            elif not search.clean:
                found.append(f"clean rate, {way}: no clean rate found ({search.why})")
        return found


def _doubtful(block: Block) -> str:
    if block.met < block.calls or block.failed:
        return f"{block.met} of {block.calls} callers met a seat, {block.failed} calls were broken off"
    if not block.quiet:
        return "the processes did not come to rest before their accounts were read"
    return ""


_NAMES: Final[Mapping[str, tuple[str, str, str]]] = {
    "total_to_queue": ("CPU of Asterisk and controller, against Queue()", "≤", ""),
    "asterisk_to_dial": ("Asterisk's own CPU, against plain Dial()", "≤", ""),
    "controller_ms": ("controller's CPU per call", "≤", " ms"),
    "controller_to_asterisk": ("controller's CPU, against Asterisk's", "≤", ""),
    "sooner": ("free seat → INVITE sooner than Queue()", "≥", " ×"),
    "clean_rate": ("highest clean rate, against Queue()", "≥", ""),
}


def verdicts(ratios: Mapping[str, Between]) -> list[Verdict]:
    """The wanted figures among those measured."""
    found = []
    for key, (name, relation, unit) in _NAMES.items():
        if (value := ratios.get(key)) is None:
            continue
        wanted = WANTED[key]
        met = value.mean <= wanted if relation == "≤" else value.mean >= wanted
        found.append(
            Verdict(name=name, measured=f"{value}{unit}", wanted=f"{relation} {wanted:g}{unit}", met=met)
        )
    return found


def gap_table(blocks: Sequence[Block]) -> dict[str, float]:
    """Seconds from the end of a seat's call to its next INVITE."""
    gaps = [gap for block in blocks for gap in block.gaps]
    return {
        "count": len(gaps),
        "p50": share(gaps, 0.5),
        "p99": share(gaps, 0.99),
        "most": max(gaps, default=0),
    }

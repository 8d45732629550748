"""The highest rate at which nothing goes wrong, by search: equal trials and criteria for all."""

import math
from dataclasses import dataclass, field
from typing import Final

from simulators.bench_calls.block import Block

STEP: Final = 1.25
"""Up by this factor until a rate is not clean, down by it until one is."""
TOLERANCE: Final = 1.06
"""Then halved, until the lowest unclean rate is within this factor of the highest clean one."""
MOST_TRIALS: Final = 12
OWN_LIMIT: Final = 0.9
"""Share of what the seats could bear at most, up to which rates are tried."""
SLOWEST: Final = 1.0
"""Seconds within which 99 of 100 callers have to be rung for."""
ON_TIME: Final = 0.97
"""A generator that dials at less than this share of its rate is the bottleneck itself: the trial is void."""
LEAST: Final = 1.0


def what_was_wrong(block: Block, rate: float) -> str:
    """In words; ``""`` for a clean trial."""
    found = []
    if block.rate < ON_TIME * rate:
        found.append(f"void: dialled {block.rate:.0f}/s instead of {rate:.0f}/s")
    if block.met < block.calls:
        found.append(f"{block.calls - block.met} of {block.calls} met no seat")
    if block.failed:
        found.append(f"{block.failed} calls broken off")
    if block.repeats:
        found.append("repeated: " + ", ".join(f"{count} {what}" for what, count in block.repeats.items()))
    if block.wait_p99 > SLOWEST:
        found.append(f"p99 until a seat is rung {block.wait_p99:.2f} s")
    return "; ".join(found)


@dataclass(slots=True)
class Search:
    """One search. A rate that is not clean is tried once more: one bad second is no capacity."""

    rate: float
    """To be tried next."""
    most: float = math.inf
    """No rate above is tried: beyond it the seats, not who finds them, are the bottleneck."""
    clean: float = 0.0
    """Highest clean rate so far; 0: none."""
    unclean: float = 0.0
    """Lowest unclean rate so far; 0: none."""
    why: str = ""
    """What was wrong at that rate."""
    trials: list[tuple[float, str]] = field(default_factory=list)
    over: bool = False
    _again: bool = False

    @property
    def open_above(self) -> bool:
        """No rate was found that is not clean: the highest clean one may lie higher."""
        return not self.unclean

    def cut(self) -> None:
        """There is no time for more: what is known so far stands, with the bounds that it has."""
        self.over = True

    def tell(self, wrong: str) -> None:
        """How the trial at `rate` went, as `what_was_wrong` says it."""
        self.trials.append((self.rate, wrong))
        if wrong and not self._again:
            self._again = True
        else:
            self._again = False
            if wrong:
                self.unclean, self.why = self.rate, wrong
            else:
                self.clean = self.rate
            self._go_on()
        self.over = self.over or len(self.trials) >= MOST_TRIALS

    def _go_on(self) -> None:
        if not self.unclean and self.clean >= self.most:
            self.over, self.why = True, "the seats bear no more"
        elif not self.unclean:
            self.rate = min(self.most, self.rate * STEP)
        elif not self.clean:
            self.rate /= STEP
            self.over = self.rate < LEAST
        elif self.unclean / self.clean <= TOLERANCE:
            self.over = True
        else:
            self.rate = (self.clean * self.unclean) ** 0.5

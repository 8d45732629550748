"""How many are ahead, and how long still? Honest figures or none.

**Position** counts the callers of the same queue who stand before this one and
whom a seat that serves this one would also take: a caller who waits for Tibetan
does not count people whom no Tibetan-speaking seat serves.

**Expected wait.** While all seats are busy, a seat that works for one queue ends a
contact every h seconds on average (h: mean handling time, talk to the end of
wrap-up), so the caller at place n is reached after n departures of the seats that
may serve the call: ``W = n·h / Σ share``, where a group of seats that serves
several queues counts with this queue's share of the callers waiting for it. For
exponential handling times this is exact for one queue (M/M/s, given the place).

**Silence.** No figure is given when nobody who could serve the call is at work,
when fewer than `MIN_SAMPLES` handling times are known, or when the last
predictions were wrong by more than a factor of `TOLERANCE` on average: a wrong
number is worse than none.
"""

from bisect import bisect_left, bisect_right, insort
from math import exp, log
from typing import TYPE_CHECKING, Final

from acd.ids import Instant, Seconds

if TYPE_CHECKING:
    from acd.queue import Entry

MIN_SAMPLES: Final = 8
MIN_JUDGED: Final = 10
TOLERANCE: Final = 2.5
MEMORY: Final = 50
"""Contacts (or predictions) after which old ones have faded."""

_BLOCK: Final = 9
_BLOCK_SIZE: Final = 1 << _BLOCK


class Line:
    """Callers of one demand and priority in order of their keys, with removal anywhere.

    Keys arrive in ascending order but for the few who get an earlier place back;
    those stand in `early`. Adding and removing cost O(1), counting those ahead
    O(n / 512) with a small constant.
    """

    __slots__ = ("alive", "base", "blocks", "early", "keys", "latest", "live")

    def __init__(self) -> None:
        self.keys: list[float] = []
        self.alive = bytearray()
        self.blocks: list[int] = []
        """Live callers in each block of 512 slots."""
        self.base = 0
        """Slot of the first key kept."""
        self.early: list[float] = []
        self.latest = float("-inf")
        """The highest key that has ever stood in `keys`."""
        self.live = 0

    def add(self, key: float, early: bool = False) -> int:
        """Take a place; returns the slot to leave by, -1 for an early place."""
        self.live += 1
        if early or key < self.latest:
            insort(self.early, key)
            return -1
        self.latest = key
        keys = self.keys
        index = len(keys)
        if not index & (_BLOCK_SIZE - 1):
            self.blocks.append(0)
        self.blocks[-1] += 1
        keys.append(key)
        self.alive.append(1)
        return self.base + index

    def leave(self, slot: int, key: float) -> None:
        self.live -= 1
        if slot < 0:
            del self.early[bisect_left(self.early, key)]
            return
        index = slot - self.base
        self.alive[index] = 0
        self.blocks[index >> _BLOCK] -= 1
        if not self.blocks[0] and len(self.keys) >= _BLOCK_SIZE:
            del self.keys[:_BLOCK_SIZE], self.alive[:_BLOCK_SIZE], self.blocks[0]
            self.base += _BLOCK_SIZE

    def ahead(self, key: float, slot: int = -1) -> int:
        """How many stand before this slot, or not behind this key when it has no slot here."""
        index = slot - self.base if slot >= 0 else bisect_right(self.keys, key)
        block = index >> _BLOCK
        return (
            sum(self.blocks[:block])
            + self.alive.count(1, block << _BLOCK, index)
            + bisect_left(self.early, key)
        )


class Fading:
    """Mean with fading memory: the plain mean at first, then each new value weighs 1/`MEMORY`."""

    __slots__ = ("count", "mean")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0

    def add(self, value: float) -> None:
        count = self.count = self.count + 1
        self.mean += (value - self.mean) / (count if count < MEMORY else MEMORY)


class Handling:
    """What a queue knows of its own speed."""

    __slots__ = ("errors", "times")

    def __init__(self) -> None:
        self.times = Fading()
        """Handling times in seconds."""
        self.errors = Fading()
        """``|ln(actual / predicted)|`` of announced waits."""

    def judge(self, predicted: Seconds, actual: Seconds) -> None:
        """Compare an announced wait with what it became. Waits under 5 s are all alike to a caller."""
        self.errors.add(abs(log(max(actual, 5.0) / max(predicted, 5.0))))

    @property
    def mean(self) -> Seconds | None:
        """Mean handling time, None while too little is known."""
        return self.times.mean if self.times.count >= MIN_SAMPLES else None

    @property
    def trusted(self) -> bool:
        """Have predictions come true of late?"""
        return self.errors.count < MIN_JUDGED or exp(self.errors.mean) <= TOLERANCE


def position(entry: "Entry") -> int:
    """1 = next of those who need the same seats."""
    key = entry.key
    ahead = 0
    for (source, _), line in entry.queue.lines.items():
        if line is entry.line:
            ahead += line.ahead(key, entry.slot)
        elif line.live and entry.queue.compete(entry.source, source):
            ahead += line.ahead(key)
    return ahead + 1


def expected_wait(entry: "Entry", place: int) -> Seconds | None:
    """Further wait of the caller at `place`; None when no honest figure exists."""
    if entry.offers:
        return 0.0
    queue, cls = entry.queue, entry.cls
    mean = queue.handling.mean
    if mean is None or not queue.handling.trusted or cls is None:
        return None
    power = 0.0
    for group in cls.groups:
        if group.at_work:
            power += group.at_work * queue.waiting / max(group.demand(), queue.waiting, 1)
    return place * mean / power if power > 0 else None


def newcomer_wait(entry: "Entry") -> Seconds | None:
    """Expected wait of a caller who has just joined."""
    return expected_wait(entry, position(entry))


def judge(entry: "Entry", now: Instant) -> None:
    """The caller is being answered: was the announced wait true?"""
    if entry.predicted is not None:
        told, wait = entry.predicted
        entry.queue.handling.judge(wait, now - told)

"""How long still? Honest figures for waiting callers."""

from acd.ids import Seconds
from acd.queue import Entry


def position(entry: Entry) -> int:
    """1 = next of the queue."""
    ahead = 0
    for cls in entry.queue.classes.values():
        for key, number, other in cls.heap:
            ahead += other.filed is cls and (key, number) < (entry.key, entry.number)
    return ahead + 1


def expected_wait(entry: Entry) -> Seconds | None:
    """None: no honest figure exists."""
    return None

"""The three ways a call is handled, and how much of each is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SEATS: Final = 400
FEW: Final = 20
"""Further seats, for the queue in which callers are made to wait."""
DIALLED: Final = "12345"
DIALLED_FEW: Final = "097112345"


class Way(StrEnum):
    """Who finds the seat."""

    OURS = "callrouter"
    QUEUE = "Queue()"
    DIAL = "Dial()"


ADDRESSES: Final = {Way.OURS: "127.0.0.2", Way.QUEUE: "127.0.0.3", Way.DIAL: "127.0.0.4"}
"""Callers of each way send from an address of their own, by which Asterisk knows their trunk."""
TRUNKS: Final = {Way.OURS: "carrier", Way.QUEUE: "bench-queue", Way.DIAL: "bench-dial"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured. Times in seconds, rates in calls a second."""

    seats: int = SEATS
    rate: float = 40.0
    seconds: float = 12.0
    """Of dialling in each block; the talk comes on top."""
    rounds: int = 5
    """Blocks of each way that are counted; one short round before them is not."""
    talk: float = 2.0
    standing_calls: int = 200
    """Callers of each block with a standing queue."""
    standing_rounds: int = 2
    clean_seconds: float = 6.0
    """Of dialling in each trial of the highest clean rate."""
    clean_talk: float = 0.25
    """Shorter there: with wrap-up 400 seats bear 320 calls a second."""
    clean_from: float = 120.0
    """The rate at which that search begins."""
    clean_budget: float = 270.0
    """No trial begins later than so many seconds after the first."""

    @property
    def calls(self) -> int:
        """Of one block."""
        return max(1, round(self.rate * self.seconds))


def seat_names(effort: Effort) -> list[str]:
    """Users of the seats' phones."""
    return [f"b{number:04d}" for number in range(effort.seats)]


def few_names() -> list[str]:
    return [f"f{number:04d}" for number in range(FEW)]


def dialled(way: Way, few: bool, turn: int, seats: Sequence[str]) -> str:
    """What caller number `turn` dials: the queue, or for a plain `Dial()` the next seat in turn."""
    if way is Way.DIAL:
        return seats[turn % len(seats)]
    return DIALLED_FEW if few else DIALLED

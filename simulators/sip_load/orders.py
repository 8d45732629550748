"""What a SIPp is told to do with its calls, so that each word arrives.

A word is one datagram. A SIPp that is behind reads late, and what comes when its socket's
buffer is full is lost without a trace: callers told to hang up in one breath would stay for
ever. So only `WINDOW` words are under way at a time, and the log of what SIPp has received
tells which have arrived: it reads one socket in order, hence a word is lost when a later one
is there before it; and one without any later when nothing was heard for `AGAIN`.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from simulators.sip_load.crowd import Instruction
from simulators.sipp_log import SipMessage

WINDOW: Final = 64
"""Datagrams of 300 bytes each: a fraction of the smallest buffer that Linux gives a socket."""
AGAIN: Final = 3.0
MOST_TIMES: Final = 4
"""A word that was lost so often is given up: its call is no more, or SIPp is."""


class Listener(Protocol):
    """A SIPp process, as far as it can be told something."""

    def tell(self, call: int | str, do: str, key: str = "-") -> tuple[str, int]:
        """Send it; returns Call-ID and CSeq by which its log will show it."""


@dataclass(slots=True)
class _Word:
    instruction: Instruction
    call: str
    at: float
    times: int


class Orders:
    """All words to one SIPp process, in the order in which they were given."""

    def __init__(self, process: Listener) -> None:
        self.lost = 0
        """Words that had to be said again."""
        self.given_up = 0
        self._process = process
        self._waiting: deque[tuple[Instruction, int]] = deque()
        self._under_way: dict[int, _Word] = {}
        """By CSeq, hence in the order of sending."""

    def give(self, instruction: Instruction) -> None:
        self._waiting.append((instruction, 1))

    def heard(self, message: SipMessage) -> None:
        """A request that SIPp has received."""
        word = self._under_way.get(message.cseq)
        if word is None or word.call != message.call:
            return  # an INFO of the installation under test
        for turn in [turn for turn in reversed(self._under_way) if turn < message.cseq]:
            self._lost(self._under_way.pop(turn))
        del self._under_way[message.cseq]

    def send(self, now: float) -> None:
        """Say what is due; `now` in seconds of any clock."""
        for turn in [t for t, word in reversed(self._under_way.items()) if now - word.at > AGAIN]:
            self._lost(self._under_way.pop(turn))
        while self._waiting and len(self._under_way) < WINDOW:
            instruction, times = self._waiting.popleft()
            call, turn = self._process.tell(instruction.call, instruction.do, instruction.key)
            self._under_way[turn] = _Word(instruction, call, now, times)

    def _lost(self, word: _Word) -> None:
        if word.times >= MOST_TIMES:
            self.given_up += 1
            return
        self.lost += 1
        self._waiting.appendleft((word.instruction, word.times + 1))

"""What really happened in a block of calls, out of SIPp's logs of both sides.

That a caller was answered proves nothing: only the seats' logs tell who met a person, and when.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from simulators.sipp_log import SipMessage


@dataclass(slots=True)
class SeatCall:
    """A seat's part of one call. Unix times."""

    invite_at: float
    cseq: int
    acked: bool = False
    ended_at: float | None = None
    """First BYE, whichever way."""
    seat: str = ""
    caller: str = ""


@dataclass(slots=True)
class Seen:
    """One block of calls."""

    dialled: dict[str, float] = field(default_factory=dict)
    """INVITE of each caller by number."""
    seats: dict[str, SeatCall] = field(default_factory=dict)
    """By Call-ID."""
    repeats: Counter[str] = field(default_factory=Counter)
    """Messages seen a second time, by side and method."""
    offers_again: int = 0
    """INVITEs within a seat's call that stands already: each costs a transaction."""

    def callers(self, messages: Iterable[SipMessage], numbers: Sequence[str]) -> None:
        """SIPp's calls are numbered from 1 in the order of `numbers`."""
        left: set[tuple[str, bool]] = set()
        for message in messages:
            if message.status:
                continue
            number = numbers[int(message.call.partition(".")[0]) - 1]
            if message.method == "INVITE" and message.sent:
                if number in self.dialled:
                    self.repeats["caller INVITE"] += 1
                else:
                    self.dialled[number] = message.at
            elif message.method == "BYE":
                if (number, message.sent) in left:
                    self.repeats["caller BYE"] += 1
                left.add((number, message.sent))

    def seats_called(self, messages: Iterable[SipMessage]) -> None:
        for message in messages:
            if message.status or message.method == "REGISTER":
                continue
            call = self.seats.get(message.call)
            if message.method == "INVITE" and not message.sent:
                if call is None:
                    self.seats[message.call] = SeatCall(message.at, message.cseq)
                elif message.cseq == call.cseq:
                    self.repeats["seat INVITE"] += 1
                else:
                    call.cseq = message.cseq
                    self.offers_again += 1
            elif call is None:
                continue
            elif message.method == "ACK":
                call.acked = True
            elif message.method == "BYE":
                if call.ended_at is None:
                    call.ended_at = message.at
                else:
                    self.repeats["seat BYE"] += 1

    def noted(self, lines: Iterable[str]) -> None:
        """The seats' notes: "Call-ID seat caller"."""
        for line in lines:
            words = line.split()
            if len(words) >= 3 and (call := self.seats.get(words[-3])) is not None:
                call.seat, call.caller = words[-2], words[-1]

    # --- what follows from it -----------------------------------------------------------

    @property
    def met(self) -> int:
        """Callers who have spoken with a seat."""
        return len(
            {call.caller for call in self.seats.values() if call.acked and call.caller in self.dialled}
        )

    def waits(self) -> list[float]:
        """Seconds from the caller's INVITE to the first INVITE at a seat, for those whom one was rung for."""
        rung: dict[str, float] = {}
        for call in self.seats.values():
            if call.caller in self.dialled:
                rung[call.caller] = min(rung.get(call.caller, call.invite_at), call.invite_at)
        return [at - self.dialled[caller] for caller, at in rung.items()]

    def gaps(self, skip: int = 1) -> list[float]:
        """Seconds from the end of a seat's call to its next INVITE, without each seat's first `skip` gaps."""
        by_seat: dict[str, list[SeatCall]] = {}
        for call in sorted(self.seats.values(), key=lambda call: call.invite_at):
            by_seat.setdefault(call.seat, []).append(call)
        return [
            later.invite_at - earlier.ended_at
            for calls in by_seat.values()
            for earlier, later in list(pairwise(calls))[skip:]
            if earlier.ended_at is not None
        ]


def share(values: Sequence[float], part: float) -> float:
    """The value that a `part` of them does not exceed, by nearest rank; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered) + 0.5) - 1))] if ordered else 0.0

"""A floor of any size, its demands, and an endless stream of callers.

The shape is kept from small to large: ten seats a group, fifty a queue, every
group serves two queues, five demands a queue of which each is met by at least
one group, two relaxation steps.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from acd.commands import FloorOutput, OfferMade
from acd.events import (
    ContactEnded,
    Enqueued,
    OfferAnswered,
    SeatReachable,
    SeatReadied,
    SeatSignedIn,
    WrapUpFinished,
)
from acd.floor import Floor
from acd.floor.state import FloorState
from acd.ids import AgentId, CallId, Instant, QueueId, SeatId
from acd.plan import FloorPlan, Membership, QueuePlan, RelaxationStep, SeatPlan

SEATS_PER_GROUP: Final = 10
SEATS_PER_QUEUE: Final = 50
WAITING_PER_SEAT: Final = 10
QUEUES_PER_GROUP: Final = 2
DEMANDS_PER_QUEUE: Final = 5
FILLING: Final = 100.0
"""Seconds in which so many callers arrive as shall wait."""
SKILLS: Final = tuple(f"skill{n}" for n in range(40))
RELAXATION: Final = (RelaxationStep(after=30.0, lower=1), RelaxationStep(after=60.0, lower=2))

_Group = tuple[dict[str, int], tuple[Membership, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    seats: int
    queues: int
    groups: int
    waiting: int

    @staticmethod
    def of(seats: int) -> "Size":
        return Size(
            seats=seats,
            queues=max(1, seats // SEATS_PER_QUEUE),
            groups=max(1, seats // SEATS_PER_GROUP),
            waiting=seats * WAITING_PER_SEAT,
        )


class Population:
    """Reproducible: the same size and seed give the same callers."""

    def __init__(self, size: Size, seed: int) -> None:
        self.size = size
        self.dice = random.Random(seed)
        self.now: Instant = 1_000_000.0
        self.calls = 0
        groups = [self._group(n) for n in range(size.groups)]
        self.seats = tuple(
            SeatPlan(seat=SeatId(f"s{n}"), skills=skills, queues=queues)
            for n in range(size.seats)
            for skills, queues in (groups[n % size.groups],)
        )
        self.demands = self._demands(groups)
        self.floor = Floor(self._plan(), self.now)

    @property
    def state(self) -> FloorState:
        """The floor's inside: decisions are timed apart from all that surrounds them."""
        return self.floor._state

    def _group(self, number: int) -> _Group:
        skills = {name: self.dice.randint(1, 5) for name in self.dice.sample(SKILLS, self.dice.randint(4, 9))}
        served = {number % self.size.queues}
        while len(served) < min(QUEUES_PER_GROUP, self.size.queues):
            served.add(self.dice.randrange(self.size.queues))
        return skills, tuple(Membership(queue=QueueId(f"q{n}")) for n in sorted(served))

    def _demands(self, groups: list[_Group]) -> list[tuple[QueueId, str]]:
        demands: list[tuple[QueueId, str]] = []
        for number in range(self.size.queues):
            queue = QueueId(f"q{number}")
            members = [skills for skills, served in groups if any(m.queue == queue for m in served)]
            demands.append((queue, ""))
            for _ in range(DEMANDS_PER_QUEUE - 1):
                skills = self.dice.choice(members)
                name = self.dice.choice(sorted(skills))
                demands.append((queue, f"{name}>={self.dice.randint(1, skills[name])}"))
        return demands

    def _plan(self) -> FloorPlan:
        return FloorPlan(
            seats=self.seats,
            queues=tuple(
                QueuePlan(
                    queue=QueueId(f"q{n}"),
                    relaxation=RELAXATION,
                    max_waiting=10**9,
                    max_wait=None,
                    announce_first=None,
                )
                for n in range(self.size.queues)
            ),
        )

    def sign_in(self, seats: Iterable[SeatPlan]) -> None:
        for seat in seats:
            self.now += 0.001
            self.floor.handle(SeatReachable(seat=seat.seat), self.now)
            self.floor.handle(SeatSignedIn(seat=seat.seat, agent=AgentId(f"agent-{seat.seat}")), self.now)
            self.floor.handle(SeatReadied(seat=seat.seat), self.now)

    def arrivals(self, count: int) -> list[Enqueued]:
        made = []
        for _ in range(count):
            self.calls += 1
            queue, skills = self.dice.choice(self.demands)
            made.append(Enqueued(call=CallId(f"call-{self.calls:012d}"), queue=queue, skills=skills))
        return made

    def arrive(self) -> list[FloorOutput]:
        self.now += FILLING / self.size.waiting
        return self.floor.handle(self.arrivals(1)[0], self.now)

    def answer(self, outputs: Iterable[FloorOutput]) -> list[SeatId]:
        """Take every offer; returns the seats that talk now."""
        seats = []
        for output in outputs:
            if isinstance(output, OfferMade):
                self.floor.handle(OfferAnswered(offer=output.offer), self.now)
                seats.append(output.seat)
        return seats

    def crowd(self) -> None:
        """All seats talk, all the rest wait, many of them past a relaxation step."""
        self.sign_in(self.seats)
        rounds = 0
        while self.state.idle and rounds < 20 * self.size.seats:
            rounds += 1
            self.answer(self.arrive())
        while len(self.state.entries) < self.size.waiting:
            self.answer(self.arrive())
            self.answer(self.floor.tick(self.now))

    def finish_one(self, seat: SeatId) -> list[FloorOutput]:
        """The seat's contact and wrap-up end; it takes the next caller, if anybody waits for it."""
        self.now += 0.001
        status = self.floor.seat(seat)
        if status.call is not None:
            self.floor.handle(ContactEnded(seat=seat, call=status.call), self.now)
        return self.floor.handle(WrapUpFinished(seat=seat), self.now)

    def busy(self) -> list[SeatId]:
        return [seat.seat for seat in self.floor.seats() if seat.state == "talking"]

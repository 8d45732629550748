"""A tiny event loop that lets random callers loose on a real floor."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import sqrt
from typing import Any

from acd.commands import FloorOutput, OfferMade, QueueExited
from acd.events import CallerLeft, ContactEnded, Enqueued, FloorEvent, OfferAnswered
from acd.floor import Floor
from acd.ids import CallId, QueueId, SeatId
from tests.acd.floors import Q, ready


@dataclass
class Caller:
    kind: str
    arrived: float
    answered: float | None = None
    seat: SeatId | None = None
    left: bool = False

    @property
    def waited(self) -> float:
        return (self.answered if self.answered is not None else self.arrived) - self.arrived


@dataclass
class Rehearsal:
    """Poisson callers of several kinds; seats answer at once; wrap-up belongs to the floor."""

    floor: Floor
    rates: dict[str, float]
    service: Callable[[random.Random, str, SeatId], float]
    patience: Callable[[random.Random, str], float] | None = None
    queue: Callable[[str], QueueId] = lambda kind: Q
    demand: Callable[[str], str] = lambda kind: ""
    priority: Callable[[str], int] = lambda kind: 5
    seed: int = 1
    callers: dict[CallId, Caller] = field(default_factory=dict)
    busy: dict[SeatId, float] = field(default_factory=lambda: defaultdict(float))
    now: float = 0.0

    def run(self, count: int) -> "Rehearsal":
        self.dice = random.Random(self.seed)
        self.agenda: list[tuple[float, int, FloorEvent | str]] = []
        self.made = 0
        for kind in self.rates:
            self.next_arrival(kind)
        arrived = 0
        while self.agenda:
            due = self.floor.next_deadline()
            if due is not None and due <= self.agenda[0][0]:
                self.now = due
                self.take(self.floor.tick(due))
                continue
            self.now, _, event = heappop(self.agenda)
            if isinstance(event, str):
                if arrived < count:
                    arrived += 1
                    self.arrive(event)
                    self.next_arrival(event)
            elif not isinstance(event, CallerLeft) or self.still_waits(event):
                self.take(self.floor.handle(event, self.now))
        return self

    def later(self, delay: float, event: FloorEvent | str) -> None:
        self.made += 1
        heappush(self.agenda, (self.now + delay, self.made, event))

    def next_arrival(self, kind: str) -> None:
        self.later(self.dice.expovariate(self.rates[kind]), kind)

    def arrive(self, kind: str) -> None:
        call = CallId(f"c{len(self.callers)}")
        self.callers[call] = Caller(kind, self.now)
        event = Enqueued(
            call=call, queue=self.queue(kind), skills=self.demand(kind), priority=self.priority(kind)
        )
        self.take(self.floor.handle(event, self.now))
        if self.patience is not None and self.callers[call].answered is None:
            self.later(self.patience(self.dice, kind), CallerLeft(call=call))

    def still_waits(self, event: CallerLeft) -> bool:
        caller = self.callers[event.call]
        if caller.answered is None:
            caller.left = True
        return caller.left

    def take(self, outputs: Iterable[FloorOutput]) -> None:
        for output in outputs:
            if isinstance(output, OfferMade):
                caller = self.callers[output.call]
                caller.answered, caller.seat = self.now, output.seat
                self.take(self.floor.handle(OfferAnswered(offer=output.offer), self.now))
                length = self.service(self.dice, caller.kind, output.seat)
                self.busy[output.seat] += length
                self.later(length, ContactEnded(seat=output.seat, call=output.call))
            elif isinstance(output, QueueExited):
                self.callers[output.call].left = True


def open_floor(floor: Floor) -> Floor:
    ready(floor, *(seat.seat for seat in floor.seats()))
    return floor


def within(values: list[float], oracle: float, sigmas: float = 3.0, batches: int = 25) -> None:
    """Assert that the mean of a correlated series is the oracle, by batch means."""
    values = values[len(values) // 20 :]
    size = len(values) // batches
    means = [sum(values[n * size : (n + 1) * size]) / size for n in range(batches)]
    mean = sum(means) / batches
    sigma = sqrt(sum((m - mean) ** 2 for m in means) / (batches - 1) / batches)
    assert abs(mean - oracle) <= sigmas * sigma, f"{mean:.5f} against {oracle:.5f}, sigma {sigma:.5f}"
    assert sigma < 0.25 * max(oracle, 1e-9), f"too few callers to tell: sigma {sigma:.5f}"


def exponential(mean: float) -> Callable[..., float]:
    def draw(dice: random.Random, *_: Any) -> float:
        return dice.expovariate(1.0 / mean)

    return draw

"""How fast does the floor decide? The same code that runs live, at any size.

All figures are CPU time of this process's own thread, so that a busy machine
spoils them less. A *decision* is the matching alone: the caller for a seat that
became free, or the seat for a caller who arrives. A *cycle* is all that one call
asks of the floor: enqueue, match, offer, answer, end, wrap-up over.

A decision is timed twice: *cold*, as it comes after other calls have passed
through the processor's caches, and *warm*, repeated at once. The warm figure is
the algorithm, the difference is memory.
"""

import gc
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median, quantiles
from time import thread_time_ns
from typing import Final

from acd.agent import Seat
from acd.commands import OfferMade
from acd.events import ContactEnded, Enqueued, OfferAnswered
from acd.ids import Instant, SeatId
from acd.matching import best_entry, best_seat
from acd.queue import Entry, WaitingClass
from acd.skill import satisfied
from simulators.bench_population import Population, Size

CHUNK: Final = 5_000
SCANS: Final = 20
TURN: Final = 120.0
"""Seconds in which as many callers arrive as there are seats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Microseconds."""

    p50: float
    p99: float
    p999: float
    warm: float
    """Median when repeated at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorFigures:
    size: Size
    caller_for_seat: Spread
    """Decision when a seat becomes free while all these callers wait."""
    seat_for_caller: Spread
    """Decision when a caller arrives and half of the seats are idle."""
    scan_for_caller: float
    """Microseconds of the same decisions by linear scan, median."""
    scan_for_seat: float
    cycle: float
    """Microseconds of one offer cycle, seats idle enough that nobody waits long."""
    crowded_cycle: float
    """The same while all these callers wait, relaxation of their demands included."""
    bytes_per_waiting: float

    @property
    def worst_ratio(self) -> float:
        """How many times faster than a linear scan, at least."""
        return min(
            self.scan_for_caller / self.caller_for_seat.p50, self.scan_for_seat / self.seat_for_caller.p50
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure."""

    samples: int = 20_000
    cycles: int = 100_000
    seed: int = 12345


def measure(size: Size, effort: Effort) -> FloorFigures:
    """All figures at one size. Deterministic but for the clock."""
    crowd = Population(size, effort.seed)
    crowd.crowd()
    gc.collect()
    caller_for_seat, scan_for_caller = _caller_decisions(crowd, effort.samples)
    crowded_cycle = _cycles(crowd, _ends(crowd), effort.cycles, keep=0)
    del crowd
    calm = Population(size, effort.seed)
    calm.sign_in(calm.seats)
    gc.collect()
    cycle = _cycles(calm, deque(), effort.cycles, keep=size.seats // 4)
    seat_for_caller, scan_for_seat = _seat_decisions(calm, effort.samples)
    return FloorFigures(
        size=size,
        caller_for_seat=caller_for_seat,
        seat_for_caller=seat_for_caller,
        scan_for_caller=scan_for_caller,
        scan_for_seat=scan_for_seat,
        cycle=cycle,
        crowded_cycle=crowded_cycle,
        bytes_per_waiting=bytes_per_waiting(size, effort.seed),
    )


# --- decisions


def _caller_decisions(crowd: Population, samples: int) -> tuple[Spread, float]:
    clock = _Stopwatch()
    busy = crowd.busy()
    for _ in range(samples):
        seat = _talking_seat(crowd, busy)
        clock.time(lambda seat=seat, now=crowd.now: best_entry(seat, now))  # type: ignore[misc]
        crowd.answer(crowd.finish_one(seat.id))
        crowd.answer(crowd.arrive())
    scans: list[int] = []
    for _ in range(SCANS):
        seat, now = _talking_seat(crowd, busy), crowd.now
        begun = thread_time_ns()
        found = scan_for_caller(seat, crowd.state.entries.values(), now)
        scans.append(thread_time_ns() - begun)
        chosen = best_entry(seat, now)
        _agree(found and found.key, chosen and chosen.key)
    return clock.spread(), median(scans) / 1e3


def _talking_seat(crowd: Population, busy: list[SeatId]) -> Seat:
    while True:
        seat = crowd.state.seats[crowd.dice.choice(busy)]
        if seat.state == "talking":
            return seat


def _seat_decisions(calm: Population, samples: int) -> tuple[Spread, float]:
    """The population has about as many idle as talking seats."""
    clock = _Stopwatch()
    board = calm.state.board
    talking = deque(calm.busy())
    classes = [cls for queue in calm.state.queues.values() for cls in queue.classes.values()]
    for _ in range(samples):
        cls = calm.dice.choice(classes)
        clock.time(lambda cls=cls: best_seat(cls, board))  # type: ignore[misc]
        if len(talking) > calm.size.seats // 2:
            talking.extend(calm.answer(calm.finish_one(talking.popleft())))
        talking.extend(calm.answer(calm.arrive()))
    scans: list[int] = []
    for _ in range(SCANS):
        cls = calm.dice.choice(classes)
        begun = thread_time_ns()
        found = scan_for_seat(cls, calm.state.seats.values())
        scans.append(thread_time_ns() - begun)
        chosen = best_seat(cls, board)
        _agree(found and found.idle_since, chosen and chosen.idle_since)
    return clock.spread(), median(scans) / 1e3


def scan_for_caller(seat: Seat, entries: Iterable[Entry], now: Instant) -> Entry | None:
    """The same decision by looking at everybody who waits."""
    best, chosen = (float("-inf"), 0), None
    served, levels = seat.group.tiers, seat.group.levels
    for entry in entries:
        if entry.queue.queue in served and entry.filed is not None and satisfied(entry.filed.demand, levels):
            claim = ((now - entry.key) * entry.queue.plan.weight, -entry.number)
            if claim > best:
                best, chosen = claim, entry
    return chosen


def scan_for_seat(cls: WaitingClass, seats: Iterable[Seat]) -> Seat | None:
    """The same decision by looking at every seat."""
    best, chosen = float("inf"), None
    queue, demand = cls.queue.queue, cls.demand
    for seat in seats:
        group = seat.group
        able = seat.state == "ready" and queue in group.tiers and satisfied(demand, group.levels)
        if able and seat.idle_since < best:
            best, chosen = seat.idle_since, seat
    return chosen


def _agree(scanned: object, found: object) -> None:
    """Ties may be broken differently."""
    if scanned != found:
        raise AssertionError("the index and the linear scan disagree: the floor decides wrongly")


# --- whole cycles


def _cycles(people: Population, talking: deque[ContactEnded], cycles: int, *, keep: int) -> float:
    """Arrivals, ends of contacts and ends of wrap-ups in step; microseconds per call served.

    A contact ends whenever more than `keep` talk. Arrivals are made beforehand in
    chunks: what is timed is the floor, and the few lines that answer its offers.
    """
    for arrivals in _chunks(people, 2 * people.size.seats):
        _some_cycles(people, talking, arrivals, keep)
    served, spent = 0, 0
    for arrivals in _chunks(people, cycles):
        begun = thread_time_ns()
        served += _some_cycles(people, talking, arrivals, keep)
        spent += thread_time_ns() - begun
    if not served:
        raise AssertionError("nobody was served: there is nothing to divide by")
    return spent / 1e3 / served


def _ends(people: Population) -> deque[ContactEnded]:
    return deque(
        ContactEnded(seat=seat.seat, call=seat.call)
        for seat in people.floor.seats()
        if seat.state == "talking" and seat.call is not None
    )


def _chunks(people: Population, total: int) -> Iterator[list[Enqueued]]:
    for begun in range(0, total, CHUNK):
        yield people.arrivals(min(CHUNK, total - begun))


def _some_cycles(
    people: Population, talking: deque[ContactEnded], arrivals: list[Enqueued], keep: int
) -> int:
    floor, now, step = people.floor, people.now, TURN / people.size.seats
    answered = 0
    for arrival in arrivals:
        now += step
        for output in floor.tick(now) + floor.handle(arrival, now):
            if isinstance(output, OfferMade):
                floor.handle(OfferAnswered(offer=output.offer), now)
                talking.append(ContactEnded(seat=output.seat, call=output.call))
                answered += 1
        if len(talking) > keep:
            floor.handle(talking.popleft(), now)
    people.now = now
    return answered


def bytes_per_waiting(size: Size, seed: int, callers: int = 5_000) -> float:
    """Memory that the floor holds for each caller more who waits, the call's id included."""
    people = Population(size, seed)
    for _ in range(callers):
        people.arrive()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(callers):
        people.arrive()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / callers


# --- time


class _Stopwatch:
    """Cold and warm times of one kind of decision, the clock's own cost taken off."""

    def __init__(self) -> None:
        self.cold: list[int] = []
        self.warm: list[int] = []
        self.overhead = 0
        for _ in range(2_000):
            self.time(lambda: None)
        self.overhead = int(median(self.cold))
        self.cold.clear()
        self.warm.clear()

    def time(self, decide: Callable[[], object]) -> None:
        begun = thread_time_ns()
        decide()
        cold = thread_time_ns()
        decide()
        warm = thread_time_ns()
        self.cold.append(cold - begun - self.overhead)
        self.warm.append(warm - cold - self.overhead)

    def spread(self) -> Spread:
        cuts = quantiles(self.cold, n=1000)
        return Spread(
            p50=median(self.cold) / 1e3,
            p99=cuts[989] / 1e3,
            p999=cuts[998] / 1e3,
            warm=median(self.warm) / 1e3,
        )

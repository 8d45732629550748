"""The callers of a replication, drawn day by day: the same people whatever the policy.

Every day, population and surge has random streams of its own, so a policy that
changes one of them leaves all others as they were (common random numbers). Rare
decisions later on (a second attempt, a callback) come from a stream of the
caller's own number.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np

from simulators.queue_sim.world import (
    DAY,
    FOREVER,
    SLOT,
    SLOTS_A_DAY,
    Floats,
    Manners,
    Mask,
    Population,
    Surge,
    World,
    exact,
)
from simulators.workload import stream

MOST_A_DAY: Final = 1 << 24
"""Callers of one population on one day: a bound on memory."""
_CHUNK: Final = 16_384

Column = np.ndarray[tuple[int, ...], np.dtype[Any]]


class Caller(msgspec.Struct, frozen=True, gc=False):
    """A visit. Plain numbers, because a simulation makes millions."""

    at: float
    """When the caller reaches the queue."""
    number: int
    """Unique for the person."""
    kind: int
    talk: float
    patience: float
    ring: float
    """Until the first seat that is asked answers; infinite: it never does."""
    flow: float
    """Spent before `at`."""
    attempt: int
    wrap_up: float
    """Until the seat ends its wrap-up by hand; infinite: never."""


class TooManyCalls(ValueError):
    """A day's callers do not fit into memory."""


def callers(world: World, seed: int, replication: int) -> Iterator[Caller]:
    """All first attempts in the order in which they reach the queue, lazily.

    Its `next` raises TooManyCalls when a population has more than `MOST_A_DAY` on a day.
    """
    return chain.from_iterable(_chunks(world, seed, replication))


def _chunks(world: World, seed: int, replication: int) -> Iterator[Iterator[Caller]]:
    late: tuple[Column, ...] = ()
    for day in range(world.days):
        columns = [*_of_day(world, seed, replication, day)]
        if late:
            columns = [np.concatenate(pair) for pair in zip(late, columns, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        # Whoever hears the greeting at midnight reaches the queue among the next day's callers.
        today = int((columns[0] < (day + 1) * DAY).sum()) if day + 1 < world.days else len(order)
        yield from _rows(columns, order[:today])
        late = tuple(column[order[today:]] for column in columns)


def _rows(columns: list[Column], order: Column) -> Iterator[Iterator[Caller]]:
    for begin in range(0, len(order), _CHUNK):
        chosen = order[begin : begin + _CHUNK]
        yield map(Caller, *(column[chosen].tolist() for column in columns))


def _of_day(world: World, seed: int, replication: int, day: int) -> Iterator[Column]:
    """Columns of `Caller` for all who dial on this day."""
    parts: list[tuple[Column, ...]] = []
    first_kind = 0
    for index, population in enumerate(world.populations):
        for number, times in enumerate(_arrivals(world, population, seed, replication, day)):
            words = (seed, replication, population.name, day, number)
            base = (((replication * 512 + day) * 1024 + index) * 64 + number) << 24
            parts.append(_people(population, world.manners, times, first_kind, base, words))
        first_kind += len(population.kinds)
    for column in zip(*parts, strict=True):
        yield np.concatenate(column)


def _arrivals(
    world: World, population: Population, seed: int, replication: int, day: int
) -> Iterator[Floats]:
    """When people dial: first as on any day, then the additional ones of each surge."""
    words = (replication, population.name, day)
    slots = [world.slot_of_week(day * SLOTS_A_DAY + slot) for slot in range(SLOTS_A_DAY)]
    rate = population.rate[slots]
    busy = 1.0
    if population.day_spread > 0:
        shape = 1 / population.day_spread**2
        busy = stream(seed, "busy", *words).gamma(shape, 1 / shape)
    times = _draw(rate * busy, population.regular, stream(seed, "arrivals", *words))
    for number, surge in enumerate(population.surges):
        if surge.factor < 1:
            keep = stream(seed, "fewer", number, *words).random(len(times)) < surge.factor
            times = times[keep | ~_within(times + day * DAY, surge)]
    yield times + day * DAY
    for number, surge in enumerate(population.surges):
        if surge.factor > 1:
            more = _draw(rate * busy * (surge.factor - 1), False, stream(seed, "surge", number, *words))
            more += day * DAY
            yield more[_within(more, surge)]


def _within(times: Floats, surge: Surge) -> Mask:
    return np.asarray((times >= surge.begins) & (times < surge.ends))


def _draw(rate: Floats, regular: bool, generator: np.random.Generator) -> Floats:
    """Times within a day at piecewise constant rates."""
    expected = rate * SLOT
    total = float(expected.sum())
    if total > MOST_A_DAY * 0.9:
        raise TooManyCalls(f"{total:.0f} calls of one population on one day are more than {MOST_A_DAY}")
    if regular:
        # Equal distances in expected calls: evenly spaced where the rate is even.
        passed = np.concatenate([[0.0], np.cumsum(expected)])
        marks = np.arange(generator.random(), total, 1.0)
        edges = np.arange(SLOTS_A_DAY + 1) * SLOT
        return np.asarray(np.interp(marks, passed, edges), dtype=np.float64)
    counts = generator.poisson(expected)
    starts = np.repeat(np.arange(SLOTS_A_DAY) * SLOT, counts)
    return np.sort(starts + generator.random(len(starts)) * SLOT)


def _people(
    population: Population,
    manners: Manners,
    times: Floats,
    first_kind: int,
    base: int,
    words: tuple[int, int, str, int, int],
) -> tuple[Column, ...]:
    """Columns of `Caller` for people who dial at `times`."""
    seed, rest = words[0], words[1:]
    count = len(times)
    shares = np.cumsum([kind.share for kind in population.kinds])
    pick = stream(seed, "kind", *rest).random(count) * shares[-1]
    kind = np.minimum(np.searchsorted(shares, pick, side="right"), len(shares) - 1)
    talk, patience = np.empty(count), np.empty(count)
    for index, one in enumerate(population.kinds):
        # Drawn for all, used by some: a changed share leaves everybody else as they were.
        talks = one.talk.sample(stream(seed, "talk", index, *rest), count)
        patiences = one.patience.sample(stream(seed, "patience", index, *rest), count)
        mine = kind == index
        talk[mine], patience[mine] = talks[mine], patiences[mine]
    ring = manners.ring.sample(stream(seed, "ring", *rest), count)
    if manners.never > 0:
        ring[stream(seed, "never", *rest).random(count) < manners.never] = np.inf
    flow = population.flow.sample(stream(seed, "flow", *rest), count)
    number = base + np.arange(count)
    first = np.ones(count, dtype=np.int64)
    by_hand = manners.wrap_up or FOREVER
    wrap_up = by_hand.sample(stream(seed, "wrap_up", *rest), count)
    times, talk, patience, ring, flow, wrap_up = map(exact, (times, talk, patience, ring, flow, wrap_up))
    return times + flow, number, kind + first_kind, talk, patience, ring, flow, first, wrap_up


def own_stream(seed: int, caller: Caller, purpose: str) -> np.random.Generator:
    """Randomness for a rare decision of one caller."""
    return stream(seed, purpose, caller.number, caller.attempt)

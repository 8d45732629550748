"""Finding the seat for a caller and the caller for a seat.

Seats with the same skills, levels and memberships form a *group*: whether a
class of callers may be served is decided once per group, not per seat. A group
keeps its idle seats in one ordered *pool* per ordering its queues use. Two
triggers suffice, because after each event no idle seat and no waiting caller are
left that could be joined:

- a caller arrives (or asks for less): compare the heads of the pools that may
  serve the class; rank by rank;
- a seat becomes idle: compare the heads of the classes that its group may serve.

The cost depends on how many groups a class knows and how many classes a group
knows, not on seats or callers.
"""

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Final

from acd.agent import AT_WORK, STATES, Seat, State
from acd.ids import Instant, QueueId
from acd.plan import SeatPlan
from acd.queue import INFINITE, Entry, Queue, WaitingClass
from acd.skill import Demand, satisfied
from acd.strategy import Order

NAMED: Final = 20
"""Seats that an explanation names one by one."""


class Pool:
    """The idle seats of one group under one ordering."""

    __slots__ = ("head", "heap", "order", "size")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.heap: list[tuple[float, int, int, Seat]] = []
        self.head = INFINITE
        """Order of the first seat; infinite when none is idle."""
        self.size = 0

    def add(self, seat: Seat, now: Instant) -> None:
        heap = self.heap
        heappush(heap, (self.order(seat, now), seat.index, seat.stamp, seat))
        self.head = heap[0][0]
        self.size += 1

    def drop(self) -> None:
        """A seat whose stamp is already cleared leaves."""
        self.size -= 1
        heap = self.heap
        top = heap[0]
        if top[3].stamp != top[2]:
            heappop(heap)
            while heap and heap[0][3].stamp != heap[0][2]:
                heappop(heap)
            self.head = heap[0][0] if heap else INFINITE
        elif len(heap) > 2 * self.size + 32:
            self.heap = heap = [item for item in heap if item[3].stamp == item[2]]
            heapify(heap)


class Group:
    """Seats that are alike in skills and memberships."""

    __slots__ = ("at_work", "classes", "count", "levels", "pools", "queues", "seats", "tiers")

    def __init__(self, levels: Mapping[str, int], tiers: Mapping[QueueId, int]) -> None:
        self.levels = levels
        self.tiers = tiers
        """Membership tier by queue served."""
        self.seats: list[Seat] = []
        self.pools: list[Pool] = []
        self.classes: list[WaitingClass] = []
        """Classes whose callers these seats may serve."""
        self.at_work = 0
        """Seats that are neither signed out nor not ready."""
        self.queues: tuple[Queue, ...] = ()
        self.count: dict[State, int] = dict.fromkeys(STATES, 0)
        """Seats by state."""

    def admit(self, seat: Seat) -> None:
        self.seats.append(seat)
        self.count[seat.state] += 1
        if AT_WORK[seat.state]:
            self.at_work += 1
            for queue in self.queues:
                queue.at_work += 1

    def demand(self) -> int:
        """Callers waiting in all queues that the group serves."""
        return sum(queue.waiting for queue in self.queues)

    def pool(self, order: Order, now: Instant) -> Pool:
        """The pool of this ordering, made on first use."""
        for pool in self.pools:
            if pool.order is order:
                return pool
        pool = Pool(order)
        for seat in self.seats:
            if seat.stamp:
                pool.add(seat, now)
        self.pools.append(pool)
        return pool


def group_key(plan: SeatPlan) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """Equal for seats that belong together."""
    return (
        tuple(sorted((name, level) for name, level in plan.skills.items() if level > 0)),
        tuple(sorted((str(m.queue), m.tier) for m in plan.queues)),
    )


def form_class(
    queue: Queue,
    circle: Iterable[Queue],
    demand: Demand,
    *,
    step: int,
    reach: int,
    tiers: int | None,
    now: Instant,
) -> WaitingClass:
    """Gather who may serve `demand`: members of `circle` (the queue, then its open overflow rungs).

    Nearer queues come first, then lower tiers, then the strategy's own rank.
    `tiers` limits memberships of the first queue.
    """
    ranked: dict[tuple[int, int, int], list[Pool]] = {}
    groups: dict[int, Group] = {}
    outsiders: dict[int, Group] = {}
    for distance, ring in enumerate(circle):
        for group in ring.groups:
            tier = group.tiers[ring.queue]
            if id(group) in groups:
                continue
            if (distance > 0 or tiers is None or tier <= tiers) and satisfied(demand, group.levels):
                groups[id(group)] = group
                rank = (distance, tier, queue.strategy.rank(demand, group.levels))
                ranked.setdefault(rank, []).append(group.pool(queue.strategy.order, now))
            else:
                outsiders[id(group)] = group
    made = WaitingClass(
        queue,
        demand,
        step,
        reach,
        tuple(groups.values()),
        tuple(tuple(ranked[rank]) for rank in sorted(ranked)),
    )
    made.outsiders = tuple(group for mark, group in outsiders.items() if mark not in groups)
    made.sample = tuple(islice((seat for group in groups.values() for seat in group.seats), NAMED))
    for group in made.groups:
        group.classes.append(made)
    return made


def best_seat(cls: WaitingClass) -> Seat | None:
    """The idle seat that the class's strategy chooses."""
    for rank in cls.ranks:
        best = INFINITE
        chosen: Pool | None = None
        for pool in rank:
            if pool.head < best:
                best = pool.head
                chosen = pool
        if chosen is not None:
            return chosen.heap[0][3]
    return None


def best_entry(seat: Seat, now: Instant) -> Entry | None:
    """The caller with the highest claim among those that the seat may serve."""
    best = -INFINITE
    chosen: WaitingClass | None = None
    for cls in seat.group.classes:
        claim = (now - cls.head) * cls.weight
        if claim > best:
            best = claim
            chosen = cls
    for cls in seat.personal:
        claim = (now - cls.head) * cls.weight
        if claim > best:
            best = claim
            chosen = cls
    if chosen is None:
        return None
    entry = chosen.heap[0][2]
    return entry if entry.last_seat is not seat else _best_acceptable(seat, now)


def _best_acceptable(seat: Seat, now: Instant) -> Entry | None:
    """As `best_entry`, past callers whom this seat has just let go."""
    best = -INFINITE
    chosen: Entry | None = None
    for cls in (*seat.group.classes, *seat.personal):
        entry = cls.first_for(seat)
        if entry is not None and (now - entry.key) * cls.weight > best:
            best = (now - entry.key) * cls.weight
            chosen = entry
    return chosen

"""Finding the seat for a caller and the caller for a seat.

Seats with the same skills, levels and memberships form a *group*: whether a
class of callers may be served is decided once per group, not per seat. A group
keeps its idle seats in one ordered *pool* per ordering its queues use. Two
triggers suffice, because after each event no idle seat and no waiting caller are
left that could be joined:

- a caller arrives (or asks for less): compare the heads of the pools that may
  serve the class, rank by rank;
- a seat becomes idle: compare the heads of the classes that its group may serve.

All heads stand side by side in two lists (`Board`): a decision reads a dozen
numbers and touches no other object until it has chosen. Its cost depends on how
many groups a class knows and how many classes a group knows, not on the number of
seats or callers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import Final

from acd.agent import AT_WORK, STATE_INDEX, Seat, State
from acd.ids import Instant, QueueId, SeatId
from acd.plan import SeatPlan
from acd.queue import INFINITE, Entry, Queue, WaitingClass
from acd.skill import Demand, satisfied
from acd.strategy import Order

MAX_RIVALS: Final = 8
"""Classes whose heads an explanation compares."""


def _none(heads: Sequence[float]) -> tuple[float, ...]:
    return ()


class Board:
    """The heads of all waiting classes and of all idle pools, by index."""

    __slots__ = ("classes", "formed", "free", "heads", "pool_heads", "pools", "weights")

    def __init__(self) -> None:
        self.heads: list[float] = []
        """Key of the first caller of each class; infinite when nobody waits."""
        self.weights: list[float] = []
        self.classes: list[WaitingClass] = []
        self.free: list[int] = []
        """Indices of classes that were dropped."""
        self.formed = 0
        """Classes so far."""
        self.pool_heads: list[float] = []
        """Order of the first seat of each pool; infinite when none is idle."""
        self.pools: list[Pool] = []

    def add_class(self, cls: WaitingClass) -> int:
        if self.free:
            index = self.free.pop()
            self.classes[index] = cls
            self.weights[index] = cls.queue.plan.weight
            return index
        self.classes.append(cls)
        self.heads.append(INFINITE)
        self.weights.append(cls.queue.plan.weight)
        return len(self.classes) - 1

    def add_pool(self, pool: "Pool") -> int:
        self.pools.append(pool)
        self.pool_heads.append(INFINITE)
        return len(self.pools) - 1


class Pool:
    """The idle seats of one group under one ordering."""

    __slots__ = ("heads", "heap", "index", "order", "size")

    def __init__(self, order: Order, board: Board) -> None:
        self.order = order
        self.heap: list[tuple[float, int, int, Seat]] = []
        self.size = 0
        self.heads = board.pool_heads
        self.index = board.add_pool(self)

    def add(self, seat: Seat, now: Instant) -> None:
        heap = self.heap
        heappush(heap, (self.order(seat, now), seat.index, seat.stamp, seat))
        self.heads[self.index] = heap[0][0]
        self.size += 1

    def put_back(self, seat: Seat, key: float) -> None:
        """An idle seat at the place that it had."""
        heappush(self.heap, (key, seat.index, seat.stamp, seat))
        self.heads[self.index] = self.heap[0][0]
        self.size += 1

    def keys(self) -> dict[SeatId, float]:
        """The idle seats' places."""
        return {seat.id: float(key) for key, _, stamp, seat in self.heap if seat.stamp == stamp}

    def drop(self) -> None:
        """A seat whose stamp is already cleared leaves."""
        self.size -= 1
        heap = self.heap
        top = heap[0]
        if top[3].stamp != top[2]:
            heappop(heap)
            while heap and heap[0][3].stamp != heap[0][2]:
                heappop(heap)
            self.heads[self.index] = heap[0][0] if heap else INFINITE
        elif len(heap) > 2 * self.size + 32:
            self.heap = heap = [item for item in heap if item[3].stamp == item[2]]
            heapify(heap)


class Group:
    """Seats that are alike in skills and memberships."""

    __slots__ = (
        "at_work",
        "board",
        "even",
        "known",
        "levels",
        "pools",
        "queues",
        "rival_heads",
        "rivals",
        "seats",
        "states",
        "tiers",
    )

    def __init__(
        self, levels: Mapping[str, int], tiers: Mapping[QueueId, int], queues: tuple[Queue, ...], board: Board
    ) -> None:
        self.levels = levels
        self.tiers = tiers
        """Membership tier by queue served."""
        self.queues = queues
        self.board = board
        self.seats: list[Seat] = []
        self.pools: list[Pool] = []
        self.known: list[int] = []
        """Indices of the classes whose callers these seats may serve."""
        self.even = True
        """All these classes have the same weight."""
        self.rivals: tuple[WaitingClass, ...] = ()
        """The first of these classes: those that an explanation compares."""
        self.rival_heads: Callable[[Sequence[float]], tuple[float, ...]] = _none
        """Their heads on the board, and one more."""
        self.at_work = 0
        """Seats that are neither signed out nor not ready."""
        self.states = bytearray()
        """State of each seat, as `STATE_INDEX`."""

    def admit(self, seat: Seat) -> None:
        seat.place = len(self.seats)
        self.seats.append(seat)
        self.states.append(STATE_INDEX[seat.state])
        if AT_WORK[seat.state]:
            self.staff(1)

    def staff(self, change: int) -> None:
        """So many seats of this group more are at work."""
        self.at_work += change
        for queue in self.queues:
            queue.at_work += change

    def count(self, state: State) -> int:
        """Seats in this state."""
        return self.states.count(STATE_INDEX[state])

    def classes(self) -> tuple[WaitingClass, ...]:
        """Classes whose callers these seats may serve."""
        return tuple(self.board.classes[index] for index in self.known)

    def meet(self, cls: WaitingClass) -> None:
        """Learn of a class that these seats may serve."""
        weights = self.board.weights
        if self.known and weights[self.known[0]] != weights[cls.index]:
            self.even = False
        self.known.append(cls.index)
        self._note_rivals()

    def part(self, cls: WaitingClass) -> None:
        """Forget an empty class."""
        self.known.remove(cls.index)
        weights = self.board.weights
        self.even = len({weights[index] for index in self.known}) < 2
        self._note_rivals()

    def _note_rivals(self) -> None:
        first = self.known[:MAX_RIVALS]
        self.rivals = tuple(self.board.classes[index] for index in first)
        # Of a single index `itemgetter` would give the bare number.
        self.rival_heads = itemgetter(*first, first[0]) if first else _none

    def demand(self) -> int:
        """Callers waiting in all queues that the group serves."""
        return sum(queue.waiting for queue in self.queues)

    def pool(self, order: Order, now: Instant) -> Pool:
        """The pool of this ordering, made on first use."""
        for pool in self.pools:
            if pool.order is order:
                return pool
        pool = Pool(order, self.board)
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
    board: Board,
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
    ranked: dict[tuple[int, int, int], list[int]] = {}
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
                ranked.setdefault(rank, []).append(group.pool(queue.strategy.order, now).index)
            else:
                outsiders[id(group)] = group
    made = WaitingClass(queue, demand, step, reach, board.heads)
    made.served_by(tuple(groups.values()))
    made.ranks = tuple(ranked[rank] for rank in sorted(ranked))
    made.outsiders = tuple(group for mark, group in outsiders.items() if mark not in groups)
    made.index = board.add_class(made)
    made.number = board.formed = board.formed + 1
    for group in made.groups:
        group.meet(made)
    return made


def best_seat(cls: WaitingClass, board: Board) -> Seat | None:
    """The idle seat that the class's strategy chooses."""
    heads = board.pool_heads
    for rank in cls.ranks:
        best = INFINITE
        chosen = -1
        for index in rank:
            head = heads[index]
            if head < best:
                best = head
                chosen = index
        if chosen >= 0:
            return board.pools[chosen].heap[0][3]
    return None


def best_entry(seat: Seat, now: Instant) -> Entry | None:
    """The caller with the highest claim among those that the seat may serve."""
    group = seat.group
    board = group.board
    heads = board.heads
    chosen = -1
    if group.even and not seat.personal:
        earliest = INFINITE
        for index in group.known:
            head = heads[index]
            if head < earliest:
                earliest = head
                chosen = index
    else:
        best = -INFINITE
        weights = board.weights
        for index in (*group.known, *(cls.index for cls in seat.personal)):
            claim = (now - heads[index]) * weights[index]
            if claim > best:
                best = claim
                chosen = index
    if chosen < 0:
        return None
    entry = board.classes[chosen].first()
    return entry if entry.last_seat is not seat else _best_acceptable(seat, now)


def _best_acceptable(seat: Seat, now: Instant) -> Entry | None:
    """As `best_entry`, past callers whom this seat has just let go."""
    best = -INFINITE
    chosen: Entry | None = None
    for cls in (*seat.group.classes(), *seat.personal):
        entry = cls.first_for(seat)
        if entry is not None and (now - entry.key) * cls.queue.plan.weight > best:
            best = (now - entry.key) * cls.queue.plan.weight
            chosen = entry
    return chosen

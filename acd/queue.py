"""Waiting: who is first.

A caller's *key* is the instant of joining the queue, moved back by a head start
per priority level. In a queue of weight w the claim at time t is ``w·(t - key)``:
the accumulating priority of Kleinrock (1964). A free seat takes the highest claim
among the callers it may serve. Since keys never change, callers who ask for the
same are kept in one heap and only the heads of heaps are compared; and since
every claim grows without bound while later arrivals start behind, nobody can be
overtaken for ever: with equal weights only by those who arrive within
``(9 - priority) · priority_step`` seconds after.

Callers of one queue, demand, relaxation step and overflow reach form a *waiting
class*. Leaving is lazy: an entry that is gone is skipped when it comes up, and a
heap that is half waste is rebuilt.
"""

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from acd.ids import CallId, Instant, QueueId, Seconds
from acd.plan import QueuePlan
from acd.skill import Demand
from acd.strategy import Strategy

if TYPE_CHECKING:
    from acd.agent import Seat
    from acd.matching import Group, Pool
    from acd.offer import Offer

FIRST_IN_LINE: Final[Seconds] = 86_400.0
"""Head start of a caller who comes back from a transfer: before all others, in turn among themselves."""

INFINITE: Final = float("inf")


class Entry:
    """One caller's (or callback's) place in a queue."""

    __slots__ = (
        "arrived",
        "call",
        "cls",
        "deadline",
        "demand",
        "enqueued",
        "filed",
        "identity",
        "key",
        "last_seat",
        "next_announce",
        "number",
        "offers",
        "priority",
        "queue",
        "reach",
        "retry_at",
        "source",
        "step",
        "sticky",
        "sticky_until",
    )

    def __init__(
        self,
        call: CallId,
        queue: "Queue",
        *,
        number: int,
        source: str,
        demand: Demand,
        priority: int,
        identity: str,
        enqueued: Instant,
        key: float,
    ) -> None:
        self.call = call
        self.queue = queue
        self.number = number
        """Order of arrival on the floor: breaks ties."""
        self.source = source
        self.demand = demand
        self.priority = priority
        self.identity = identity
        self.enqueued = enqueued
        self.key = key
        self.step = 0
        """How many relaxation steps have been taken."""
        self.reach = 0
        """How many overflow rungs are open to this caller."""
        self.cls: WaitingClass | None = None
        """Class of the present demand."""
        self.filed: WaitingClass | None = None
        """Class in whose heap the entry waits; None while it is being offered."""
        self.offers: list[Offer] = []
        self.last_seat: Seat | None = None
        """Did not take the last offer: is not asked twice running."""
        self.retry_at = INFINITE
        self.sticky: Seat | None = None
        self.sticky_until: Instant = 0.0
        self.next_announce = INFINITE
        self.deadline: Instant | None = None

    def next_due(self) -> float:
        """When something happens to this waiting caller next, if nobody comes; infinite: never."""
        plan = self.queue.plan
        due = min(self.next_announce, self.retry_at)
        if plan.max_wait is not None:
            due = min(due, self.enqueued + plan.max_wait)
        return due


class WaitingClass:
    """Callers of one queue who can be served by exactly the same seats."""

    __slots__ = ("demand", "groups", "head", "heap", "live", "queue", "ranks", "reach", "step", "weight")

    def __init__(
        self,
        queue: "Queue",
        demand: Demand,
        step: int,
        reach: int,
        groups: "tuple[Group, ...]",
        ranks: "tuple[tuple[Pool, ...], ...]",
    ) -> None:
        self.queue = queue
        self.demand = demand
        self.step = step
        self.reach = reach
        self.groups = groups
        """Groups whose seats may serve it."""
        self.ranks = ranks
        """Their idle pools, best rank first."""
        self.weight = queue.plan.weight
        self.heap: list[tuple[float, int, Entry]] = []
        self.head = INFINITE
        """Key of the first caller; infinite when nobody waits."""
        self.live = 0

    def file(self, entry: Entry) -> None:
        """Put an entry at its place."""
        entry.filed = self
        heap = self.heap
        heappush(heap, (entry.key, entry.number, entry))
        self.head = heap[0][0]
        self.live += 1

    def take(self, entry: Entry) -> None:
        """Remove an entry, wherever it stands."""
        entry.filed = None
        self.live -= 1
        heap = self.heap
        if heap[0][2].filed is not self:
            self.settle()
        elif len(heap) > 2 * self.live + 32:
            self.heap = heap = [item for item in heap if item[2].filed is self]
            heapify(heap)

    def settle(self) -> None:
        """Drop what is gone from the head."""
        heap = self.heap
        while heap and heap[0][2].filed is not self:
            heappop(heap)
        self.head = heap[0][0] if heap else INFINITE

    def oldest(self) -> float:
        """When the first caller joined; infinite when nobody waits."""
        return self.heap[0][2].enqueued if self.heap else INFINITE

    def first_for(self, seat: "Seat") -> Entry | None:
        """The first caller who may be offered to this seat now."""
        skipped = []
        found = None
        heap = self.heap
        while heap:
            item = heap[0]
            entry = item[2]
            if entry.filed is self and entry.last_seat is not seat:
                found = entry
                break
            heappop(heap)
            if entry.filed is self:
                skipped.append(item)
        for item in skipped:
            heappush(heap, item)
        return found


class Queue:
    """A queue's moving parts."""

    __slots__ = (
        "abandoned",
        "answered",
        "answered_in_target",
        "at_work",
        "classes",
        "day",
        "groups",
        "offered",
        "plan",
        "queue",
        "reach",
        "strategy",
        "waiting",
    )

    def __init__(self, plan: QueuePlan, strategy: Strategy) -> None:
        self.plan = plan
        self.queue: QueueId = plan.queue
        self.strategy = strategy
        self.groups: list[Group] = []
        self.classes: dict[tuple[str, int, int], WaitingClass] = {}
        """By demand's source, relaxation step and reach."""
        self.waiting = 0
        """Callers in the queue, ringing ones included."""
        self.at_work = 0
        """Seats serving it that are neither signed out nor not ready."""
        self.reach = 0
        """Overflow rungs that are open to every caller."""
        self.day = 0
        self.offered = 0
        self.answered = 0
        self.abandoned = 0
        self.answered_in_target = 0

    def count_answer(self, waited: Seconds) -> None:
        self.answered += 1
        if waited <= self.plan.target:
            self.answered_in_target += 1


def place_key(now: Instant, priority: int, priority_step: Seconds) -> float:
    """The key of a caller who joins now."""
    return now - priority * priority_step

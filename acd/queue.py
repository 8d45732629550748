"""Waiting: who is first.

A caller's *key* is the instant of joining the queue, moved back by a head start
per priority level. In a queue of weight w the claim at time t is ``w·(t - key)``:
the accumulating priority of Kleinrock (1964). A free seat takes the highest claim
among the callers it may serve. Since keys never change, callers who ask for the
same are kept in one row and only the heads of rows are compared; and since
every claim grows without bound while later arrivals start behind, nobody can be
overtaken for ever: with equal weights only by those who arrive within
``(9 - priority) · priority_step`` seconds after.

Callers of one queue, demand, relaxation step and overflow reach form a *waiting
class*. Leaving is lazy: an entry that is gone is skipped when it comes up, and a
row that is half waste is rebuilt.
"""

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from acd.estimate import Handling, Line
from acd.ids import CallId, Instant, QueueId, Seconds
from acd.plan import QueuePlan
from acd.skill import Demand
from acd.strategy import Strategy

if TYPE_CHECKING:
    from acd.agent import Seat
    from acd.callback import Callback
    from acd.matching import Group
    from acd.offer import Offer

FIRST_IN_LINE: Final[Seconds] = 86_400.0
"""Head start of a caller who comes back from a transfer: before all others, in turn among themselves."""

INFINITE: Final = float("inf")

NAMED: Final = 12
"""Seats that an explanation names one by one, the nearest first."""


class Entry:
    """One caller's (or callback's) place in a queue."""

    __slots__ = (
        "call",
        "callback",
        "cls",
        "deadline",
        "demand",
        "enqueued",
        "filed",
        "identity",
        "joined",
        "key",
        "last_seat",
        "line",
        "next_announce",
        "number",
        "offers",
        "predicted",
        "priority",
        "queue",
        "reach",
        "reachable",
        "retry_at",
        "slot",
        "source",
        "step",
        "sticky_until",
        "ticket",
        "unstaffed_since",
    )

    def __init__(
        self,
        call: CallId,
        queue: "Queue",
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
        """Since when the caller waits; an earlier visit counts when its place was given back."""
        self.joined = enqueued
        """Since when in this visit: the service level counts from here, as it does in the records."""
        self.key = key
        self.step = 0
        """How many relaxation steps have been taken."""
        self.reach = 0
        """How many overflow rungs are open to this caller."""
        self.reachable = True
        """False: the link to the caller's Asterisk is down. In line, in no row, offered to nobody."""
        self.cls: WaitingClass | None = None
        """Class of the present demand."""
        self.filed: WaitingClass | None = None
        """Class in which the entry waits; None while it is being offered."""
        self.line: Line | None = None
        self.slot = 0
        self.offers: tuple[Offer, ...] = ()
        self.last_seat: Seat | None = None
        """Did not take the last offer: is not asked twice running."""
        self.retry_at = INFINITE
        self.sticky_until = INFINITE
        """Finite while the caller waits for one certain seat."""
        self.unstaffed_since = INFINITE
        """Since when nobody who could serve the call is at work."""
        self.next_announce = INFINITE
        self.predicted: tuple[Instant, Seconds] | None = None
        """When a wait was announced, and which."""
        self.callback: Callback | None = None
        self.deadline: Instant | None = None
        self.ticket = 0

    def step_out(self) -> None:
        """No longer counted among those who wait: being offered, or gone."""
        if self.line is not None:
            self.line.leave(self.slot, self.key)
            self.line = None

    def next_due(self) -> float:
        """When something happens to this waiting caller next, if nobody comes; infinite: never."""
        plan = self.queue.plan
        enqueued = self.enqueued
        due = self.next_announce
        if self.retry_at < due:  # two comparisons cost a third of a `min`
            due = self.retry_at
        if self.sticky_until < due:
            due = self.sticky_until
        if self.step < len(plan.relaxation):
            due = min(due, enqueued + plan.relaxation[self.step].after)
        for rung in plan.overflow[self.reach :]:
            if rung.after is not None:
                due = min(due, enqueued + rung.after)
        if self.callback is not None:
            return min(due, self.callback.expires)
        if plan.max_wait is not None:
            due = min(due, enqueued + plan.max_wait)
        if plan.unstaffed_exit is not None:
            due = min(due, self.unstaffed_since + plan.unstaffed_exit)
        return due

    def step_at(self, now: Instant) -> int:
        """How many relaxation steps this wait has earned."""
        steps = self.queue.plan.relaxation
        step = self.step
        # The very sum of the deadline: a difference rounds otherwise, and it would come due for ever.
        while step < len(steps) and now >= self.enqueued + steps[step].after:
            step += 1
        return step

    def reach_at(self, now: Instant) -> int:
        """How many overflow rungs this wait, or the state of the whole queue, has opened."""
        rungs = self.queue.plan.overflow
        reach = max(self.reach, min(self.queue.reach, len(rungs)))
        for index in range(reach, len(rungs)):
            after = rungs[index].after
            if after is not None and now >= self.enqueued + after:
                reach = index + 1
        return reach


class WaitingClass:
    """Callers of one queue who can be served by exactly the same seats."""

    __slots__ = (
        "demand",
        "early",
        "groups",
        "heads",
        "index",
        "live",
        "named",
        "number",
        "outsiders",
        "queue",
        "ranks",
        "reach",
        "row",
        "step",
    )

    def __init__(self, queue: "Queue", demand: Demand, step: int, reach: int, heads: list[float]) -> None:
        self.queue = queue
        self.demand = demand
        self.step = step
        self.reach = reach
        self.row: deque[Entry] = deque()
        """Callers in order of their keys, gone ones among them."""
        self.early: list[tuple[float, int, Entry]] = []
        """Heap of those who came after others of a later key: priorities, places given back."""
        self.live = 0
        self.heads = heads
        """The board of all heads; ours stands at `index`."""
        self.index = 0
        self.number = 0
        """Order in which the classes of the board were formed."""
        self.groups: tuple[Group, ...] = ()
        """Groups whose seats may serve it; see `served_by`."""
        self.named: list[tuple[bytearray, int]] = []
        """States of these groups' seats, and how many an explanation names of each."""
        self.ranks: tuple[list[int], ...] = ()
        """Their idle pools on the board, best rank first."""
        self.outsiders: tuple[Group, ...] = ()
        """Groups of the same queues whose seats may not."""

    def served_by(self, groups: "tuple[Group, ...]") -> None:
        """Once, when the class is formed: groups don't change while a plan is in force."""
        self.groups = groups
        room = NAMED
        for group in groups:
            if room > 0:
                self.named.append((group.states, room))
                room -= len(group.states)

    def file(self, entry: Entry) -> None:
        """Put an entry at its place."""
        entry.filed = self
        key, row = entry.key, self.row
        if not row or key > row[-1].key or (key, entry.number) >= (row[-1].key, row[-1].number):
            row.append(entry)
        else:
            heappush(self.early, (key, entry.number, entry))
        self.live += 1
        if key < self.heads[self.index]:
            self.heads[self.index] = key

    def take(self, entry: Entry) -> None:
        """Remove an entry, wherever it stands."""
        entry.filed = None
        self.live -= 1
        row, early = self.row, self.early
        if row and row[0] is entry:
            row.popleft()
        if len(row) + len(early) > 2 * self.live + 32:
            self.row = deque(other for other in row if other.filed is self)
            self.early = [item for item in early if item[2].filed is self]
            heapify(self.early)
        self.heads[self.index] = self.first().key if self.live else INFINITE

    def first(self) -> Entry:
        """Who is served next; only when somebody waits."""
        row, early = self.row, self.early
        while row and row[0].filed is not self:
            row.popleft()
        if not early:
            return row[0]
        while early and early[0][2].filed is not self:
            heappop(early)
        if early and (not row or early[0][:2] < (row[0].key, row[0].number)):
            return early[0][2]
        return row[0]

    def entries(self) -> "list[Entry]":
        """All who wait here, first come first."""
        # An entry that left and came back stands here twice.
        filed = {e.number: e for e in (*self.row, *(item[2] for item in self.early)) if e.filed is self}
        return sorted(filed.values(), key=lambda entry: (entry.key, entry.number))

    def staffed(self) -> bool:
        """Is anybody at work who could serve these callers?"""
        return any(group.at_work for group in self.groups)

    def first_for(self, seat: "Seat") -> Entry | None:
        """The first caller who may be offered to this seat now."""
        if not self.live:
            return None
        first = self.first()
        if first.last_seat is not seat:
            return first
        standing = (entry for entry in self.row if entry.filed is self and entry.last_seat is not seat)
        rivals = [item for item in self.early if item[2].filed is self and item[2].last_seat is not seat]
        found, early = next(standing, None), min(rivals, default=None)
        if found is None or (early is not None and early[:2] < (found.key, found.number)):
            return early[2] if early is not None else None
        return found


class Queue:
    """A queue's moving parts."""

    __slots__ = (
        "abandoned",
        "answered",
        "answered_in_target",
        "at_work",
        "classes",
        "day_ends",
        "groups",
        "handling",
        "lines",
        "offered",
        "personal",
        "plan",
        "queue",
        "reach",
        "strategy",
        "waiting",
        "widens",
        "wrap_up",
    )

    def __init__(self, plan: QueuePlan, strategy: Strategy) -> None:
        self.queue: QueueId = plan.queue
        self.handling = Handling()
        self.waiting = 0
        """Callers in the queue, ringing ones included."""
        self.day_ends: Instant = 0.0
        self.offered = 0
        self.answered = 0
        self.abandoned = 0
        self.answered_in_target = 0
        self.lines: dict[tuple[str, int], Line] = {}
        """By demand's source and priority."""
        self.adopt(plan, strategy)

    def adopt(self, plan: QueuePlan, strategy: Strategy) -> None:
        """New rules; who may serve is to be worked out again."""
        self.plan = plan
        self.strategy = strategy
        self.groups: list[Group] = []
        self.classes: dict[tuple[str, int, int], WaitingClass] = {}
        """By demand's source, relaxation step and reach."""
        self.personal: list[WaitingClass] = []
        """Rows of callers who wait for one seat alone."""
        self.at_work = 0
        """Seats serving it that are neither signed out nor not ready."""
        self.reach = 0
        """Overflow rungs that the state of the whole queue opens to every caller."""
        self.wrap_up = min(plan.wrap_up, plan.wrap_up_ceiling)
        self.widens = any(r.length is not None or r.expected_wait is not None for r in plan.overflow)

    def take_up_line(self, source: str, priority: int) -> None:
        """The line of a demand and priority as it is before anybody stands in it."""
        self.lines[source, priority] = Line()

    def line_up(self, entry: Entry, early: bool = False) -> None:
        """Give the entry its place among those who are counted; `early`: before some who came before."""
        key = (entry.source, entry.priority)
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = Line()
        entry.line = line
        entry.slot = line.add(entry.key, early)

    def compete(self, one: str, other: str) -> bool:
        """Do two demands want the same seats?"""
        if one == other:
            return True
        first, second = self.classes.get((one, 0, 0)), self.classes.get((other, 0, 0))
        if first is None or second is None:
            return True
        return not {id(group) for group in first.groups}.isdisjoint(id(group) for group in second.groups)

    def turn_day(self, now: Instant, offset: Seconds) -> None:
        """The day's counters start anew; `offset` is local time minus UTC."""
        self.day_ends = ((now + offset) // 86_400 + 1) * 86_400 - offset
        self.offered = self.answered = self.abandoned = self.answered_in_target = 0

    def count_answer(self, waited: Seconds) -> None:
        self.answered += 1
        if waited <= self.plan.target:
            self.answered_in_target += 1

"""What the floor holds between events, and the moves every handler is made of."""

from heapq import heappop, heappush

from acd.agent import LOGGED_OUT, NOT_READY, TRANSITIONS, Refusal, Seat, State
from acd.commands import FloorOutput, QueueChanged, SeatChanged
from acd.events import Refused
from acd.ids import AgentId, CallId, Instant, OfferId, QueueId, SeatId
from acd.matching import Group, form_class, group_key
from acd.offer import ClosedOffers, Offer
from acd.plan import FloorPlan
from acd.queue import Entry, Queue, WaitingClass
from acd.skill import relax
from acd.strategy import STRATEGIES

Timed = Seat | Entry | Offer


class FloorState:
    """Seats, queues, places, offers and timers. One writer: the floor's handlers."""

    __slots__ = (
        "agents",
        "closed",
        "entries",
        "groups",
        "number",
        "offers",
        "out",
        "plan",
        "queues",
        "seats",
        "timers",
    )

    def __init__(self, plan: FloorPlan, now: Instant) -> None:
        self.plan = plan
        self.number = 0
        """Counts decisions: the source of offer ids, stamps and tie-breaks."""
        self.out: list[FloorOutput] = []
        self.seats: dict[SeatId, Seat] = {}
        self.queues: dict[QueueId, Queue] = {}
        self.groups: dict[object, Group] = {}
        self.agents: dict[AgentId, Seat] = {}
        self.entries: dict[CallId, Entry] = {}
        self.offers: dict[OfferId, Offer] = {}
        self.closed = ClosedOffers()
        self.timers: list[tuple[Instant, int, Timed]] = []
        """Heap of what is due. An item counts only while its object's `deadline` is the item's time."""
        for queue_plan in plan.queues:
            self.queues[queue_plan.queue] = Queue(queue_plan, STRATEGIES[queue_plan.strategy])
        for index, seat_plan in enumerate(plan.seats):
            key = group_key(seat_plan)
            group = self.groups.get(key)
            if group is None:
                group = Group(dict(key[0]), {m.queue: m.tier for m in seat_plan.queues})
                self.groups[key] = group
                for membership in seat_plan.queues:
                    self.queues[membership.queue].groups.append(group)
            seat = Seat(seat_plan, index, group, now)
            group.seats.append(seat)
            group.count[LOGGED_OUT] += 1
            self.seats[seat_plan.seat] = seat

    def next_number(self) -> int:
        self.number += 1
        return self.number

    # --- time

    def arm(self, subject: Timed, when: Instant) -> None:
        """Something is due at `when`; the subject's earlier appointment is void."""
        subject.deadline = when
        self.number += 1
        heappush(self.timers, (when, self.number, subject))

    def due(self, now: Instant) -> Timed | None:
        """The next subject whose time has come, its appointment cleared."""
        timers = self.timers
        while timers and timers[0][0] <= now:
            when, _, subject = heappop(timers)
            if subject.deadline == when:
                subject.deadline = None
                return subject
        return None

    def next_deadline(self) -> Instant | None:
        timers = self.timers
        while timers:
            when, _, subject = timers[0]
            if subject.deadline == when:
                return when
            heappop(timers)
        return None

    # --- seats

    def verdict(self, trigger: str, seat: Seat) -> State | str:
        """What the table says; a `Refusal` is raised as `Refused`."""
        verdict = TRANSITIONS[trigger][seat.state]
        if isinstance(verdict, Refusal):
            raise Refused(verdict.reason, verdict.text)
        return verdict

    def move(self, seat: Seat, state: State, now: Instant, reason: str = "") -> None:
        """Put the seat into a state and say so. Being idle is entered and left elsewhere."""
        was_at_work = seat.state != LOGGED_OUT and seat.state != NOT_READY
        at_work = state != LOGGED_OUT and state != NOT_READY
        if was_at_work is not at_work:
            change = 1 if at_work else -1
            seat.group.at_work += change
            for queue in seat.group.tiers:
                self.queues[queue].at_work += change
        count = seat.group.count
        count[seat.state] -= 1
        count[state] += 1
        seat.state = state
        seat.reason = reason
        seat.since = now
        self.out.append(
            SeatChanged(
                seat=seat.plan.seat, agent=seat.agent, state=state, reason=reason, since=now, call=seat.call
            )
        )

    def enter_idle(self, seat: Seat, now: Instant) -> None:
        """The seat can be found by callers from now on."""
        seat.idle_since = now
        self.return_idle(seat, now)

    def return_idle(self, seat: Seat, now: Instant) -> None:
        """Back among the idle at the old place."""
        self.number += 1
        seat.stamp = self.number
        for pool in seat.group.pools:
            pool.add(seat, now)

    def leave_idle(self, seat: Seat) -> None:
        seat.stamp = 0
        for pool in seat.group.pools:
            pool.drop()

    # --- queues

    def announce_waiting(self, queue: Queue, now: Instant) -> None:
        self.out.append(QueueChanged(queue=queue.queue, waiting=queue.waiting, at=now))

    def class_of(self, entry: Entry, now: Instant) -> WaitingClass:
        """The class of the entry's present demand, made on first use."""
        queue = entry.queue
        key = (entry.source, entry.step, entry.reach)
        cls = queue.classes.get(key)
        if cls is None:
            demand, tiers = entry.demand, queue.plan.tiers
            for step in queue.plan.relaxation[: entry.step]:
                demand = relax(demand, drop=frozenset(step.drop), lower=step.lower)
                tiers = step.tiers if step.tiers is not None else tiers
            circle = [queue, *(self.queues[rung.queue] for rung in queue.plan.overflow[: entry.reach])]
            cls = form_class(queue, circle, demand, step=entry.step, reach=entry.reach, tiers=tiers, now=now)
            queue.classes[key] = cls
        entry.cls = cls
        return cls

"""What the floor holds between events, and the moves every handler is made of."""

from typing import Final

from acd.agenda import Agenda
from acd.agent import AT_WORK, STATE_INDEX, TRANSITIONS, Refusal, Seat, State
from acd.callback import Callback, Callbacks, Departed
from acd.commands import FloorOutput, QueueChanged, SeatChanged
from acd.events import Refused
from acd.ids import AgentId, CallId, Instant, OfferId, QueueId, SeatId
from acd.matching import Board, form_class
from acd.offer import ClosedOffers, Offer
from acd.plan import FloorPlan
from acd.queue import Entry, Queue, WaitingClass
from acd.skill import Demand, relax

Timed = Seat | Entry | Callback

MAX_CLASSES: Final = 256
"""Waiting classes of one queue before unused ones are dropped."""


class FloorState:
    """Seats, queues, places, offers and timers. One writer: the floor's handlers."""

    __slots__ = (
        "agenda",
        "agents",
        "board",
        "callbacks",
        "closed",
        "departed",
        "entries",
        "idle",
        "left",
        "number",
        "offers",
        "out",
        "plan",
        "queues",
        "seats",
        "unreachable",
    )

    def __init__(self, plan: FloorPlan) -> None:
        self.plan = plan
        self.number = 0
        """Counts decisions: the source of offer ids, stamps and tie-breaks."""
        self.out: list[FloorOutput] = []
        self.board = Board()
        self.seats: dict[SeatId, Seat] = {}
        self.queues: dict[QueueId, Queue] = {}
        self.agents: dict[AgentId, Seat] = {}
        self.entries: dict[CallId, Entry] = {}
        self.unreachable: dict[CallId, Entry] = {}
        """Those of `entries` who are held back: the link to their Asterisk is down."""
        self.offers: dict[OfferId, Offer] = {}
        self.closed = ClosedOffers()
        self.callbacks = Callbacks()
        self.departed = Departed(plan.missed_limit)
        self.left: list[Seat] = []
        """Seats that stopped working during this step."""
        self.agenda: Agenda[Timed] = Agenda()
        self.idle = 0
        """Seats that are idle, all over the floor."""

    def next_number(self) -> int:
        self.number += 1
        return self.number

    # --- seats

    def verdict(self, trigger: str, seat: Seat) -> str:
        """What the table says; a `Refusal` is raised as `Refused`."""
        verdict = TRANSITIONS[trigger][seat.state]
        if isinstance(verdict, Refusal):
            raise Refused(verdict.reason, verdict.text)
        return verdict

    def move(self, seat: Seat, state: State, now: Instant, reason: str = "") -> None:
        """Put the seat into a state and say so. Being idle is entered and left elsewhere."""
        group = seat.group
        group.states[seat.place] = STATE_INDEX[state]
        works = AT_WORK[state]
        if AT_WORK[seat.state] is not works:
            group.staff(1 if works else -1)
            if not works:
                self.left.append(seat)
        seat.state = state
        seat.reason = reason
        seat.since = now
        self.out.append(
            SeatChanged(seat=seat.id, agent=seat.agent, state=state, reason=reason, since=now, call=seat.call)
        )

    def enter_idle(self, seat: Seat, now: Instant) -> None:
        """The seat can be found by callers from now on; its place among the idle is `idle_since`."""
        self.number += 1
        seat.stamp = self.number
        self.idle += 1
        for pool in seat.group.pools:
            pool.add(seat, now)

    def leave_idle(self, seat: Seat) -> None:
        seat.stamp = 0
        self.idle -= 1
        for pool in seat.group.pools:
            pool.drop()

    # --- queues

    def announce_waiting(self, queue: Queue, now: Instant) -> None:
        self.out.append(QueueChanged(queue=queue.queue, waiting=queue.waiting, at=now))

    def class_of(self, entry: Entry, now: Instant) -> WaitingClass:
        """The class of the entry's present demand, made on first use."""
        key = (entry.source, entry.step, entry.reach)
        entry.cls = cls = entry.queue.classes.get(key) or self.new_class(entry.queue, entry.demand, key, now)
        return cls

    def new_class(
        self, queue: Queue, demand: Demand, key: tuple[str, int, int], now: Instant
    ) -> WaitingClass:
        """The class of a demand (whose source, relaxation step and reach are `key`)."""
        _, taken, reach = key
        if len(queue.classes) >= MAX_CLASSES:
            self._drop_unused(queue)
        tiers = queue.plan.tiers
        for step in queue.plan.relaxation[:taken]:
            demand = relax(demand, drop=frozenset(step.drop), lower=step.lower)
            tiers = step.tiers if step.tiers is not None else tiers
        circle = [queue, *(self.queues[rung.queue] for rung in queue.plan.overflow[:reach])]
        cls = form_class(queue, circle, demand, self.board, step=taken, reach=reach, tiers=tiers, now=now)
        queue.classes[key] = cls
        return cls

    def _drop_unused(self, queue: Queue) -> None:
        for key, cls in tuple(queue.classes.items()):
            if not cls.live:
                del queue.classes[key]
                for group in cls.groups:
                    group.part(cls)
                self.board.free.append(cls.index)
        for place, line in tuple(queue.lines.items()):
            if not line.live:
                del queue.lines[place]

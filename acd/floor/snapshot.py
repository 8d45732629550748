"""A floor as plain data, and a floor made of it that decides as the first one would have.

Everything that a later decision could depend on is in it, exactly: the order in
which waiting classes were formed (it breaks ties), idle seats' places, the order
of appointments, the numbers that ids are made of. What follows from the plan and
the rest (groups, who may serve whom, counts) is worked out again.

It is written at the start of each file of the floor's log, so that any file can
be replayed alone; hence only names and numbers, no objects of ours: reading it
runs no code. Infinite instants are None.
"""

from typing import Any

from acd.agent import Seat, State
from acd.callback import Callback, CallbackState, MissedCall
from acd.fact import Fact
from acd.floor.keeping import kept_queue
from acd.floor.state import FloorState, Timed
from acd.ids import AgentId, CallId, Instant, OfferId, QueueId, SeatId
from acd.kept import KeptQueue
from acd.offer import Offer
from acd.plan import FloorPlan, QueuePlan, SeatPlan
from acd.queue import INFINITE, Entry


class SeatNow(Fact):
    """`gone` and `gone_queue`: plans of what is no longer in the floor's."""

    seat: SeatId
    gone: SeatPlan | None
    index: int
    agent: AgentId | None
    state: State
    reason: str
    since: Instant
    deadline: Instant | None
    ticket: int
    reachable: bool
    call: CallId | None
    queue: QueueId | None
    gone_queue: QueuePlan | None
    answered: Instant
    next_state: State | None
    next_reason: str
    extended: bool
    resume: bool
    misses: int
    declines: int
    stamp: int
    idle_since: Instant
    last_offer: int
    busy_level: float
    busy_since: Instant
    personal: tuple[QueueId, ...]
    pools: tuple[tuple[str, float | None], ...]
    """Orderings that its group keeps, and its place in each while it is idle."""


class ClassNow(Fact):
    queue: QueueId
    source: str
    step: int
    reach: int


class LineNow(Fact):
    queue: QueueId
    source: str
    priority: int
    latest: float


class EntryNow(Fact):
    call: CallId
    queue: QueueId
    number: int
    source: str
    priority: int
    identity: str
    enqueued: Instant
    joined: Instant | None
    """None: counted before, never within the target."""
    key: float
    step: int
    reach: int
    filed: bool
    wanted: SeatId | None
    """Waits for this seat alone."""
    slot: int | None
    """Its place among those who are counted; None: not counted now."""
    offers: tuple[OfferId, ...]
    last_seat: SeatId | None
    retry_at: Instant | None
    sticky_until: Instant | None
    unstaffed_since: Instant | None
    next_announce: Instant | None
    predicted: tuple[Instant, float] | None
    deadline: Instant | None
    ticket: int
    reachable: bool = True


class OfferNow(Fact):
    offer: OfferId
    number: int
    call: CallId
    seat: SeatId
    queue: QueueId | None
    made: Instant
    reasons: dict[str, Any]


class CallbackNow(Fact):
    """`entry`: its place while it is not in the queue."""

    call: CallId
    origin: CallId
    number: str
    person: str
    asked: Instant
    expires: Instant
    state: CallbackState
    attempts: int
    seat: SeatId | None
    called_in: bool
    deadline: Instant | None
    ticket: int
    entry: EntryNow | None


class FloorSnapshot(Fact):
    plan: FloorPlan
    number: int
    seats: tuple[SeatNow, ...]
    queues: tuple[KeptQueue, ...]
    reach: tuple[int, ...]
    """Of each queue, in the same order: rungs open to all."""
    classes: tuple[ClassNow, ...]
    lines: tuple[LineNow, ...]
    entries: tuple[EntryNow, ...]
    offers: tuple[OfferNow, ...]
    closed: tuple[tuple[OfferId, CallId, SeatId, str], ...]
    callbacks: tuple[CallbackNow, ...]
    missed: tuple[MissedCall, ...]


def snapshot(f: FloorState) -> FloorSnapshot:
    """The floor between two events. Explanations of open offers are composed by it, nothing else changes."""
    classes = [(cls.number, key, cls) for queue in f.queues.values() for key, cls in queue.classes.items()]
    marks = _Marks(f)
    return FloorSnapshot(
        plan=f.plan,
        number=f.number,
        seats=tuple(_seats(f, marks)),
        queues=tuple(kept_queue(queue) for queue in f.queues.values()),
        reach=tuple(queue.reach for queue in f.queues.values()),
        classes=tuple(
            ClassNow(queue=cls.queue.queue, source=source, step=step, reach=reach)
            for _, (source, step, reach), cls in sorted(classes, key=lambda one: one[0])
        ),
        lines=tuple(
            LineNow(queue=queue.queue, source=source, priority=priority, latest=line.latest)
            for queue in f.queues.values()
            for (source, priority), line in queue.lines.items()
        ),
        entries=tuple(_entry(entry, marks) for entry in f.entries.values()),
        offers=tuple(_offer(offer) for offer in f.offers.values()),
        closed=f.closed.all(),
        callbacks=tuple(_callback(f, callback, marks) for callback in f.callbacks.all()),
        missed=f.departed.all(),
    )


class _Marks:
    """Order instead of running numbers: two floors that decide alike give the same snapshot."""

    def __init__(self, f: FloorState) -> None:
        self.wanted = {id(cls): seat.id for seat in f.seats.values() for cls in seat.personal}
        """Seats by the class of those who wait for them alone."""
        timed: list[Timed] = [*f.seats.values(), *f.entries.values(), *f.callbacks.all()]
        tickets = sorted(one.ticket for one in timed if one.deadline is not None)
        self._tickets = {ticket: rank for rank, ticket in enumerate(tickets, 1)}
        slots: dict[int, list[int]] = {}
        for entry in f.entries.values():
            if entry.line is not None and entry.slot >= 0:
                slots.setdefault(id(entry.line), []).append(entry.slot)
        self._slots = {
            (line, slot): rank for line, taken in slots.items() for rank, slot in enumerate(sorted(taken))
        }

    def ticket(self, one: Timed) -> int:
        """Its turn among all appointments; 0: it has none."""
        return self._tickets[one.ticket] if one.deadline is not None else 0

    def slot(self, entry: Entry) -> int | None:
        """Its turn among those who are counted; -1: before some who came before; None: not counted."""
        if entry.line is None:
            return None
        return self._slots[id(entry.line), entry.slot] if entry.slot >= 0 else -1


def _finite(when: float) -> Instant | None:
    return when if when < INFINITE else None


def _seats(f: FloorState, marks: _Marks) -> list[SeatNow]:
    places = {id(pool): pool.keys() for seat in f.seats.values() for pool in seat.group.pools}
    return [_seat(f, seat, places, marks) for seat in f.seats.values()]


def _seat(f: FloorState, seat: Seat, places: dict[int, dict[SeatId, float]], marks: _Marks) -> SeatNow:
    queue = seat.queue
    known = queue is not None and f.queues.get(queue.queue) is queue
    return SeatNow(
        seat=seat.id,
        gone=seat.plan if seat.retired else None,
        index=seat.index,
        agent=seat.agent,
        state=seat.state,
        reason=seat.reason,
        since=seat.since,
        deadline=seat.deadline,
        ticket=marks.ticket(seat),
        reachable=seat.reachable,
        call=seat.call,
        queue=queue.queue if queue is not None and known else None,
        gone_queue=queue.plan if queue is not None and not known else None,
        answered=seat.answered,
        next_state=seat.next_state,
        next_reason=seat.next_reason,
        extended=seat.extended,
        resume=seat.resume,
        misses=seat.misses,
        declines=seat.declines,
        stamp=seat.stamp,
        idle_since=seat.idle_since,
        last_offer=seat.last_offer,
        busy_level=seat.busy_level,
        busy_since=seat.busy_since,
        personal=tuple(cls.queue.queue for cls in seat.personal),
        pools=tuple((pool.order.__name__, places[id(pool)].get(seat.id)) for pool in seat.group.pools),
    )


def _entry(entry: Entry, marks: _Marks) -> EntryNow:
    filed = entry.filed
    return EntryNow(
        call=entry.call,
        queue=entry.queue.queue,
        number=entry.number,
        source=entry.source,
        priority=entry.priority,
        identity=entry.identity,
        enqueued=entry.enqueued,
        joined=entry.joined if entry.joined > -INFINITE else None,
        key=entry.key,
        step=entry.step,
        reach=entry.reach,
        filed=filed is not None,
        wanted=marks.wanted.get(id(filed)),
        slot=marks.slot(entry),
        offers=tuple(offer.offer for offer in entry.offers),
        last_seat=entry.last_seat.id if entry.last_seat is not None else None,
        retry_at=_finite(entry.retry_at),
        sticky_until=_finite(entry.sticky_until),
        unstaffed_since=_finite(entry.unstaffed_since),
        next_announce=_finite(entry.next_announce),
        predicted=entry.predicted,
        deadline=entry.deadline,
        ticket=marks.ticket(entry),
        reachable=entry.reachable,
    )


def _offer(offer: Offer) -> OfferNow:
    return OfferNow(
        offer=offer.offer,
        number=offer.number,
        call=offer.call,
        seat=offer.seat.id,
        queue=offer.queue.queue if offer.queue is not None else None,
        made=offer.made,
        reasons=dict(offer.reasons),
    )


def _callback(f: FloorState, callback: Callback, marks: _Marks) -> CallbackNow:
    entry = callback.entry
    return CallbackNow(
        call=callback.call,
        origin=callback.origin,
        number=callback.number,
        person=callback.person,
        asked=callback.asked,
        expires=callback.expires,
        state=callback.state,
        attempts=callback.attempts,
        seat=callback.seat.id if callback.seat is not None else None,
        called_in=callback.called_in,
        deadline=callback.deadline,
        ticket=marks.ticket(callback),
        entry=None if f.entries.get(entry.call) is entry else _entry(entry, marks),
    )

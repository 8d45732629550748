"""From a snapshot back to a floor, see `acd.floor.snapshot`."""

from collections.abc import Mapping
from typing import Final

from acd.agent import Seat
from acd.callback import Callback
from acd.floor import calls, editing
from acd.floor.keeping import take_queue
from acd.floor.snapshot import CallbackNow, EntryNow, FloorSnapshot, OfferNow, SeatNow
from acd.floor.state import FloorState, Timed
from acd.ids import Instant, SeatId
from acd.matching import Group, Pool
from acd.offer import Offer
from acd.plan import SeatPlan
from acd.queue import INFINITE, Entry, Queue
from acd.skill import canonical
from acd.strategy import STRATEGIES, Order

_ORDERS: Final[Mapping[str, Order]] = {one.order.__name__: one.order for one in STRATEGIES.values()}
_START: Final[Instant] = 0.0
"""Nothing that is restored depends on it."""


def restore(snapshot: FloorSnapshot) -> FloorState:
    """Raises `ValueError` for a snapshot that no floor has made."""
    editing.check(snapshot.plan)
    try:
        return _restored(snapshot)
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(f"the snapshot contradicts itself: {error!r}") from error


def _restored(snapshot: FloorSnapshot) -> FloorState:
    f = FloorState(snapshot.plan)
    f.number = snapshot.number
    f.queues = {plan.queue: Queue(plan, STRATEGIES[plan.strategy]) for plan in snapshot.plan.queues}
    _seats(f, snapshot.seats)
    for kept, reach in zip(snapshot.queues, snapshot.reach, strict=True):
        take_queue(f, kept)
        f.queues[kept.queue].reach = reach
    for cls in snapshot.classes:
        demand, source = canonical(cls.source)
        f.new_class(f.queues[cls.queue], demand, (source, cls.step, cls.reach), _START)
    for now in snapshot.seats:
        for queue in now.personal:
            calls.personal_class(f, f.seats[now.seat], f.queues[queue])
    ghosts: dict[SeatId, Seat] = {}
    for one in snapshot.entries:
        entry = _entry(f, one, ghosts)
        f.entries[entry.call] = entry
        if not entry.reachable:
            f.unreachable[entry.call] = entry
        entry.queue.waiting += 1
    _rows(f, snapshot)
    for offer in snapshot.offers:
        _offer(f, offer)
    for closed in snapshot.closed:
        f.closed.add(*closed)
    for callback in snapshot.callbacks:
        _callback(f, callback, ghosts)
    for missed in snapshot.missed:
        f.departed.add(missed)
    _order_offers(f, snapshot.entries)
    _appointments(f, snapshot)
    return f


def _seats(f: FloorState, seats: tuple[SeatNow, ...]) -> None:
    nobody = Group({}, {}, (), f.board)
    for now in seats:
        seat = Seat(now.gone or SeatPlan(seat=now.seat), now.index, nobody, _START)
        for name in _PLAIN:
            setattr(seat, name, getattr(now, name))
        if now.queue is not None:
            seat.queue = f.queues[now.queue]
        elif now.gone_queue is not None:
            seat.queue = Queue(now.gone_queue, STRATEGIES[now.gone_queue.strategy])
        f.seats[seat.id] = seat
        if seat.agent is not None:
            f.agents[seat.agent] = seat
    if missing := {plan.seat for plan in f.plan.seats}.difference(f.seats):
        raise KeyError(*missing)
    editing.regroup(f, f.plan, [f.seats[now.seat] for now in seats if now.gone is not None], _START)
    for now in seats:
        seat = f.seats[now.seat]
        seat.index = now.index
        f.idle += seat.stamp != 0
        for name, key in now.pools:
            pool = _pool(f, seat.group, _ORDERS[name])
            if key is not None:
                pool.put_back(seat, key)


_PLAIN: Final = (
    *("agent", "state", "reason", "since", "reachable", "call", "answered", "next_state", "next_reason"),
    *("extended", "resume", "misses", "declines", "stamp", "idle_since", "last_offer"),
    *("busy_level", "busy_since"),
)


def _pool(f: FloorState, group: Group, order: Order) -> Pool:
    for pool in group.pools:
        if pool.order is order:
            return pool
    pool = Pool(order, f.board)
    group.pools.append(pool)
    return pool


def _seat_of_old(f: FloorState, seat: SeatId | None, ghosts: dict[SeatId, Seat]) -> Seat | None:
    """A seat, also one that is gone: entries remember whom they were offered to."""
    if seat is None:
        return None
    found = f.seats.get(seat) or ghosts.get(seat)
    if found is None:
        found = ghosts[seat] = Seat(SeatPlan(seat=seat), 0, Group({}, {}, (), f.board), _START)
    return found


def _infinite(when: Instant | None) -> float:
    return INFINITE if when is None else when


def _entry(f: FloorState, now: EntryNow, ghosts: dict[SeatId, Seat]) -> Entry:
    demand, source = canonical(now.source)
    queue = f.queues[now.queue]
    entry = Entry(
        now.call, queue, now.number, source, demand, now.priority, now.identity, now.enqueued, now.key
    )
    entry.joined = -INFINITE if now.joined is None else now.joined
    entry.step, entry.reach = now.step, now.reach
    entry.cls = queue.classes.get((source, now.step, now.reach))
    entry.last_seat = _seat_of_old(f, now.last_seat, ghosts)
    entry.retry_at = _infinite(now.retry_at)
    entry.sticky_until = _infinite(now.sticky_until)
    entry.unstaffed_since = _infinite(now.unstaffed_since)
    entry.next_announce = _infinite(now.next_announce)
    entry.predicted = now.predicted
    entry.reachable = now.reachable
    return entry


def _rows(f: FloorState, snapshot: FloorSnapshot) -> None:
    """Who waits stands where they stood: in the rows of classes, and among those who are counted."""
    for line in snapshot.lines:
        f.queues[line.queue].take_up_line(line.source, line.priority)
    for now in sorted(snapshot.entries, key=lambda one: (one.key, one.number)):
        entry = f.entries[now.call]
        if not now.filed:
            continue
        cls = entry.cls
        if now.wanted is not None:
            seat = f.seats[now.wanted]
            cls = next((one for one in seat.personal if one.queue is entry.queue), None)
        if cls is None:
            raise KeyError(now.call)
        cls.file(entry)
    for now in sorted(snapshot.entries, key=lambda one: -1 if one.slot is None else one.slot):
        if now.slot is not None:
            entry = f.entries[now.call]
            entry.queue.line_up(entry, early=now.slot < 0)
    for line in snapshot.lines:
        f.queues[line.queue].lines[line.source, line.priority].latest = line.latest


def _offer(f: FloorState, now: OfferNow) -> None:
    seat = f.seats[now.seat]
    queue = f.queues[now.queue] if now.queue is not None else None
    entry = f.entries[now.call] if queue is not None else None
    seat.offer = offer = Offer(now.offer, now.number, now.call, seat, queue, entry, now.made, now.reasons)
    f.offers[offer.offer] = offer


def _order_offers(f: FloorState, entries: tuple[EntryNow, ...]) -> None:
    for now in entries:
        f.entries[now.call].offers = tuple(f.offers[offer] for offer in now.offers)


def _callback(f: FloorState, now: CallbackNow, ghosts: dict[SeatId, Seat]) -> None:
    entry = f.entries[now.call] if now.entry is None else _entry(f, now.entry, ghosts)
    callback = Callback(now.call, now.origin, now.number, now.person, entry, now.asked, now.expires)
    callback.state, callback.attempts, callback.called_in = now.state, now.attempts, now.called_in
    callback.seat = _seat_of_old(f, now.seat, ghosts)
    entry.callback = callback
    f.callbacks.add(callback)


def _appointments(f: FloorState, snapshot: FloorSnapshot) -> None:
    """In the order in which they were made: it decides between those of one instant."""
    due: list[tuple[int, Instant, Timed]] = []

    def note(ticket: int, deadline: Instant | None, subject: Timed) -> None:
        if deadline is not None:
            due.append((ticket, deadline, subject))

    for seat in snapshot.seats:
        note(seat.ticket, seat.deadline, f.seats[seat.seat])
    for entry in snapshot.entries:
        note(entry.ticket, entry.deadline, f.entries[entry.call])
    for callback in snapshot.callbacks:
        note(callback.ticket, callback.deadline, f.callbacks.by_call[callback.call])
    for _, deadline, subject in sorted(due, key=lambda one: one[0]):
        f.agenda.put(subject, deadline)

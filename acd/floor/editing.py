"""A new plan under running calls: nobody loses a place.

Seats, queues and entries go on as the same objects; groups and waiting classes
are worked out afresh. Whoever is in a contact finishes it, also at a seat that
is gone from the plan. Callers of a queue that is gone go back to their flow.
"""

from acd.agent import LOGGED_OUT, Seat
from acd.floor import callbacks, calls
from acd.floor.joining import file, give_up, leave_queue, sign_out, withdraw
from acd.floor.joining import free as free_seat
from acd.floor.state import FloorState
from acd.ids import Instant, QueueId
from acd.matching import Board, Group, group_key
from acd.offer import SEAT_LOST
from acd.plan import FloorPlan, QueuePlan, SeatPlan, problems
from acd.queue import Entry, Queue
from acd.strategy import STRATEGIES


def check(plan: FloorPlan) -> None:
    """Raise `ValueError` when the plan contradicts itself."""
    found = problems(plan, STRATEGIES)
    if found:
        raise ValueError("unusable floor plan: " + "; ".join(found))


def install(f: FloorState, plan: FloorPlan, now: Instant) -> None:
    """Put a (checked) plan in force."""
    waiting = sorted((e for e in f.entries.values() if e.filed is not None), key=lambda e: (e.key, e.number))
    queues, seats = {q.queue for q in plan.queues}, {s.seat for s in plan.seats}
    gone_queues = {queue for queue in f.queues if queue not in queues}
    gone_seats = [seat for seat in f.seats.values() if seat.id not in seats]
    for offer in f.offers.values():
        dict(offer.reasons)  # composed now, from the plan that it was decided by
    f.plan = plan
    f.board = Board()
    f.departed.limit = plan.missed_limit
    f.queues = {rules.queue: _queue(f, rules) for rules in plan.queues}
    regroup(f, plan, gone_seats, now)
    _close_queues(f, gone_queues, now)
    for entry in waiting:
        if f.entries.get(entry.call) is entry:
            _refile(f, entry, now)
    for seat in gone_seats:
        if seat.id in f.seats:
            _retire(f, seat, now)
    calls.match_all(f, now)


def _queue(f: FloorState, rules: QueuePlan) -> Queue:
    known = f.queues.get(rules.queue)
    if known is None:
        return Queue(rules, STRATEGIES[rules.strategy])
    known.adopt(rules, STRATEGIES[rules.strategy])
    return known


def regroup(f: FloorState, plan: FloorPlan, gone: list[Seat], now: Instant) -> None:
    """Sort all seats into groups; retiring seats form groups that serve nobody."""
    groups: dict[object, Group] = {}
    for index, seat_plan in enumerate(plan.seats):
        key = group_key(seat_plan)
        group = groups.get(key)
        if group is None:
            group = groups[key] = _group(f, seat_plan)
        seat = f.seats.get(seat_plan.seat)
        if seat is None:
            seat = f.seats[seat_plan.seat] = Seat(seat_plan, index, group, now)
        else:
            seat.plan, seat.index, seat.group = seat_plan, index, group
        seat.retired = False
        seat.personal = ()
        group.admit(seat)
    for seat in gone:
        seat.personal = ()
        seat.group = Group({}, {}, (), f.board)
        seat.group.admit(seat)
        seat.retired = True


def _group(f: FloorState, seat_plan: SeatPlan) -> Group:
    levels = {name: level for name, level in seat_plan.skills.items() if level > 0}
    queues = tuple(f.queues[m.queue] for m in seat_plan.queues)
    group = Group(levels, {m.queue: m.tier for m in seat_plan.queues}, queues, f.board)
    for queue in group.queues:
        queue.groups.append(group)
    return group


def _close_queues(f: FloorState, gone: set[QueueId], now: Instant) -> None:
    for callback in f.callbacks.all():
        if callback.entry.queue.queue in gone:
            callbacks.abandon(f, callback, "queue_removed", now)
    for entry in [e for e in f.entries.values() if e.queue.queue in gone]:
        entry.filed = None
        leave_queue(f, entry, "queue_removed", now)
        for offer in entry.offers:
            withdraw(f, offer, "caller_left", now)
            free_seat(f, offer.seat, now)


def _refile(f: FloorState, entry: Entry, now: Instant) -> None:
    """The same place under the new rules."""
    entry.step = 0
    entry.step = entry.step_at(now)
    entry.reach = 0
    entry.reach = entry.reach_at(now)
    file(f, entry, f.class_of(entry, now), now)


def _retire(f: FloorState, seat: Seat, now: Instant) -> None:
    """Out at once unless in a conversation."""
    if seat.state in ("talking", "consulting"):
        return
    if seat.stamp:
        f.leave_idle(seat)
    give_up(f, seat, SEAT_LOST, now)
    if seat.state != LOGGED_OUT:
        sign_out(f, seat, now, "seat_removed")
    else:
        del f.seats[seat.id]

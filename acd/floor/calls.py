"""Callers joining, waiting and leaving."""

from acd.agent import AT_WORK, Seat
from acd.callback import MissedCall
from acd.commands import AnnounceDue, QueueChanged, QueueExited
from acd.estimate import expected_wait, newcomer_wait, position
from acd.events import CallerLeft, Enqueued
from acd.floor import callbacks
from acd.floor.joining import file, free, leave_queue, make, rearm, remove, seek, seek_anew, withdraw
from acd.floor.reach import hold_back
from acd.floor.state import FloorState
from acd.ids import Instant, SeatId
from acd.matching import best_entry
from acd.offer import CALLER_LEFT
from acd.plan import ALWAYS
from acd.queue import FIRST_IN_LINE, INFINITE, Entry, Queue, WaitingClass
from acd.skill import ANYONE, Demand, SkillError, canonical

HIGHEST_PRIORITY = 9
LENGTH_HYSTERESIS = 0.8
"""A rung opened by length closes (for newcomers) when the queue is shorter than this share of it."""


def enqueued(f: FloorState, event: Enqueued, now: Instant) -> None:
    """A caller wants a seat: an offer at once, a place, or back to the flow with a reason."""
    earlier = f.entries.get(event.call)
    if earlier is not None:
        _drop(f, earlier, "moved", now)
    queue = f.queues.get(event.queue)
    if queue is None:
        _turn_away(f, event, "unknown_queue")
        return
    try:
        demand, source = canonical(event.skills)
    except SkillError:
        _turn_away(f, event, "bad_skills")
        return
    if not event.first_in_line:
        # A caller handed back from a transfer is never turned away.
        if queue.plan.hours is not ALWAYS and not queue.plan.hours.open_at(now):
            _turn_away(f, event, "closed")
            return
        if queue.waiting >= queue.plan.max_waiting and _place_kept(f, queue, event, now) is None:
            _turn_away(f, event, "full")
            return
    entry = _new_entry(f, queue, demand, source, event, now)
    f.entries[event.call] = entry
    queue.waiting += 1
    if now >= queue.day_ends:
        queue.turn_day(now, f.plan.day_offset)
    if event.again:
        entry.joined = -INFINITE
    else:
        queue.offered += 1
    f.out.append(QueueChanged(queue=queue.queue, waiting=queue.waiting, at=now))
    if queue.widens:
        _review(f, queue, entry, now)
    if not event.reachable:
        hold_back(f, entry)
        return
    if event.sticky is None or not _stick(f, entry, event.sticky, now):
        seek(f, entry, now, "arrival")


def _turn_away(f: FloorState, event: Enqueued, reason: str) -> None:
    f.out.append(QueueExited(call=event.call, queue=event.queue, reason=reason))


def _place_kept(f: FloorState, queue: Queue, event: Enqueued, now: Instant) -> MissedCall | None:
    return f.departed.place(event.identity, queue.queue, now, f.plan.redial_window)


def _new_entry(
    f: FloorState, queue: Queue, demand: Demand, source: str, event: Enqueued, now: Instant
) -> Entry:
    priority = event.priority
    if not 0 <= priority <= HIGHEST_PRIORITY:
        priority = min(HIGHEST_PRIORITY, max(0, priority))
    key = now - FIRST_IN_LINE if event.first_in_line else now - priority * f.plan.priority_step
    f.number = number = f.number + 1
    entry = Entry(event.call, queue, number, source, demand, priority, event.identity, now, key)
    if queue.plan.announce_first is not None:
        entry.next_announce = now + queue.plan.announce_first
    if event.identity:
        kept = _place_kept(f, queue, event, now)
        if kept is not None:
            entry.key, entry.enqueued = min(key, kept.key), kept.enqueued
            f.departed.forget(kept)
        callbacks.caller_is_back(f, entry, now)
    return entry


def _review(f: FloorState, queue: Queue, newcomer: Entry, now: Instant) -> None:
    """Open the overflow rungs that the state of the whole queue asks for, to all who wait in it."""
    reach = 0
    f.class_of(newcomer, now)
    for index, rung in enumerate(queue.plan.overflow):
        if rung.length is not None:
            limit = rung.length * (LENGTH_HYSTERESIS if index < queue.reach else 1.0)
            if queue.waiting > limit:
                reach = index + 1
        if rung.expected_wait is not None:
            wait = newcomer_wait(newcomer)
            if wait is not None and wait > rung.expected_wait:
                reach = index + 1
    risen = reach > queue.reach
    queue.reach = reach
    if risen:
        for cls in tuple(queue.classes.values()):
            if cls.live and cls.reach < reach:
                for entry in cls.entries():
                    seek_anew(f, entry, now, "overflow")


def _stick(f: FloorState, entry: Entry, wanted: SeatId, now: Instant) -> bool:
    """The seat that knows the caller: at once when idle, else wait for it a moment if it is at work."""
    seat = f.seats.get(wanted)
    if seat is None or not AT_WORK[seat.state] or seat.group not in f.class_of(entry, now).groups:
        return False
    if seat.stamp:
        make(f, entry, seat, now, "sticky")
        return True
    if f.plan.sticky_wait <= 0:
        return False
    entry.sticky_until = now + f.plan.sticky_wait
    file(f, entry, personal_class(f, seat, entry.queue), now)
    return True


def personal_class(f: FloorState, seat: Seat, queue: Queue) -> WaitingClass:
    """Callers of a queue who wait for this seat alone."""
    for cls in seat.personal:
        if cls.queue is queue:
            return cls
    cls = WaitingClass(queue, ANYONE, 0, 0, f.board.heads)
    cls.served_by((seat.group,))
    cls.index = f.board.add_class(cls)
    seat.personal += (cls,)
    queue.personal.append(cls)
    return cls


def caller_left(f: FloorState, event: CallerLeft, now: Instant) -> None:
    entry = f.entries.get(event.call)
    if entry is None:
        return
    if entry.callback is not None:
        callbacks.abandon(f, entry.callback, "cancelled", now)
        return
    if event.reason == "hung_up":
        entry.queue.abandoned += 1
        f.departed.expire(now - f.plan.missed_expiry)
        f.departed.add(
            MissedCall(
                call=entry.call,
                queue=entry.queue.queue,
                identity=entry.identity,
                skills=entry.source,
                priority=entry.priority,
                key=entry.key,
                enqueued=entry.enqueued,
                left=now,
            )
        )
    _drop(f, entry, CALLER_LEFT, now)


def _drop(f: FloorState, entry: Entry, reason: str, now: Instant) -> None:
    """Place and offers end; the seats that were ringing take the next callers."""
    remove(f, entry, now)
    for offer in entry.offers:
        withdraw(f, offer, reason, now)
        free(f, offer.seat, now)


def due(f: FloorState, entry: Entry, now: Instant) -> None:
    """Whatever the time has brought to a waiting caller."""
    plan = entry.queue.plan
    if entry.callback is not None:
        if now >= entry.callback.expires:
            callbacks.abandon(f, entry.callback, "expired", now)
            return
    elif plan.max_wait is not None and now >= entry.enqueued + plan.max_wait:
        leave_queue(f, entry, "timeout", now)
        return
    elif plan.unstaffed_exit is not None and now >= entry.unstaffed_since + plan.unstaffed_exit:
        if entry.cls is not None and not entry.cls.staffed():
            leave_queue(f, entry, "unstaffed", now)
            return
        entry.unstaffed_since = INFINITE
    if now >= entry.sticky_until:
        seek_anew(f, entry, now, "sticky_over")
    elif entry.step_at(now) > entry.step or entry.reach_at(now) > entry.reach:
        seek_anew(f, entry, now, "relaxed")
    elif now >= entry.retry_at:
        _retry(f, entry, now)
    if entry.filed is not None:
        if now >= entry.next_announce:
            _announce(f, entry, now)
        rearm(f, entry, now)


def _announce(f: FloorState, entry: Entry, now: Instant) -> None:
    """Tell the caller what is true, and offer a callback when it will take long."""
    plan = entry.queue.plan
    place = position(entry)
    wait = expected_wait(entry, place)
    if wait is not None:
        entry.predicted = (now, wait)
    patience = plan.callback_after
    long = patience is not None and (wait if wait is not None else now - entry.enqueued) > patience
    entry.next_announce = now + plan.announce_every
    f.out.append(AnnounceDue(call=entry.call, position=place, wait=wait, callback=long))


def _retry(f: FloorState, entry: Entry, now: Instant) -> None:
    """The only seat at work may be asked again; while there are others, they come first."""
    shy, cls = entry.last_seat, entry.cls
    at_work = sum(group.at_work for group in cls.groups) if cls is not None else 0
    if shy is None or at_work > 1:
        entry.retry_at = now + f.plan.retry_same_seat
        return
    entry.last_seat = None
    entry.retry_at = INFINITE
    if shy.stamp:
        seek_anew(f, entry, now, "retry")


def reconsider(f: FloorState, now: Instant) -> None:
    """Seats have stopped working: who waits for nobody now?"""
    while f.left:
        seat = f.left.pop()
        if AT_WORK[seat.state]:
            continue
        for cls in seat.personal:
            for entry in cls.entries():
                seek_anew(f, entry, now, "sticky_over")
        for cls in tuple(seat.group.classes()):
            plan = cls.queue.plan
            if cls.live and (plan.overflow or plan.unstaffed_exit is not None) and not cls.staffed():
                for entry in cls.entries():
                    entry.unstaffed_since = INFINITE
                    seek_anew(f, entry, now, "unstaffed")


def match_all(f: FloorState, now: Instant) -> None:
    """After the plan has changed: join whoever can be joined, longest idle first."""
    idle = sorted((s.idle_since, s.index, s.id) for s in f.seats.values() if s.stamp)
    for _, _, seat_id in idle:
        seat = f.seats[seat_id]
        entry = best_entry(seat, now) if seat.stamp else None
        if entry is not None:
            make(f, entry, seat, now, "plan_changed")

"""Callers joining, waiting and leaving."""

from acd.commands import AnnounceDue, QueueExited
from acd.estimate import position
from acd.events import CallerLeft, Enqueued
from acd.floor.joining import free, leave_queue, rearm, remove, seek, withdraw
from acd.floor.state import FloorState
from acd.ids import Instant
from acd.offer import CALLER_LEFT
from acd.queue import FIRST_IN_LINE, Entry, place_key
from acd.skill import SkillError, parse, render


def enqueued(f: FloorState, event: Enqueued, now: Instant) -> None:
    """A caller wants a seat: an offer at once, a place, or back to the flow with a reason."""
    earlier = f.entries.get(event.call)
    if earlier is not None:
        _drop(f, earlier, "moved", now)
    queue = f.queues.get(event.queue)
    if queue is None:
        f.out.append(QueueExited(call=event.call, queue=event.queue, reason="unknown_queue"))
        return
    try:
        demand = parse(event.skills)
    except SkillError:
        f.out.append(QueueExited(call=event.call, queue=event.queue, reason="bad_skills"))
        return
    if not event.first_in_line:
        if not queue.plan.hours.open_at(now):
            f.out.append(QueueExited(call=event.call, queue=event.queue, reason="closed"))
            return
        if queue.waiting >= queue.plan.max_waiting:
            f.out.append(QueueExited(call=event.call, queue=event.queue, reason="full"))
            return
    priority = min(9, max(0, event.priority))
    key = place_key(now, priority, f.plan.priority_step)
    entry = Entry(
        event.call,
        queue,
        number=f.next_number(),
        source=render(demand),
        demand=demand,
        priority=priority,
        identity=event.identity,
        enqueued=now,
        key=now - FIRST_IN_LINE if event.first_in_line else key,
    )
    if queue.plan.announce_first is not None:
        entry.next_announce = now + queue.plan.announce_first
    f.entries[event.call] = entry
    queue.waiting += 1
    queue.offered += 1
    f.announce_waiting(queue, now)
    seek(f, entry, now, "arrival")


def caller_left(f: FloorState, event: CallerLeft, now: Instant) -> None:
    entry = f.entries.get(event.call)
    if entry is None:
        return
    if event.reason == "hung_up":
        entry.queue.abandoned += 1
    _drop(f, entry, CALLER_LEFT, now)


def _drop(f: FloorState, entry: Entry, reason: str, now: Instant) -> None:
    """Place and offers end; the seats that were ringing take the next callers."""
    remove(f, entry, now)
    for offer in tuple(entry.offers):
        withdraw(f, offer, reason, now)
        free(f, offer.seat, now)


def due(f: FloorState, entry: Entry, now: Instant) -> None:
    """Whatever the time has brought to a waiting caller."""
    plan = entry.queue.plan
    if plan.max_wait is not None and now >= entry.enqueued + plan.max_wait:
        leave_queue(f, entry, "timeout", now)
        return
    if now >= entry.next_announce:
        entry.next_announce = now + plan.announce_every
        f.out.append(AnnounceDue(call=entry.call, position=position(entry), wait=None))
    if now >= entry.retry_at:
        _retry(f, entry, now)
    if entry.filed is not None:
        rearm(f, entry, now)


def _retry(f: FloorState, entry: Entry, now: Instant) -> None:
    """The only seat at work may be asked again; while there are others, they come first."""
    shy, cls = entry.last_seat, entry.cls
    at_work = sum(group.at_work for group in cls.groups) if cls is not None else 0
    if shy is None or cls is None or at_work > 1:
        entry.retry_at = now + f.plan.retry_same_seat
        return
    entry.last_seat = None
    entry.retry_at = float("inf")
    if shy.stamp and entry.filed is not None:
        entry.filed.take(entry)
        seek(f, entry, now, "retry")

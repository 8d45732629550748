"""Leaving off and taking up: what survives the end of the process.

A caller who waits now is asked in again by the shell, hence kept as one who has
just hung up, with the place; who calls for the same queue again has it back. A
seat that rang is ready again. One that talked goes on when the shell has taken
the conversation up, else it wraps up; every phone counts as away until the phone
network has said that it is there.
"""

from acd.agent import CONSULTING, LOGGED_OUT, NOT_READY, READY, RESERVED, RINGING, TALKING, WRAP_UP, Seat
from acd.callback import PAUSED, WAITING, Callback, MissedCall
from acd.commands import CallbackClosed
from acd.events import Refused
from acd.floor import callbacks
from acd.floor.joining import seek
from acd.floor.seats import wrap_up_times
from acd.floor.state import FloorState
from acd.ids import Instant
from acd.kept import FloorResumed, KeptCallback, KeptQueue, KeptSeat
from acd.queue import Entry, Queue
from acd.skill import SkillError, canonical

# --- leaving off


def keep(f: FloorState, now: Instant) -> FloorResumed:
    """All that the next floor should know."""
    opened = sorted(f.callbacks.all(), key=lambda callback: callback.entry.number)
    return FloorResumed(
        callbacks=tuple(_kept_callback(callback) for callback in opened),
        missed=(*f.departed.all(), *_cut_off(f, now)),
        seats=tuple(_kept_seat(seat) for seat in f.seats.values() if seat.agent is not None),
        queues=tuple(kept_queue(queue) for queue in f.queues.values()),
    )


def _cut_off(f: FloorState, now: Instant) -> list[MissedCall]:
    """Who waits now. Without a number nobody could be told again."""
    waiting = (e for e in f.entries.values() if e.callback is None and e.identity)
    return [
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
        for entry in sorted(waiting, key=lambda entry: entry.number)
    ]


def _kept_callback(callback: Callback) -> KeptCallback:
    entry = callback.entry
    return KeptCallback(
        call=callback.call,
        origin=callback.origin,
        queue=entry.queue.queue,
        number=callback.number,
        identity=entry.identity,
        skills=entry.source,
        priority=entry.priority,
        key=entry.key,
        enqueued=entry.enqueued,
        asked=callback.asked,
        expires=callback.expires,
        attempts=callback.attempts,
        state=callback.state,
        due=callback.deadline if callback.state == PAUSED else None,
        called_in=callback.called_in,
    )


def _kept_seat(seat: Seat) -> KeptSeat:
    assert seat.agent is not None
    return KeptSeat(
        seat=seat.id,
        agent=seat.agent,
        state=seat.state,
        reason=seat.reason,
        until=seat.deadline if seat.state == WRAP_UP else None,
        queue=seat.queue.queue if seat.queue is not None else None,
        answered=seat.answered,
        next_state=seat.next_state or "",
        next_reason=seat.next_reason,
        resume=seat.resume,
        extended=seat.extended,
        misses=seat.misses,
        declines=seat.declines,
        call=seat.call,
        since=seat.since,
    )


def kept_queue(queue: Queue) -> KeptQueue:
    times, errors = queue.handling.times, queue.handling.errors
    return KeptQueue(
        queue=queue.queue,
        day_ends=queue.day_ends,
        offered=queue.offered,
        answered=queue.answered,
        abandoned=queue.abandoned,
        answered_in_target=queue.answered_in_target,
        handled=(times.count, times.mean),
        erred=(errors.count, errors.mean),
    )


# --- taking up


def resumed(f: FloorState, event: FloorResumed, now: Instant) -> None:
    """What no longer fits the plan is left out; a callback of a queue that is gone is closed."""
    if f.entries or f.agents or f.callbacks.by_call or f.departed.all():
        raise Refused("not_fresh", "Only a floor that has just begun can take up what another has left.")
    for queue in event.queues:
        take_queue(f, queue)
    going_on = frozenset(event.going_on)
    for seat in event.seats:
        _take_seat(f, seat, now, goes_on=seat.seat in going_on)
    for missed in event.missed:
        if now - missed.left < f.plan.missed_expiry:
            f.departed.add(missed)
    for callback in event.callbacks:
        _take_callback(f, callback, now)


def take_queue(f: FloorState, kept: KeptQueue) -> None:
    queue = f.queues.get(kept.queue)
    if queue is None:
        return
    queue.day_ends = kept.day_ends
    queue.offered, queue.answered, queue.abandoned = kept.offered, kept.answered, kept.abandoned
    queue.answered_in_target = kept.answered_in_target
    queue.handling.times.count, queue.handling.times.mean = kept.handled
    queue.handling.errors.count, queue.handling.errors.mean = kept.erred


def _take_seat(f: FloorState, kept: KeptSeat, now: Instant, *, goes_on: bool) -> None:
    seat = f.seats.get(kept.seat)
    if seat is None or seat.agent is not None or kept.agent in f.agents:
        return
    at_hand = kept.state in (READY, RESERVED, RINGING)
    if kept.next_state == LOGGED_OUT and (at_hand or kept.next_reason.startswith("forced")):
        return
    f.agents[kept.agent] = seat
    seat.agent = kept.agent
    seat.misses, seat.declines = kept.misses, kept.declines
    if kept.next_state in (LOGGED_OUT, NOT_READY):
        seat.next_state = LOGGED_OUT if kept.next_state == LOGGED_OUT else NOT_READY
        seat.next_reason = kept.next_reason
    if goes_on and kept.call is not None and kept.state in (TALKING, CONSULTING):
        seat.queue = f.queues.get(kept.queue) if kept.queue is not None else None
        seat.call, seat.answered = kept.call, kept.answered
        f.move(seat, TALKING, now)
        return
    if kept.state in (TALKING, CONSULTING, WRAP_UP) and _wraps_up(f, seat, kept, now):
        return
    asked, reason = seat.next_state, seat.next_reason
    seat.next_state, seat.next_reason = None, ""
    if asked == NOT_READY:
        f.move(seat, NOT_READY, now, reason)
    elif asked == LOGGED_OUT:
        del f.agents[kept.agent]
        seat.agent = None
    elif kept.state == NOT_READY:
        seat.resume = kept.resume
        f.move(seat, NOT_READY, now, kept.reason)
    else:
        seat.resume = True
        f.move(seat, NOT_READY, now, "phone_lost")


def _wraps_up(f: FloorState, seat: Seat, kept: KeptSeat, now: Instant) -> bool:
    """Wrap-up goes on, or begins after a call that was cut; False: it would be over by now."""
    seat.queue = f.queues.get(kept.queue) if kept.queue is not None else None
    length, ceiling = wrap_up_times(f, seat)
    until = kept.until if kept.until is not None else now + min(length, ceiling)
    if until <= now:
        seat.queue = None
        return False
    seat.answered, seat.extended = kept.answered, kept.extended
    f.move(seat, WRAP_UP, now)
    f.agenda.put(seat, min(until, now + ceiling))
    return True


def _take_callback(f: FloorState, kept: KeptCallback, now: Instant) -> None:
    person = kept.identity or kept.number
    if f.callbacks.of_call(kept.call) is not None or f.callbacks.of_person(person) is not None:
        return
    queue = f.queues.get(kept.queue)
    if queue is None:
        f.out.append(_closed_without_queue(kept, now))
        return
    try:
        demand, source = canonical(kept.skills)
    except SkillError:
        demand, source = canonical("")
    entry = Entry(
        kept.call,
        queue,
        f.next_number(),
        source,
        demand,
        kept.priority,
        kept.identity,
        kept.enqueued,
        kept.key,
    )
    callback = Callback(kept.call, kept.origin, kept.number, person, entry, kept.asked, kept.expires)
    callback.attempts, callback.called_in = kept.attempts, kept.called_in
    entry.callback = callback
    f.callbacks.add(callback)
    if kept.state == WAITING:
        f.entries[entry.call] = entry
        queue.waiting += 1
        seek(f, entry, now, "callback")
        f.announce_waiting(queue, now)
        return
    callback.state = kept.state
    if kept.state == PAUSED:
        f.agenda.put(callback, max(kept.due or now, now))
    else:
        # The attempt was cut: nobody can say that the person was spoken to.
        callbacks.attempt_over(f, callback, now)


def _closed_without_queue(kept: KeptCallback, now: Instant) -> CallbackClosed:
    return CallbackClosed(
        call=kept.call,
        origin=kept.origin,
        queue=kept.queue,
        outcome="queue_removed",
        attempts=kept.attempts,
        asked=kept.asked,
        ended=now,
    )

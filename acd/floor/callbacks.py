"""Callbacks: asked for, dialled, closed with one outcome."""

from acd.callback import Callback, MissedCall
from acd.commands import CallbackClosed, CallbackDial, CallbackOpened, QueueExited
from acd.events import (
    CallbackAsked,
    CallbackCancelled,
    CallbackFailed,
    CallbackReached,
    MissedForgotten,
    Refused,
)
from acd.floor.joining import free, rearm, remove, seek, withdraw
from acd.floor.state import FloorState
from acd.ids import CallId, Instant
from acd.offer import CALLER_LEFT
from acd.queue import INFINITE, Entry
from acd.skill import canonical

MAX_NUMBER = 32
"""E.164 has 15 digits; extensions and prefixes come on top."""


def asked(f: FloorState, event: CallbackAsked, now: Instant) -> None:
    """The place passes from the caller on the line to a promise."""
    entry = f.entries.get(event.call)
    missed = f.departed.of_call(event.call) if entry is None else None
    _refuse_unless_possible(f, event, entry, missed)
    if missed is not None:
        entry = _entry_of_missed(f, missed, now)
        f.departed.forget(missed)
        entry.queue.waiting += 1
    if entry is None:
        return
    person = entry.identity or event.number
    callback = Callback(
        event.callback, event.call, event.number, person, entry, now, now + f.plan.callback_expiry
    )
    f.callbacks.add(callback)
    f.entries.pop(event.call, None)
    f.unreachable.pop(event.call, None)
    f.entries[event.callback] = entry
    entry.call = event.callback
    entry.callback = callback
    entry.next_announce = INFINITE
    if missed is None:
        f.out.append(QueueExited(call=event.call, queue=entry.queue.queue, reason="callback"))
    f.out.append(
        CallbackOpened(
            call=event.callback, origin=event.call, queue=entry.queue.queue, number=event.number, at=now
        )
    )
    if not entry.reachable:
        entry.reachable = True  # the person is dialled anew: their old channel is of no account
        seek(f, entry, now, "callback")
    elif missed is None:
        rearm(f, entry, now)
    else:
        f.announce_waiting(entry.queue, now)
        seek(f, entry, now, "callback")


def _refuse_unless_possible(
    f: FloorState, event: CallbackAsked, entry: Entry | None, missed: MissedCall | None
) -> None:
    if not event.number or len(event.number) > MAX_NUMBER:
        raise Refused("no_number", "A callback needs a telephone number.")
    if entry is None and (missed is None or missed.queue not in f.queues):
        raise Refused("not_waiting", "This call neither waits nor is on the list of missed calls.")
    if entry is not None and entry.offers:
        raise Refused("being_offered", "A seat is ringing for this caller just now.")
    if event.callback in f.entries or f.callbacks.of_call(event.callback) is not None:
        raise Refused("callback_exists", "This id is in use: choose another.")
    identity = entry.identity if entry is not None else missed.identity if missed is not None else ""
    if (entry is not None and entry.callback is not None) or f.callbacks.of_person(identity or event.number):
        raise Refused("callback_exists", "This person will be called back already.")
    if len(f.callbacks) >= f.plan.callback_limit:
        raise Refused("callbacks_full", "No more callbacks can be promised now: wait, or call later.")


def _entry_of_missed(f: FloorState, missed: MissedCall, now: Instant) -> Entry:
    demand, source = canonical(missed.skills)
    entry = Entry(
        missed.call,
        f.queues[missed.queue],
        f.next_number(),
        source,
        demand,
        missed.priority,
        missed.identity,
        now,
        missed.key,
    )
    entry.enqueued = missed.enqueued
    return entry


def dial(f: FloorState, callback: Callback, now: Instant) -> None:
    """A seat has taken the callback: dial the person."""
    callback.step("seat_answered")
    callback.attempts += 1
    seat = callback.seat
    if seat is not None:
        f.out.append(
            CallbackDial(call=callback.call, seat=seat.id, number=callback.number, attempt=callback.attempts)
        )


def reached(f: FloorState, event: CallbackReached, now: Instant) -> None:
    callback = f.callbacks.of_call(event.call)
    if callback is not None and callback.step("reached"):
        _close(f, callback, "reached", now)


def failed(f: FloorState, event: CallbackFailed, now: Instant) -> None:
    """Not reached: the seat takes the next caller, the promise stands for another attempt."""
    callback = f.callbacks.of_call(event.call)
    if callback is None:
        return
    seat = callback.seat
    attempt_over(f, callback, now)
    if seat is not None and seat.call == event.call and f.verdict("call_failed", seat) == "ready":
        free(f, seat, now)


def attempt_over(f: FloorState, callback: Callback, now: Instant) -> None:
    """The person was not reached in this attempt."""
    retry = now + f.plan.callback_retry
    last = callback.attempts >= f.plan.callback_attempts or retry >= callback.expires
    if callback.called_in or last:
        if callback.step("given_up"):
            _close(f, callback, "called_in" if callback.called_in else "unreached", now)
    elif callback.step("failed"):
        callback.seat = None
        f.agenda.put(callback, retry)


def contact_ended(f: FloorState, call: CallId, now: Instant) -> None:
    """The seat's part is over; if the person was not reached by then, this attempt was in vain."""
    callback = f.callbacks.of_call(call)
    if callback is not None:
        attempt_over(f, callback, now)


def due(f: FloorState, callback: Callback, now: Instant) -> None:
    """Time for another attempt, at the old place."""
    if not callback.step("retry"):
        return
    entry = callback.entry
    entry.last_seat = None
    entry.retry_at = INFINITE
    f.entries[entry.call] = entry
    entry.queue.waiting += 1
    f.announce_waiting(entry.queue, now)
    seek(f, entry, now, "callback")


def cancelled(f: FloorState, event: CallbackCancelled, now: Instant) -> None:
    callback = f.callbacks.of_call(event.call)
    if callback is None:
        raise Refused("unknown_callback", "There is no such callback, or it is over.")
    if callback.state == "dialling":
        raise Refused("being_dialled", "The person is being dialled just now.")
    abandon(f, callback, "cancelled", now)


def missed_forgotten(f: FloorState, event: MissedForgotten, now: Instant) -> None:
    missed = f.departed.of_call(event.call)
    if missed is not None:
        f.departed.forget(missed)


def caller_is_back(f: FloorState, entry: Entry, now: Instant) -> None:
    """Who has a callback and calls in again gets its place; nobody is called twice."""
    callback = f.callbacks.of_person(entry.identity)
    if callback is None or callback.entry.queue is not entry.queue:
        return
    if callback.state == "dialling":
        callback.called_in = True
        return
    entry.key = min(entry.key, callback.entry.key)
    entry.enqueued = min(entry.enqueued, callback.entry.enqueued)
    abandon(f, callback, "called_in", now)


def abandon(f: FloorState, callback: Callback, outcome: str, now: Instant) -> None:
    """Close a callback that waits or pauses; a seat that rings for it is freed."""
    if not callback.step(outcome):
        return
    callback.deadline = None
    entry = callback.entry
    if f.entries.get(entry.call) is entry:
        remove(f, entry, now)
    _close(f, callback, outcome, now)
    for offer in entry.offers:
        withdraw(f, offer, CALLER_LEFT, now)
        free(f, offer.seat, now)


def _close(f: FloorState, callback: Callback, outcome: str, now: Instant) -> None:
    f.callbacks.close(callback)
    f.out.append(
        CallbackClosed(
            call=callback.call,
            origin=callback.origin,
            queue=callback.entry.queue.queue,
            outcome=outcome,
            attempts=callback.attempts,
            asked=callback.asked,
            ended=now,
        )
    )

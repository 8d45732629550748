"""Callers whose Asterisk is out of reach: no leg can be made for them there, none joined with them.

They stay in line, with their keys, and stand in no row: nobody is offered them, and
nothing falls due for them. When their Asterisk is back they are offered in the order of
their claims, as if they had waited in their rows.
"""

from collections.abc import Iterable, Iterator

from acd.events import CallersReachable, CallersUnreachable
from acd.floor.joining import free, seek, withdraw
from acd.floor.state import FloorState
from acd.ids import CallId, Instant
from acd.offer import CALLER_UNREACHABLE
from acd.queue import INFINITE, Entry


def unreachable(f: FloorState, event: CallersUnreachable, now: Instant) -> None:
    """Seats that were ringing for them take the next callers, and have missed nothing."""
    lost = [entry for entry in _waiting(f, event.calls) if entry.reachable]
    for entry in lost:  # all of them first: a seat that is freed shall not be given the next of these
        hold_back(f, entry)
    for entry in lost:
        for offer in entry.offers:
            withdraw(f, offer, CALLER_UNREACHABLE, now)
            free(f, offer.seat, now)


def hold_back(f: FloorState, entry: Entry) -> None:
    """In line and in no row."""
    entry.reachable = False
    f.unreachable[entry.call] = entry
    if entry.filed is not None:
        entry.filed.take(entry)
    if entry.line is None:
        entry.queue.line_up(entry)
    entry.deadline = None
    entry.sticky_until = INFINITE


def reachable(f: FloorState, event: CallersReachable, now: Instant) -> None:
    """Whoever is still there is offered, the highest claim first; the plan may have changed meanwhile."""
    back = [entry for entry in _waiting(f, event.calls) if not entry.reachable]
    back.sort(key=lambda entry: ((entry.key - now) * entry.queue.plan.weight, entry.number))
    for entry in back:
        del f.unreachable[entry.call]
        entry.reachable = True
        entry.step = entry.reach = 0
        entry.last_seat = None
        entry.retry_at = entry.unstaffed_since = INFINITE
        seek(f, entry, now, "reachable")


def _waiting(f: FloorState, calls: Iterable[CallId]) -> Iterator[Entry]:
    return (entry for call in calls if (entry := f.entries.get(call)) is not None and entry.callback is None)

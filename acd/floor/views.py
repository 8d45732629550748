"""What screens may read of the floor."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from acd.agent import CONSULTING, LOGGED_OUT, READY, RESERVED, RINGING, TALKING, WRAP_UP, Seat, State
from acd.callback import PAUSED, Callback
from acd.deeds import Deeds, of_seat
from acd.ids import AgentId, CallId, Instant, QueueId, SeatId
from acd.offer import Offer
from acd.queue import Entry, Queue

_BUSY: Final[tuple[State, ...]] = (RESERVED, RINGING, TALKING, CONSULTING, WRAP_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatStatus:
    """A seat at this instant; `until` is when its state ends by itself, if it does."""

    seat: SeatId
    name: str
    agent: AgentId | None
    state: str
    reason: str
    since: Instant
    until: Instant | None
    reachable: bool
    queues: tuple[QueueId, ...]
    call: CallId | None
    next_state: str
    """Asked for during a contact, honoured after it; ``""``: nothing asked for."""
    deeds: Deeds
    """What may be asked of the seat itself now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue at this instant; the counters run since the start of the local day."""

    queue: QueueId
    name: str
    waiting: int
    longest_since: Instant | None
    staffed: int
    ready: int
    busy: int
    offered: int
    answered: int
    abandoned: int
    answered_in_target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackStatus:
    """An open callback; `due` is when it is dialled again, while it pauses."""

    callback: CallId
    origin: CallId
    queue: QueueId
    number: str
    state: str
    attempts: int
    asked: Instant
    due: Instant | None
    expires: Instant
    seat: SeatId | None


def callback_status(callback: Callback) -> CallbackStatus:
    return CallbackStatus(
        callback=callback.call,
        origin=callback.origin,
        queue=callback.entry.queue.queue,
        number=callback.number,
        state=callback.state,
        attempts=callback.attempts,
        asked=callback.asked,
        due=callback.deadline if callback.state == PAUSED else None,
        expires=callback.expires,
        seat=callback.seat.id if callback.seat is not None else None,
    )


def seat_status(seat: Seat, *, more_time: bool) -> SeatStatus:
    """`more_time`: its wrap-up may still be made longer."""
    return SeatStatus(
        seat=seat.id,
        name=seat.plan.name,
        agent=seat.agent,
        state=seat.state,
        reason=seat.reason,
        since=seat.since,
        until=seat.deadline,
        reachable=seat.reachable,
        queues=tuple(seat.group.tiers),
        call=seat.call,
        next_state=seat.next_state or "",
        deeds=of_seat(seat, more_time=more_time),
    )


def queue_status(queue: Queue, offers: Iterable[Offer], unreachable: Iterable[Entry]) -> QueueStatus:
    """All open `offers`, all `unreachable` callers: these wait, too, but stand in no row."""
    places = [offer.entry for offer in offers if offer.entry is not None and offer.entry.queue is queue]
    places += [entry for entry in unreachable if entry.queue is queue]
    places += [cls.first() for cls in (*queue.classes.values(), *queue.personal) if cls.live]
    return QueueStatus(
        queue=queue.queue,
        name=queue.plan.name,
        waiting=queue.waiting,
        longest_since=min((entry.enqueued for entry in places), default=None),
        staffed=sum(len(group.seats) - group.count(LOGGED_OUT) for group in queue.groups),
        ready=sum(group.count(READY) for group in queue.groups),
        busy=sum(group.count(state) for group in queue.groups for state in _BUSY),
        offered=queue.offered,
        answered=queue.answered,
        abandoned=queue.abandoned,
        answered_in_target=queue.answered_in_target,
    )

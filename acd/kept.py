"""What a floor leaves to the next one when its process ends.

Promises, people and conversations do not end with the process that had them. Kept are
callbacks with their places, callers who hung up while waiting, who sits where and
what they asked for, and what each queue has learned of its own speed today.
"""

from acd.callback import CallbackState, MissedCall
from acd.fact import Fact
from acd.ids import AgentId, CallId, Instant, QueueId, SeatId, Seconds


class KeptCallback(Fact):
    """An open callback and its place; the oldest place first."""

    call: CallId
    origin: CallId
    queue: QueueId
    number: str
    identity: str
    skills: str
    priority: int
    key: Instant
    enqueued: Instant
    asked: Instant
    expires: Instant
    attempts: int
    state: CallbackState
    due: Instant | None
    """When it is tried again, while it pauses."""
    called_in: bool


class KeptSeat(Fact):
    """Who sat there, and in what state."""

    seat: SeatId
    agent: AgentId
    state: str
    reason: str
    until: Instant | None
    """End of wrap-up."""
    queue: QueueId | None
    """Of the contact."""
    answered: Instant
    next_state: str
    next_reason: str
    resume: bool
    extended: bool
    misses: int
    declines: int
    call: CallId | None = None
    """Of the contact."""
    since: Instant = 0.0
    """Beginning of the state; 0: not known."""


class KeptQueue(Fact):
    """The day's counters; means of handling times and of how wrong predictions were."""

    queue: QueueId
    day_ends: Instant
    offered: int
    answered: int
    abandoned: int
    answered_in_target: int
    handled: tuple[int, Seconds]
    erred: tuple[int, float]


class FloorResumed(Fact):
    """To a floor that has just begun: what the one before it has left.

    Refused (``not_fresh``) once anybody is signed in or waits.
    """

    callbacks: tuple[KeptCallback, ...] = ()
    missed: tuple[MissedCall, ...] = ()
    seats: tuple[KeptSeat, ...] = ()
    going_on: tuple[SeatId, ...] = ()
    """Seats whose conversations have outlived the process; those of the others were cut."""
    queues: tuple[KeptQueue, ...] = ()

"""What a call was: its segments and its record.

A call has one *track* for the caller and one for every other leg. On a track
segments lie edge to edge: each begins at the instant the one before it ended, so
the caller's track tiles the call from INVITE to the end, and a seat's track
tiles its part from ring to the end of wrap-up. All durations are differences of
the same stamps, hence sums are exact.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import field

from acd.fact import Fact
from acd.ids import AgentId, CallId, ChannelId, Instant, QueueId, SeatId

REJECTED: Final = "rejected"
"""Outcome of a call to a number that is not ours to serve."""
INTERRUPTED: Final = "interrupted"
"""Outcome of a call that was in a menu or waiting when the controller stopped. Whoever is still there is
asked in again, by a call of its own: that one counts."""
NOT_OFFERED: Final = (REJECTED, INTERRUPTED)
CALLED_BACK: Final = "callback_"
"""Beginning of the outcomes of calls that we made: `callback_completion` tells of them, no other figure."""


class Activity(StrEnum):
    """What a leg is doing; a segment is one uninterrupted stretch of it."""

    FLOW = "flow"
    QUEUE = "queue"
    RING = "ring"
    TALK = "talk"
    HOLD = "hold"
    CONSULT = "consult"
    CONFERENCE = "conference"
    WRAP_UP = "wrap_up"


class Role(StrEnum):
    CALLER = "caller"
    SEAT = "seat"
    PARTNER = "partner"


JOINED: Final = "joined"
"""First word of the cause of a transfer whose caller went on in another call; its id follows."""


class Segment(Fact):
    """One stretch of one leg's track."""

    call: CallId
    track: str
    """``caller``, or the leg's number within the call (``1``, ``2`` …)."""
    role: Role
    party: str
    """Seat id, line or number of the leg; ``""`` on the caller's track."""
    activity: Activity
    started: Instant
    ended: Instant
    detail: str = ""
    """Flow node, queue, or how a ring ended."""


class LateSegment(Fact):
    """A segment that ended after its call's record was written: wrap-up, as a rule."""

    id: str
    """``call/track/number``, for writing it exactly once."""
    segment: Segment


class TransferRecord(Fact):
    """One attempt to hand the caller over, from key press to its terminal state."""

    call: CallId
    number: int
    kind: str
    by: SeatId | None
    target: str
    asked: Instant
    answered: Instant | None
    ended: Instant
    outcome: str
    """Terminal state of the transfer table: ``completed``, ``returned``, ``requeued``, ``abandoned``."""
    cause: str

    @property
    def joined(self) -> CallId | None:
        """The call in which the caller went on, when a partner has joined two calls of its own."""
        word, _, call = self.cause.partition(" ")
        return CallId(call) if word == JOINED else None


class FlowStep(Fact):
    """One node passed by the caller."""

    at: Instant
    flow: str
    node: str
    line: int
    branch: str = ""
    variables: Mapping[str, object] = field(default_factory=dict)


class CallRecord(Fact):
    """The whole story of one call; written once, when its last leg is gone.

    Stamps are None when the call never got there. `ended_by` is ``caller``,
    ``seat``, ``partner``, ``flow`` or ``system``; `outcome` is ``answered``,
    ``abandoned_flow``, ``abandoned_queue``, ``abandoned_ringing``, ``rejected``,
    ``flow_ended``, ``interrupted`` or ``failed``; of a call in which we called somebody back
    ``callback_reached``, or ``callback_`` and how it was closed.
    """

    call: CallId
    node: str
    channel: ChannelId
    dialled: str
    caller: str
    trunk: str
    organisation: str
    flow: str
    flow_version: str
    language: str
    queue: QueueId | None
    first_seat: SeatId | None
    first_agent: AgentId | None
    ingress: Instant
    accepted: Instant | None
    """We sent 200 OK."""
    menu_end: Instant | None
    enqueued: Instant | None
    rang: Instant | None
    answered: Instant | None
    """A person answered."""
    ended: Instant
    ended_by: str
    cause: int
    outcome: str
    segments: tuple[Segment, ...]
    transfers: tuple[TransferRecord, ...]
    trace: tuple[FlowStep, ...]
    skills: str = ""
    """Names of the skills that were asked for on entering the queue, ascending, a space between."""

    @property
    def offered(self) -> bool:
        """Somebody called a number that we serve: what answer rates are shares of."""
        return self.outcome not in NOT_OFFERED and not self.outcome.startswith(CALLED_BACK)

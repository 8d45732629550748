"""What the router tells the outside besides commands. Notices never fail and are never awaited."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acd.commands import (
    CallbackClosed,
    CallbackOpened,
    Command,
    OfferClosed,
    QueueChanged,
    SeatChanged,
)
from acd.ids import AgentId, CallId, Instant, NodeId, OrgId, QueueId, RecordingId, SeatId
from acd.record import CallRecord, LateSegment


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A live call looks different on a screen."""

    call: CallId


@dataclass(frozen=True, slots=True)
class SeatShown:
    """Screens show a seat otherwise, though its state may be the same: its phone, a wish for later."""

    seat: SeatId


@dataclass(frozen=True, slots=True)
class RecordReady:
    """A call is over, or a wrap-up that outlasted it is."""

    record: CallRecord | LateSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupWanted:
    """The flow asks for something outside; the answer comes back as `FlowAnswered`."""

    call: CallId
    token: int
    kind: str
    request: Mapping[str, object]
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowAnswered:
    """The answer to a `LookupWanted`; an event for the router."""

    call: CallId
    token: int
    ok: bool
    value: object = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailLeft:
    """A message is on disk, as ``recording``.wav among the recordings of `node`."""

    call: CallId
    node: NodeId
    mailbox: str
    recording: RecordingId
    seconds: float
    caller: str
    queue: QueueId | None
    organisation: OrgId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingMade:
    """A file of a call's sound is complete, as ``recording``.wav in the monitor folder of `node`.

    `kind`: ``talk``, or ``consult``, which nobody but the two who spoke may be
    given together with the caller's. `offsets`: seconds into the file at which
    each of the caller's segments begins, with its activity.
    """

    call: CallId
    node: NodeId
    kind: str
    recording: RecordingId
    started: Instant
    ended: Instant
    offsets: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersSaved:
    """What the caller has answered: for `kind` ``survey`` a grade; `seat` is who served the caller last."""

    id: str
    call: CallId
    kind: str
    values: Mapping[str, object]
    seat: SeatId | None
    agent: AgentId | None
    at: Instant


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something that should not happen has; worth a log line, never worth a call."""

    what: str
    at: Instant
    call: CallId | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


Notice = (
    CallChanged
    | SeatShown
    | RecordReady
    | LookupWanted
    | Oddity
    | SeatChanged
    | QueueChanged
    | OfferClosed
    | CallbackOpened
    | CallbackClosed
    | VoicemailLeft
    | RecordingMade
    | AnswersSaved
)
Outcome = Command | Notice

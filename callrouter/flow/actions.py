"""What a flow asks of the call's machinery, and what it is told in return.

An action that carries a `token` is answered: `PlayMedia` by `MediaFinished`,
`Lookup` and `BookCallback` by `LookupDone`, `RecordVoice` by `RecordingFinished`.
Tokens are never used twice within a call, so a late answer is recognised.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from acd.ids import Seconds

# --- actions -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """Take the call (200 OK). Answered by `Answered`."""


@dataclass(frozen=True, slots=True)
class PlayMedia:
    token: int
    media: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopMedia:
    token: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """Ask a service. `kind` is ``http`` or ``sql``; `request` is plain data (secrets only by name)."""

    token: int
    kind: str
    request: Mapping[str, object]
    timeout: Seconds


@dataclass(frozen=True, slots=True)
class RecordVoice:
    """Record the caller into a mailbox until `max_seconds`, `silence_seconds` of silence, or `StopRecord`.

    What is shorter than `min_seconds` is not kept.
    """

    token: int
    mailbox: str
    max_seconds: Seconds
    silence_seconds: Seconds
    beep: bool = True
    min_seconds: Seconds = 1


@dataclass(frozen=True, slots=True)
class StopRecord:
    token: int
    keep: bool = True


@dataclass(frozen=True, slots=True)
class BookCallback:
    """File a callback that keeps the caller's place."""

    token: int
    queue: str
    number: str
    skills: str
    priority: int
    language: str


@dataclass(frozen=True, slots=True)
class AllowRecording:
    """The caller's answer to the recording question; holds for the rest of the call."""

    allowed: bool


@dataclass(frozen=True, slots=True)
class SaveAnswers:
    """Values for the call's record: a survey's grade, for example."""

    kind: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToQueue:
    """Hand the caller to a queue; `Returned("queue", reason)` when the queue gives them back.

    `sticky` is ``""``, ``"last"`` (the seat that served this caller last) or a
    seat id. Seconds of 0 switch the option off. With `last_resort` every limit
    of the queue is void: the caller must be kept.
    """

    queue: str
    skills: str = ""
    priority: int = 5
    sticky: str = ""
    music: str = "default"
    language: str = "zh"
    wait_at_most: Seconds = 0
    announce_after: Seconds = 20
    announce_every: Seconds = 60
    callback_after: Seconds = 60
    last_resort: bool = False
    comes_back: bool = False
    """When the conversation is over and the caller still there, the flow goes on (a survey, say)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTransfer:
    """Hand the caller to a line (``kind="line"``), a seat or a number outside.

    Answered by `Returned("transfer", reason)` when it does not come about
    (``busy``, ``no_answer``, ``closed``, ``unreachable`` …) and by
    `Returned("conversation", reason)` when it did and the far end left.
    """

    kind: str
    target: str
    ring_for: Seconds = 25
    language: str = "zh"
    comes_back: bool = False


@dataclass(frozen=True, slots=True)
class EndCall:
    """Hang up with a Q.850 `cause`."""

    cause: int
    reason: str


FlowAction = (
    AnswerCall
    | PlayMedia
    | StopMedia
    | Lookup
    | RecordVoice
    | StopRecord
    | BookCallback
    | AllowRecording
    | SaveAnswers
    | ToQueue
    | ToTransfer
    | EndCall
)


# --- events --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """The call is up: media can flow."""


@dataclass(frozen=True, slots=True)
class MediaFinished:
    token: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Digit:
    digit: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The caller is the flow's again. `source` is ``queue``, ``transfer`` or ``conversation``.

    A conversation's reason ``seat_left`` or ``partner_left`` means that it is
    over; any other, that a fault broke it off.
    """

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class LookupDone:
    """`value` is plain data (JSON document, list of rows, callback id); `reason` tells a failure."""

    token: int
    ok: bool
    value: object = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """`ok` is false when nothing usable was recorded."""

    token: int
    ok: bool
    seconds: Seconds = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """An action was refused; `what` is its class name."""

    what: str
    reason: str


FlowEvent = Answered | MediaFinished | Digit | Returned | LookupDone | RecordingFinished | ActionFailed

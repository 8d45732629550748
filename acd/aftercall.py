"""What is kept of a call besides its record: grades, messages, recordings, work orders."""

from dataclasses import dataclass
from typing import Final

from acd.ids import AgentId, CallId, Instant, OrgId, QueueId, SeatId

_UNKNOWN: Final = OrgId("")
"""Of entries that were set aside by a version that did not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The caller was asked for a grade; `grade` 1 (worst) … 5, None when none was given."""

    id: str
    call: CallId
    seat: SeatId | None
    agent: AgentId | None
    asked: Instant
    grade: int | None
    channel: str = "keys"
    """``keys``, ``message`` or ``follow_up_call``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voicemail:
    """A message left by a caller."""

    id: str
    call: CallId
    queue: QueueId | None
    number: str
    received: Instant
    seconds: float
    file: str
    mailbox: str = ""
    organisation: OrgId = _UNKNOWN
    """Whose supervisors may hear it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A stretch of a call's sound on disk."""

    id: str
    call: CallId
    started: Instant
    ended: Instant
    file: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """A caller's appeal as the work-order system of some organisation tells it; the newest state wins.

    `source` and `order` name it; `updated` tells which of two messages is newer.
    """

    source: str
    order: str
    organisation: OrgId
    call: str
    topic: str
    state: str
    """``accepted``, ``dispatched``, ``handled``, ``closed`` or ``returned``."""
    handling_unit: str
    created: Instant
    due: Instant | None
    closed: Instant | None
    updated: Instant
    grade: int | None = None

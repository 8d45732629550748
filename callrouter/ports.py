"""The seams between the loop and the world, as Protocols.

`Telephony` is a switch (real or in memory), `Engine` is what desks and screens
may ask of the controller, `Records` is what they may read of the past. Shells
implement or use these and know nothing of each other.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from msgspec import field

from acd.commands import Command, OfferClosed
from acd.events import Intent, SwitchEvent
from acd.fact import Fact
from acd.ids import AgentId, CallId, Instant, NodeId, OrgId, QueueId, SeatId
from acd.record import CallRecord, FlowStep, LateSegment

NO_ORGANISATION: Final = OrgId("")
"""Of no organisation in particular; as a user's: of all of them."""


class Clock(Protocol):
    """Wall clock that never runs backwards."""

    def now(self) -> Instant:
        """Seconds since the Unix epoch, UTC."""


class Telephony(Protocol):
    """One Asterisk, or something that behaves like one."""

    node: NodeId

    async def run(self, sink: Callable[[SwitchEvent], None]) -> None:
        """Connect and stay connected until cancelled; hand every fact to `sink` in order.

        `sink` only enqueues. On each (re)connection a `NodeUp` with what lives
        there precedes the first fact; losing the link yields `NodeDown`.
        """

    def send(self, command: Command) -> None:
        """Queue a command. Order per call is kept; refusal comes back as `CommandFailed`."""


class RecordSink(Protocol):
    """Where finished records go. Never blocks, never raises; bounded inside."""

    def put(self, record: CallRecord | LateSegment) -> None: ...


class SeatView(Fact):
    """A seat as screens show it. Times are instants, so that a screen counts up by itself."""

    seat: SeatId
    name: str
    agent: AgentId | None
    state: str
    """`acd.agent` state: logged_out, ready, reserved, ringing, talking, consulting, wrap_up, not_ready."""
    reason: str
    since: Instant
    until: Instant | None
    """When the state ends by itself (wrap-up, lease), if it does."""
    reachable: bool
    queues: tuple[QueueId, ...]
    call: CallId | None
    organisation: OrgId = NO_ORGANISATION
    next_state: str = ""
    """Asked for during a contact, honoured after it; ``""``: nothing was."""
    deeds: tuple[str, ...] = ()
    """What may be asked of the seat itself now, spelt as the API's paths (`acd.deeds`)."""


class QueueView(Fact):
    queue: QueueId
    name: str
    waiting: int
    longest_since: Instant | None
    staffed: int
    """Seats signed in that may serve it."""
    ready: int
    busy: int
    offered: int
    answered: int
    abandoned: int
    answered_in_target: int
    """Counters since start of the local day."""
    organisation: OrgId = NO_ORGANISATION
    open: bool = True
    """Takes new callers, by its opening hours."""
    changes: Instant | None = None
    """When it closes, or opens again; None: it is always open."""


class LegView(Fact):
    role: str
    party: str
    activity: str
    since: Instant
    deeds: tuple[str, ...] = ()
    """What this party, when it is a seat, may ask of the call now (`acd.deeds`)."""


class CallView(Fact):
    """A live call. `caller` is as received: the web masks it unless a right allows."""

    call: CallId
    owner: str
    """flow, queue, conversation, transfer."""
    caller: str
    dialled: str
    ingress: Instant
    answered: Instant | None
    queue: QueueId | None
    seat: SeatId | None
    place: int | None
    """Position in the queue, 1 = next."""
    flow: str
    node: str
    language: str
    transfer_state: str
    transfer_target: str
    legs: tuple[LegView, ...]
    transfer_by: SeatId | None = None
    """Who asked for it; None: there is none, or the flow did."""
    organisation: OrgId = NO_ORGANISATION
    context: Mapping[str, str] = field(default_factory=dict)
    """What the hotline before us told: its id of the ``call``, the ``visited`` numbers, ``from`` whom."""
    note: str = ""
    """The caller's story in the words of the seat that hands over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayView:
    """A line by one of its trunks."""

    trunk: str
    state: str
    """``closed`` (calls pass), ``open``, ``half_open`` or ``probing``: a circuit breaker's words."""
    since: Instant
    until: Instant | None
    """When an open way is tried again."""
    attempts: int
    success: float | None
    """Answered ÷ attempts of the last hour; None without any."""
    outcomes: Mapping[str, int]
    causes: Mapping[int, int]
    """Of the last hour's attempts, Q.850; 0: none was told, or it was answered."""
    ended: tuple[tuple[str, int, int], ...] = ()
    """Attempts since start: outcome, cause, how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line of today's directory as it can be reached now."""

    number: str
    name: str
    kind: str
    open: bool
    """Within its hours."""
    calls: int
    """Of ours, ringing or talking there."""
    capacity: int
    """0: unknown."""
    refusal: str
    """Why no caller can be handed there now: closed, line_full, line_down; ``""``: one can."""
    ways: tuple[WayView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    at: Instant
    seats: tuple[SeatView, ...]
    queues: tuple[QueueView, ...]
    calls: tuple[CallView, ...]
    lines: tuple[LineView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackView:
    """A promised callback. `number` is in full: the web masks it unless a right allows."""

    callback: CallId
    origin: CallId
    """The call that it was promised in."""
    queue: QueueId
    number: str
    state: str
    """waiting (for a seat), dialling, or paused until `due`."""
    attempts: int
    asked: Instant
    due: Instant | None
    expires: Instant
    seat: SeatId | None
    organisation: OrgId = NO_ORGANISATION


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedView:
    """Somebody who hung up while waiting and has not been spoken to since. `caller` is as received."""

    call: CallId
    queue: QueueId
    caller: str
    enqueued: Instant
    left: Instant
    organisation: OrgId = NO_ORGANISATION


class Change(Fact):
    """Something on the screens is different. Exactly one of the four is set.

    `ended` names a call that is over (its record is on its way to the store).
    """

    seat: SeatView | None = None
    queue: QueueView | None = None
    call: CallView | None = None
    ended: CallId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`problems` is empty when calls can be taken; each entry is a sentence for the operator."""

    ready: bool
    problems: tuple[str, ...]
    nodes: dict[str, bool]
    calls: int
    loop_delay_p99: float
    """Seconds between an event's arrival and its handling, 99th percentile of the last minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What the running controller has dropped of a person, and what it cannot drop now."""

    callbacks: int = 0
    missed: int = 0
    dialling: int = 0
    """Callbacks of the person that are being dialled at this moment: they stay."""
    on_the_line: int = 0
    """Calls of the person that go on: their records are still to come."""


class Engine(Protocol):
    """The running controller, for desks, screens and the API. All calls are synchronous and quick."""

    def submit(self, intent: Intent) -> None:
        """Act on what a person asked. Raises `acd.events.Refused`; then nothing has changed."""

    def snapshot(self) -> Snapshot: ...

    def seat(self, seat: SeatId) -> SeatView | None:
        """One seat as it is now, at a price that doesn't grow with the house; None: unknown."""

    def way(self, call: CallId) -> tuple[FlowStep, ...]:
        """A live call's way through its flow so far, the node that it is at last; () for others."""

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back on every change, in the loop; returns the function that ends it."""

    def health(self) -> Health: ...

    def callbacks(self) -> tuple[CallbackView, ...]:
        """Promised and not closed, oldest first."""

    def missed(self) -> tuple[MissedView, ...]:
        """Missed calls to be called back, oldest first."""

    def call_back(self, call: CallId) -> CallId:
        """Promise a callback for a missed call; returns the callback's id.

        Raises `acd.events.Refused`; then nothing has changed.
        """

    def cancel_callback(self, callback: CallId) -> None:
        """Take a promise back. Raises `acd.events.Refused`: unknown, or being dialled just now."""


class Unavailable(Exception):
    """Records or accounts cannot be reached now; the text says why."""


class Records(Protocol):
    """Finished calls. All raise `Unavailable` when the store cannot be reached."""

    async def call(self, call: CallId) -> CallRecord | None: ...

    async def offers(self, call: CallId) -> Sequence[OfferClosed]:
        """Offers of a call, live or past, that have ended: oldest first."""

    async def calls(
        self,
        *,
        since: Instant | None = None,
        until: Instant | None = None,
        outcome: str | None = None,
        agent: AgentId | None = None,
        organisations: Collection[OrgId] | None = None,
        limit: int = 50,
    ) -> Sequence[CallRecord]:
        """Newest first. `agent`: only calls first answered by them; `organisations`: only theirs."""

    def stream(self, *, since: Instant, until: Instant) -> AsyncIterator[CallRecord]: ...


class Role(StrEnum):
    """What a user may do; one user may have several."""

    AGENT = "agent"
    """Works at seats: may act on the seats named for them, sees their own calls."""
    SUPERVISOR = "supervisor"
    """Sees and acts on all seats, queues and calls of their organisation and those beneath it."""
    ENGINEER = "engineer"
    """Sees everything, changes configuration, acts on no seat."""
    AUDITOR = "auditor"
    """Reads everything, numbers included; every such reading is itself audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who can sign in."""

    name: str
    display: str
    roles: frozenset[Role]
    organisation: OrgId
    agent: AgentId | None
    seats: tuple[SeatId, ...]
    """Seats this user may take."""
    see_numbers: bool
    """May read callers' numbers outside their own calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    token: str
    """Bearer token; only its digest is kept."""
    user: User
    expires: Instant


class Accounts(Protocol):
    """Who may use the API."""

    async def sign_in(self, name: str, password: str) -> SignedIn | None:
        """None when name or password is wrong: it takes equally long and says no more."""

    async def user_of(self, token: str) -> User | None:
        """The user a live token belongs to; None when unknown, expired or revoked."""

    async def sign_out(self, token: str) -> None:
        """Revoke the token at once; unknown tokens are ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, kept for at least six months."""

    id: str
    """Unique, chosen before writing, so that a repeated write has no effect."""
    at: Instant
    who: str
    action: str
    """Stable word: ``sign_in``, ``read_call``, ``see_numbers`` …"""
    subject: str
    detail: str = ""
    address: str = ""


class AuditSink(Protocol):
    """Where audit lines go. Never blocks, never raises; bounded inside."""

    def note(self, entry: AuditEntry) -> None: ...

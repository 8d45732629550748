"""What the feed says and takes: every payload is an envelope around one of these.

Instants are seconds since the Unix epoch, UTC. Numbers of callers are masked.
Fields are only ever added within a version; consumers ignore what they don't know.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from acd.record import Activity, CallRecord, FlowStep, Role, TransferRecord
from callrouter.feed import topics
from callrouter.mail import Outgoing, RejectedMessage
from callrouter.ports import CallView, QueueView, SeatView
from callrouter.privacy import mask_number, mask_text

VERSION: Final = 1
INBOUND_NODE: Final = "feed/"
"""Beginning of the node of calls that partners told us about: they are not told again."""
DEAD_LETTER_BYTES: Final = 8192
"""How much of a message that could not be taken is sent back."""

Instant = Annotated[float, Meta(ge=0, le=4e9, description="Seconds since the Unix epoch, UTC.")]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Words = Annotated[str, Meta(max_length=500)]
MessageId = Annotated[
    str, Meta(min_length=1, max_length=128, description="The same for every repetition of one message.")
]
Outcome = Literal["answered", "abandoned_flow", "abandoned_queue", "abandoned_ringing", "rejected", "failed"]
OrderState = Literal["accepted", "dispatched", "handled", "closed", "returned"]

Data = TypeVar("Data")


class Envelope(Struct, Generic[Data]):
    id: MessageId
    type: str
    version: int
    at: Instant
    data: Data


# --- outbound --------------------------------------------------------------------------


class CallEnded(Struct, kw_only=True):
    """A finished call."""

    call: str
    organisation: str
    dialled: str
    caller: str
    queue: str | None
    language: str
    ingress: Instant
    enqueued: Instant | None
    answered: Instant | None
    ended: Instant
    outcome: str
    ended_by: str
    seat: str | None
    agent: str | None
    talk: float
    """Seconds the caller talked with a person."""
    hold: float
    transfers: int


class TransferEnded(Struct, kw_only=True):
    """A finished attempt to hand a caller over."""

    call: str
    number: int
    organisation: str
    kind: str
    seat: str | None
    target: str
    asked: Instant
    answered: Instant | None
    ended: Instant
    outcome: str


class QueueLive(Struct, kw_only=True):
    """A queue now; counters run from the start of the local day."""

    queue: str
    name: str
    organisation: str
    waiting: int
    longest_since: Instant | None
    staffed: int
    ready: int
    busy: int
    offered: int
    answered: int
    abandoned: int
    answered_in_target: int
    open: bool
    changes: Instant | None
    """When it closes, or opens again, without another message; null: always open."""


class SeatLive(Struct, kw_only=True):
    """A seat now."""

    seat: str
    name: str
    organisation: str
    agent: str | None
    state: str
    reason: str
    since: Instant
    reachable: bool


class LineLive(Struct, kw_only=True):
    """A partner's line now, as seen from here."""

    line: str
    talking: int
    """Legs to it that are up."""
    ringing: int


class CallContext(Struct, kw_only=True):
    """A caller who is being handed to a line: what its person would else have to ask."""

    call: str
    """The id that the INVITE's User-to-User carries too."""
    line: str
    caller: str
    dialled: str
    organisation: str
    language: str
    queue: str | None
    seat: str | None
    """Who hands over; null: the caller's own choice in the flow."""
    ingress: Instant
    answered: Instant | None
    visited: list[str]
    """Hotlines that have received this caller before us, the first receiver first."""
    way: list[str]
    """The way through our flow, `node: branch`."""
    note: str
    """The caller's story in the words of the seat."""


class Status(Struct, kw_only=True):
    online: bool


# --- inbound ---------------------------------------------------------------------------


class PartnerCall(Struct, kw_only=True, forbid_unknown_fields=True):
    """A finished call of a partner's own line."""

    line: Annotated[str, Meta(pattern=r"^[0-9]{3,12}$", description="The number that was dialled.")]
    started: Instant
    enqueued: Instant | None = None
    answered: Instant | None = None
    ended: Instant
    outcome: Outcome
    caller: Annotated[str, Meta(pattern=r"^[0-9*+\-]{0,24}$", description="May be masked already.")] = ""
    queue: Name | None = None
    agent: Name | None = None
    language: Name = "zh"
    from_call: Annotated[str, Meta(max_length=128, description="Our call that was handed over.")] = ""


class PartnerWorkOrder(Struct, kw_only=True, forbid_unknown_fields=True):
    """The present state of a work order; the newest `updated` wins."""

    order: Annotated[str, Meta(min_length=1, max_length=64)]
    state: OrderState
    created: Instant
    updated: Instant
    call: Annotated[str, Meta(max_length=128)] = ""
    topic: Words = ""
    handling_unit: Words = ""
    due: Instant | None = None
    closed: Instant | None = None
    grade: Annotated[int, Meta(ge=1, le=5)] | None = None


class DeadLetter(Struct, kw_only=True):
    """An inbound message that could not be taken."""

    topic: str
    reason: str
    payload: str


TYPES: Final[dict[str, Any]] = {
    "call_ended": Envelope[CallEnded],
    "transfer_ended": Envelope[TransferEnded],
    "queue": Envelope[QueueLive],
    "seat": Envelope[SeatLive],
    "line": Envelope[LineLive],
    "context": Envelope[CallContext],
    "status": Envelope[Status],
    "call": Envelope[PartnerCall],
    "work_order": Envelope[PartnerWorkOrder],
    "dead_letter": Envelope[DeadLetter],
}
"""Each type of message, as its JSON looks."""


def schema(name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a type of message."""
    found = msgspec.json.schema(TYPES[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name, **found}


def state_id(topic: str, now: Instant) -> str:
    """Of a present state: each is a message of its own, for who drops what they have seen."""
    return f"{topic}@{now:.6f}"


def encode(kind: str, id_: str, at: float, data: Struct) -> bytes:
    return msgspec.json.encode(Envelope(id=id_, type=kind, version=VERSION, at=at, data=data))


# --- from what happened ------------------------------------------------------------------


def published(entry: object) -> Iterable[Outgoing]:
    """What the feed says about a new entry of the database: nothing, or some messages."""
    if isinstance(entry, CallRecord) and not entry.node.startswith(INBOUND_NODE):
        yield _call_ended(entry)
        for transfer in entry.transfers:
            yield from _transfer_ended(entry, transfer)
    elif isinstance(entry, RejectedMessage):
        text = entry.payload[:DEAD_LETTER_BYTES].decode(errors="replace")
        data = DeadLetter(topic=entry.topic, reason=entry.reason, payload=text)
        payload = encode("dead_letter", entry.id, entry.received, data)
        topic = topics.dead_letter(entry.partner)
        yield Outgoing(id=entry.id, topic=topic, payload=payload, at=entry.received)


def _call_ended(record: CallRecord) -> Outgoing:
    mine = [part for part in record.segments if part.role is Role.CALLER]

    def total(*activities: Activity) -> float:
        return round(sum(part.ended - part.started for part in mine if part.activity in activities), 6)

    data = CallEnded(
        call=record.call,
        organisation=record.organisation,
        dialled=record.dialled,
        caller=mask_number(record.caller),
        queue=record.queue,
        language=record.language,
        ingress=record.ingress,
        enqueued=record.enqueued,
        answered=record.answered,
        ended=record.ended,
        outcome=record.outcome,
        ended_by=record.ended_by,
        seat=record.first_seat,
        agent=record.first_agent,
        talk=total(Activity.TALK, Activity.CONFERENCE),
        hold=total(Activity.HOLD),
        transfers=len(record.transfers),
    )
    id_ = f"{record.call}/ended"
    payload = encode("call_ended", id_, record.ended, data)
    return Outgoing(id=id_, topic=topics.calls(record.organisation), payload=payload, at=record.ended)


def _transfer_ended(record: CallRecord, transfer: TransferRecord) -> Iterable[Outgoing]:
    data = TransferEnded(
        call=record.call,
        number=transfer.number,
        organisation=record.organisation,
        kind=transfer.kind,
        seat=transfer.by,
        target=mask_text(transfer.target),
        asked=transfer.asked,
        answered=transfer.answered,
        ended=transfer.ended,
        outcome=transfer.outcome,
    )
    id_ = f"{record.call}/transfer/{transfer.number}"
    payload = encode("transfer_ended", id_, transfer.ended, data)
    yield Outgoing(id=id_, topic=topics.transfers(record.organisation), payload=payload, at=transfer.ended)
    of_line = topics.line_transfers(transfer.target)
    if of_line is not None:
        yield Outgoing(id=f"{id_}/line", topic=of_line, payload=payload, at=transfer.ended)


def queue_live(view: QueueView) -> QueueLive:
    return QueueLive(**{name: getattr(view, name) for name in QueueLive.__struct_fields__})


def call_context(view: CallView, line: str, way: Iterable[FlowStep], *, masked: bool) -> CallContext:
    """`masked`: this line may not read the caller's number."""
    return CallContext(
        call=view.call,
        line=line,
        caller=mask_number(view.caller) if masked else view.caller,
        dialled=view.dialled,
        organisation=view.organisation,
        language=view.language,
        queue=view.queue,
        seat=view.seat,
        ingress=view.ingress,
        answered=view.answered,
        visited=[number for number in view.context.get("visited", "").split(",") if number],
        way=[f"{step.node}: {step.branch}" for step in way],
        note=mask_text(view.note) if masked else view.note,
    )


def seat_live(view: SeatView) -> SeatLive:
    return SeatLive(**{name: getattr(view, name) for name in SeatLive.__struct_fields__})

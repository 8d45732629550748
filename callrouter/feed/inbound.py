"""Messages of partners: checked, and turned into what the database keeps."""

import itertools
import math
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from acd.aftercall import WorkOrder
from acd.ids import AgentId, CallId, ChannelId, Instant, OrgId, QueueId
from acd.record import Activity, CallRecord, Role, Segment
from callrouter.feed.messages import INBOUND_NODE, VERSION, Envelope, PartnerCall, PartnerWorkOrder

LARGEST: Final = 64 * 1024
"""Bytes of a message."""
FUTURE: Final = 3600.0
"""Seconds by which a partner's clock may be ahead of ours."""
PAST: Final = 92 * 24 * 3600.0
"""Older calls are refused: of days long gone only figures are left, which nothing can be added to."""

KINDS: Final = ("calls", "work-orders")


_FROM_QUEUE: Final = frozenset({"abandoned_queue", "abandoned_ringing"})
"""Who left a queue has been in one: `abandonment` is of those who were enqueued."""


class Partners(Protocol):
    """Who may tell us of what."""

    def organisation(self, partner: str) -> OrgId | None:
        """Whose the data is that a partner sends; None: not a partner."""

    def answers(self, partner: str, line: str) -> bool:
        """Whether calls to a number can be this partner's."""


class Bad(Exception):
    """The message cannot be taken; the text says why."""


class _Head(Struct):
    type: str
    version: int


@dataclass(frozen=True, slots=True)
class Source:
    """Who says it, told by the topic: the broker's access list ties it to the partner's user name."""

    partner: str
    kind: str

    @classmethod
    def of(cls, topic: str) -> "Source":
        """From ``…/in/PARTNER/KIND``; whatever else stands behind ``in`` is no kind."""
        _, _, inbound = topic.partition("/in/")
        partner, _, kind = inbound.partition("/")
        return cls(partner, kind)


def take(topic: str, payload: bytes, partners: Partners, now: Instant) -> CallRecord | WorkOrder:
    """What the message tells. Raises `Bad` with the reason when it can't be taken."""
    source = Source.of(topic)
    organisation = partners.organisation(source.partner)
    if organisation is None:
        raise Bad(f"{source.partner!r} is not a partner of the directory")
    if source.kind not in KINDS:
        wanted = " or ".join(f"in/{source.partner}/{kind}" for kind in KINDS)
        raise Bad(f"nobody reads {source.kind[:64]!r}: publish to {wanted}")
    if len(payload) > LARGEST:
        raise Bad(f"the message has {len(payload)} bytes, {LARGEST} are allowed")
    try:
        head = msgspec.json.decode(payload, type=_Head)
        if head.version != VERSION:
            raise Bad(f"version {head.version} is not known: this is version {VERSION}")
        if (source.kind, head.type) == ("calls", "call"):
            call = msgspec.json.decode(payload, type=Envelope[PartnerCall])
            if not partners.answers(source.partner, call.data.line):
                raise Bad(f"`line` {call.data.line} is another's: tell calls of your own lines only")
            return _call(source, organisation, call, now)
        if (source.kind, head.type) == ("work-orders", "work_order"):
            order = msgspec.json.decode(payload, type=Envelope[PartnerWorkOrder])
            return _work_order(source, organisation, order, now)
    except msgspec.DecodeError as error:
        raise Bad(str(error)) from error
    except UnicodeDecodeError as error:
        raise Bad(f"the text is not UTF-8 ({error.reason}): encode it so") from error
    except RecursionError as error:
        raise Bad("the JSON is nested too deeply") from error
    raise Bad(f"type {head.type!r} does not belong on {source.kind!r}")


def _check_order(stamps: list[tuple[str, Instant | None]], now: Instant) -> None:
    known = [(name, at) for name, at in stamps if at is not None]
    for name, at in known:
        if not math.isfinite(at) or at > now + FUTURE:
            raise Bad(f"`{name}` lies in the future: check the clock")
    for (before, early), (after, late) in itertools.pairwise(known):
        if late < early:
            raise Bad(f"`{after}` lies before `{before}`")


def _call(source: Source, organisation: OrgId, message: Envelope[PartnerCall], now: Instant) -> CallRecord:
    data = message.data
    stamps = [
        ("started", data.started),
        ("enqueued", data.enqueued),
        ("answered", data.answered),
        ("ended", data.ended),
    ]
    _check_order(stamps, now)
    if data.started < now - PAST:
        raise Bad(
            f"`started` lies more than {PAST / 86_400:.0f} days back: tell the province, it is no live data"
        )
    if (data.outcome == "answered") != (data.answered is not None):
        raise Bad("`answered` must be given if and only if `outcome` is answered")
    if data.outcome in _FROM_QUEUE and data.enqueued is None:
        raise Bad(
            f"`outcome` {data.outcome} without `enqueued`: say when the caller came into the queue (or a "
            "phone began to ring), or abandoned_flow for a caller who never did"
        )
    call = CallId(f"{source.partner}/{message.id}")
    return CallRecord(
        call=call,
        node=f"{INBOUND_NODE}{source.partner}",
        channel=ChannelId(""),
        dialled=data.line,
        caller=data.caller,
        trunk=f"{INBOUND_NODE}{source.partner}",
        organisation=organisation,
        flow="",
        flow_version="",
        language=data.language,
        queue=QueueId(data.queue) if data.queue is not None else None,
        first_seat=None,
        first_agent=AgentId(data.agent) if data.agent is not None else None,
        ingress=data.started,
        accepted=None,
        menu_end=data.enqueued,
        enqueued=data.enqueued,
        rang=None,
        answered=data.answered,
        ended=data.ended,
        ended_by="partner",
        cause=0,
        outcome=data.outcome,
        segments=_segments(call, data),
        transfers=(),
        trace=(),
    )


def _segments(call: CallId, data: PartnerCall) -> tuple[Segment, ...]:
    """The caller's track, edge to edge, as far as the partner tells it."""
    edges = [
        (Activity.FLOW, data.started, data.enqueued or data.answered or data.ended),
        (Activity.QUEUE, data.enqueued, data.answered or data.ended),
        (Activity.TALK, data.answered, data.ended),
    ]
    return tuple(
        Segment(
            call=call,
            track="caller",
            role=Role.CALLER,
            party="",
            activity=activity,
            started=started,
            ended=ended,
            detail=data.from_call if activity is Activity.FLOW else "",
        )
        for activity, started, ended in edges
        if started is not None and ended > started
    )


def _work_order(
    source: Source, organisation: OrgId, message: Envelope[PartnerWorkOrder], now: Instant
) -> WorkOrder:
    data = message.data
    _check_order([("created", data.created), ("updated", data.updated)], now)
    _check_order([("created", data.created), ("closed", data.closed)], now)
    return WorkOrder(
        source=source.partner,
        order=data.order,
        organisation=organisation,
        call=data.call,
        topic=data.topic,
        state=data.state,
        handling_unit=data.handling_unit,
        created=data.created,
        due=data.due,
        closed=data.closed,
        updated=data.updated,
        grade=data.grade,
    )

"""The kinds of entries the writer takes: how each is kept on disk and put into its tables.

Every kind has a key chosen before writing, so that writing an entry again has no effect.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Column, ColumnElement, Table

from acd.aftercall import Recording, Survey, Voicemail, WorkOrder
from acd.commands import CallbackClosed, CallbackOpened, OfferClosed
from acd.ids import Instant
from acd.record import CallRecord, LateSegment
from acd.shift import SeatInterval
from callrouter.config.versions import InForce
from callrouter.mail import RejectedMessage
from callrouter.ports import AuditEntry
from callrouter.store import plain_rows, rows, schema

Entry = (
    CallRecord
    | LateSegment
    | SeatInterval
    | OfferClosed
    | CallbackOpened
    | CallbackClosed
    | Survey
    | Voicemail
    | Recording
    | WorkOrder
    | RejectedMessage
    | AuditEntry
    | InForce
)

DAY: Final = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    name: str
    type: type[Entry]
    table: Table
    key: tuple[str, ...]
    """Columns that tell what is there already."""
    key_of: Callable[[Any], tuple[Any, ...]]
    rows: Callable[[Sequence[Any]], rows.Rows]
    day: Callable[[Any], Instant | None] = lambda _: None
    """An instant of the day whose packed columns this entry makes stale."""
    newer: tuple[str, ...] = ()
    """Columns that a later entry with the same key replaces; none: the first one stays."""
    when: Callable[[Any, Any], ColumnElement[bool]] | None = None
    """… if this holds of the new row and the one that is there."""

    @property
    def key_columns(self) -> list[Column[Any]]:
        return [self.table.c[name] for name in self.key]


def _text_key(*attributes: str) -> Callable[[Any], tuple[Any, ...]]:
    return lambda entry: tuple(rows.storable(str(getattr(entry, name))) for name in attributes)


def _late_key(entry: LateSegment) -> tuple[Any, ...]:
    call, _, position = entry.id.rsplit("/", 2)
    return rows.storable(call), int(position)


_ORDER: Final = (
    "organisation",
    "call",
    "topic",
    "state",
    "handling_unit",
    "due",
    "closed",
    "updated",
    "grade",
)

# A call stands before what refers to it.
KINDS: Final = (
    Kind(
        name="call",
        type=CallRecord,
        table=schema.calls,
        key=("call",),
        key_of=_text_key("call"),
        rows=rows.call_rows,
        day=lambda entry: entry.ingress,
    ),
    Kind(
        name="segment",
        type=LateSegment,
        table=schema.segments,
        key=("call", "position"),
        key_of=_late_key,
        rows=rows.late_segment_rows,
    ),
    Kind(
        name="interval",
        type=SeatInterval,
        table=schema.seat_intervals,
        key=("seat", "started"),
        key_of=lambda entry: (rows.storable(entry.seat), rows.micros(entry.started)),
        rows=plain_rows.interval_rows,
        day=lambda entry: entry.started,
    ),
    Kind(
        name="offer",
        type=OfferClosed,
        table=schema.offers,
        key=("offer",),
        key_of=_text_key("offer"),
        rows=plain_rows.offer_rows,
    ),
    Kind(
        name="callback",
        type=CallbackOpened,
        table=schema.callbacks,
        key=("call",),
        key_of=_text_key("call"),
        rows=plain_rows.callback_opened_rows,
        day=lambda entry: entry.at,
    ),
    Kind(
        name="callback_closed",
        type=CallbackClosed,
        table=schema.callbacks,
        key=("call",),
        key_of=_text_key("call"),
        rows=plain_rows.callback_closed_rows,
        day=lambda entry: entry.asked,
        newer=("ended", "outcome", "attempts"),
        when=lambda _, there: there.outcome == "",
    ),
    Kind(
        name="survey",
        type=Survey,
        table=schema.surveys,
        key=("id",),
        key_of=_text_key("id"),
        rows=plain_rows.survey_rows,
        day=lambda entry: entry.asked,
        newer=("grade",),
        when=lambda new, there: there.grade.is_(None) & new.grade.is_not(None),
    ),
    Kind(
        name="voicemail",
        type=Voicemail,
        table=schema.voicemails,
        key=("id",),
        key_of=_text_key("id"),
        rows=plain_rows.voicemail_rows,
    ),
    Kind(
        name="recording",
        type=Recording,
        table=schema.recordings,
        key=("id",),
        key_of=_text_key("id"),
        rows=plain_rows.recording_rows,
    ),
    Kind(
        name="work_order",
        type=WorkOrder,
        table=schema.work_orders,
        key=("source", "work_order"),
        key_of=_text_key("source", "order"),
        rows=plain_rows.work_order_rows,
        newer=_ORDER,
        when=lambda new, there: new.updated > there.updated,
    ),
    Kind(
        name="rejected",
        type=RejectedMessage,
        table=schema.dead_letters,
        key=("id",),
        key_of=_text_key("id"),
        rows=plain_rows.rejected_rows,
    ),
    Kind(
        name="site_version",
        type=InForce,
        table=schema.site_versions,
        key=("at", "digest"),
        key_of=lambda entry: (rows.micros(entry.at), rows.storable(entry.digest)),
        rows=plain_rows.site_version_rows,
    ),
    Kind(
        name="audit",
        type=AuditEntry,
        table=schema.audit,
        key=("id",),
        key_of=_text_key("id"),
        rows=plain_rows.audit_rows,
    ),
)
_BY_TYPE: Final[Mapping[type[Entry], Kind]] = {kind.type: kind for kind in KINDS}
_BY_NAME: Final = {kind.name: kind for kind in KINDS}


class _Envelope(msgspec.Struct):
    kind: str
    entry: msgspec.Raw


_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_DECODERS: Final = {name: msgspec.json.Decoder(kind.type) for name, kind in _BY_NAME.items()}


class UnknownKind(Exception):
    """Of an entry that a newer version has written; the text names it."""


def encode(entry: Entry) -> bytes:
    """One line of JSON. Lone surrogates, which UTF-8 cannot hold, become ``?``."""
    kind = _BY_TYPE[type(entry)].name
    try:
        body = msgspec.json.encode(entry, enc_hook=_plain)
    except UnicodeEncodeError:
        body = msgspec.json.encode(_without_surrogates(msgspec.to_builtins(entry, enc_hook=_plain)))
    return b'{"kind":"%s","entry":%s}' % (kind.encode(), body)


def decode(payload: bytes) -> Entry:
    """The entry again. Raises `msgspec.DecodeError` or `UnknownKind` for what this version does not know."""
    envelope = _ENVELOPES.decode(payload)
    decoder = _DECODERS.get(envelope.kind)
    if decoder is None:
        raise UnknownKind(envelope.kind)
    return decoder.decode(envelope.entry)


def _plain(value: object) -> object:
    """For what JSON does not know: an explanation is a mapping that composes itself when it is read."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value


def by_days(interval: SeatInterval) -> Iterator[SeatInterval]:
    """The interval cut where days (of UTC) end: a day's figures are made from the rows that begin in it."""
    midnight = (rows.micros(interval.started) // DAY + 1) * DAY
    while midnight < rows.micros(interval.ended):
        yield replace(interval, ended=rows.seconds(midnight))
        interval = replace(interval, started=rows.seconds(midnight))
        midnight += DAY
    yield interval


def by_kind(entries: Iterable[Entry]) -> list[tuple[Kind, list[Entry]]]:
    """Entries in the order their kinds are to be written."""
    found: dict[type[Entry], list[Entry]] = {}
    for entry in entries:
        found.setdefault(type(entry), []).append(entry)
    return [(kind, found[kind.type]) for kind in KINDS if kind.type in found]

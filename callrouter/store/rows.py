"""Records as rows, and rows as records again."""

import re
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from sqlalchemy import Row, Table

from acd.ids import CallId, Instant
from acd.record import Activity, CallRecord, FlowStep, LateSegment, Role, Segment, TransferRecord
from callrouter.store import schema

Rows = dict[Table, list[tuple[Any, ...]]]
"""Rows to insert, by table, parents before their children; each with all columns in the schema's order."""

VARIABLES_LIMIT: Final = 16_384
"""Characters of JSON kept of one flow step's variables."""

_STAMPS: Final = ("ingress", "accepted", "menu_end", "enqueued", "rang", "answered", "ended")
_SAME: Final = tuple(column.name for column in schema.calls.columns if column.name not in _STAMPS)
_IN_ORDER: Final = tuple(column.name for column in schema.calls.columns)
# NUL cannot be stored in PostgreSQL, a lone surrogate nowhere.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def micros(instant: Instant) -> int:
    """Seconds since the epoch as whole microseconds."""
    return round(instant * 1_000_000)


def maybe_micros(instant: Instant | None) -> int | None:
    return None if instant is None else micros(instant)


def seconds(stamp: int) -> Instant:
    """The inverse of `micros`."""
    return stamp / 1_000_000


def maybe_seconds(stamp: int | None) -> Instant | None:
    return None if stamp is None else seconds(stamp)


def storable(text: str) -> str:
    """The text with what no database takes replaced by U+FFFD."""
    return text if text.isascii() and text.isprintable() else _UNSTORABLE.sub("\ufffd", text)


def plain(value: Any) -> Any:
    """`storable`, if it is text."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    return storable(value)


_call_values: Final = attrgetter(*_IN_ORDER)
_CALL_MADE_BY: Final = tuple(maybe_micros if name in _STAMPS else plain for name in _IN_ORDER)


def call_rows(records: Sequence[CallRecord]) -> Rows:
    rows: Rows = {schema.calls: [], schema.segments: [], schema.transfers: [], schema.flow_steps: []}
    for record in records:
        values = zip(_CALL_MADE_BY, _call_values(record), strict=True)
        rows[schema.calls].append(tuple([make(value) for make, value in values]))
        call = storable(record.call)
        rows[schema.segments].extend(_segment_row(call, n, part) for n, part in enumerate(record.segments))
        rows[schema.transfers].extend(_transfer_row(call, part) for part in record.transfers)
        rows[schema.flow_steps].extend(_step_row(call, n, part) for n, part in enumerate(record.trace))
    return rows


def late_segment_rows(entries: Sequence[LateSegment]) -> Rows:
    found = []
    for entry in entries:
        call, _, position = entry.id.rsplit("/", 2)
        found.append(_segment_row(storable(call), int(position), entry.segment))
    return {schema.segments: found}


def _segment_row(call: str, position: int, segment: Segment) -> tuple[Any, ...]:
    # A call has a dozen; only what people name can hold what no database takes.
    return (
        call,
        position,
        segment.track,
        segment.role.value,
        storable(segment.party),
        segment.activity.value,
        micros(segment.started),
        micros(segment.ended),
        storable(segment.detail),
    )


def _transfer_row(call: str, transfer: TransferRecord) -> tuple[Any, ...]:
    return (
        call,
        transfer.number,
        plain(transfer.kind),
        plain(transfer.by),
        plain(transfer.target),
        micros(transfer.asked),
        maybe_micros(transfer.answered),
        micros(transfer.ended),
        plain(transfer.outcome),
        plain(transfer.cause),
    )


def _step_row(call: str, position: int, step: FlowStep) -> tuple[Any, ...]:
    return (
        call,
        position,
        micros(step.at),
        plain(step.flow),
        plain(step.node),
        step.line,
        plain(step.branch),
        plain(_variables_json(step.variables)),
    )


def _variables_json(variables: Mapping[str, object]) -> str:
    if not variables:
        return "{}"
    # \u0000 is legal in JSON text but not in PostgreSQL's jsonb, should a reader cast to it.
    text = msgspec.json.encode(dict(variables), enc_hook=str).decode().replace("\\u0000", "\\ufffd")
    return (
        text
        if len(text) <= VARIABLES_LIMIT
        else msgspec.json.encode({"…": f"{len(text)} characters"}).decode()
    )


def record_of(
    call: Row[Any], segments: Sequence[Row[Any]], transfers: Sequence[Row[Any]], steps: Sequence[Row[Any]]
) -> CallRecord:
    """The record that `call_rows` took apart; instants come back rounded to microseconds."""
    values: dict[str, Any] = {name: call._mapping[name] for name in _SAME}
    values.update((name, maybe_seconds(call._mapping[name])) for name in _STAMPS)
    return CallRecord(
        **values,
        segments=tuple(map(_segment_of, segments)),
        transfers=tuple(map(_transfer_of, transfers)),
        trace=tuple(map(_step_of, steps)),
    )


def _segment_of(row: Row[Any]) -> Segment:
    return Segment(
        call=CallId(row.call),
        track=row.track,
        role=Role(row.role),
        party=row.party,
        activity=Activity(row.activity),
        started=seconds(row.started),
        ended=seconds(row.ended),
        detail=row.detail,
    )


def _transfer_of(row: Row[Any]) -> TransferRecord:
    return TransferRecord(
        call=CallId(row.call),
        number=row.number,
        kind=row.kind,
        by=row.by,
        target=row.target,
        asked=seconds(row.asked),
        answered=maybe_seconds(row.answered),
        ended=seconds(row.ended),
        outcome=row.outcome,
        cause=row.cause,
    )


def _step_of(row: Row[Any]) -> FlowStep:
    return FlowStep(
        at=seconds(row.at),
        flow=row.flow,
        node=row.node,
        line=row.line,
        branch=row.branch,
        variables=msgspec.json.decode(row.variables, type=dict[str, object]),
    )

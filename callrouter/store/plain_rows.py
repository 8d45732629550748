"""Entries that are one row each."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Table

from acd.aftercall import Recording, Survey, Voicemail, WorkOrder
from acd.commands import CallbackClosed, CallbackOpened, OfferClosed
from acd.shift import SeatInterval
from callrouter.config.versions import InForce
from callrouter.mail import RejectedMessage
from callrouter.ports import AuditEntry
from callrouter.store import schema
from callrouter.store.rows import Rows, maybe_micros, micros, plain

EXPLANATION_LIMIT: Final = 32_768
"""Characters of JSON kept of one offer's explanation."""


def _make(table: Table, **given: Callable[[Any], object]) -> Callable[[Sequence[Any]], Rows]:
    """Rows of `table` from entries whose attributes bear the columns' names.

    Floats in columns of big integers are instants; `given` says how to come by what differs.
    """
    same = [column for column in table.columns if column.name not in given]
    values_of = attrgetter(*(column.name for column in same))
    made_by = [maybe_micros if isinstance(column.type, BigInteger) else plain for column in same]
    others = [(place, given[c.name]) for place, c in enumerate(table.columns) if c.name in given]

    def row(entry: Any) -> tuple[Any, ...]:
        values = [make(value) for make, value in zip(made_by, values_of(entry), strict=True)]
        for place, make in others:
            values.insert(place, plain(make(entry)))
        return tuple(values)

    return lambda entries: {table: [row(entry) for entry in entries]}


def _explanation(offer: OfferClosed) -> str:
    text = msgspec.json.encode(dict(offer.explanation), enc_hook=str).decode()
    if len(text) <= EXPLANATION_LIMIT:
        return text
    return msgspec.json.encode({"too_long": len(text)}).decode()


audit_rows: Final[Callable[[Sequence[AuditEntry]], Rows]] = _make(schema.audit)
interval_rows: Final[Callable[[Sequence[SeatInterval]], Rows]] = _make(schema.seat_intervals)
offer_rows: Final[Callable[[Sequence[OfferClosed]], Rows]] = _make(schema.offers, explanation=_explanation)
rejected_rows: Final[Callable[[Sequence[RejectedMessage]], Rows]] = _make(schema.dead_letters)
survey_rows: Final[Callable[[Sequence[Survey]], Rows]] = _make(schema.surveys)
voicemail_rows: Final[Callable[[Sequence[Voicemail]], Rows]] = _make(
    schema.voicemails,
    length=lambda entry: micros(entry.seconds),
    heard=lambda _: None,
    heard_by=lambda _: None,
)
recording_rows: Final[Callable[[Sequence[Recording]], Rows]] = _make(
    schema.recordings, size=lambda entry: entry.size
)
work_order_rows: Final[Callable[[Sequence[WorkOrder]], Rows]] = _make(
    schema.work_orders, work_order=lambda entry: entry.order
)
callback_opened_rows: Final[Callable[[Sequence[CallbackOpened]], Rows]] = _make(
    schema.callbacks,
    asked=lambda entry: micros(entry.at),
    ended=lambda _: None,
    outcome=lambda _: "",
    attempts=lambda _: 0,
)
callback_closed_rows: Final[Callable[[Sequence[CallbackClosed]], Rows]] = _make(
    schema.callbacks, number=lambda _: ""
)


def site_version_rows(entries: Sequence[InForce]) -> Rows:
    """Sources lie apart: a version may come into force many times."""
    return {**_sources(entries), **_taken(entries)}


_sources: Final[Callable[[Sequence[InForce]], Rows]] = _make(schema.site_sources)
_taken: Final[Callable[[Sequence[InForce]], Rows]] = _make(schema.site_versions)

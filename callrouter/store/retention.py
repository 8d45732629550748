"""How long each kind of data is kept, and the purge that proves itself.

Numbers go before the calls they belong to: a masked call still counts in every
figure. Each purge looks again afterwards; what should be gone and is not, is a
fault. The audit trail is kept for at least six months, whatever is configured.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import Column, ColumnElement, Table, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.ids import Instant
from callrouter.privacy import SHORT_CODE_DIGITS, mask_number
from callrouter.store import schema
from callrouter.store.database import Database, StoreError
from callrouter.store.entries import DAY
from callrouter.store.packing import COLUMNS, load
from callrouter.store.rows import micros

AUDIT_AT_LEAST: Final = 183
"""Days."""
_BATCH: Final = 2000
"""Rows a transaction: the writer must get its turn in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days; never unlimited."""

    numbers: int = 183
    """Callers' numbers in calls, callbacks, voicemails and transfers: masked after this."""
    details: int = 366
    """Segments, flow steps and offers."""
    calls: int = 3 * 366
    """Calls with their transfers, surveys and seat time: after this nothing is left but exported reports."""
    voicemails: int = 183
    recordings: int = 183
    audit: int = 366
    dead_letters: int = 92
    outbox: int = 30
    """Messages that no broker has taken for so long."""

    def __post_init__(self) -> None:
        for one in fields(self):
            if not 1 <= getattr(self, one.name) <= 3660:
                raise StoreError(f"retention of {one.name} must be 1 to 3660 days")
        if self.audit < AUDIT_AT_LEAST:
            raise StoreError(f"the audit trail is kept for at least {AUDIT_AT_LEAST} days")
        if self.calls < self.details:
            raise StoreError("calls cannot be kept shorter than their details")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What a purge did to one kind of data."""

    kind: str
    older_than: int
    """Days."""
    found: int
    left: int
    """Rows that should be gone or masked and are not: a fault."""


async def purge(
    database: Database,
    retention: Retention,
    now: Instant,
    *,
    dry_run: bool = False,
    still_there: Collection[str] = (),
) -> list[Purged]:
    """Remove or mask what has been kept long enough. Raises `Unavailable`.

    Files of voicemails and recordings are the caller's to remove first: see `files_to_remove`. The rows of
    those that are `still_there` stay, so that nobody forgets them.
    """
    if not dry_run:
        await _pack_before(database, micros(now) - retention.details * DAY, now)
    done = []
    for rule in _rules(retention, now, still_there):
        found = await _count(database, rule)
        left = found
        if not dry_run:
            await _apply(database, rule)
            left = await _count(database, rule)
        done.append(Purged(kind=str(rule.kind), older_than=rule.days, found=found, left=left))
    if not dry_run:
        await _forget_columns(database, retention, now)
    return done


async def _pack_before(database: Database, until: int, now: Instant) -> None:
    """Columns of days whose details are about to go: the figures must outlive them."""
    days = (
        select(schema.calls.c.ingress.op("/")(DAY).label("day"))
        .where(schema.calls.c.ingress < until)
        .where(exists().where(schema.segments.c.call == schema.calls.c.call))
        .distinct()
    )
    async with database.read() as connection:
        found = (await connection.execute(days)).scalars().all()
    for day in sorted(found):
        await load(database, tuple(COLUMNS), day * DAY, (day + 1) * DAY, now)


async def _forget_columns(database: Database, retention: Retention, now: Instant) -> None:
    """Columns of days without calls go; those of transfers are made anew without numbers."""
    columns = schema.packed_days.c
    gone = (micros(now) - retention.calls * DAY) // DAY
    masked = (micros(now) - retention.numbers * DAY) // DAY
    async with database.write() as connection:
        await connection.execute(delete(schema.packed_days).where(columns.day < gone))
        stale = (columns.kind == "transfers") & (columns.day <= masked)
        await connection.execute(delete(schema.packed_days).where(stale))


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    days: int
    table: Table
    old: ColumnElement[bool]
    number: Column[str] | None = None
    """To be masked; None: the row goes."""


def _rules(retention: Retention, now: Instant, still_there: Collection[str]) -> list[_Rule]:
    def before(days: int) -> int:
        return micros(now) - days * DAY

    bound = before(retention.numbers)
    masking = []
    for stamp, number in _NUMBERS:
        old = (stamp < bound) & _readable(number)
        masking.append(_Rule(f"numbers of {stamp.table.name}", retention.numbers, stamp.table, old, number))
    of_old_calls = select(schema.calls.c.call).where(schema.calls.c.ingress < before(retention.details))
    details = [
        _Rule(table.name, retention.details, table, table.c.call.in_(of_old_calls))
        for table in (schema.segments, schema.flow_steps)
    ]
    stamped = (
        (schema.offers.c.made, retention.details),
        (schema.surveys.c.asked, retention.calls),
        (schema.callbacks.c.asked, retention.calls),
        (schema.seat_intervals.c.started, retention.calls),
        (schema.work_orders.c.updated, retention.calls),
        (schema.calls.c.ingress, retention.calls),
        (schema.audit.c.at, retention.audit),
        (schema.dead_letters.c.received, retention.dead_letters),
        (schema.outbox.c.at, retention.outbox),
        (schema.tokens.c.expires, 0),
    )
    plain = [_Rule(stamp.table.name, days, stamp.table, stamp < before(days)) for stamp, days in stamped]
    erasures = (schema.erasures.c.at < before(retention.calls)) & (schema.erasures.c.held == "")
    plain.append(_Rule("erasures", retention.calls, schema.erasures, erasures))
    plain += _of_the_site(retention.calls, before(retention.calls))
    sound = [
        _Rule(
            stamp.table.name,
            days,
            stamp.table,
            (stamp < before(days)) & file.not_in(sorted(still_there)) & _not_held(stamp.table),
        )
        for stamp, file, days in (
            (schema.voicemails.c.received, schema.voicemails.c.file, retention.voicemails),
            (schema.recordings.c.started, schema.recordings.c.file, retention.recordings),
        )
    ]
    return [*masking, *details, *sound, *plain]


def _of_the_site(days: int, bound: int) -> list[_Rule]:
    """Versions that no call can have run on any more: another was in force before the oldest of them came."""
    versions, later = schema.site_versions, schema.site_versions.alias("later")
    followed = exists().where((later.c.at > versions.c.at) & (later.c.at < bound))
    unused = schema.site_sources.c.digest.not_in(select(versions.c.digest))
    return [
        _Rule("site_versions", days, versions, followed),
        _Rule("site_sources", days, schema.site_sources, unused),
    ]


def _not_held(table: Table) -> ColumnElement[bool]:
    """What a legal hold says must stay, stays."""
    held = schema.erasures.c
    return table.c.call.not_in(select(held.call).where(held.held != ""))


_NUMBERS: Final = (
    (schema.calls.c.ingress, schema.calls.c.caller),
    (schema.callbacks.c.asked, schema.callbacks.c.number),
    (schema.voicemails.c.received, schema.voicemails.c.number),
    (schema.transfers.c.asked, schema.transfers.c.target),
)


def _readable(number: ColumnElement[str]) -> ColumnElement[bool]:
    """Longer than a service's number, and not masked yet."""
    return (func.length(number) > SHORT_CODE_DIGITS) & number.not_like("%*%")


async def _count(database: Database, rule: _Rule) -> int:
    async with database.read() as connection:
        found = await connection.execute(select(func.count()).select_from(rule.table).where(rule.old))
        return int(found.scalar_one())


async def _apply(database: Database, rule: _Rule) -> None:
    """In steps, each its own transaction; ends when a step finds nothing more."""
    changed = 1
    while changed:
        async with database.write() as connection:
            changed = await (_delete_some if rule.number is None else _mask_some)(connection, rule)


async def _delete_some(connection: AsyncConnection, rule: _Rule) -> int:
    key = list(rule.table.primary_key.columns)
    rows = (await connection.execute(select(*key).where(rule.old).limit(_BATCH))).all()
    for row in rows:
        match = [column == value for column, value in zip(key, row, strict=True)]
        await connection.execute(delete(rule.table).where(*match))
    return len(rows)


async def _mask_some(connection: AsyncConnection, rule: _Rule) -> int:
    number = rule.number
    assert number is not None
    found = await connection.execute(select(number).where(rule.old).distinct().limit(_BATCH // 10))
    values = found.scalars().all()
    for value in values:
        masked = mask_number(value)
        if _is_readable(masked):
            masked = f"{value[:1]}***"
        changed = update(rule.table).where(rule.old, number == value).values({number.name: masked})
        await connection.execute(changed)
    return len(values)


def _is_readable(number: str) -> bool:
    return len(number) > SHORT_CODE_DIGITS and "*" not in number


async def files_to_remove(database: Database, retention: Retention, now: Instant) -> list[str]:
    """Sound files of voicemails and recordings that are due; remove them before their rows."""
    stamps = (
        (schema.voicemails, schema.voicemails.c.received, retention.voicemails),
        (schema.recordings, schema.recordings.c.started, retention.recordings),
    )
    found: list[str] = []
    async with database.read() as connection:
        for table, stamp, days in stamps:
            old = select(table.c.file).where(stamp < micros(now) - days * DAY).where(_not_held(table))
            found.extend((await connection.execute(old)).scalars())
    return found


async def files_held(database: Database) -> set[str]:
    """Sound files that a legal hold says must stay."""
    async with database.read() as connection:
        tables = (schema.voicemails, schema.recordings)
        return {
            file
            for table in tables
            for file in (await connection.execute(select(table.c.file).where(~_not_held(table)))).scalars()
        }

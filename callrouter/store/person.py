"""One person's data, by their number: to hand out on request, or to erase.

Erasing takes the number out of every row and text but leaves the rows: all totals
stay as they were. What is erased is overwritten (`secure_delete`), and SQLite's
journal is folded back, so that the file does not keep it either.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Table, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callrouter.privacy import SHORT_CODE_DIGITS
from callrouter.store import schema
from callrouter.store.database import Database, StoreError
from callrouter.store.entries import DAY

ERASED: Final = "erased"
_COUNTRY: Final = re.compile(r"^(?:\+|00)86")
_NOT_DIGITS: Final = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a number may stand: alone in a column, or within its text."""

    table: Table
    column: Column[str]
    alone: bool


_PLACES: Final = (
    _Place(schema.calls, schema.calls.c.caller, True),
    _Place(schema.callbacks, schema.callbacks.c.number, True),
    _Place(schema.voicemails, schema.voicemails.c.number, True),
    _Place(schema.transfers, schema.transfers.c.target, False),
    _Place(schema.segments, schema.segments.c.party, False),
    _Place(schema.segments, schema.segments.c.detail, False),
    _Place(schema.flow_steps, schema.flow_steps.c.variables, False),
    _Place(schema.offers, schema.offers.c.explanation, False),
    _Place(schema.work_orders, schema.work_orders.c.topic, False),
    _Place(schema.work_orders, schema.work_orders.c.handling_unit, False),
    _Place(schema.dead_letters, schema.dead_letters.c.reason, False),
    _Place(schema.audit, schema.audit.c.detail, False),
    _Place(schema.audit, schema.audit.c.subject, False),
)


def national(number: str) -> str:
    """The digits that all ways of writing a number share. Raises `StoreError` for a service's number."""
    digits = _NOT_DIGITS.sub("", _COUNTRY.sub("", number.strip()))
    if len(digits) <= SHORT_CODE_DIGITS:
        raise StoreError(f"{number!r} is no person's number: give it in full, e.g. 13812345678")
    return digits


async def found(database: Database, number: str) -> dict[str, list[dict[str, Any]]]:
    """All rows that name the number, by table, for the person to see. Raises `StoreError`."""
    digits = national(number)
    rows: dict[str, list[dict[str, Any]]] = {}
    async with database.read() as connection:
        calls = await _calls_of(connection, digits)
        for table in (schema.calls, schema.segments, schema.transfers, schema.flow_steps, schema.surveys):
            rows[table.name] = await _rows(connection, table, table.c.call.in_(calls))
        for table in (schema.voicemails, schema.recordings, schema.offers):
            rows[table.name] = await _rows(connection, table, table.c.call.in_(calls))
        named = schema.callbacks.c.number.like(f"%{digits}")
        rows["callbacks"] = await _rows(connection, schema.callbacks, named)
    return {name: several for name, several in rows.items() if several}


async def _calls_of(connection: AsyncConnection, digits: str) -> list[str]:
    query = select(schema.calls.c.call).where(schema.calls.c.caller.like(f"%{digits}"))
    return list((await connection.execute(query)).scalars())


async def _rows(connection: AsyncConnection, table: Table, condition: Any) -> list[dict[str, Any]]:
    result = await connection.execute(select(table).where(condition))
    return [dict(row) for row in result.mappings()]


async def erase(database: Database, number: str) -> dict[str, int]:
    """Take the number out of every row; returns rows changed, by table and column. Raises `StoreError`."""
    digits = national(number)
    changed: dict[str, int] = {}
    async with database.write() as connection:
        if database.is_sqlite:
            await connection.execute(text("PRAGMA secure_delete=ON"))
        days = await _days_of_targets(connection, digits)
        for place in _PLACES:
            count = await _erase_from(connection, place, digits)
            if count:
                changed[f"{place.table.name}.{place.column.name}"] = count
        if days:
            # Only what names the number is made anew: of old days nothing but columns is left of the rest.
            columns = schema.packed_days.c
            stale = columns.day.in_(days) & (columns.kind == "transfers")
            await connection.execute(delete(schema.packed_days).where(stale))
        if count := await _erase_from_letters(connection, digits):
            changed["dead_letters.payload"] = count
    if database.is_sqlite:
        async with database.raw() as connection:
            await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return changed


async def _days_of_targets(connection: AsyncConnection, digits: str) -> list[int]:
    """Days whose packed columns name the number as a transfer's target."""
    query = (
        select(schema.calls.c.ingress)
        .join(schema.transfers, schema.transfers.c.call == schema.calls.c.call)
        .where(schema.transfers.c.target.like(f"%{digits}%"))
    )
    return sorted({stamp // DAY for stamp in (await connection.execute(query)).scalars()})


async def _erase_from(connection: AsyncConnection, place: _Place, digits: str) -> int:
    pattern = f"%{digits}" if place.alone else f"%{digits}%"
    key = list(place.table.primary_key.columns)
    named = await connection.execute(select(*key, place.column).where(place.column.like(pattern)))
    count = 0
    for row in named.all():
        match = [column == value for column, value in zip(key, row, strict=False)]
        value = ERASED if place.alone else _without(row[-1], digits)
        await connection.execute(update(place.table).where(*match).values({place.column.name: value}))
        count += 1
    return count


async def _erase_from_letters(connection: AsyncConnection, digits: str) -> int:
    """From messages that could not be taken: they are bytes, which no database searches."""
    letters = schema.dead_letters.c
    wanted = digits.encode()
    rows = await connection.execute(select(letters.id, letters.payload))
    named = [(row.id, row.payload) for row in rows if wanted in row.payload]
    for id_, payload in named:
        cleaned = payload.replace(wanted, ERASED.encode())
        await connection.execute(update(schema.dead_letters).where(letters.id == id_).values(payload=cleaned))
    return len(named)


def _without(value: str, digits: str) -> str:
    cleaned = re.sub(rf"(?:\+86|0086)?{re.escape(digits)}", ERASED, value)
    try:
        json.loads(value)
    except ValueError:
        return cleaned
    # A number without quotes would leave JSON broken: then the whole text goes.
    try:
        json.loads(cleaned)
    except ValueError:
        return json.dumps({"…": ERASED})
    return cleaned

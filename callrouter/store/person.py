"""One person's data, by their number: to hand out on request, or to erase.

Erasing takes the voice from the disk and the number out of every row and text but
leaves the rows: all totals stay as they were. What is erased is overwritten
(`secure_delete`), and SQLite's journal is folded back, so that the file does not keep
it either.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, CompoundSelect, Table, delete, insert, select, text, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.ids import Instant
from callrouter import privacy
from callrouter.store import schema, voice
from callrouter.store.database import Database, StoreError
from callrouter.store.entries import DAY
from callrouter.store.rows import micros
from callrouter.store.voice import Sound

ERASED: Final = "erased"


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
    digits = privacy.national(number)
    if not digits:
        raise StoreError(f"{number!r} is no person's number: give it in full, e.g. 13812345678")
    return digits


async def found(database: Database, number: str) -> tuple[dict[str, list[dict[str, Any]]], list[Sound]]:
    """All rows that name the number, by table, and what they said, for the person to see and hear.

    Raises `StoreError`.
    """
    digits = national(number)
    rows: dict[str, list[dict[str, Any]]] = {}
    async with database.read() as connection:
        calls = _calls_of(digits)
        sounds = await voice.sounds_of(connection, await _listed(connection, calls))
        for table in (schema.calls, schema.segments, schema.transfers, schema.flow_steps, schema.surveys):
            rows[table.name] = await _rows(connection, table, table.c.call.in_(calls))
        for table in (schema.voicemails, schema.recordings, schema.offers):
            rows[table.name] = await _rows(connection, table, table.c.call.in_(calls))
        named = schema.callbacks.c.number.like(f"%{digits}")
        rows["callbacks"] = await _rows(connection, schema.callbacks, named)
    return {name: several for name, several in rows.items() if several}, sounds


def _calls_of(digits: str) -> CompoundSelect[Any]:
    """Calls in which the person spoke: made, returned by us, or ended in a message."""
    spoke = (
        (schema.calls.c.call, schema.calls.c.caller),
        (schema.callbacks.c.call, schema.callbacks.c.number),
        (schema.voicemails.c.call, schema.voicemails.c.number),
    )
    return union(*(select(call).where(number.like(f"%{digits}")) for call, number in spoke))


async def _listed(connection: AsyncConnection, calls: CompoundSelect[Any]) -> list[str]:
    return list((await connection.execute(calls)).scalars())


async def _rows(connection: AsyncConnection, table: Table, condition: Any) -> list[dict[str, Any]]:
    result = await connection.execute(select(table).where(condition))
    return [dict(row) for row in result.mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was done, and what could not be."""

    rows: dict[str, int]
    """Changed, by table and column."""
    sounds: int = 0
    """Files removed."""
    stuck: tuple[str, ...] = ()
    """Why files may still be there; then no row was changed, so that it can be tried again."""


async def erase(
    database: Database,
    number: str,
    *,
    at: Instant,
    by: str,
    spools: Sequence[Path] = (),
    held: str = "",
) -> Erased:
    """Remove the person's voice, and take the number out of every row.

    `held`: why the voice must be kept for now; see `voice.release`. Raises `StoreError`, `Unavailable`.
    """
    digits = national(number)
    async with database.read() as connection:
        calls = await _listed(connection, _calls_of(digits))
        sounds = await voice.sounds_of(connection, calls)
    gone, stuck = (0, []) if held else await asyncio.to_thread(voice.remove, sounds, calls, spools)
    if stuck:
        return Erased(rows={}, sounds=gone, stuck=tuple(stuck))
    async with database.write() as connection:
        changed = await _erase_rows(database, connection, digits)
        for some in voice.chunks(calls):
            await _note_calls(connection, some, at, by, held)
    if database.is_sqlite:
        async with database.raw() as connection:
            await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return Erased(rows=changed, sounds=gone)


async def _erase_rows(database: Database, connection: AsyncConnection, digits: str) -> dict[str, int]:
    changed: dict[str, int] = {}
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
    return changed


async def _note_calls(
    connection: AsyncConnection, calls: Sequence[str], at: Instant, by: str, held: str
) -> None:
    known = select(schema.erasures.c.call).where(schema.erasures.c.call.in_(calls))
    there = set((await connection.execute(known)).scalars())
    fresh = [{"call": call, "at": micros(at), "by": by, "held": held} for call in calls if call not in there]
    if fresh:
        await connection.execute(insert(schema.erasures), fresh)


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

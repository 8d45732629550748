"""Entries into their tables, in one transaction, each with exactly one effect."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import Table, TextClause, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.record import LateSegment
from callrouter.mail import Outgoing
from callrouter.store import schema
from callrouter.store.entries import DAY, KINDS, Entry, Kind, by_kind
from callrouter.store.rows import Rows, micros, storable

_DAYS_LOCK: Final = 0x64617973

AT_A_TIME: Final = 5
"""Entries turned into rows without a pause: a quarter of a millisecond."""
COPY_FROM: Final = 12
"""Rows from which on PostgreSQL gets them by COPY …"""
COPY_AT_A_TIME: Final = 200
"""… so many at once: they are encoded without a pause, in half a millisecond."""

_POSTGRES: Final = postgresql.dialect()  # type: ignore[no-untyped-call]

Publish = Callable[[Entry], Iterable[Outgoing]]
"""What the feed is to say about a new entry."""


def silent(_: Entry) -> Iterable[Outgoing]:
    return ()


async def insert(connection: AsyncConnection, entries: Sequence[Entry], publish: Publish = silent) -> int:
    """Put all entries into their tables; returns how many were new.

    What is new goes to the outbox in the same transaction, as `publish` words it.
    """
    new: list[Entry] = []
    for kind, mine in by_kind(entries):
        fresh = await _replace(connection, kind, mine) if kind.newer else await _fresh(connection, kind, mine)
        if not kind.newer:
            for table, values in (await _rows(kind, fresh)).items():
                await _put(connection, table, values)
        new += fresh
        await _unpack(connection, kind, fresh)
    await _publish(connection, new, publish)
    return len(new)


async def _rows(kind: Kind, entries: Sequence[Entry]) -> Rows:
    """The entries' rows, made a few at a time: the loop gets its turn in between."""
    made: Rows = {}
    for begin in range(0, len(entries), AT_A_TIME):
        for table, values in kind.rows(entries[begin : begin + AT_A_TIME]).items():
            made.setdefault(table, []).extend(values)
        await asyncio.sleep(0)
    return made


async def _put(
    connection: AsyncConnection, table: Table, values: list[dict[str, Any]], *, by_copy: bool = True
) -> None:
    """By the driver itself: SQLAlchemy's way takes several times as long, in the loop."""
    if not values:
        return
    names = tuple(values[0])
    records = [tuple(row.values()) for row in values]
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if connection.dialect.name != "postgresql":
        cursor = await driver.executemany(_insert_text(connection, table, names), records)
        await cursor.close()
    elif by_copy and len(values) >= COPY_FROM:
        # Many times quicker than INSERT. What another controller has written meanwhile makes it fail as
        # unfit: the writer then comes again with fewer rows, and by INSERT.
        for begin in range(0, len(records), COPY_AT_A_TIME):
            some = records[begin : begin + COPY_AT_A_TIME]
            await driver.copy_records_to_table(table.name, records=some, columns=names)
    else:
        await driver.executemany(_insert_text(connection, table, names), records)


def _insert_text(connection: AsyncConnection, table: Table, names: tuple[str, ...]) -> str:
    postgres = connection.dialect.name == "postgresql"
    return _insert_text_of(table.name, names, postgres)


@cache
def _insert_text_of(table: str, names: tuple[str, ...], postgres: bool) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    places = ", ".join(f"${place}" if postgres else "?" for place in range(1, len(names) + 1))
    return f'INSERT INTO "{table}" ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING'


async def _fresh(connection: AsyncConnection, kind: Kind, entries: Sequence[Entry]) -> list[Entry]:
    """Those whose key is not in the table; the first of several with one key."""
    mine = {kind.key_of(entry): entry for entry in reversed(entries)}
    known = await _known(connection, kind, list(mine))
    return [entry for key, entry in reversed(mine.items()) if key not in known]


async def _known(
    connection: AsyncConnection, kind: Kind, keys: Sequence[tuple[Any, ...]]
) -> set[tuple[Any, ...]]:
    if not keys:
        return set()
    if connection.dialect.name == "postgresql":
        asked: dict[str, Any] = {
            f"key{place}": list(part) for place, part in enumerate(zip(*keys, strict=True))
        }
    else:
        asked = {"keys": msgspec.json.encode(keys).decode()}
    found = await connection.execute(_known_query(kind.name, connection.dialect.name), asked)
    return {tuple(row) for row in found}


@cache
def _known_query(kind_name: str, dialect: str) -> TextClause:
    """Which of many keys are there: one parameter for all of them, hence one statement however many."""
    kind = next(kind for kind in KINDS if kind.name == kind_name)
    names = ", ".join(f'"{name}"' for name in kind.key)
    if dialect == "postgresql":
        arrays = ", ".join(
            f"CAST(:key{place} AS {column.type.compile(_POSTGRES)}[])"
            for place, column in enumerate(kind.key_columns)
        )
        wanted = f"SELECT * FROM unnest({arrays})"
    else:
        parts = ", ".join(f"value ->> {place}" for place in range(len(kind.key)))
        wanted = f"SELECT {parts} FROM json_each(:keys)"
    return text(f'SELECT {names} FROM "{kind.table.name}" WHERE ({names}) IN ({wanted})')


async def _replace(connection: AsyncConnection, kind: Kind, entries: Sequence[Entry]) -> list[Entry]:
    """Insert, or replace what is older; returns those that had an effect."""
    insert_ = _insert(connection, kind.table)
    statement = insert_.on_conflict_do_update(
        index_elements=kind.key_columns,
        set_={name: insert_.excluded[name] for name in kind.newer},
        where=kind.when(insert_.excluded, kind.table.c) if kind.when else None,
    )
    effective = []
    for entry in entries:
        values = kind.rows([entry])[kind.table]
        done = await connection.execute(statement, values)
        if done.rowcount > 0:
            effective.append(entry)
    return effective


async def _unpack(connection: AsyncConnection, kind: Kind, fresh: Sequence[Entry]) -> None:
    """Forget the packed columns of days that have just gained something."""
    days = {micros(at) // DAY for entry in fresh if (at := kind.day(entry)) is not None}
    late = sorted({storable(entry.segment.call) for entry in fresh if isinstance(entry, LateSegment)})
    if late:
        ingress = schema.calls.c.ingress
        found = await connection.execute(select(ingress).where(schema.calls.c.call.in_(late)))
        days.update(stamp // DAY for stamp in found.scalars())
    if days:
        await lock_days(connection)
        await connection.execute(delete(schema.packed_days).where(schema.packed_days.c.day.in_(sorted(days))))


async def lock_days(connection: AsyncConnection) -> None:
    """Until the transaction ends nobody else adds to a day, or packs one."""
    # SQLite has one writer at a time as it is.
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _DAYS_LOCK})


async def _publish(connection: AsyncConnection, new: Sequence[Entry], publish: Publish) -> None:
    messages = []
    for begin in range(0, len(new), AT_A_TIME):
        messages += [
            {"id": storable(one.id), "topic": one.topic, "payload": one.payload, "at": micros(one.at)}
            for entry in new[begin : begin + AT_A_TIME]
            for one in publish(entry)
        ]
        await asyncio.sleep(0)
    # By INSERT, never COPY: what goes to the outbox twice is one message.
    await _put(connection, schema.outbox, messages, by_copy=False)


def _insert(connection: AsyncConnection, table: Table) -> Any:
    # `on_conflict…` is the net under `_known`: another controller may write the same entry meanwhile.
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)

"""Entries into their tables, in one transaction, each with exactly one effect."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Table, TextClause, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.record import LateSegment
from callrouter.mail import Outgoing
from callrouter.store import schema
from callrouter.store.entries import DAY, KINDS, Entry, Kind, by_kind
from callrouter.store.rows import micros, storable

_DAYS_LOCK: Final = 0x64617973

_GIVE_UP: Final = text("SET LOCAL statement_timeout = '10s'")
"""Should we vanish while a statement waits for a lock, it does not wait for ever."""
COPY_FROM: Final = 12
"""Rows from which on PostgreSQL gets them by COPY."""

_TO_OUTBOX: Final = "INSERT INTO outbox (id, topic, payload, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_TO_OUTBOX_AT_ONCE: Final = (
    "INSERT INTO outbox (id, topic, payload, at) SELECT id, topic, payload, at "
    "FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[]) "
    "WITH ORDINALITY AS waiting (id, topic, payload, at, place) ORDER BY place ON CONFLICT DO NOTHING"
)

_POSTGRES: Final = postgresql.dialect()  # type: ignore[no-untyped-call]

Publish = Callable[[Entry], Iterable[Outgoing]]
"""What the feed is to say about a new entry."""


def silent(_: Entry) -> Iterable[Outgoing]:
    return ()


async def insert(connection: AsyncConnection, entries: Sequence[Entry], publish: Publish = silent) -> int:
    """Put all entries into their tables; returns how many were new.

    What is new goes to the outbox in the same transaction, as `publish` words it.
    """
    await _begin(connection)
    new: list[Entry] = []
    for kind, mine in by_kind(entries):
        if kind.newer:
            new += await _replace(connection, kind, mine)
        else:
            fresh = await _fresh(connection, kind, mine)
            for table, rows in kind.rows(fresh).items():
                await _put(connection, table, rows, there="pass over")
            new += fresh
    await _unpack(connection, new)
    await _publish(connection, new, publish)
    return len(new)


async def insert_new(connection: AsyncConnection, entries: Sequence[Entry], publish: Publish = silent) -> int:
    """`insert` for entries that nobody has written yet, without looking first: the rule, and quicker.

    What is there already is refused as unfit; then nothing has been written, and `insert` is the way.
    """
    await _begin(connection)
    new: list[Entry] = []
    for kind, mine in by_kind(entries):
        if kind.newer:
            new += await _replace(connection, kind, mine)
        else:
            for table, rows in kind.rows(mine).items():
                await _put(connection, table, rows, there="refuse")
            new += mine
    await _unpack(connection, new)
    await _publish(connection, new, publish)
    return len(new)


async def _begin(connection: AsyncConnection) -> None:
    """On PostgreSQL SQLAlchemy begins a transaction with its own first statement, not with the driver's."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_GIVE_UP)


async def _put(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    *,
    there: Literal["refuse", "pass over"],
) -> None:
    """By the driver itself: SQLAlchemy's way takes several times as long. `there`: rows that are."""
    if not rows:
        return
    driver: Any = (await connection.get_raw_connection()).driver_connection
    postgres = connection.dialect.name == "postgresql"
    if postgres and len(rows) >= COPY_FROM:
        # Many times quicker than INSERT. What another controller has written meanwhile makes it fail as
        # unfit: the writer then comes again with fewer rows, and by INSERT.
        await driver.copy_records_to_table(table.name, records=rows, columns=table.columns.keys())
        return
    done = await driver.executemany(_insert_text(table, there == "refuse", postgres), rows)
    if not postgres:
        await done.close()


@cache
def _insert_text(table: Table, refuse: bool, postgres: bool) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    places = ", ".join(f"${place}" if postgres else "?" for place in range(1, len(table.columns) + 1))
    statement = f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})'
    return statement if refuse else f"{statement} ON CONFLICT DO NOTHING"


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
    names = kind.table.columns.keys()
    effective = []
    for entry in entries:
        (row,) = kind.rows([entry])[kind.table]
        done = await connection.execute(statement, dict(zip(names, row, strict=True)))
        if done.rowcount > 0:
            effective.append(entry)
    return effective


async def _unpack(connection: AsyncConnection, new: Sequence[Entry]) -> None:
    """Forget the packed columns of days that have just gained something."""
    days = {
        micros(at) // DAY
        for kind, mine in by_kind(new)
        for entry in mine
        if (at := kind.day(entry)) is not None
    }
    late = sorted({storable(entry.segment.call) for entry in new if isinstance(entry, LateSegment)})
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
    """What goes to the outbox twice is one message."""
    messages = [
        (storable(one.id), one.topic, one.payload, micros(one.at)) for entry in new for one in publish(entry)
    ]
    if not messages:
        return
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if connection.dialect.name == "postgresql":
        await driver.execute(_TO_OUTBOX_AT_ONCE, *map(list, zip(*messages, strict=True)))
    else:
        cursor = await driver.executemany(_TO_OUTBOX, messages)
        await cursor.close()


def _insert(connection: AsyncConnection, table: Table) -> Any:
    # `on_conflict…` is the net under `_known`: another controller may write the same entry meanwhile.
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)

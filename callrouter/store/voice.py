"""The voice of a person in calls and messages: copied out, removed on request, or held against removal.

That a call's voice is gone stands in `erasures`, whatever its other rows say; so
does why it is kept, when a legal hold says so.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, Select, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.ids import Instant
from callrouter.store import schema, sound
from callrouter.store.database import Database
from callrouter.store.rows import seconds

_AT_ONCE: Final = 500
_ERASURES: Final = schema.erasures.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A recording or a message, by the row that names its file."""

    id: str
    call: str
    file: str
    consult: bool
    """What seat and target said out of the caller's hearing."""
    erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Calls of erased persons whose voice is kept, and why."""

    reason: str
    calls: int
    since: Instant


async def sounds_of(connection: AsyncConnection, calls: Collection[str]) -> list[Sound]:
    """What is recorded of these calls, and the messages left in them."""
    found: list[Sound] = []
    for some in chunks(list(calls)):
        for table in (schema.recordings, schema.voicemails):
            rows = await connection.execute(with_erasure(table).where(table.c.call.in_(some)))
            found += map(_sound, rows)
    return found


def _sound(row: Row[Any]) -> Sound:
    return Sound(
        id=row.id,
        call=row.call,
        file=row.file,
        consult=is_consult(row.id, row.call),
        erased=row.erased_at is not None,
    )


def chunks(calls: Sequence[str]) -> Iterator[Sequence[str]]:
    """A statement takes a bounded number of values, and a machine may have called very often."""
    for begin in range(0, len(calls), _AT_ONCE):
        yield calls[begin : begin + _AT_ONCE]


def with_erasure(table: Table) -> Select[Any]:
    """Rows of recordings or voicemails, with when and by whom their sound was erased, if it was."""
    of_call = (table.c.call == _ERASURES.call) & (_ERASURES.held == "")
    return select(table, _ERASURES.at.label("erased_at"), _ERASURES.by.label("erased_by")).select_from(
        table.outerjoin(schema.erasures, of_call)
    )


def erased(row: Row[Any]) -> tuple[Instant | None, str]:
    """When and by whom, of a row of `with_erasure`."""
    return (None, "") if row.erased_at is None else (seconds(row.erased_at), row.erased_by)


def is_consult(id: str, call: str) -> bool:
    return id.removeprefix(f"cr-{call}-").startswith("consult")


def remove(
    sounds: Collection[Sound], calls: Collection[str], spools: Sequence[Path]
) -> tuple[int, list[str]]:
    """Remove the files; how many there were, and why others may still be there.

    Files of these calls that no row names yet go as well: a row comes seconds after its call.
    """
    gone, stuck = 0, []
    for one in sounds:
        there = sound.find(one.file, spools) is not None
        if reason := sound.remove(one.file, spools):
            stuck.append(f"{one.id}: {reason}")
        gone += there and not reason
    named = {Path(one.file).name for one in sounds}
    for call in calls:
        for file in sound.of_call(call, spools):
            if file.name in named:
                continue
            try:
                file.unlink(missing_ok=True)
                gone += 1
            except OSError as error:
                stuck.append(f"{file.name}: {error.strerror}")
    return gone, stuck


async def holds(database: Database) -> list[Hold]:
    """Raises `Unavailable`."""
    async with database.read() as connection:
        rows = (
            await connection.execute(select(_ERASURES.held, _ERASURES.at).where(_ERASURES.held != ""))
        ).all()
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row.held, []).append(row.at)
    return [
        Hold(reason=reason, calls=len(stamps), since=seconds(min(stamps)))
        for reason, stamps in sorted(found.items())
    ]


async def release(database: Database, reason: str, spools: Sequence[Path]) -> tuple[int, int, list[str]]:
    """End a hold: the voice goes. Returns calls, files removed, and why files may still be there.

    Then the hold stands, so that it can be tried again. Raises `Unavailable`.
    """
    async with database.read() as connection:
        calls = list(
            (await connection.execute(select(_ERASURES.call).where(_ERASURES.held == reason))).scalars()
        )
        found = await sounds_of(connection, calls)
    gone, stuck = remove(found, calls, spools)
    if not stuck:
        async with database.write() as connection:
            await connection.execute(update(schema.erasures).where(_ERASURES.held == reason).values(held=""))
    return len(calls), gone, stuck

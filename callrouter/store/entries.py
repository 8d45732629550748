"""The kinds of entries the writer takes: how each is kept on disk and put into its tables.

Every kind has a key chosen before writing, so that writing an entry again has no effect.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert

from acd.record import CallRecord, LateSegment
from callrouter.ports import AuditEntry
from callrouter.store import rows, schema

Entry = CallRecord | LateSegment | AuditEntry


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    type: type[Entry]
    key: Column[str] | None
    """None: the table's own primary key tells what is known."""
    key_of: Callable[[Any], str]
    rows: Callable[[Sequence[Any]], rows.Rows]


KINDS: Final = (
    Kind("call", CallRecord, schema.calls.c.call, lambda entry: rows.storable(entry.call), rows.call_rows),
    Kind("segment", LateSegment, None, lambda entry: rows.storable(entry.id), rows.late_segment_rows),
    Kind("audit", AuditEntry, schema.audit.c.id, lambda entry: rows.storable(entry.id), rows.audit_rows),
)
_BY_TYPE: Final = {kind.type: kind for kind in KINDS}
_BY_NAME: Final = {kind.name: kind for kind in KINDS}


class _Envelope(msgspec.Struct):
    kind: str
    entry: msgspec.Raw


def encode(entry: Entry) -> bytes:
    """One line of JSON. Lone surrogates, which UTF-8 cannot hold, become ``?``."""
    kind = _BY_TYPE[type(entry)].name
    try:
        body = msgspec.json.encode(entry, enc_hook=str)
    except UnicodeEncodeError:
        body = msgspec.json.encode(_without_surrogates(msgspec.to_builtins(entry, enc_hook=str)))
    return b'{"kind":"%s","entry":%s}' % (kind.encode(), body)


def decode(payload: bytes) -> Entry:
    """The entry again. Raises `msgspec.DecodeError` or `KeyError` for what this version does not know."""
    envelope = msgspec.json.decode(payload, type=_Envelope)
    return msgspec.json.decode(envelope.entry, type=_BY_NAME[envelope.kind].type)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value


async def insert(connection: AsyncConnection, entries: Sequence[Entry]) -> int:
    """Put all entries into their tables; returns how many were new."""
    new = 0
    for kind in KINDS:
        mine = {kind.key_of(entry): entry for entry in reversed(entries) if type(entry) is kind.type}
        if not mine:
            continue
        known = await _known(connection, kind.key, list(mine)) if kind.key is not None else set()
        fresh = [entry for key, entry in mine.items() if key not in known]
        new += len(fresh)
        for table, values in kind.rows(fresh).items():
            if values:
                await connection.execute(_insert_or_ignore(connection, table), values)
    return new


async def _known(connection: AsyncConnection, key: Column[str], keys: Sequence[str]) -> set[str]:
    found = await connection.execute(
        select(key).where(key.in_(bindparam("keys", expanding=True))), {"keys": keys}
    )
    return set(found.scalars())


def _insert_or_ignore(connection: AsyncConnection, table: Table) -> Insert:
    # The net under `_known`: another controller may have written the same entry meanwhile.
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()

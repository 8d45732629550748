"""Finished calls, read back."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, Table, bindparam, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.commands import OfferClosed
from acd.ids import AgentId, CallId, Instant, OrgId
from acd.record import CallRecord
from callrouter.store import schema
from callrouter.store.database import Database
from callrouter.store.offers import offers_of
from callrouter.store.rows import micros, record_of, seconds

LIST_LIMIT: Final = 500
"""Most calls one `StoredRecords.calls` returns, whatever is asked."""
_PAGE: Final = 500

_CALLS: Final = schema.calls.c


def _parts_query(table: Table, order: str) -> Select[Any]:
    return (
        select(table)
        .where(table.c.call.in_(bindparam("calls", expanding=True)))
        .order_by(table.c.call, table.c[order])
    )


_SEGMENTS: Final = _parts_query(schema.segments, "position")
_TRANSFERS: Final = _parts_query(schema.transfers, "number")
_STEPS: Final = _parts_query(schema.flow_steps, "position")


class StoredRecords:
    """`callrouter.ports.Records` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def call(self, call: CallId) -> CallRecord | None:
        async with self._database.read() as connection:
            found = (await connection.execute(select(schema.calls).where(_CALLS.call == call))).all()
            records = await _complete(connection, found)
        return records[0] if records else None

    async def offers(self, call: CallId) -> Sequence[OfferClosed]:
        """Offers of `call` that have ended, oldest first."""
        return await offers_of(self._database, call)

    async def calls(
        self,
        *,
        since: Instant | None = None,
        until: Instant | None = None,
        outcome: str | None = None,
        agent: AgentId | None = None,
        organisations: Collection[OrgId] | None = None,
        limit: int = 50,
    ) -> Sequence[CallRecord]:
        """Calls with `since` ≤ ingress < `until`, newest first, at most `LIST_LIMIT`."""
        query = select(schema.calls).order_by(_CALLS.ingress.desc(), _CALLS.call.desc())
        if since is not None:
            query = query.where(_CALLS.ingress >= micros(since))
        if until is not None:
            query = query.where(_CALLS.ingress < micros(until))
        if outcome is not None:
            query = query.where(_CALLS.outcome == outcome)
        if agent is not None:
            query = query.where(_CALLS.first_agent == agent)
        if organisations is not None:
            query = query.where(_CALLS.organisation.in_(organisations))
        async with self._database.read() as connection:
            found = (await connection.execute(query.limit(max(0, min(limit, LIST_LIMIT))))).all()
            return await _complete(connection, found)

    async def first(self) -> Instant | None:
        """Ingress of the oldest call that is kept."""
        async with self._database.read() as connection:
            oldest = (await connection.execute(select(func.min(_CALLS.ingress)))).scalar()
        return None if oldest is None else seconds(oldest)

    async def stream(self, *, since: Instant, until: Instant) -> AsyncIterator[CallRecord]:
        """Every call with `since` ≤ ingress < `until`, oldest first, in bounded memory."""
        place = tuple_(_CALLS.ingress, _CALLS.call)
        after: tuple[int, str] = (micros(since), "")
        query = (
            select(schema.calls)
            .where(_CALLS.ingress < micros(until))
            .order_by(_CALLS.ingress, _CALLS.call)
            .limit(_PAGE)
        )
        while True:
            # A connection a page: a slow consumer must not hold a snapshot open for hours.
            async with self._database.read() as connection:
                found = (await connection.execute(query.where(place > after))).all()
                records = await _complete(connection, found)
            for record in records:
                yield record
            if len(found) < _PAGE:
                return
            after = (found[-1].ingress, found[-1].call)


async def _complete(connection: AsyncConnection, found: Sequence[Row[Any]]) -> list[CallRecord]:
    if not found:
        return []
    ids = [row.call for row in found]
    segments = await _by_call(connection, _SEGMENTS, ids)
    transfers = await _by_call(connection, _TRANSFERS, ids)
    steps = await _by_call(connection, _STEPS, ids)
    return [record_of(row, segments[row.call], transfers[row.call], steps[row.call]) for row in found]


async def _by_call(
    connection: AsyncConnection, query: Select[Any], ids: Sequence[str]
) -> defaultdict[str, list[Row[Any]]]:
    parts: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in await connection.execute(query, {"calls": ids}):
        parts[row.call].append(row)
    return parts

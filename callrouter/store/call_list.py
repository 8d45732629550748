"""Finished calls one line each: without their segments and steps, a year of them passes in half a minute."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import select, tuple_

from callrouter.store import schema
from callrouter.store.database import Database

_CALLS: Final = schema.calls.c
_TRANSFERS: Final = schema.transfers.c
COLUMNS: Final = (
    _CALLS.call,
    _CALLS.organisation,
    _CALLS.dialled,
    _CALLS.caller,
    _CALLS.queue,
    _CALLS.language,
    _CALLS.first_seat,
    _CALLS.first_agent,
    _CALLS.outcome,
    _CALLS.ended_by,
    _CALLS.ingress,
    _CALLS.enqueued,
    _CALLS.answered,
    _CALLS.ended,
    _CALLS.cause,
)

Listed = Sequence[tuple[Sequence[Any], list[str]]]
"""Rows of `COLUMNS`, instants in microseconds, each with the targets of its transfers."""


async def listed(database: Database, since: int, until: int, page: int) -> AsyncIterator[Listed]:
    """Calls with ``since ≤ ingress < until`` (microseconds), oldest first, `page` at a time.

    Raises `Unavailable`.
    """
    place = tuple_(_CALLS.ingress, _CALLS.call)
    after: tuple[int, str] = (since, "")
    query = select(*COLUMNS).where(_CALLS.ingress < until).order_by(_CALLS.ingress, _CALLS.call).limit(page)
    while True:
        # A connection a page: a slow reader must not hold a snapshot open for hours.
        async with database.read() as connection:
            found = (await connection.execute(query.where(place > after))).all()
            if not found:
                return
            last = (found[-1].ingress, found[-1].call)
            theirs = (
                select(_TRANSFERS.call, _TRANSFERS.target)
                .join(schema.calls, _CALLS.call == _TRANSFERS.call)
                .where(place > after, place <= last)
                .order_by(_TRANSFERS.call, _TRANSFERS.number)
            )
            targets: defaultdict[str, list[str]] = defaultdict(list)
            for call, target in await connection.execute(theirs):
                targets[call].append(target)
        yield [(row, targets.get(row[0], [])) for row in found]
        after = last

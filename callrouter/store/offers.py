"""Offers of a call, read back."""

from typing import Final

import msgspec
from sqlalchemy import Row, select

from acd.commands import OfferClosed
from acd.ids import CallId, OfferId, QueueId, SeatId
from callrouter.store import schema
from callrouter.store.database import Database
from callrouter.store.rows import seconds

LIMIT: Final = 1000
"""Most offers of one call that are read: a caller who rang more seats is cut short, oldest first."""


async def offers_of(database: Database, call: CallId) -> tuple[OfferClosed, ...]:
    """Every offer of `call` in order of time, at most `LIMIT`. Raises `Unavailable`."""
    columns = schema.offers.c
    query = (
        select(schema.offers)
        .where(columns.call == call)
        .order_by(columns.made, columns.ended, columns.offer)
        .limit(LIMIT)
    )
    async with database.read() as connection:
        found = (await connection.execute(query)).all()
    return tuple(_offer(row) for row in found)


def _offer(row: Row[tuple[object, ...]]) -> OfferClosed:
    values = row._mapping
    return OfferClosed(
        offer=OfferId(values["offer"]),
        call=CallId(values["call"]),
        seat=SeatId(values["seat"]),
        queue=QueueId(values["queue"]),
        made=seconds(values["made"]),
        ended=seconds(values["ended"]),
        outcome=values["outcome"],
        explanation=msgspec.json.decode(values["explanation"], type=dict[str, object]),
    )

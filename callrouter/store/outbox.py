"""Messages waiting for the broker, written in the same transaction as what they tell."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callrouter.mail import Outgoing
from callrouter.store import schema
from callrouter.store.database import Database
from callrouter.store.rows import seconds

_OUTBOX = schema.outbox.c


class StoredOutbox:
    """`callrouter.ports.Outbox` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, limit: int) -> Sequence[tuple[int, Outgoing]]:
        query = select(schema.outbox).order_by(_OUTBOX.seq).limit(limit)

        async def read(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(query)).all()

        rows = await self._database.transact(read, writes=False)
        return [
            (row.seq, Outgoing(id=row.id, topic=row.topic, payload=row.payload, at=seconds(row.at)))
            for row in rows
        ]

    async def sent(self, places: Collection[int]) -> int:
        if not places:
            return 0
        statement = delete(schema.outbox).where(_OUTBOX.seq.in_(sorted(places)))

        async def forget(connection: AsyncConnection) -> int:
            return int((await connection.execute(statement)).rowcount)

        return await self._database.transact(forget)

    async def count(self) -> int:
        async with self._database.read() as connection:
            return int(
                (await connection.execute(select(func.count()).select_from(schema.outbox))).scalar_one()
            )

"""Messages of callers, in a database and in Asterisk's spool folders."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, delete, update

from acd.ids import CallId, Instant, OrgId, QueueId
from callrouter.mailboxes import MessageView, SoundStuck
from callrouter.recordings import SoundErased
from callrouter.store import schema, sound, voice
from callrouter.store.database import Database
from callrouter.store.rows import maybe_micros, maybe_seconds, micros, seconds

LIST_LIMIT: Final = 500
"""Most messages that one list returns, whatever is asked."""
_COLUMNS: Final = schema.voicemails.c


class StoredMailboxes:
    """`callrouter.mailboxes.Mailboxes`. `spools`: folders below which the files lie."""

    def __init__(self, database: Database, spools: Callable[[], Sequence[Path]]) -> None:
        self._database = database
        self._spools = spools

    async def messages(
        self,
        *,
        mailbox: str | None = None,
        heard: bool | None = None,
        organisations: Collection[OrgId] | None = None,
        until: Instant | None = None,
        limit: int = 50,
    ) -> Sequence[MessageView]:
        query = voice.with_erasure(schema.voicemails).order_by(_COLUMNS.received.desc(), _COLUMNS.id.desc())
        if mailbox is not None:
            query = query.where(_COLUMNS.mailbox == mailbox)
        if heard is not None:
            query = query.where(_COLUMNS.heard.is_not(None) if heard else _COLUMNS.heard.is_(None))
        if organisations is not None:
            query = query.where(_COLUMNS.organisation.in_(organisations))
        if until is not None:
            query = query.where(_COLUMNS.received < micros(until))
        async with self._database.read() as connection:
            found = await connection.execute(query.limit(max(0, min(limit, LIST_LIMIT))))
            return [_view(row) for row in found]

    async def message(self, id: str) -> MessageView | None:
        row = await self._row(id)
        return _view(row) if row is not None else None

    async def sound(self, id: str) -> Path | None:
        row = await self._row(id)
        if row is None:
            return None
        at, by = voice.erased(row)
        if at is not None:
            raise SoundErased(at, by)
        return await asyncio.to_thread(sound.find, row.file, self._spools())

    async def mark(self, id: str, heard: Instant | None, by: str | None) -> None:
        marked = update(schema.voicemails).where(_COLUMNS.id == id)
        async with self._database.write() as connection:
            await connection.execute(marked.values(heard=maybe_micros(heard), heard_by=by))

    async def delete(self, id: str) -> None:
        row = await self._row(id)
        if row is None:
            return
        # The file first: a file without its row would lie there for ever, a row without its file is found.
        reason = await asyncio.to_thread(sound.remove, row.file, self._spools())
        if reason:
            raise SoundStuck(reason)
        async with self._database.write() as connection:
            await connection.execute(delete(schema.voicemails).where(_COLUMNS.id == id))

    async def _row(self, id: str) -> Row[Any] | None:
        async with self._database.read() as connection:
            one = voice.with_erasure(schema.voicemails).where(_COLUMNS.id == id)
            row: Row[Any] | None = (await connection.execute(one)).first()
            return row


def _view(row: Row[Any]) -> MessageView:
    at, by = voice.erased(row)
    return MessageView(
        id=row.id,
        mailbox=row.mailbox,
        organisation=OrgId(row.organisation),
        call=CallId(row.call),
        queue=QueueId(row.queue) if row.queue is not None else None,
        number=row.number,
        received=seconds(row.received),
        seconds=seconds(row.length),
        heard=maybe_seconds(row.heard),
        heard_by=row.heard_by,
        erased=at,
        erased_by=by,
    )

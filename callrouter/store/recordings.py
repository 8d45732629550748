"""Recordings of calls, in a database and in Asterisk's spool folders."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from acd.ids import CallId
from callrouter.recordings import RecordingView, SoundAltered, SoundErased
from callrouter.store import schema, sound, voice
from callrouter.store.database import Database
from callrouter.store.rows import seconds


class StoredRecordings:
    """`callrouter.recordings.Recordings`. `spools`: folders below which the files lie."""

    def __init__(self, database: Database, spools: Callable[[], Sequence[Path]]) -> None:
        self._database = database
        self._spools = spools

    async def of_call(self, call: CallId) -> Sequence[RecordingView]:
        query = voice.with_erasure(schema.recordings).where(schema.recordings.c.call == call)
        async with self._database.read() as connection:
            found = await connection.execute(query.order_by(schema.recordings.c.started))
            return [_view(row) for row in found]

    async def sound(self, id: str) -> Path | None:
        query = voice.with_erasure(schema.recordings).where(schema.recordings.c.id == id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        at, by = voice.erased(row)
        if at is not None:
            raise SoundErased(at, by)
        return await asyncio.to_thread(_as_recorded, row, self._spools())


def _as_recorded(row: Row[Any], spools: Sequence[Path]) -> Path | None:
    file = sound.find(row.file, spools)
    if file is None or not row.sha256:
        return file
    size = file.stat().st_size
    if size != row.size:
        raise SoundAltered(f"{size} bytes, {row.size} were recorded")
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != row.sha256:
            raise SoundAltered("its SHA-256 is not the one that was taken when the recording ended")
    return file


def _view(row: Row[Any]) -> RecordingView:
    at, by = voice.erased(row)
    return RecordingView(
        id=row.id,
        call=CallId(row.call),
        consult=voice.is_consult(row.id, row.call),
        started=seconds(row.started),
        ended=seconds(row.ended),
        size=row.size,
        sha256=row.sha256,
        erased=at,
        erased_by=by,
    )

"""Versions of the site that were in force, in a database: what a call ran on, and its sources."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select

from acd.ids import Instant
from acd.record import CallRecord
from callrouter.config.versions import Files, unpack
from callrouter.live_site import Taken
from callrouter.store import schema
from callrouter.store.database import Database
from callrouter.store.rows import micros, seconds

_TAKEN: Final = schema.site_versions.c
_SOURCES: Final = schema.site_sources.c


class StoredVersions:
    """`callrouter.live_site.PastVersions` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_call(self, record: CallRecord) -> Taken | None:
        before = _TAKEN.at <= micros(record.ingress)
        if not record.flow_version:
            return next(iter(await self._read(_taken().where(before).limit(1))), None)
        # Another controller on the same database may have a site of its own.
        same = _taken().where(_SOURCES.flows == record.flow_version)
        found = await self._read(same.where(before).limit(1))
        # A change between a call's first instant and its flow's.
        found = found or await self._read(same.order_by(None).order_by(_TAKEN.at).limit(1))
        return next(iter(found), None)

    async def taken(self, *, until: Instant | None = None, limit: int = 50) -> Sequence[Taken]:
        query = _taken()
        if until is not None:
            query = query.where(_TAKEN.at < micros(until))
        return await self._read(query.limit(max(0, limit)))

    async def sources(self, digest: str) -> tuple[str, Files] | None:
        query = select(_SOURCES.digest, _SOURCES.files).where(
            _SOURCES.digest.startswith(digest, autoescape=True)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query.limit(2))).all()
        return (found[0].digest, unpack(found[0].files)) if len(found) == 1 and digest else None

    async def _read(self, query: Select[Any]) -> list[Taken]:
        async with self._database.read() as connection:
            return [_view(row) for row in await connection.execute(query)]


def _taken() -> Select[Any]:
    """Latest first."""
    joined = schema.site_versions.join(schema.site_sources, _TAKEN.digest == _SOURCES.digest)
    columns = (_TAKEN.digest, _TAKEN.at, _TAKEN.by, _TAKEN.note, _SOURCES.flows)
    return select(*columns).select_from(joined).order_by(_TAKEN.at.desc(), _TAKEN.digest)


def _view(row: Row[Any]) -> Taken:
    return Taken(digest=row.digest, at=seconds(row.at), by=row.by, note=row.note, flows=row.flows)

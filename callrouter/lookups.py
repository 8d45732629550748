"""What flows ask of the world outside: named HTTP services and databases, each bounded in time and size.

The flow knows a service by name; its address and secrets are here. Whatever
goes wrong comes back as an answer with a reason; nothing is raised at the loop.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from callrouter.router.notices import FlowAnswered, LookupWanted

LARGEST_ANSWER: Final = 256 * 1024
MOST_ROWS: Final = 200
AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpService:
    """Base address and headers (authorization among them) of a web service."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlDatabase:
    """SQLAlchemy URL of a database that flows may read."""

    url: str = field(repr=False)


Service = HttpService | SqlDatabase


class _Failed(Exception):
    """Reason word for the flow."""


class Lookups:
    """Callable as the controller's look-up; `close` ends its connections."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = dict(services)
        self._session: aiohttp.ClientSession | None = None
        self._engines: dict[str, AsyncEngine] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, wanted: LookupWanted) -> FlowAnswered:
        try:
            async with asyncio.timeout(wanted.timeout), self._room:
                ask = self._http if wanted.kind == "http" else self._sql
                value = await ask(wanted.request)
        except TimeoutError:
            return _answer(wanted, reason="timeout")
        except _Failed as failure:
            return _answer(wanted, reason=str(failure))
        except (aiohttp.ClientError, SQLAlchemyError, OSError, ValueError) as error:
            return _answer(wanted, reason=f"unavailable: {type(error).__name__}")
        return FlowAnswered(call=wanted.call, token=wanted.token, ok=True, value=value)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        for engine in self._engines.values():
            await engine.dispose()

    def _service(self, name: object, kind: type[Service]) -> Any:
        service = self._services.get(str(name))
        if not isinstance(service, kind):
            raise _Failed("not_configured")
        return service

    async def _http(self, request: Mapping[str, Any]) -> object:
        service: HttpService = self._service(request["service"], HttpService)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=AT_ONCE), cookie_jar=aiohttp.DummyCookieJar()
            )
        async with self._session.request(
            request["method"],
            service.url.rstrip("/") + request["path"],
            params=request["query"],
            json=request["body"] or None,
            headers=service.headers,
            allow_redirects=False,
        ) as reply:
            if reply.status == 404:
                raise _Failed("not_found")
            if not 200 <= reply.status < 300:
                raise _Failed(f"status_{reply.status}")
            if reply.status == 204:
                return None
            body = await reply.content.read(LARGEST_ANSWER + 1)
            while len(body) <= LARGEST_ANSWER and not reply.content.at_eof():
                body += await reply.content.read(LARGEST_ANSWER + 1 - len(body))
            if len(body) > LARGEST_ANSWER:
                raise _Failed("too_large")
        answer: object = orjson.loads(body)
        return answer

    async def _sql(self, request: Mapping[str, Any]) -> object:
        name = str(request["database"])
        database: SqlDatabase = self._service(name, SqlDatabase)
        engine = self._engines.get(name)
        if engine is None:
            engine = self._engines[name] = create_async_engine(database.url, pool_size=4, max_overflow=0)
        async with engine.connect() as connection:
            rows = await connection.execute(text(request["query"]), request["parameters"])
            found = rows.mappings().fetchmany(MOST_ROWS)
        return [dict(row) for row in found]


def _answer(wanted: LookupWanted, *, reason: str) -> FlowAnswered:
    return FlowAnswered(call=wanted.call, token=wanted.token, ok=False, reason=reason)

"""What flows ask of the world outside: named HTTP services and databases, each bounded in time and size.

The flow knows a service by name; its address and secrets are here. Whatever
goes wrong comes back as an answer with a reason; nothing is raised at the loop.
An answer that is late is not waited for, nor is its end: a database may take its
time to notice that nobody wants it any more. Databases are opened to be read only.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import aiosqlite
import orjson
from sqlalchemy import event, text
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
        self._asking: set[asyncio.Task[FlowAnswered]] = set()
        self._sqlite: dict[asyncio.Task[Any] | None, aiosqlite.Connection] = {}
        """Connections of SQLite that are at work, by the task that waits for them."""

    async def __call__(self, wanted: LookupWanted) -> FlowAnswered:
        task = asyncio.get_running_loop().create_task(self._ask(wanted), name="look-up")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        try:
            done, _ = await asyncio.wait({task}, timeout=wanted.timeout)
        except asyncio.CancelledError:
            await self._break_off(task)
            raise
        if not done:
            await self._break_off(task)
            return _answer(wanted, reason="timeout")
        return task.result()

    async def _break_off(self, task: asyncio.Task[FlowAnswered]) -> None:
        """Nobody waits for it any more; its own end is not waited for."""
        driver = self._sqlite.get(task)
        if driver is None:
            task.cancel()
        else:
            # Cancelled, it would work on in its thread and keep the connection; interrupted, it fails.
            await driver.interrupt()

    async def _ask(self, wanted: LookupWanted) -> FlowAnswered:
        try:
            async with self._room:
                ask = self._http if wanted.kind == "http" else self._sql
                value = await ask(wanted.request)
        except _Failed as failure:
            return _answer(wanted, reason=str(failure))
        except (aiohttp.ClientError, SQLAlchemyError, OSError, ValueError) as error:
            return _answer(wanted, reason=f"unavailable: {type(error).__name__}")
        return FlowAnswered(call=wanted.call, token=wanted.token, ok=True, value=value)

    async def close(self) -> None:
        for task in list(self._asking):
            await self._break_off(task)
        if self._asking:
            await asyncio.wait(self._asking)
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
            engine = self._engines[name] = _read_only(database.url)
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            task = asyncio.current_task()
            if isinstance(driver, aiosqlite.Connection):
                self._sqlite[task] = driver
            try:
                rows = await connection.execute(text(request["query"]), request["parameters"])
            finally:
                self._sqlite.pop(task, None)
            found = rows.mappings().fetchmany(MOST_ROWS)
        return [dict(row) for row in found]


def _read_only(url: str) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=4, max_overflow=0, execution_options={"postgresql_readonly": True}
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _query_only)
    return engine


def _query_only(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _answer(wanted: LookupWanted, *, reason: str) -> FlowAnswered:
    return FlowAnswered(call=wanted.call, token=wanted.token, ok=False, reason=reason)

"""One way to the database: SQLite in a file, or PostgreSQL.

SQLite runs in WAL mode, so that readers never wait for the writer. A writing
transaction begins IMMEDIATE: it takes its lock at once and waits there, instead
of failing half-way when a reader's snapshot cannot be upgraded.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from callrouter.ports import Unavailable
from callrouter.store.beside import BesideLoop, Result, Work

BUSY_TIMEOUT_MS: Final = 2000
CONNECT_TIMEOUT: Final = 5.0
DATABASE_NAME: Final = "callrouter.sqlite"
"""File name within a state directory."""

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)
_WRITES: Final = "callrouter_writes"
_BARE: Final = "callrouter_bare"


_UNFIT: Final = (
    *(DataError, IntegrityError, OverflowError, TypeError, ValueError),
    # As the drivers themselves say it, where they are used without SQLAlchemy in between.
    *(sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError),
)


class Unfit(Exception):
    """The values themselves are at fault, not the database's state; the text says why."""


class StoreError(Exception):
    """The database cannot be used as it is; the text says why and what to do."""


def parse_url(where: str | Path) -> URL:
    """A database URL with its driver, from a file's path, ``sqlite:///…`` or ``postgresql://…``.

    Raises `StoreError` for anything else.
    """
    if isinstance(where, Path) or "://" not in where:
        return URL.create(_DRIVERS["sqlite"], database=str(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "database URL is malformed: write postgresql://user:password@host/name or a file's path"
        ) from error
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        kind = url.get_backend_name()
        raise StoreError(f"database kind {kind!r} is not supported: use sqlite or postgresql")
    return url.set(drivername=driver)


class Database:
    """A pool of connections. `read` for queries, `write` for one transaction."""

    def __init__(self, where: str | Path) -> None:
        self.url = parse_url(where)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Callers' numbers are in it: for the owner only, and so are the journals SQLite puts beside it.
            self.path.touch(mode=0o600)
        arguments = {} if self.is_sqlite else {"timeout": CONNECT_TIMEOUT}
        try:
            self._engine = create_async_engine(
                self.url,
                pool_size=4,
                max_overflow=4,
                pool_timeout=5,
                connect_args=arguments,
                # A server that was restarted has closed every connection: nobody is to notice.
                pool_pre_ping=not self.is_sqlite,
            )
        except ModuleNotFoundError as error:
            raise StoreError("PostgreSQL needs its driver: pip install 'callrouter[postgres]'") from error
        self._away_errors = _away_errors(self.is_sqlite)
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self._beside = (
            BesideLoop(self.url, _prepare_sqlite, _begin_sqlite, _WRITES) if self.path is not None else None
        )
        # On SQLite in WAL mode a transaction that only reads has a snapshot of its own as it is.
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reading: AsyncEngine = self._engine.execution_options(**snapshot)
        self._writing: AsyncEngine = self._engine.execution_options(**{_WRITES: True})

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries, which all see the database as it was at the first of them.

        Raises `Unavailable` when the database cannot be used now.
        """
        with self._errors_named():
            async with self._reading.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back when an exception leaves the block.

        Raises `Unavailable` when the database cannot be used now, `Unfit` for values it refuses.
        """
        with self._errors_named():
            async with self._writing.begin() as connection:
                yield connection

    async def transact(self, work: Work[Result], *, writes: bool = True) -> Result:
        """`write` or `read` for work that awaits nothing but its connection; see `beside`.

        Raises `Unavailable`, `Unfit`.
        """
        with self._errors_named():
            if self._beside is not None:
                return await self._beside.run(work, writes=writes)
            async with self._writing.begin() if writes else self._reading.connect() as connection:
                return await work(connection)

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[AsyncConnection]:
        """A connection outside any transaction, for what a transaction forbids."""
        with self._errors_named():
            engine = self._engine.execution_options(isolation_level="AUTOCOMMIT", **{_BARE: True})
            async with engine.connect() as connection:
                yield connection

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except _UNFIT as error:
            raise Unfit(brief(error)) from error
        except self._away_errors as error:
            # PostgreSQL's SQLSTATE classes: 22 data exception, 23 integrity constraint violation.
            state = getattr(getattr(error, "orig", error), "pgcode", None) or getattr(error, "sqlstate", "")
            refused = str(state).startswith(("22", "23"))
            raise (Unfit if refused else Unavailable)(brief(error)) from error

    async def close(self) -> None:
        if self._beside is not None:
            await self._beside.close()
        await self._engine.dispose()


def _away_errors(is_sqlite: bool) -> tuple[type[Exception], ...]:
    general = (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError)
    if is_sqlite:
        return general
    # While connecting, SQLAlchemy passes the driver's own errors on as they are.
    import asyncpg

    return (*general, asyncpg.PostgresError, asyncpg.InterfaceError)


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(_BARE):
        return
    writes = options.get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def brief(error: BaseException) -> str:
    """First line of the error, without the statement's parameters: they hold callers' numbers."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).splitlines()[0] if str(cause) else ""
    return f"{type(cause).__name__}: {text}"[:300]

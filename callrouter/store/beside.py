"""A transaction on SQLite in one piece, in a thread of its own.

Through asyncio every statement goes to the driver's thread and back, and the
loop is woken for each: thirty times a transaction, at a fifth of a millisecond
whenever the processor's caches hold something else by then. Here the whole
transaction runs beside the loop, which is woken once. The work is written as for
an `AsyncConnection`, hence is the same for PostgreSQL; all that it may await is
the connection and `asyncio.sleep(0)`.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from sqlalchemy import URL, Connection, CursorResult, Dialect, Engine, Executable, create_engine, event
from sqlalchemy.ext.asyncio import AsyncConnection

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Coroutine[Any, Any, Result]]


class _Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    async def close(self) -> None:
        self._cursor.close()


class _Driver:
    """The driver's connection, as `aiosqlite` shows it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def driver_connection(self) -> "_Driver":
        return self

    async def executemany(self, statement: str, records: Sequence[Sequence[Any]]) -> _Cursor:
        return _Cursor(self._connection.executemany(statement, records))


class _Here:
    """As much of an `AsyncConnection` as the store's transactions use; nothing in it ever waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        return cast("CursorResult[Any]", self._connection.execute(statement, parameters))

    async def get_raw_connection(self) -> _Driver:
        return _Driver(cast(sqlite3.Connection, self._connection.connection.driver_connection))


class BesideLoop:
    """One thread with one connection. Transactions queue up for it in order."""

    def __init__(
        self, url: URL, prepare: Callable[..., None], begin: Callable[[Connection], None], writes: str
    ) -> None:
        """`prepare` and `begin` are called as SQLAlchemy's events; `writes` names the option for writing."""
        self._engine = create_engine(
            url.set(drivername="sqlite+pysqlite"), pool_size=1, connect_args={"check_same_thread": False}
        )
        event.listen(self._engine, "connect", prepare)
        event.listen(self._engine, "begin", begin)
        self._writing: Engine = self._engine.execution_options(**{writes: True})
        self._threads = _one_thread()

    async def run(self, work: Work[Result], *, writes: bool) -> Result:
        """Raises what the work raises; then nothing has changed.

        Cancelled, it ends by itself all the same: the next transaction waits for it.
        """
        engine = self._writing if writes else self._engine
        return await asyncio.get_running_loop().run_in_executor(self._threads, _transaction, engine, work)

    async def close(self) -> None:
        """End the thread and its connection; a later transaction has new ones, as with `Engine.dispose`."""
        threads, self._threads = self._threads, _one_thread()
        await asyncio.to_thread(threads.shutdown)
        self._engine.dispose()


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="store")


def _transaction(engine: Engine, work: Work[Result]) -> Result:
    with engine.begin() as connection:
        return at_once(work(cast(AsyncConnection, _Here(connection))))


def at_once(work: Awaitable[Result]) -> Result:
    """Run a coroutine that waits for nothing to its end. Raises RuntimeError when it waits all the same."""
    steps = work.__await__()
    while True:
        try:
            waited_for = next(steps)
        except StopIteration as end:
            return cast(Result, end.value)
        if waited_for is not None:  # `asyncio.sleep(0)` yields nothing
            steps.throw(RuntimeError("a transaction beside the loop may wait for its connection only"))

"""Each test that takes `database` runs on SQLite and, where the tools are, on a real PostgreSQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from callrouter.store import migrate
from callrouter.store.database import Database
from callrouter.toolchain import install
from callrouter.toolchain.install import Request
from callrouter.toolchain.postgres import PostgresServer
from tests.toolchain.conftest import Listener

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of our own."""
    install.install(Request(extra=["postgres"]), Listener())
    settings = ("fsync=off", "shared_buffers=64MB", "max_connections=50")
    with PostgresServer(tmp_path_factory.mktemp("postgres") / "server", settings) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.asterisk)])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is."""
    if request.param == "sqlite":
        return str(tmp_path / "callrouter.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return await asyncio.to_thread(server.create, f"test_{next(_numbers)}")


@pytest.fixture
async def database(place: str) -> AsyncIterator[Database]:
    found = Database(place)
    await migrate.upgrade(found)
    yield found
    await found.close()


Locked = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def locked(database: Database, place: str) -> Locked:
    """The database held by another program, so that every write fails."""

    @asynccontextmanager
    async def lock() -> AsyncIterator[None]:
        other = Database(place)
        try:
            async with other.write() as connection:
                if not other.is_sqlite:
                    tables = "calls, segments, audit, outbox, packed_days"
                    await connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
                yield
        finally:
            await other.close()

    return lock

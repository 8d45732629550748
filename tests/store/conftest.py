"""Each test that takes `database` runs on SQLite and, where the tools are, on a real PostgreSQL."""

import itertools
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from callrouter.store import migrate
from callrouter.store.database import Database
from callrouter.toolchain import install, locate
from callrouter.toolchain.install import Request
from callrouter.toolchain.locate import Program
from tests.toolchain.conftest import Listener

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of our own, up to the database's name."""
    install.install(Request(extra=["postgres"]), Listener())
    folder = tmp_path_factory.mktemp("postgres")
    data = folder / "data"
    data.mkdir(mode=0o700)
    make = ("-D", data, "-U", "callrouter", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8")
    _run(locate("initdb"), *make)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    quick = ("-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "max_connections=50")
    program = locate("postgres")
    command = program.command("-D", data, "-p", port, "-h", "127.0.0.1", "-k", data, *quick)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=program.environment(), stderr=log, stdout=log)
    try:
        ask = ("-h", "127.0.0.1", "-p", port, "-U", "callrouter", "-t", "20")
        while _run(locate("pg_isready"), *ask, check=False).returncode != 0:
            assert server.poll() is None, (folder / "log").read_text()
        yield f"postgresql://callrouter@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _run(
    program: Program, *arguments: str | Path, check: bool = True
) -> "subprocess.CompletedProcess[bytes]":
    command = program.command(*arguments)
    return subprocess.run(command, env=program.environment(), capture_output=True, timeout=60, check=check)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.asterisk)])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is."""
    if request.param == "sqlite":
        return str(tmp_path / "callrouter.sqlite")
    server: str = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(f"{server}/postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"{server}/{name}"


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

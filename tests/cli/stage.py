"""A state directory as a demo leaves it, and the command line to look at it."""

import asyncio
import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from callrouter.store import entries, migrate
from callrouter.store.database import DATABASE_NAME, Database
from callrouter.store.inserting import insert
from callrouter.web.server import WebServer
from tests.web.conftest import World


def command(*names: str) -> typer.Typer:
    """These sub-commands only: quicker than all."""
    app = typer.Typer()
    for name in names:
        importlib.import_module(f"callrouter.cli.{name}").register(app)
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    """Keeps a single sub-command from becoming the whole command."""


def run(app: typer.Typer, *arguments: str | Path, stdin: str = "", columns: int = 130) -> Result:
    environment = {"COLUMNS": str(columns), "TZ": "Asia/Shanghai", "CALLROUTER_STATE_DIR": ""}
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin, env=environment)


@contextmanager
def serving(world: World) -> Iterator[str]:
    """The URL of a server with a loop of its own: the command has one too."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    web = WebServer(world.app())
    asyncio.run_coroutine_threadsafe(web.start(), loop).result(10)
    try:
        yield web.url
    finally:
        asyncio.run_coroutine_threadsafe(web.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def fill(state_dir: Path, *found: entries.Entry) -> None:
    async def work() -> None:
        database = Database(state_dir / DATABASE_NAME)
        await migrate.upgrade(database)
        async with database.write() as connection:
            await insert(connection, found)
        await database.close()

    asyncio.run(work())


def ask(state_dir: Path, query: str) -> list[tuple[object, ...]]:
    async def work() -> list[tuple[object, ...]]:
        database = Database(state_dir / DATABASE_NAME)
        async with database.read() as connection:
            rows = [tuple(row) for row in await connection.execute(text(query))]
        await database.close()
        return rows

    return asyncio.run(work())

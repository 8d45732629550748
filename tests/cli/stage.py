"""A state directory as a demo leaves it, and the command line to look at it."""

import asyncio
import importlib
from pathlib import Path

import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from callrouter.store import entries, migrate
from callrouter.store.database import DATABASE_NAME, Database
from callrouter.store.inserting import insert


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

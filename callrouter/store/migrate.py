"""Bringing a database to this version's schema, through alembic's API.

Migrations lie beside this file and never import the schema: each must still work
when the schema has moved on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from callrouter.store.database import Database, StoreError

_FOLDER: Final = Path(__file__).with_name("migrations")
_UPGRADE_LOCK: Final = 0x63616C6C
"""PostgreSQL advisory lock: two programs starting together must not both migrate."""


@dataclass(frozen=True, slots=True)
class Revision:
    current: str | None
    """None: an empty database."""
    head: str

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


async def upgrade(database: Database, target: str = "head") -> Revision:
    """Apply what is missing, in one transaction; returns where the database stands.

    Raises `StoreError` when the database was written by a newer version.
    """
    async with database.write() as connection:
        await connection.run_sync(_run, "upgrade", target)
    return await revision(database)


async def downgrade(database: Database, target: str) -> Revision:
    """Undo migrations down to `target` (``base``: all of them). Data of dropped tables is gone."""
    async with database.write() as connection:
        await connection.run_sync(_run, "downgrade", target)
    return await revision(database)


async def revision(database: Database) -> Revision:
    async with database.read() as connection:
        current = await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )
    return Revision(current, head())


def head() -> str:
    """The newest revision this version knows."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise StoreError("no migrations found: the installation is incomplete, install callrouter again")
    return newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run(connection: Connection, direction: str, target: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    config = _config()
    config.attributes["connection"] = connection
    try:
        (command.upgrade if direction == "upgrade" else command.downgrade)(config, target)
    except CommandError as error:
        raise StoreError(
            f"the database cannot be brought to this version ({error}); "
            "it was probably written by a newer callrouter: install that version"
        ) from error

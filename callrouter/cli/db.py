"""`callrouter db`: the database's schema and its backups."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrouter.cli.state import Config, StateDir, database_place, fail, opened, sound_folders

if TYPE_CHECKING:
    from callrouter.store.database import Database
    from callrouter.store.retention import Retention

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    db = typer.Typer(no_args_is_help=True, help="The database: schema, backups, retention.")
    db.command("upgrade")(upgrade)
    db.command("status")(status)
    db.command("backup")(backup)
    db.command("purge")(purge)
    app.add_typer(db, name="db")


def upgrade(state_dir: StateDir = None, config: Config = None) -> None:
    """Bring the schema to this version. The controller does so by itself when it starts.

    Example: callrouter db upgrade --config /etc/callrouter/callrouter.yaml
    """
    from callrouter.store import migrate

    async def run() -> str:
        async with opened(database_place(state_dir, config), current=False) as database:
            before = await migrate.revision(database)
            after = await migrate.upgrade(database)
            if before.current == after.current:
                return f"nothing to do: revision {after.current}"
            return f"upgraded from {before.current or 'nothing'} to {after.current}"

    typer.echo(asyncio.run(run()))


def status(state_dir: StateDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """Tell which revision the database has, and how much is in it. Exit code 1: an upgrade is due.

    Example: callrouter db status
    """
    found = asyncio.run(_status(database_place(state_dir, config)))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo("\n".join(f"{name}: {value}" for name, value in found.items()))
    raise typer.Exit(0 if found["revision"] == found["needed"] else 1)


async def _status(place: str | Path) -> dict[str, object]:
    from sqlalchemy import func, select

    from callrouter.store import migrate, schema
    from callrouter.store.database import Database

    async with opened(place, current=False) as database:
        assert isinstance(database, Database)
        revision = await migrate.revision(database)
        found: dict[str, object] = {
            "database": database.url.render_as_string(hide_password=True),
            "revision": revision.current,
            "needed": revision.head,
        }
        if database.path is not None:
            found["bytes"] = database.path.stat().st_size
        if revision.up_to_date:
            async with database.read() as connection:
                for table in (schema.calls, schema.segments, schema.users, schema.audit):
                    counted = await connection.execute(select(func.count()).select_from(table))
                    found[table.name] = counted.scalar_one()
        return found


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; must not exist.")],
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Copy a SQLite database while it is in use, checked and complete or not at all.

    Example: callrouter db backup /var/backups/callrouter-monday.sqlite
    """
    from callrouter.store.backup import backup_sqlite
    from callrouter.store.database import StoreError

    async def run(database: "Database") -> int:
        if database.path is None:
            fail("a PostgreSQL database is backed up with its own pg_dump")
        return await asyncio.to_thread(backup_sqlite, database.path, target)

    async def run_opened() -> int:
        async with opened(database_place(state_dir, config), current=False) as database:
            return await run(database)

    try:
        size = asyncio.run(run_opened())
    except (StoreError, OSError) as error:
        fail(f"no backup was made: {error}")
    typer.echo(f"{target}: {size} bytes, checked")


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    spool: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Asterisk's spool, with the sound files.")
    ] = None,
    state_dir: StateDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Remove or mask what has been kept long enough, and prove it. The controller does so every night.

    Exit code 1: something that should be gone is not.

    Example: callrouter db purge --dry-run
    """
    import time

    from callrouter.store.housekeeping import Done, keep_house
    from callrouter.store.retention import purge as look

    retention = _retention(config)

    async def run() -> Done:
        async with opened(database_place(state_dir, config)) as database:
            if dry_run:
                found = await look(database, retention, time.time(), dry_run=True)
                return Done(purged=found, files_removed=0, files_left=[])
            return await keep_house(
                database, retention, time.time(), spool or sound_folders(state_dir, config)
            )

    done = asyncio.run(run())
    rows = [
        {"kind": one.kind, "older_than_days": one.older_than, "found": one.found, "left": one.left}
        for one in done.purged
    ]
    if as_json:
        typer.echo(json.dumps({"purged": rows, "files_removed": done.files_removed}))
    else:
        for row in rows:
            typer.echo("{kind}: older than {older_than_days} days: {found}, left: {left}".format(**row))
    if not dry_run and (faults := done.faults()):
        fail("; ".join(faults), code=1)


def _retention(config: Path | None) -> "Retention":
    from callrouter.store.database import StoreError
    from callrouter.store.retention import Retention

    if config is None:
        return Retention()
    from callrouter.cli.state import settings_of

    try:
        return Retention(**settings_of(config).retention.model_dump())
    except StoreError as error:
        fail(f"{config}: {error}")

"""`callrouter privacy`: one person's data, on request."""

import asyncio
import getpass
import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrouter.cli.state import Config, StateDir, database_place, fail, opened

if TYPE_CHECKING:
    from callrouter.store.database import Database

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The person's number, in full.")]


def register(app: typer.Typer) -> None:
    privacy = typer.Typer(no_args_is_help=True, help="One person's data, on request.")
    privacy.command("export")(export)
    privacy.command("erase")(erase)
    app.add_typer(privacy, name="privacy")


def export(
    number: Number,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Must not exist.")],
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Write everything kept about a person as JSON, readable by you only. Leaves an audit line.

    Exit code 1: nothing is kept about that number.

    Example: callrouter privacy export 13812345678 -o request-17.json
    """
    from callrouter.store import person

    async def run() -> dict[str, list[dict[str, object]]]:
        async with opened(database_place(state_dir, config)) as database:
            await _note(database, "export_person", number)
            return await person.found(database, number)

    found = asyncio.run(run())
    if not found:
        fail("nothing is kept about that number", code=1)
    try:
        output.touch(mode=0o600, exist_ok=False)
        output.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}")
    typer.echo(f"{output}: {sum(map(len, found.values()))} rows; instants are microseconds since 1970 UTC")


def erase(
    number: Number,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Take a person's number out of every row; all totals stay. Leaves an audit line. Cannot be undone.

    Recordings and voicemails of the person are not touched: they go by their own retention, or by hand
    (`callrouter voicemail delete`, before the number is gone).

    Example: callrouter privacy erase 13812345678
    """
    from callrouter.store import person

    place = database_place(state_dir, config)
    if not yes:
        typer.confirm("Erase this person's number from all records?", abort=True)

    async def run() -> dict[str, int]:
        async with opened(place) as database:
            changed = await person.erase(database, number)
            await _note(database, "erase_person", number)
            return changed

    changed = asyncio.run(run())
    for where, count in changed.items():
        typer.echo(f"{where}: {count}")
    typer.echo("erased" if changed else "nothing was kept about that number")
    if any((_state_of(state_dir, config) / "spill").glob("*.jsonl")):
        fail(
            "records still wait in the spill folder: let the controller replay them, then erase again", code=1
        )


def _state_of(state_dir: Path | None, config: Path | None) -> Path:
    from callrouter.cli.state import default_state_dir, settings_of

    return settings_of(config).state_dir if config is not None else state_dir or default_state_dir()


async def _note(database: "Database", action: str, number: str) -> None:
    from callrouter.ports import AuditEntry
    from callrouter.privacy import mask_number
    from callrouter.store.inserting import insert

    entry = AuditEntry(
        id=uuid.uuid4().hex,
        at=time.time(),
        who=f"shell:{getpass.getuser()}",
        action=action,
        subject=mask_number(number.replace(" ", "")),
    )
    async with database.write() as connection:
        await insert(connection, [entry])

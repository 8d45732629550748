"""`callrouter directory`: what the directory says on a day."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from callrouter.cli import schemas

directory = typer.Typer(help="Organisations, trunks, partner lines and the numbers that we answer.")
FILE = Path("site/directory.yaml")


def register(app: typer.Typer) -> None:
    app.add_typer(directory, name="directory")


@directory.command("show")
def show(
    on: Annotated[
        str, typer.Option("--on", metavar="DATE", help="Day, e.g. 2027-01-01; today if left out.")
    ] = "",
    site: Annotated[Path, typer.Option("--site", metavar="FOLDER", help="The site's folder.")] = Path(
        "ivr_flows"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the directory as it is on a day.

    Exit code 0: printed; 1: the file has faults; 2: no such file or no such day.

    Example: callrouter directory show --on 2027-01-01
    """
    from callrouter.cli import directory_day
    from callrouter.config.document import ConfigError
    from callrouter.directory import load_directory

    day = _day(on)
    path = site / FILE
    if not path.is_file():
        typer.echo(
            f"callrouter directory: {path} does not exist: give the site's folder with --site", err=True
        )
        raise typer.Exit(2)
    try:
        found = load_directory(path)
    except ConfigError as error:
        for fault in error.faults:
            typer.echo(str(fault), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(directory_day.as_data(found, day), ensure_ascii=False))
    else:
        directory_day.show(found, day)


@directory.command("schema")
def schema(
    write: schemas.Folder = None,
) -> None:
    """Print the JSON Schema that editors complete and explain site/directory.yaml with.

    Example: callrouter directory schema --write ivr_flows
    """
    from callrouter.config.json_schema import schema_of
    from callrouter.directory.schema import DirectoryFile

    schemas.give("directory", schema_of(DirectoryFile, "The directory of callrouter"), write)


def _day(text: str) -> date:
    if not text:
        # The province has one time and no daylight saving.
        return (datetime.now(UTC) + timedelta(hours=8)).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        typer.echo(f"callrouter directory: {text!r} is no date: write it like 2027-01-01", err=True)
        raise typer.Exit(2) from None

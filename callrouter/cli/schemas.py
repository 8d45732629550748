"""A JSON Schema printed, or written into a folder that is there."""

from pathlib import Path
from typing import Annotated, Any

import typer

from callrouter.config.json_schema import Schema, printed, write_schema


def write_into(what: str) -> Any:
    """The option ``--write``: a folder that is there and may be written to."""
    return typer.Option(
        "--write",
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        writable=True,
        help=f"Write {what} into a folder of flows.",
    )


Folder = Annotated[Path | None, write_into("it")]


def give(name: str, made: Schema, write: Path | None) -> None:
    """Print it; or write ``NAME.schema.json``."""
    if write is None:
        typer.echo(printed(made), nl=False)
    else:
        write_schema(write, name, made)

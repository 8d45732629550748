"""A JSON Schema printed, or written into a folder that is there."""

from pathlib import Path
from typing import Annotated

import typer

from callrouter.config.json_schema import Schema, printed, write_schema

Folder = Annotated[
    Path | None,
    typer.Option(
        "--write",
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        writable=True,
        help="Write it into a folder of flows.",
    ),
]


def give(name: str, made: Schema, write: Path | None) -> None:
    """Print it; or write ``NAME.schema.json``."""
    if write is None:
        typer.echo(printed(made), nl=False)
    else:
        write_schema(write, name, made)

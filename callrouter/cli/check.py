"""`callrouter check`: everything that a change of the site's files can break."""

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    site: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The site: flows, prompts, site/*.yaml.")
    ] = Path("ivr_flows"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the faults as JSON.")] = False,
) -> None:
    """Check flows, prompts, directory and floor; every fault at once, with file:line:column.

    Exit code 0: nothing wrong; 1: faults found; 2: the folder can't be used.

    Example: callrouter check ivr_flows
    """
    from callrouter.config.document import ConfigError
    from callrouter.site import load_site

    if not site.is_dir():
        typer.echo(f"callrouter check: {site} is not a folder: give the folder with the flows.", err=True)
        raise typer.Exit(2)
    faults = ()
    try:
        load_site(site)
    except ConfigError as error:
        faults = error.faults
    if as_json:
        rows = [
            {"file": f.file, "line": f.line, "column": f.column, "message": f.message, "hint": f.hint}
            for f in faults
        ]
        typer.echo(json.dumps({"faults": rows}, ensure_ascii=False))
    else:
        for fault in faults:
            typer.echo(str(fault))
        typer.echo(f"{site}: {'no faults' if not faults else f'{len(faults)} faults'}")
    raise typer.Exit(1 if faults else 0)

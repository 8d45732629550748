"""`callrouter check`: everything that a change of the site's files can break."""

import json
from collections.abc import Sized
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
    import time

    from callrouter.site import check_site

    if not site.is_dir():
        typer.echo(f"callrouter check: {site} is not a folder: give the folder with the flows.", err=True)
        raise typer.Exit(2)
    found = check_site(site, time.time())
    if as_json:
        rows = [
            {
                "kind": kind,
                "file": f.file,
                "line": f.line,
                "column": f.column,
                "message": f.message,
                "hint": f.hint,
            }
            for kind, faults in (("error", found.faults), ("warning", found.warnings))
            for f in faults
        ]
        typer.echo(json.dumps({"faults": rows}, ensure_ascii=False))
    else:
        for kind, faults in (("error", found.faults), ("warning", found.warnings)):
            for fault in faults:
                typer.echo(f"{kind}: {fault}")
        typer.echo(f"{site}: {_count(found.faults, 'fault')}, {_count(found.warnings, 'warning')}")
    raise typer.Exit(1 if found.faults else 0)


def _count(things: Sized, name: str) -> str:
    return f"{len(things) or 'no'} {name}{'' if len(things) == 1 else 's'}"

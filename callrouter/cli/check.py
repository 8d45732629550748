"""`callrouter check`: everything that a change of the site's files can break."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from callrouter.config.faults import Fault


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
        for warning in _without_recordings(found.warnings):
            typer.echo(f"warning: {warning}")
        # Last, where one looks first.
        for fault in found.faults:
            typer.echo(f"error: {fault}")
        typer.echo(f"{site}: {_count(found.faults, 'fault')}, {_count(found.warnings, 'warning')}")
    raise typer.Exit(1 if found.faults else 0)


def _without_recordings(warnings: Iterable["Fault"]) -> Iterator[str]:
    """One line for what would be one for each flow and language, and hide what else there is to see."""
    from callrouter.flow.check_names import NOT_RECORDED

    flows: Counter[str] = Counter()
    for warning in warnings:
        _, missing, language = warning.message.partition(NOT_RECORDED)
        if missing:
            flows[language] += 1
        else:
            yield str(warning)
    if flows:
        places = ", ".join(
            f"{language} in {_count(range(n), 'flow')}" for language, n in sorted(flows.items())
        )
        yield f"prompts without a recording are said in a flow's first language: {places}. --json lists all"


def _count(things: Sized, name: str) -> str:
    return f"{len(things) or 'no'} {name}{'' if len(things) == 1 else 's'}"

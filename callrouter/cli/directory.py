"""`callrouter directory`: what the directory says on a day."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from callrouter.directory import Directory, Line

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
        typer.echo(json.dumps(as_data(found, day), ensure_ascii=False))
    else:
        _print(found, day)


@directory.command("schema")
def schema(
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FOLDER", help="Write it into a folder of flows."),
    ] = None,
) -> None:
    """Print the JSON Schema that editors complete and explain site/directory.yaml with.

    Example: callrouter directory schema --write ivr_flows
    """
    from callrouter.config.json_schema import printed, schema_of, write_schema
    from callrouter.directory.schema import DirectoryFile

    made = schema_of(DirectoryFile, "The directory of callrouter")
    if write is None:
        typer.echo(printed(made), nl=False)
    else:
        write_schema(write, "directory", made)


def _day(text: str) -> date:
    if not text:
        # The province has one time and no daylight saving.
        return (datetime.now(UTC) + timedelta(hours=8)).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        typer.echo(f"callrouter directory: {text!r} is no date: write it like 2027-01-01", err=True)
        raise typer.Exit(2) from None


def as_data(found: "Directory", day: date) -> dict[str, Any]:
    """The directory on a day, ready for JSON."""
    return {
        "on": day.isoformat(),
        "organisations": [
            {"id": one.id, "name": one.name, "parent": one.parent, "areas": list(one.areas)}
            for one in found.organisations.values()
        ],
        "trunks": [
            {"name": one.name, "title": one.title, "proxy": one.proxy or None, "codecs": list(one.codecs)}
            for one in found.trunks.values()
        ],
        "ingress": [
            {"number": number, "trunks": sorted(trunks), "organisation": organisation, "flow": flow}
            for number, trunks, organisation, flow in found.answered_on(day)
        ],
        "lines": [_line(one) for one in found.lines_on(day)],
    }


def _line(line: "Line") -> dict[str, Any]:
    return {
        "number": line.number,
        "name": line.name,
        "kind": line.kind,
        "mode": line.mode,
        "topics": list(line.topics),
        "endpoints": list(line.endpoints()),
        "ring_for": line.ring_for,
        "capacity": line.capacity or None,
        "hours": line.hours or None,
        "backup": line.backup or None,
    }


def _print(found: "Directory", day: date) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    lines = Table(title=f"Lines on {day}")
    for head in ("number", "name", "mode", "trunks", "ring", "hours", "backup"):
        lines.add_column(head, no_wrap=head != "name")
    for line in found.lines_on(day):
        ways = ", ".join(trunk.name for trunk in line.trunks)
        row = (line.number, line.name, line.mode or line.kind, ways, f"{line.ring_for:g} s")
        lines.add_row(*row, line.hours or "always", line.backup)
    numbers = Table("number", "by trunk", "organisation", "flow", title="Numbers answered here")
    for number, only_by, organisation, flow in found.answered_on(day):
        name = found.organisations[organisation].name
        numbers.add_row(number, ", ".join(sorted(only_by)) or "any", name, flow)
    ways_out = Table("trunk", "name", "proxy", "codecs", title="Trunks")
    for trunk in found.trunks.values():
        proxy = trunk.proxy or "from the settings"
        ways_out.add_row(trunk.name, trunk.title, proxy, ", ".join(trunk.codecs))
    for table in (numbers, lines, ways_out):
        console.print(table)

"""`callrouter report`: figures over any span, as table, CSV, JSON, Parquet or one HTML page."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from callrouter.cli.reconcile import reconcile
from callrouter.cli.spans import read_span
from callrouter.cli.state import Config, StateDir, database_place, fail, opened

if TYPE_CHECKING:
    from callrouter.cli.organisations import Organisations
    from callrouter.cli.sheets import Sheet
    from callrouter.store.database import Database

Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Beginning: 2026-11-01, 2026-11-01T08:00, or 7d, 24h ago. Default: today."
    ),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="End, exclusive. Default: now.")]
Zone = Annotated[str, typer.Option(help="Time zone of days and hours.")]
Organisation = Annotated[
    list[str] | None, typer.Option(help="Only this organisation and those beneath it; may be repeated.")
]
Format = Annotated[str, typer.Option("--format", "-f", help="table, csv, json, html or parquet.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.")
]

SHANGHAI: Final = "Asia/Shanghai"
FOR_PEOPLE: Final = ("table", "html")
"""Formats that show names beside ids; the others are for programs."""
DIMENSIONS_HELP: Final = (
    "province, prefecture, organisation, line, queue, language, skill, seat, quarter (of an hour), hour, day"
)


def register(app: typer.Typer) -> None:
    report = typer.Typer(no_args_is_help=True, help="Figures that anyone can recompute.")
    report.command("kpi")(kpi)
    report.command("transfers")(transfers)
    report.command("seats")(seats)
    report.command("calls")(calls)
    report.command("reconcile")(reconcile)
    app.add_typer(report, name="report")


Made = TypeVar("Made")


def kpi(
    by: Annotated[str, typer.Option(metavar="DIMENSION", help=f"One of {DIMENSIONS_HELP}.")] = "organisation",
    since: Since = None,
    until: Until = None,
    zone: Zone = SHANGHAI,
    organisation: Organisation = None,
    form: Format = "table",
    output: Output = None,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Key figures by their names; `docs/topics/records.md` has the formulas.

    Example: callrouter report kpi --since 7d --format html -o week.html
    """
    from callrouter.store.kpi import DIMENSIONS, RANKS

    if by not in DIMENSIONS:
        fail(f"--by {by!r} is not possible: choose among {', '.join(DIMENSIONS)}")
    tree = _tree(state_dir, config, organisation, form, needed=by in RANKS)
    span = read_span(since, until, zone, tree.with_all_beneath(organisation))
    if form == "html":
        from callrouter.cli.report_build import build_page

        _write(_answer(state_dir, config, lambda database: build_page(database, span, tree)), output)
        return

    async def make(database: "Database") -> "Sheet":
        from callrouter.cli.report_build import figures
        from callrouter.cli.sheets import kpi_sheet

        found = await figures(database, span, by, tree=tree)
        return kpi_sheet(found[by], span.zone, tree.labels() if form in FOR_PEOPLE else {})

    _emit(_answer(state_dir, config, make), form, output)


def transfers(
    since: Since = None,
    until: Until = None,
    zone: Zone = SHANGHAI,
    organisation: Organisation = None,
    form: Format = "table",
    output: Output = None,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Transfers by target: attempts, answered, what became of them.

    Example: callrouter report transfers --since 2026-11-01
    """
    tree = _tree(state_dir, config, organisation, form)
    span = read_span(since, until, zone, tree.with_all_beneath(organisation))

    async def make(database: "Database") -> "Sheet":
        from callrouter.cli.sheets import transfer_sheet
        from callrouter.store.extras import transfer_rows

        rows = await transfer_rows(database, span.since, span.until, span.now, span.organisations)
        return transfer_sheet(rows, tree.labels() if form in FOR_PEOPLE else {})

    _emit(_answer(state_dir, config, make), form, output)


def seats(
    since: Since = None,
    until: Until = None,
    zone: Zone = SHANGHAI,
    form: Format = "table",
    output: Output = None,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Seats: contacts, talk, hold, wrap-up, time signed in and how it was spent.

    Example: callrouter report seats --since 24h --format csv -o seats.csv
    """
    from callrouter.cli.report_build import build_seats

    span = read_span(since, until, zone, None)
    _emit(_answer(state_dir, config, lambda database: build_seats(database, span)), form, output)


def calls(
    since: Since = None,
    until: Until = None,
    zone: Zone = SHANGHAI,
    form: Format = "table",
    output: Output = None,
    unmask: Annotated[bool, typer.Option("--unmask", help="Numbers in full; leaves an audit line.")] = False,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Every call of the span, one a row, oldest first; as table or page the first 5,000.

    Example: callrouter report calls --since 2026-11-01 -f parquet -o november.parquet
    """
    span = read_span(since, until, zone, None)

    _check_form(form, output)

    async def make(database: "Database") -> "Sheet | None":
        from callrouter.cli.calls import note_numbers_seen
        from callrouter.cli.formats import FormatError
        from callrouter.cli.paged import PAGED, write_pages
        from callrouter.cli.report_build import call_pages

        if unmask:
            await note_numbers_seen(database, "calls", span.words())
        pages = call_pages(database, span, masked=not unmask)
        if form not in PAGED:
            return await anext(pages)
        try:
            await write_pages(pages, form, output)
        except (FormatError, OSError) as error:
            fail(f"cannot write {output or 'standard output'}: {error}")
        return None

    sheet = _answer(state_dir, config, make)
    if sheet is not None:
        _emit(sheet, form, output)


def _tree(
    state_dir: StateDir, config: Config, chosen: list[str] | None, form: str, *, needed: bool = False
) -> "Organisations":
    """Read only where it is asked for: it takes a tenth of a second."""
    from callrouter.cli.organisations import Organisations, organisations_of

    if not (needed or chosen or form in FOR_PEOPLE):
        return Organisations()
    return organisations_of(state_dir, config, needed=needed)


# --- working and writing -----------------------------------------------------------------


def _answer(
    state_dir: StateDir, config: Config, work: "Callable[[Database], Coroutine[Any, Any, Made]]"
) -> Made:
    made: list[Made] = []

    async def run() -> None:
        async with opened(database_place(state_dir, config)) as database:
            made.append(await work(database))

    # Not the task's result: Python 3.11 composes the task's `repr`, result and all, as it restores signals.
    asyncio.run(run())
    return made[0]


def _emit(sheet: "Sheet", form: str, output: Path | None) -> None:
    from callrouter.cli import formats

    _check_form(form, output)
    if form == "table":
        from callrouter.cli.story import console

        formats.print_table(sheet, console())
    elif form == "csv":
        _write(formats.as_csv(sheet), output)
    elif form == "json":
        _write(formats.as_json(sheet), output)
    elif form == "html":
        from callrouter.cli.report_page import sheet_page

        _write(sheet_page(sheet), output)
    elif form == "parquet" and output is not None:
        try:
            formats.write_parquet(sheet, output)
        except (formats.FormatError, OSError) as error:
            fail(str(error))


def _check_form(form: str, output: Path | None) -> None:
    """Ends the command for a format that there is not, or that does not go with the output."""
    from callrouter.cli.formats import FORMATS

    if form not in FORMATS:
        fail(f"--format {form!r} is unknown: choose among {', '.join(FORMATS)}")
    if (form, output is None) in (("table", False), ("parquet", True)):
        fail(f"--format {form} {'needs' if form == 'parquet' else 'takes no'} --output FILE")


def _write(content: str | bytes, output: Path | None) -> None:
    data = content.encode(errors="replace") if isinstance(content, str) else content
    try:
        if output is None:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        else:
            output.write_bytes(data)
    except OSError as error:
        fail(f"cannot write {output or 'standard output'}: {error.strerror}")

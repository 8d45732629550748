"""`callrouter bench store`: what records, reports and the feed can bear, measured on this machine."""

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from callrouter.cli.state import fail

if TYPE_CHECKING:
    from simulators.bench_wanted import Verdict

MISSED: Final = 1


def store(
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Of writing, for each database.")] = 10.0,
    messages: Annotated[int, typer.Option(min=0, max=1_000_000, help="For the broker; 0: no feed.")] = 20_000,
    calls: Annotated[
        int, typer.Option(min=0, max=10_000_000, help="Of the year that reports are about; 0: no reports.")
    ] = 1_100_000,
    postgres: Annotated[bool, typer.Option(help="Measure PostgreSQL too (tools: --with postgres).")] = True,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to work; a year takes 1.5 GB. Default: the system's."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a wanted figure is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Events a second into SQLite and PostgreSQL, messages a second to a broker, reports over a year.

    An event is one stamped row: a call, a segment, a transfer, a step of the flow, an offer, a stretch of a
    seat's time. While they are written the loop's delay is measured, as the controller measures its own, in
    turns with the same events made and thrown away: what is wanted is the difference. Median of five rounds.

    Exit codes: 0 fine; 1 with --check: a wanted figure is missed; 2 tools are missing.

    Example: callrouter bench store --check
    """
    from callrouter.logs import set_up_logs
    from callrouter.toolchain.errors import ToolchainError
    from simulators import bench_records

    with tempfile.TemporaryDirectory(prefix="callrouter-bench-", dir=folder) as place:
        set_up_logs("error", Path(place) / "log")
        wishes = bench_records.Wishes(
            folder=Path(place), seconds=seconds, messages=messages, calls=calls, postgres=postgres
        )
        try:
            found = bench_records.measure(
                wishes, lambda text: None if as_json else typer.echo(text, err=True)
            )
        except (ToolchainError, OSError) as error:
            fail(str(error))
    judged = bench_records.verdicts(found)
    if as_json:
        shown: dict[str, Any] = {"load": os.getloadavg(), **asdict(found)}
        typer.echo(json.dumps({**shown, "wanted": [asdict(one) for one in judged]}))
    else:
        _table(judged)
    if check and not all(one.met for one in judged):
        raise typer.Exit(MISSED)


def _table(judged: "list[Verdict]") -> None:
    from rich.table import Table

    from callrouter.cli.simulate_shared import wide_console

    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    table = Table(title=f"records, reports, feed (load {load} on {os.cpu_count()} processors)")
    for name in ("figure", "measured", "wanted", ""):
        table.add_column(name)
    for one in judged:
        table.add_row(one.name, one.measured, one.wanted, "met" if one.met else "MISSED")
    wide_console().print(table)

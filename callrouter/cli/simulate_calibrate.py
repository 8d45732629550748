"""`callrouter simulate calibrate`: a scenario from the calls that an installation has had."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callrouter.cli.state import Config, StateDir, database_place, fail, opened

if TYPE_CHECKING:
    from callrouter.cli.spans import Span
    from simulators.queue_sim.calibrate import Calibration
    from simulators.queue_sim.fitting import Fit


SPARSE: Final = 24
"""Quarter-hours of the day with calls, fewer of which make no curve."""
SLOT: Final = 900
"""A quarter-hour, from which on the records count."""


def calibrate(
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scenario; left out: print it.")
    ] = None,
    site: Annotated[
        Path, typer.Option(help="Folder with site/floor.yaml, as the scenario shall name it.")
    ] = Path("ivr_flows"),
    state_dir: StateDir = None,
    config: Config = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="Local time, or 28d for days ago.")] = "28d",
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Exclusive; default: now.")] = None,
    zone: Annotated[str, typer.Option(help="What a day and an hour is.")] = "Asia/Shanghai",
    as_json: Annotated[bool, typer.Option("--json", help="Print the scenario as JSON.")] = False,
) -> None:
    """Fit a scenario to the records: arrivals, talk, patience, redials, how seats answer and wrap up.

    Waits that ended in an answer tell only that the caller would have waited longer; the fit of
    patience takes them so. What lies before the first record is no time without calls: it is left out.
    Exit code 1: there are too few calls to say anything.

    Examples:
    callrouter simulate calibrate --since 2026-10-01 --write ours.yaml
    callrouter simulate calibrate --since 90d --config callrouter.yaml --json
    """
    from callrouter.cli.spans import read_span
    from simulators.queue_sim.calibrate import NothingSeen, as_yaml, scenario_of

    span = read_span(since, until, zone, None)
    try:
        found, span = asyncio.run(_observed(database_place(state_dir, config), span))
    except NothingSeen as error:
        fail(str(error), code=1)
    scenario = scenario_of(found, name=f"calibrated {span.since // 86_400_000_000}", site=str(site))
    if as_json:
        typer.echo(json.dumps(scenario, ensure_ascii=False))
        return
    note = f"Fitted to {found.records} calls, {span.words()}, by `callrouter simulate calibrate`."
    text = as_yaml(scenario, note)
    if write is None:
        typer.echo(text, nl=False)
        return
    try:
        write.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{write} cannot be written: {error.strerror}")
    _tell(found, write)


async def _observed(place: str | Path, span: "Span") -> "tuple[Calibration, Span]":
    """What was seen, and in which part of the span something could be seen."""
    from callrouter.store.reader import StoredRecords
    from simulators.queue_sim.calibrate import Observations

    async with opened(place) as database:
        records = StoredRecords(database)
        first = await records.first()
        if first is not None:
            begun = int(first // SLOT * SLOT * 1e6)
            span = replace(span, since=min(max(span.since, begun), span.until))
        seen = Observations(span.since / 1e6, span.until / 1e6, span.zone)
        async for record in records.stream(since=span.since / 1e6, until=span.until / 1e6):
            seen.add(record)
    return seen.calibration(), span


def _tell(found: "Calibration", file: Path) -> None:
    from rich.table import Table

    from callrouter.cli.simulate_shared import wide_console

    table = Table(title=f"fitted to {found.records} calls (gap: largest distance from what was observed)")
    for column in ("of", "what", "fitted", "seen", "gap"):
        table.add_column(column)
    rows: list[tuple[str, str, Fit | None]] = []
    for queue in found.queues:
        rows += [(queue.queue, "talk", queue.talk), (queue.queue, "patience", queue.patience)]
    rows += [("seats", "answer", found.answer), ("seats", "wrap-up", found.wrap_up)]
    rows.append(("callers", "redial after", found.redial_after))
    for of, what, fit in rows:
        if fit is not None:
            seen = f"{fit.count}" + (f", {fit.censored} censored" if fit.censored else "")
            table.add_row(of, what, fit.words, seen, f"{fit.distance:.3f}")
    console = wide_console()
    console.print(table)
    console.print(
        f"{found.redial_chance:.0%} of those who did not get through call again; "
        f"{found.never_answers:.1%} of offers are not answered"
    )
    for queue in found.queues:
        seen_in = int((queue.per_hour > 0).sum())
        if seen_in < SPARSE:
            console.print(
                f"[yellow]{queue.queue}: calls came in {seen_in} of 96 quarter-hours only[/]. Where none "
                "came the scenario has none: take a longer time, or write the curve by hand"
            )
    console.print(f"scenario: {file}")

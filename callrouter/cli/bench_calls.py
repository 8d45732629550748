"""`callrouter bench calls`: a whole call by callrouter, by Asterisk's Queue() and by a plain Dial()."""

import asyncio
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from callrouter.cli.state import fail

if TYPE_CHECKING:
    from simulators.bench_calls.figures import Measured

MISSED: Final = 1
PARTS: Final = ("cost", "standing", "clean")


def calls(
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part", metavar="|".join(PARTS), help="Measure only this; may be given several times."
        ),
    ] = None,
    seats: Annotated[int, typer.Option(min=20, max=2000, help="Members of the queue.")] = 400,
    rate: Annotated[
        float, typer.Option(min=1, max=300, help="Calls a second in the blocks of `cost`.")
    ] = 40.0,
    seconds: Annotated[
        float, typer.Option(min=1, max=600, help="Of dialling in each of those blocks.")
    ] = 12.0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Blocks of each kind; they take turns.")] = 5,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw CPU per call as SVG.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a wanted figure is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything measured as JSON.")] = False,
) -> None:
    """A whole call on a real Asterisk, against app_queue and Dial(): CPU, free seat to INVITE, clean rate.

    One boot of a private Asterisk, SIPp as callers and seats, blocks in turns. Takes 5 to 15 minutes and the
    whole machine; docs/topics/benchmarks.md tells the method.

    Example: callrouter bench calls --part cost --rounds 3
    """
    from callrouter.toolchain.errors import ToolchainError
    from simulators.bench_calls.plan import Effort
    from simulators.bench_calls.run import Part, measure, steps
    from simulators.bench_calls.town import python
    from simulators.sipp import SippError

    if unknown := sorted(set(parts or ()) - set(PARTS)):
        raise typer.BadParameter(f"no part {unknown[0]!r}: use {', '.join(PARTS)}", param_hint="--part")
    wanted = [Part(part) for part in parts or PARTS]
    effort = Effort(seats=seats, rate=rate, seconds=seconds, rounds=rounds)
    command = python("callrouter.cli.bench_controller")
    with (
        tempfile.TemporaryDirectory(prefix="callrouter-bench-") as folder,
        _progress(steps(effort, wanted), quiet=as_json) as tell,
    ):
        try:
            found = asyncio.run(measure(effort, wanted, Path(folder), command, tell))
        except (ToolchainError, SippError) as error:
            fail(str(error))
    _report(found, effort.rate, plot, as_json=as_json, check=check)


def _report(found: "Measured", rate: float, plot: Path | None, *, as_json: bool, check: bool) -> None:
    from simulators.bench_calls.figures import verdicts

    try:
        ratios = found.ratios()
    except ValueError as error:
        fail(str(error))
    judged, faults = verdicts(ratios), found.faults()
    if plot is not None and found.cost:
        plot.write_text(_picture(found, rate), encoding="utf-8")
    if as_json:
        bounds = {name: {k: _finite(v) for k, v in asdict(r).items()} for name, r in ratios.items()}
        document = {**_document(found), "ratios": bounds}
        wanted = [asdict(verdict) for verdict in judged]
        typer.echo(json.dumps({**document, "wanted": wanted, "faults": faults, "load": _load()}))
    else:
        _tables(found, judged, faults)
    if check and (faults or not all(verdict.met for verdict in judged)):
        raise typer.Exit(MISSED)


@contextmanager
def _progress(total: int, *, quiet: bool) -> "Iterator[Callable[[str], None]]":
    """A bar on a terminal, a line for each step elsewhere, nothing when `quiet`."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        yield lambda text: None if quiet else print(text, file=sys.stderr, flush=True)  # noqa: T201
        return
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)

        def tell(text: str) -> None:
            progress.update(task, description=text, advance=1)

        yield tell


def _finite(value: float) -> float | None:
    """JSON has no word for what was not measured."""
    return value if math.isfinite(value) else None


def _load() -> list[float]:
    """The machine's load over 1, 5 and 15 minutes: a figure without it says little."""
    return [round(value, 2) for value in os.getloadavg()]


def _document(found: "Measured") -> dict[str, Any]:
    from simulators.bench_calls.figures import gap_table

    return {
        "cost": {way: [asdict(block) for block in blocks] for way, blocks in found.cost.items()},
        "standing": {way: gap_table(blocks) for way, blocks in found.standing.items()},
        "clean": {
            way: {
                "clean": search.clean,
                "unclean": search.unclean,
                "why": search.why,
                "trials": search.trials,
            }
            for way, search in found.clean.items()
        },
    }


def _tables(found: "Measured", judged: list[Any], faults: list[str]) -> None:
    from rich.table import Table

    from callrouter.cli.simulate_shared import wide_console
    from simulators.bench_calls.figures import gap_table, mean_of

    console = wide_console()
    if found.cost:
        table = Table(title="milliseconds of CPU per call, with 95 % confidence")
        for name in ("way", "Asterisk", "controller", "both", "rung after p50 / p99", "re-INVITEs"):
            table.add_column(name, justify="left" if name == "way" else "right")
        for way, blocks in found.cost.items():
            each = [
                mean_of([block.per_call(name) for block in blocks]) for name in ("asterisk", "controller")
            ]
            waits = [
                fmean(values) * 1e3
                for values in zip(*((b.wait_p50, b.wait_p99) for b in blocks), strict=True)
            ]
            again = sum(b.offers_again for b in blocks) / max(1, sum(b.calls for b in blocks))
            table.add_row(
                way,
                str(each[0]),
                str(each[1]) if each[1].mean else "–",
                str(mean_of([block.total for block in blocks])),
                f"{waits[0]:.1f} / {waits[1]:.1f} ms",
                f"{again:.2f}",
            )
        console.print(table)
    for way, blocks in found.standing.items():
        gaps = gap_table(blocks)
        console.print(
            f"free seat → INVITE, {way}: p50 {gaps['p50'] * 1e3:.1f} ms, p99 {gaps['p99'] * 1e3:.1f} ms, "
            f"n = {gaps['count']}"
        )
    for way, search in found.clean.items():
        beyond = f"at {search.unclean:.0f}/s: {search.why}" if search.unclean else "nothing above was tried"
        console.print(
            f"highest clean rate, {way}: {search.clean:.0f} calls/s; {beyond} ({len(search.trials)} trials)"
        )
    for verdict in judged:
        met = "met" if verdict.met else "MISSED"
        console.print(f"{verdict.name}: {verdict.measured} (wanted {verdict.wanted}): {met}")
    for fault in faults:
        console.print(f"doubtful: {fault}")
    console.print(f"load of the machine: {' '.join(map(str, _load()))}")


def _picture(found: "Measured", rate: float) -> str:
    from simulators.bench_calls.picture import bars
    from simulators.bench_calls.plan import Way

    rows = {
        str(way): {
            name: value
            for name in ("asterisk", "controller")
            if (value := fmean(block.per_call(name) for block in blocks))
        }
        for way, blocks in found.cost.items()
    }
    limit = 0.85 * sum(rows[Way.QUEUE].values())
    return bars(f"CPU per call at {rate:g} calls/s, two legs", rows, [("wanted: 0.85 × Queue()", limit)])

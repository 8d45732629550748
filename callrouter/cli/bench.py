"""`callrouter bench`: how fast the parts are, measured on this machine."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callrouter.cli.bench_calls import calls
from callrouter.cli.bench_flow import flow
from callrouter.cli.bench_generator import generator
from callrouter.cli.bench_simulator import simulator
from callrouter.cli.bench_slice import slice_
from callrouter.cli.bench_store import store
from callrouter.cli.bench_transfer import transfer

if TYPE_CHECKING:
    from simulators.bench_floor import FloorFigures
    from simulators.bench_wanted import Verdict

MISSED: Final = 1
SIZES: Final = (100, 300, 1_000, 3_000, 10_000)


def register(app: typer.Typer) -> None:
    """Hang all of `bench` under the command."""
    bench = typer.Typer(help="How fast the parts are, measured here.", no_args_is_help=True)
    bench.command("calls")(calls)
    bench.command("floor")(floor)
    bench.command("flow")(flow)
    bench.command("generator")(generator)
    bench.command("simulator")(simulator)
    bench.command("slice")(slice_)
    bench.command("transfer")(transfer)
    bench.command("store")(store)
    bench.callback()(_several)
    app.add_typer(bench, name="bench")


def _several() -> None:
    """Keeps the sub-command's name on the command line."""


def floor(
    seats: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            min=100,
            max=100_000,
            help="Size of the floor; may be given several times.",
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=2_000, max=1_000_000, help="Decisions timed.")] = 20_000,
    cycles: Annotated[int, typer.Option(min=1_000, max=10_000_000, help="Offer cycles timed.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Of the population.")] = 12345,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw cost against size as SVG.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a wanted figure is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """The floor's decisions: who gets which call, at up to 10,000 seats and 100,000 waiting callers.

    Example: callrouter bench floor --seats 100 --seats 10000 --json
    """
    from simulators.bench_floor import Effort
    from simulators.bench_wanted import sweep, verdicts

    effort = Effort(samples=samples, cycles=cycles, seed=seed)
    figures = sweep(
        sorted(seats or SIZES),
        effort,
        lambda size: typer.echo(f"measuring {size.seats} seats, {size.waiting} waiting …", err=True),
    )
    judged = verdicts(figures)
    if plot is not None:
        plot.write_text(_picture(figures), encoding="utf-8")
    if as_json:
        typer.echo(
            json.dumps({"figures": [asdict(f) for f in figures], "wanted": [asdict(v) for v in judged]})
        )
    else:
        _tables(figures, judged)
    if check and not all(verdict.met for verdict in judged):
        raise typer.Exit(MISSED)


def _tables(figures: "list[FloorFigures]", judged: "list[Verdict]") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title="microseconds of CPU time (p50 / p99.9; warm)")
    for name in (
        "seats",
        "waiting",
        "caller for seat",
        "seat for caller",
        "scans",
        "cycle",
        "crowded",
        "bytes",
    ):
        table.add_column(name, justify="right")
    for f in figures:
        table.add_row(
            f"{f.size.seats}",
            f"{f.size.waiting}",
            *(f"{s.p50:.2f} / {s.p999:.1f}; {s.warm:.2f}" for s in (f.caller_for_seat, f.seat_for_caller)),
            f"{f.scan_for_caller:.0f} / {f.scan_for_seat:.0f}",
            f"{f.cycle:.1f}",
            f"{f.crowded_cycle:.1f}",
            f"{f.bytes_per_waiting:.0f}",
        )
    console.print(table)
    wanted = Table(title=f"wanted at {figures[-1].size.seats} seats")
    for name in ("figure", "measured", "wanted", ""):
        wanted.add_column(name)
    for verdict in judged:
        wanted.add_row(verdict.name, verdict.measured, verdict.wanted, "met" if verdict.met else "MISSED")
    console.print(wanted)


def _picture(figures: "list[FloorFigures]") -> str:
    from simulators.bench_plot import log_plot

    return log_plot(
        "One decision of the floor",
        "seats (ten callers waiting for each)",
        "microseconds",
        {
            "scan all who wait": [(f.size.seats, f.scan_for_caller) for f in figures],
            "scan all seats": [(f.size.seats, f.scan_for_seat) for f in figures],
            "caller for a free seat": [(f.size.seats, f.caller_for_seat.p50) for f in figures],
            "  the same, warm": [(f.size.seats, f.caller_for_seat.warm) for f in figures],
            "seat for a caller": [(f.size.seats, f.seat_for_caller.p50) for f in figures],
            "  the same, warm ": [(f.size.seats, f.seat_for_caller.warm) for f in figures],
        },
    )

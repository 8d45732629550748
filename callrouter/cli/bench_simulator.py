"""`callrouter bench simulator`: the simulation with the whole floor beside SimPy and Ciw."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from simulators.bench_queue_sim import Timing, Verdict

MISSED: Final = 1


def simulator(
    calls: Annotated[int, typer.Option(min=1_000, max=10_000_000, help="Calls in each round.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Rounds; engines take turns.")] = 5,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a wanted figure is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """CPU time per simulated call: our whole floor, SimPy, Ciw, each on the same models.

    The title says whether the floor is compiled (make compiled) or interpreted.

    SimPy and Ciw are left out where they are not installed (pip install 'callrouter[test]').

    Example: callrouter bench simulator --rounds 9 --check
    """
    from simulators.bench_queue_sim import compare, core, missing, verdicts

    for name in missing():
        typer.echo(f"{name} is not installed: pip install 'callrouter[test]' to compare with it", err=True)
    timings = compare(calls, rounds, lambda text: None if as_json else typer.echo(text, err=True))
    judged = verdicts(timings)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "core": core(),
                    "timings": [asdict(one) for one in timings],
                    "wanted": [asdict(v) for v in judged],
                }
            )
        )
    else:
        _show(timings, judged, core())
    if check and not all(verdict.met for verdict in judged):
        raise typer.Exit(MISSED)


def _show(timings: "list[Timing]", judged: "list[Verdict]", core: str) -> None:
    from rich.table import Table

    from callrouter.cli.simulate_shared import wide_console

    console = wide_console()
    table = Table(title=f"CPU microseconds per simulated call (median, lowest – highest), {core} floor")
    for name in ("model", "engine", "µs a call", "calls a minute", "mean wait"):
        table.add_column(name, justify="left" if name in ("model", "engine") else "right")
    for one in timings:
        spread = f"{one.typical:.1f} ({min(one.microseconds):.1f} – {max(one.microseconds):.1f})"
        table.add_row(
            one.model, one.engine, spread, f"{one.calls_a_minute / 1e6:.2f} M", f"{one.mean_wait:.1f} s"
        )
    console.print(table)
    for verdict in judged:
        met = "met" if verdict.met else "MISSED"
        console.print(f"{verdict.name}: {verdict.measured} (wanted {verdict.wanted}): {met}")

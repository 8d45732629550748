"""`callrouter bench flow`: interpreting, checking and changing flows."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from simulators.bench_reload import Reloads

STEPS: Final = 200_000
CHECK_SECONDS: Final = 2.0
LATE: Final = 0.020
MUTATIONS: Final = 500


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    measured: str
    wanted: str
    met: bool


def flow(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Flows; default the shipped.")
    ] = None,
    calls: Annotated[int, typer.Option(min=1, max=2_000, help="Callers during changes.")] = 100,
    reloads: Annotated[int, typer.Option(min=1, max=100, help="Changes of the flows.")] = 10,
    mutations: Annotated[int, typer.Option(min=0, max=100_000, help="Of the flows, to judge.")] = MUTATIONS,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a wanted figure is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Flows: node steps a second, seconds to check 200 of them, delays when they change, mutations let pass.

    Steps and checks count CPU time of one core, best of five. A delay of the loop counts as far as this
    process has worked meanwhile: another program's load is not the flows' doing.

    Example: callrouter bench flow --check
    """
    import structlog

    from callrouter.flow.loader import flow_set, read_flows
    from callrouter.toolchain.share import share_folder
    from simulators.bench_flow import check_time, interpreter_speed
    from simulators.bench_reload import reload_under_calls
    from simulators.flow_mutations import judge

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    site = folder or share_folder("ivr_flows")
    reading = read_flows(site)
    if reading.catalogue is None or reading.faults:
        typer.echo(f"callrouter: {site} has faults: see `callrouter flow check {site}`", err=True)
        raise typer.Exit(2)
    flows = flow_set(reading, reading.catalogue)
    speed = max(interpreter_speed(flows) for _ in range(5))
    checking = min(check_time(site) for _ in range(5))
    seen = reload_under_calls(site, concurrent=calls, reloads=reloads)
    counts, wrong = judge(reading, range(mutations))
    rows = [
        Row("interpreter", f"{speed:,.0f} node steps/s", f">= {STEPS:,}", speed >= STEPS),
        Row(
            "check 200 flows of 50 nodes",
            f"{checking:.2f} s",
            f"<= {CHECK_SECONDS:g} s",
            checking <= CHECK_SECONDS,
        ),
        *_reloads(seen),
        Row(
            f"{mutations} mutations",
            f"{counts['refused']} refused, {counts['accepted']} accepted, of those {len(wrong)} harmful",
            "0 harmful",
            not wrong,
        ),
    ]
    if as_json:
        figures = {"steps_per_second": speed, "check_seconds": checking, "reload": asdict(seen)}
        figures["mutations"] = {**counts, "harmful": wrong}
        typer.echo(json.dumps({**figures, "missed": [row.name for row in rows if not row.met]}))
    else:
        _print(rows, [*seen.failed, *wrong])
    raise typer.Exit(1 if check and not all(row.met for row in rows) else 0)


def _reloads(seen: "Reloads") -> list[Row]:
    worst, event = max(seen.worst), seen.worst_event
    many = f"{len(seen.worst)} changes under {seen.concurrent} calls"
    return [
        Row(many, f"{len(seen.failed)} of {seen.calls} calls failed", "0", not seen.failed),
        Row(
            "  loop late at most",
            f"{worst * 1e3:.1f} ms (with the machine's other load {max(seen.worst_any) * 1e3:.1f} ms)",
            f"<= {LATE * 1e3:.0f} ms",
            worst <= LATE,
        ),
        Row(
            f"  slowest of {seen.events} events",
            f"{event * 1e3:.1f} ms",
            f"<= {LATE * 1e3:.0f} ms",
            event <= LATE,
        ),
    ]


def _print(rows: list[Row], details: list[str]) -> None:
    import os

    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"flows (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
    for name in ("figure", "measured", "wanted", ""):
        table.add_column(name)
    for row in rows:
        table.add_row(row.name, row.measured, row.wanted, "met" if row.met else "MISSED")
    console = Console()
    console.print(table)
    for detail in details[:20]:
        console.print(f"  {detail}", markup=False)

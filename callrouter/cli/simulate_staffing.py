"""`callrouter simulate staffing`: seats for a rate of calls, or for every quarter-hour of a scenario."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from callrouter.cli.state import fail

if TYPE_CHECKING:
    from simulators.erlang import Target
    from simulators.queue_sim.policies import Base
    from simulators.queue_sim.staffing import Advice

MISSED: Final = 1
AHT: Final = 210.0
DAYS: Final = 20
_AROUND: Final = 3
"""Seats more and fewer that are shown beside the recommended number."""


def staffing(
    scenario: Annotated[
        Path | None,
        typer.Argument(metavar="[SCENARIO.yaml]", help="Seats for each quarter-hour of its first day."),
    ] = None,
    calls_per_hour: Annotated[
        float | None, typer.Option(min=0.01, max=1e7, help="Instead of a scenario: one rate.")
    ] = None,
    aht: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=86_400,
            help="Of one rate: mean handling time (ringing, talk, wrap-up) in seconds; default 210.",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="PERCENT/SECONDS", help="Promise; default 95/15.")
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option(min=1, max=86_400, help="Of one rate: mean seconds until callers give up; Erlang A."),
    ] = None,
    occupancy: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="Seats are to be no busier than this.")
    ] = None,
    shrinkage: Annotated[
        float | None, typer.Option(min=0, max=0.9, help="Share of paid time away from the desk.")
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Of a scenario: try seat numbers on the real floor, too.")
    ] = False,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=366, help="With --simulated: days for each number tried; default 20."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only this queue of the scenario.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Of a scenario: write a page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")] = False,
) -> None:
    """How many seats keep a promise: by Erlang C, by Erlang A when callers give up, and by simulation.

    Exit codes: 0 fine; 1 a simulated queue cannot keep the promise with any number of seats;
    2 wrong usage, or an unusable scenario.

    Examples:
    callrouter simulate staffing --calls-per-hour 300 --aht 210 --target 95/15
    callrouter simulate staffing --calls-per-hour 300 --aht 210 --target 95/15 --patience 120
    callrouter simulate staffing winter.yaml --target 90/15 --simulated --queue province
    """
    if (scenario is None) == (calls_per_hour is None):
        fail("give either a scenario or --calls-per-hour")
    if calls_per_hour is not None:
        _refuse("a scenario", {"--simulated": simulated, "--days": days, "--queue": queue, "--html": html})
        promise = _target(target or "95/15", occupancy)
        _for_a_rate(calls_per_hour, aht or AHT, promise, patience, shrinkage or 0.0, as_json)
    elif scenario is not None:
        _refuse("--calls-per-hour (a scenario says it itself)", {"--aht": aht, "--patience": patience})
        if not simulated:
            _refuse("--simulated", {"--days": days})
        tried = (days or DAYS) if simulated else None
        _for_a_scenario(scenario, target, occupancy, shrinkage, tried, queue, html, as_json)


def _refuse(where: str, given: dict[str, object]) -> None:
    """What would be passed over without a word ends the command."""
    for option, value in given.items():
        if value:
            fail(f"{option} goes with {where} only: leave it out")


def _target(text: str, occupancy: float | None) -> "Target":
    from dataclasses import replace

    from simulators.erlang import Target

    try:
        return replace(Target.parse(text), most_occupancy=1.0 if occupancy is None else occupancy)
    except ValueError as error:
        fail(f"--target: {error}")


# --- one rate


def _for_a_rate(
    calls: float, aht: float, target: "Target", patience: float | None, shrinkage: float, as_json: bool
) -> None:
    from simulators.erlang import seats_needed
    from simulators.queue_sim.staffing import people_for

    load = calls * aht / 3600
    try:
        seats = {"erlang_c": seats_needed(load, aht, target)}
        if patience is not None:
            seats["erlang_a"] = seats_needed(load, aht, target, patience)
    except ValueError as error:
        fail(str(error))
    low = max(1, min(seats.values()) - _AROUND)
    rows = [
        _row_of(count, load, aht, target.seconds, patience)
        for count in range(low, max(seats.values()) + _AROUND + 1)
    ]
    report = {
        "calls_per_hour": calls,
        "aht": aht,
        "load": load,
        "target": {"share": target.share, "seconds": target.seconds, "most_occupancy": target.most_occupancy},
        "patience": patience,
        "seats": seats,
        "to_pay": {name: people_for(count, shrinkage) for name, count in seats.items()},
        "around": rows,
    }
    if as_json:
        typer.echo(json.dumps(report))
        return
    _show_rate(report, shrinkage)


def _row_of(seats: int, load: float, aht: float, seconds: float, patience: float | None) -> dict[str, Any]:
    from simulators.erlang import ErlangA, answered_within, beta, halfin_whitt, waiting_c

    endless = waiting_c(seats, load, aht)
    row: dict[str, Any] = {
        "seats": seats,
        "beta": beta(seats, load),
        "halfin_whitt": halfin_whitt(beta(seats, load)),
        "service_level": answered_within(seats, load, aht, seconds),
        "waits": endless.waits,
        "asa": endless.mean_wait if endless.mean_wait < float("inf") else None,
        "occupancy": endless.occupancy,
    }
    if patience is not None:
        system = ErlangA(seats, load, aht, patience)
        row["with_patience"] = {"service_level": system.answered_within(seconds), **asdict(system.waiting())}
    return row


def _show_rate(report: dict[str, Any], shrinkage: float) -> None:
    from rich.table import Table

    from callrouter.cli.simulate_shared import wide_console

    promise = report["target"]
    console = wide_console()
    for name, label in (("erlang_c", "Erlang C (nobody gives up)"), ("erlang_a", "Erlang A")):
        if name in report["seats"]:
            paid = f", {report['to_pay'][name]} to pay" if shrinkage else ""
            console.print(f"[bold]{report['seats'][name]} seats[/] by {label}{paid}")
    table = Table(
        title=f"{report['calls_per_hour']:g} calls/h × {report['aht']:g} s = {report['load']:.2f} erlang"
    )
    columns = ["seats", "β", f"within {promise['seconds']:g} s", "wait at all", "limit", "ASA", "occupancy"]
    if report["patience"] is not None:
        columns += ["A: within", "A: give up", "A: mean wait", "A: occupancy"]
    for column in columns:
        table.add_column(column, justify="right")
    for row in report["around"]:
        asa = "for ever" if row["asa"] is None else f"{row['asa']:.1f} s"
        shares = (row[name] for name in ("service_level", "waits", "halfin_whitt"))
        cells = [f"{row['beta']:.2f}", *(f"{share:.1%}" for share in shares), asa]
        cells.append(f"{row['occupancy']:.1%}")
        if "with_patience" in row:
            found = row["with_patience"]
            cells += [f"{found['service_level']:.1%}", f"{found['abandons']:.1%}"]
            cells += [f"{found['mean_wait']:.1f} s", f"{found['occupancy']:.1%}"]
        style = "bold" if row["seats"] in report["seats"].values() else None
        table.add_row(str(row["seats"]), *cells, style=style)
    table.caption = (
        "β: seats above the load, in square roots of it. The same β means the same wait at any size: "
        "limit is what Halfin and Whitt give for very many seats"
    )
    console.print(table)


# --- a scenario


def _for_a_scenario(
    file: Path,
    target: str | None,
    occupancy: float | None,
    shrinkage: float | None,
    days: int | None,
    only: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    from callrouter.cli.simulate_shared import read, write_page
    from simulators.queue_sim.page import staffing_page
    from simulators.queue_sim.report import staffing_rows

    base = read(file)
    wanted = _wanted(base, target, occupancy)
    advice = _advised(base, wanted, days, only, quiet=as_json)
    away = base.scenario.promise.shrinkage if shrinkage is None else shrinkage
    promise = {"share": wanted.share, "seconds": wanted.seconds, "most_occupancy": wanted.most_occupancy}
    report: dict[str, Any] = {
        "name": base.scenario.name,
        "staffing": {
            "promise": promise | {"shrinkage": away},
            "queues": {name: staffing_rows(found, away) for name, found in advice.items()},
        },
    }
    if html is not None:
        write_page(html, staffing_page(report))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        _show(report)
    if any(one.kept is False for found in advice.values() for one in found):
        raise typer.Exit(MISSED)


def _wanted(base: "Base", target: str | None, occupancy: float | None) -> "Target":
    from dataclasses import replace

    from callrouter.cli.simulate_shared import promised

    found: Target = promised(base)
    if target is not None:
        asked = _target(target, occupancy)
        found = replace(found, share=asked.share, seconds=asked.seconds)
    return found if occupancy is None else replace(found, most_occupancy=occupancy)


def _advised(
    base: "Base", target: "Target", days: int | None, only: str | None, *, quiet: bool
) -> "dict[str, list[Advice]]":
    from simulators.queue_sim.policies import world_of
    from simulators.queue_sim.staffing import Effort, by_formula, by_simulation, demand_of, queues_of

    world = world_of(base, base.policies[0])
    queues = [queue for queue in queues_of(world) if only in (None, queue)]
    if not queues:
        fail(f"nobody calls a queue {only!r}: known are {', '.join(queues_of(world))}")
    advice: dict[str, list[Advice]] = {}
    for queue in queues:
        if days is None:
            advice[queue] = by_formula(demand_of(world, queue), target, world.manners.ring.mean)
            continue

        def tell(round_: int, moving: int, queue: str = queue) -> None:
            if not quiet:
                typer.echo(f"{queue}: round {round_}, {moving} blocks of hours still move", err=True)

        advice[queue] = by_simulation(
            world, queue, target, Effort(days=days, replications=1, seed=base.scenario.seed), tell
        )
    return advice


def _show(report: dict[str, Any]) -> None:
    from callrouter.cli.simulate_shared import wide_console
    from simulators.queue_sim.screen import staffing_table

    console = wide_console()
    for name, found in report["staffing"]["queues"].items():
        console.print(staffing_table(name, found, report["staffing"]["promise"]))

"""The report in the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from simulators.queue_sim.report import FIRST_SHOWN, show, show_difference


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Policies side by side, then queues, then recommended seats."""
    for part in _parts(report):
        console.print(part)


def _parts(report: Mapping[str, Any]) -> Iterable[RenderableType]:
    yield _headline(report)
    policies = [policy for policy in report["policies"] if policy["figures"]]
    if not policies:
        yield "nothing was finished: let it run longer, or simulate fewer days"
        return
    yield _compared(policies)
    yield _queues(policies)
    yield _peaks(report["staffing"])


def _headline(report: Mapping[str, Any]) -> str:
    speed = report["calls_a_minute_a_core"]
    told = (
        f"[bold]{report['name']}[/]: {report['replications']} replications of {report['days']} days, "
        f"{report['calls_simulated']:,} calls in {report['seconds']:.1f} s"
    )
    if speed:
        told += f" ({speed / 1e6:.2f} M calls a minute a core, {report['processes']} cores)"
    if report["stopped"]:
        told += (
            f"\n[yellow]stopped: {report['replications']} of {report['replications_wanted']} replications[/]"
        )
    return told


def _compared(policies: Sequence[Mapping[str, Any]]) -> Table:
    """Figures with half widths of 95 % intervals; differences from the first policy where they tell."""
    table = Table(title="all callers (± 95 % interval; then the difference from the first policy)")
    table.add_column("figure")
    for policy in policies:
        table.add_column(policy["name"], justify="right")
    for name in ("calls", *FIRST_SHOWN):
        if any(name in policy["figures"]["all"] for policy in policies):
            table.add_row(name, *(_cell(policy, name) for policy in policies))
    return table


def _cell(policy: Mapping[str, Any], name: str) -> str:
    found = policy["figures"]["all"].get(name)
    if found is None:
        return "–"
    told = show(name, found["mean"])
    if found["high"] is not None:
        told += f" ± {show(name, found['high'] - found['mean'])}"
    against = policy["against_first"].get(name)
    if against is not None:
        style = "bold" if against["telling"] else "dim"
        told += f"\n[{style}]{show_difference(name, against['mean'])}[/]"
    return told


def _queues(policies: Sequence[Mapping[str, Any]]) -> Table:
    names = ("calls", "answer_rate", "service_level_offered", "asa", "abandonment", "occupancy")
    table = Table(title="by queue (occupancy: of the seats whose first queue it is)")
    for column in ("queue", "policy", *names):
        table.add_column(column, justify="left" if column in ("queue", "policy") else "right")
    for scope in dict.fromkeys(scope for policy in policies for scope in policy["figures"]):
        if not scope.startswith("queue "):
            continue
        for policy in policies:
            found = policy["figures"].get(scope)
            if found:
                cells = (show(name, found.get(name, {}).get("mean")) for name in names)
                table.add_row(scope.removeprefix("queue "), policy["name"], *cells)
    return table


def _peaks(staffing: Mapping[str, Any]) -> Table:
    promise = staffing["promise"]
    table = Table(
        title=f"seats for {promise['share']:.0%} within {promise['seconds']:g} s, each queue for itself "
        "(by the quarter-hour: callrouter simulate staffing SCENARIO.yaml)"
    )
    for column in ("queue", "busiest", "erlang", "Erlang C", "Erlang A", "seat hours a day"):
        table.add_column(column, justify="left" if column == "queue" else "right")
    for queue, found in staffing["queues"].items():
        rows = found["quarter_hours"]
        busiest = max(rows, key=lambda row: row["load"])
        hours = found["seat_hours"]["erlang_a"] or found["seat_hours"]["erlang_c"]
        seats = (_most(rows, key) for key in ("erlang_c", "erlang_a"))
        table.add_row(queue, busiest["time"], f"{busiest['load']:.1f}", *seats, f"{hours:g}")
    return table


def staffing_table(queue: str, found: Mapping[str, Any], promise: Mapping[str, Any]) -> Table:
    """Hour by hour: the most seats of its quarter-hours."""
    simulated = any(row["simulated"] is not None for row in found["quarter_hours"])
    table = Table(
        title=f"seats for {queue}: {promise['share']:.0%} within {promise['seconds']:g} s, "
        f"occupancy ≤ {promise['most_occupancy']:.0%}"
    )
    columns = ["from", "calls/h", "AHT", "erlang", "Erlang C", "Erlang A"]
    for column in (*columns, *(["simulated", "kept"] if simulated else []), "to pay"):
        table.add_column(column, justify="right")
    rows = found["quarter_hours"]
    for begin in range(0, len(rows), 4):
        hour = rows[begin : begin + 4]
        busiest = max(hour, key=lambda row: row["load"])
        cells = [
            hour[0]["time"],
            f"{sum(row['calls_per_hour'] for row in hour) / len(hour):.1f}",
            f"{busiest['aht']:.0f} s",
            f"{busiest['load']:.1f}",
            *(_most(hour, key) for key in ("erlang_c", "erlang_a")),
        ]
        if simulated:
            worst = min(hour, key=lambda row: row["service_level"])
            cells += [
                _most(hour, "simulated"),
                f"{worst['service_level']:.1%}{'' if worst['kept'] else ' !'}",
            ]
        table.add_row(*cells, _most(hour, "paid"))
    hours = {name: value for name, value in found["seat_hours"].items() if value is not None}
    table.caption = "seat hours a day: " + ", ".join(f"{name} {value:g}" for name, value in hours.items())
    return table


def _most(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    return str(max(values)) if values else "–"

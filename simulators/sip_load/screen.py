"""A run in the terminal: progress and live figures while it lasts, the report when it is over."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulators.sip_load.result import Live

TINY = 1e-6

VERDICTS = {
    "good": "[bold green]good[/]",
    "bad": "[bold red]bad[/]",
    "void": "[bold yellow]void: the generator was the bottleneck[/]",
    "broken": "[bold red]broken off[/]",
}


class LiveScreen:
    """What is redrawn while a run goes on."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        self._task = self._progress.add_task("starting", total=1.0)

    def draw(self, live: Live) -> RenderableType:
        phase = (
            "calling" if 0 <= live.elapsed < live.duration else "starting" if live.elapsed < 0 else "draining"
        )
        done = min(max(live.elapsed, 0.0), live.duration)
        self._progress.update(self._task, description=phase, completed=done, total=live.duration)
        table = Table.grid(padding=(0, 3))
        numbers = {
            "dialled": f"{live.begun} of {live.planned}",
            "on the line": str(live.live),
            "answered": str(live.answered),
            "met a person": str(live.met),
            "refused": str(live.refused),
            "seats": str(live.registered),
        }
        table.add_row(*(f"[dim]{name}[/] {value}" for name, value in numbers.items()))
        table.add_row(*(f"[dim]{name}[/] {cores:.2f} cores" for name, cores in live.cpu.items()))
        return Group(self._progress, table)


def print_report(report: dict[str, Any], console: Console) -> None:
    """The report for people."""
    figures = report["figures"]
    console.print(f"[bold]{report['name']}[/] against {report['target']}: {VERDICTS[report['verdict']]}")
    for line in report["broken"] + report["void"]:
        console.print(f"  [yellow]{escape(line)}[/]", highlight=False)
    for finding in report["findings"]:
        # It may quote what others have answered.
        console.print(f"  [red]{finding['code']}[/] {escape(finding['text'])}", highlight=False)
    summary = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in _summary(figures):
        summary.add_row(f"[dim]{name}[/]", value)
    console.print(summary)
    console.print(_delays(figures))
    processes = Table("process", "CPU s", "ms a call", "peak cores", "peak MB", box=None, padding=(0, 2))
    for name, one in figures["processes"].items():
        processes.add_row(
            name,
            f"{one['cpu_seconds']:.1f}",
            _number(one["cpu_per_call_ms"]),
            f"{one['peak_cores']:.2f}",
            f"{one['peak_memory_mb']:.0f}",
        )
    console.print(processes)
    if report.get("comparison"):
        table = Table("against the earlier run", "earlier", "later", "ratio", box=None, padding=(0, 2))
        for row in report["comparison"]:
            table.add_row(row["figure"], *(_number(row[name]) for name in ("earlier", "later", "ratio")))
        console.print(table)


def _summary(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    volume, sessions, people = figures["volume"], figures["sessions"], figures["people"]
    yield "offered / achieved", f"{volume['offered_rate']:.2f} / {volume['achieved_rate']:.2f} calls/s"
    yield (
        "attempts",
        f"{volume['attempts']} ({volume['redials']} redials), at most {volume['peak_calls']} at once",
    )
    ratios = ("SER", "SEER", "ISA", "SCR", "ASR", "NER")
    yield "ratios", "  ".join(f"{name} {_share(sessions[name])}" for name in ratios)
    yield "causes", "  ".join(f"{code} × {count}" for code, count in sessions["causes"].items())
    if figures["seats"]["offers"]:
        yield (
            "met a person",
            f"{people['met_a_person']} ({_share(people['share_met'])}), in time {_share(people['in_time'])}",
        )
    theory = figures["theory"]
    if theory is not None:
        expected, measured = theory["mean_wait"], theory["measured_mean_wait"]
        yield (
            f"wait, Erlang {theory['model']}",
            (
                f"{_number(expected)} s expected, {_number(measured)} s measured beyond announcements of "
                f"{_number(theory['announcements'])} s ({theory['load_erlang']:.2f} erlang, "
                f"{theory['seats']} seats)"
            ),
        )
    again = figures["retransmissions"]
    yield (
        "retransmissions",
        (
            "  ".join(f"{name} × {count}" for name, count in {**again["sent"], **again["received"]}.items())
            or "none"
        ),
    )
    heard = figures["probes"]
    if heard["calls"]:
        yield (
            "listening phones",
            (
                f"{heard['calls']} calls, both ways {_share(heard['both_ways'])}, "
                f"MOS {_number(heard['mos'].get('mean'))}, loss {_share(heard['loss'])}"
            ),
        )
    for line, one in figures["transfers"].items():
        arrived = "" if one["arrived"] is None else f", {one['arrived']} arrived"
        yield f"handed to {line}", f"{one['begun']} begun{arrived}"
    if figures["recordings"] is not None:
        made = figures["recordings"]
        yield "recordings", f"{made['files']} of {made['conversations']} conversations"
    if figures["left_behind"] is not None:
        yield "channels left behind", str(figures["left_behind"])


def _delays(figures: dict[str, Any]) -> Table:
    table = Table("seconds", "count", "mean", "p50", "p95", "p99", "p99.9", "max", box=None, padding=(0, 2))
    for name, part, key in (
        ("PDD", "sessions", "PDD"),
        ("setup", "sessions", "setup"),
        ("SRD failed", "sessions", "SRD_failed"),
        ("SDD", "sessions", "SDD"),
        ("SDD failed", "sessions", "SDD_failed"),
        ("SDT", "sessions", "SDT"),
        ("SDT failed", "sessions", "SDT_failed"),
        ("RRD", "registrations", "RRD"),
        ("wait", "people", "wait"),
        ("first RTP", "probes", "first_rtp"),
        ("lateness", "generator", "lateness"),
    ):
        one = figures[part][key]
        if one.get("count"):
            cells = [f"{one[column]:.4f}" for column in ("mean", "p50", "p95", "p99", "p99.9", "max")]
            table.add_row(name, str(one["count"]), *cells)
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else "0" if abs(value) < TINY else f"{value:.3g}"

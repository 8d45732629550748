"""`callrouter simulate`: how many seats, and what a change of rules would do, before it is made."""

import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from callrouter.cli.simulate_shared import (
    UNUSABLE,
    AsJson,
    Html,
    Processes,
    Scenario,
    promised,
    read,
    wide_console,
    write_page,
)
from callrouter.cli.state import fail

if TYPE_CHECKING:
    from simulators.queue_sim.policies import Base
    from simulators.queue_sim.replicate import Runs
    from simulators.queue_sim.staffing import Advice
    from simulators.queue_sim.world import World


class _RunByDefault(TyperGroup):
    """`simulate FILE` means `simulate run FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-")), None)
        if first is not None and first not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Hang `simulate` under the command."""
    from callrouter.cli.simulate_calibrate import calibrate
    from callrouter.cli.simulate_staffing import staffing
    from callrouter.cli.simulate_trunks import trunks

    simulate = typer.Typer(
        cls=_RunByDefault,
        no_args_is_help=True,
        help="The floor in virtual time: policies compared, seats recommended. "
        "`callrouter simulate SCENARIO.yaml` runs a scenario.",
    )
    simulate.command("run")(run)
    simulate.command("staffing")(staffing)
    simulate.command("trunks")(trunks)
    simulate.command("calibrate")(calibrate)
    app.add_typer(simulate, name="simulate")


def run(
    scenario: Scenario,
    replications: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Instead of the scenario's.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=366, help="Instead of the scenario's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the scenario's: other callers.")] = None,
    processes: Processes = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a scenario's policies side by side, with the same callers for all.

    Ctrl-C stops early and reports what is there. Exit codes: 0 fine; 2 the scenario is unusable,
    or nothing was finished.

    Examples:
    callrouter simulate winter.yaml --html winter.html
    callrouter simulate winter.yaml --days 365 --replications 4 --json
    """
    from simulators.queue_sim.page import page
    from simulators.queue_sim.policies import world_of
    from simulators.queue_sim.report import document
    from simulators.queue_sim.staffing import by_formula, demand_of, queues_of

    base = read(scenario, replications=replications, days=days, seed=seed)
    worlds = [world_of(base, policy) for policy in base.policies]
    runs = _simulated(base, worlds, processes, quiet=as_json)
    target, ring = promised(base), worlds[0].manners.ring.mean
    advice: dict[str, Sequence[Advice]] = {
        queue: by_formula(demand_of(worlds[0], queue), target, ring) for queue in queues_of(worlds[0])
    }
    report = document(base, worlds, runs, advice)
    if html is not None:
        write_page(html, page(report))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        from simulators.queue_sim.screen import print_report

        console = wide_console()
        print_report(report, console)
        if html is not None:
            console.print(f"report: {html}")
    if not any(runs.by_policy.values()):
        raise typer.Exit(UNUSABLE)


def _simulated(base: "Base", worlds: "Sequence[World]", processes: int | None, *, quiet: bool) -> "Runs":
    from simulators.queue_sim.draws import TooManyCalls
    from simulators.queue_sim.replicate import SimulationFailed, replicate

    scenario = base.scenario
    calls = sum(world.expected_calls() for world in worlds) * scenario.replications
    label = f"{len(worlds)} policies × {scenario.replications}, about {calls:,.0f} calls"
    stop = threading.Event()
    try:
        with ended_by_signals(stop), progress_bar(label, quiet=quiet) as tell:
            return replicate(
                worlds,
                scenario.seed,
                scenario.replications,
                processes=processes,
                progress=tell,
                stop=stop,
            )
    except (SimulationFailed, TooManyCalls) as error:
        fail(str(error))


@contextmanager
def ended_by_signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set the event instead of breaking in."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda *_: stop.set()) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal's standard error, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda share: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda share: bar.update(task, completed=share)

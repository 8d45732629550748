"""`callrouter load`: how many calls does this installation take, on the real stack."""

import asyncio
import contextlib
import json
import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from callrouter.cli.load_target import Given, aim, fail_load, require_room

if TYPE_CHECKING:
    from simulators.sip_load.engine import Run
    from simulators.sip_load.result import Live, RunResult
    from simulators.sip_load.scenario import Scenario

FAULTS: Final = 1
UNUSABLE: Final = 2
SAVE_SECONDS: Final = 5.0
MOST_FACTOR: Final = 1e5
FACTOR_STEP: Final = 1.05


def register(app: typer.Typer) -> None:
    """Hang `load run` and `load check` under the command."""
    load = typer.Typer(help="Load tests with SIPp crowds and listening phones.", no_args_is_help=True)
    load.command("run")(run)
    load.command("check")(check)
    app.add_typer(load, name="load")


File = Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="See docs/topics/simulators.md.")]


def check(
    scenario: File,
    as_json: Annotated[bool, typer.Option("--json", help="Print it, or the faults, as JSON.")] = False,
) -> None:
    """Read a scenario and say what it would do, without calling anyone.

    Exit codes: 0 sound; 1 more than its limits allow; 2 it cannot be read.

    Example: callrouter load check evening.yaml --json
    """
    from simulators.sip_load.plan import foreseen

    plan = _read(scenario, as_json=as_json)
    _callers_of(plan, too_many=FAULTS, as_json=as_json)
    found = foreseen(plan)
    if as_json:
        typer.echo(json.dumps({"faults": [], **found}, ensure_ascii=False))
        return
    own = " and a demo's own" if any(group.accounts == "yours" for group in plan.seats) else ""
    typer.echo(f"{plan.name}: {found['callers']} callers in {plan.duration:g} s, {found['seats']} seats{own}")


def run(
    scenario: File,
    target: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Instead of the scenario's target.sip.")
    ] = None,
    allow_target: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-target", metavar="HOST", help="An address besides loopback that may be loaded."
        ),
    ] = None,
    process: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PID", help="Watch its CPU and memory: asterisk=123, controller=456."),
    ] = None,
    asterisk_config: Annotated[
        Path | None,
        typer.Option(
            "--asterisk-config", metavar="FILE", help="asterisk.conf, to count channels left behind."
        ),
    ] = None,
    desk: Annotated[
        str | None, typer.Option(metavar="URL", help="Instead of the scenario's target.desk.")
    ] = None,
    demo: Annotated[
        Path | None,
        typer.Option(
            "--demo",
            metavar="DIR",
            help="State directory of a running demo: target, desk, processes, seats with `accounts: yours`.",
        ),
    ] = None,
    scale: Annotated[float, typer.Option(min=0.001, max=1000, help="Times the scenario's callers.")] = 1.0,
    find_capacity: Annotated[
        bool, typer.Option("--find-capacity", help="Search the highest rate that is clean.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Where PATH.json and PATH.html go. Left out: NAME-TIME here."),
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="JSON", help="An earlier report to compare with.")
    ] = None,
    logs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep SIPp's own logs in this empty folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, nothing else.")] = False,
) -> None:
    """Run a scenario against an installation on this machine (or one that you name).

    Exit codes: 0 good; 1 faults were found; 2 the scenario, the target or the generator was unfit.

    Examples:
    callrouter load run surge.yaml --target 127.0.0.1:5060 --find-capacity
    callrouter load run evening.yaml --demo ~/.local/state/callrouter/demo
    """
    from simulators.sip_load.report import NoReport, read_report

    plan = _read(scenario).scaled(scale)
    given = Given(target, desk, asterisk_config, tuple(process or ()), demo)
    plan, sip, watched = aim(plan, given, tuple(allow_target or ()))
    _callers_of(plan)
    try:
        earlier = read_report(compare) if compare is not None else None
    except NoReport as error:
        fail_load(str(error))
    base = report or Path(f"{plan.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    require_room(base.parent, "--report")
    if logs is not None:
        require_room(logs, "--logs")
        if any(logs.iterdir()):
            fail_load(f"{logs} is not empty: give an empty folder with --logs")
    session = _Session(plan, sip, watched, earlier, base, logs, as_json)
    try:
        result = asyncio.run(session.search() if find_capacity else session.once(plan))
    except KeyboardInterrupt:
        raise typer.Exit(UNUSABLE) from None
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    if session.unwritten:
        raise typer.Exit(UNUSABLE)
    raise typer.Exit({"good": 0, "bad": FAULTS}.get(result["verdict"], UNUSABLE))


class _Session:
    """The runs of one command: one, or as many as the search needs."""

    def __init__(
        self,
        plan: "Scenario",
        sip: str,
        watched: dict[str, int],
        earlier: dict[str, Any] | None,
        base: Path,
        logs: Path | None,
        quiet: bool,
    ) -> None:
        from callrouter.cli.simulate_shared import wide_console

        self._plan = plan
        self._sip = sip
        self._watched = watched
        self._earlier = earlier
        self._base = base
        self._logs = logs
        self._quiet = quiet
        self._console = wide_console(stderr=quiet)
        self._saved_at = 0.0
        self._runs = 0
        self.unwritten = False
        """The last report is on no disk."""

    async def once(self, plan: "Scenario") -> dict[str, Any]:
        """One run with its report, written and shown."""
        from simulators.sip_load.report import document
        from simulators.sip_load.screen import print_report

        session = self._prepared(plan)
        task = asyncio.create_task(self._go(session))
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, task.cancel)
        with _one_line_errors():
            try:
                result = await task
            except asyncio.CancelledError:
                fail_load(f"interrupted before the run was over: {self._base}.json, if any, is unfinished")
        report = document(result, self._earlier)
        if not self._quiet:
            print_report(report, self._console)
        self._write(report)
        if not self._quiet and not self.unwritten:
            self._console.print(f"report: {self._base}.html  {self._base}.json", highlight=False)
        return report

    async def search(self) -> dict[str, Any]:
        """Runs until the highest clean rate is known; the report is that of its run, with the search."""
        from dataclasses import asdict

        from simulators.sip_load.capacity import find_capacity

        last: dict[str, Any] = {}
        best: dict[str, Any] = {}

        async def attempt(factor: float) -> dict[str, Any]:
            nonlocal last, best
            self._console.print(f"[bold]{factor:g} × the scenario's callers[/]")
            last = await self.once(self._plan.scaled(factor))
            if last["verdict"] == "good":
                best = last
            return last

        found = await find_capacity(attempt, most=self._most_factor())
        report = (best if last["verdict"] != "broken" else last) or last
        report["capacity"] = asdict(found)
        self._write(report)
        if not self._quiet:
            clean = "none" if found.clean_rate is None else f"{found.clean_rate:.2f} calls/s"
            whose = ", the generator's limit" if found.by_generator else ""
            self._console.print(f"[bold]highest clean rate: {clean}[/]; beyond it{whose}: {found.limit}")
        return report

    def _most_factor(self) -> float:
        """How many times the callers the scenario's limits allow, to within a twentieth."""
        from simulators.sip_load.plan import PlanTooBig, plan_calls

        def fits(factor: float) -> bool:
            try:
                plan_calls(self._plan.scaled(factor))
            except PlanTooBig:
                return False
            return True

        low, high = 1.0, 2.0
        while fits(high):
            low, high = high, high * 2
            if high > MOST_FACTOR:
                return math.inf
        while high / low > FACTOR_STEP:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def _prepared(self, plan: "Scenario") -> "Run":
        from simulators.sip_load.engine import Run
        from simulators.sip_load.plan import PlanRefused

        try:
            return Run(plan, self._sip, processes=self._watched)
        except PlanRefused as error:
            fail_load(str(error))

    async def _go(self, session: "Run") -> "RunResult":
        from rich.live import Live as Screen

        from simulators.sip_load.screen import LiveScreen

        screen = LiveScreen()
        with contextlib.ExitStack() as stack:
            live = None
            if not self._quiet and self._console.is_terminal:
                live = stack.enter_context(Screen(console=self._console, refresh_per_second=4))

            def show(now: "Live") -> None:
                if live is not None:
                    live.update(screen.draw(now))
                self._save_unfinished(session)

            self._runs += 1
            folder = self._logs
            if folder is not None:
                # A search makes several runs: the first one's logs lie in the folder itself.
                folder = folder if self._runs == 1 else folder / f"run{self._runs}"
                folder.mkdir(exist_ok=True)
            return await session.go(show, folder)

    def _save_unfinished(self, session: "Run") -> None:
        """Keep what is known so far: whatever ends this program, a report is there."""
        from dataclasses import replace

        from simulators.sip_load.report import document, write_report

        if session.result is None or time.monotonic() - self._saved_at < SAVE_SECONDS:
            return
        self._saved_at = time.monotonic()
        unfinished = replace(session.result, broken=[*session.result.broken, "not finished"])
        try:
            write_report(document(unfinished), self._base.with_name(self._base.name + ".json"))
        except OSError as error:
            # The run goes on: its end will say it again.
            self._console.print(f"[yellow]the report so far cannot be written: {error}[/]", highlight=False)

    def _write(self, report: dict[str, Any]) -> None:
        from simulators.sip_load.page import page
        from simulators.sip_load.report import write_report

        self.unwritten = False
        try:
            write_report(report, self._base.with_name(self._base.name + ".json"))
            self._base.with_name(self._base.name + ".html").write_text(page(report), encoding="utf-8")
        except OSError as error:
            # What was measured is shown all the same: a run may have taken hours.
            self.unwritten = True
            typer.echo(f"callrouter load: the report cannot be written: {error}", err=True)


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    from callrouter.toolchain.errors import ToolchainError
    from simulators.sip_load.result import RunFailed
    from simulators.sipp import SippError
    from simulators.softphone import PhonesUnavailable

    try:
        yield
    except (ToolchainError, RunFailed, SippError, PhonesUnavailable) as error:
        fail_load(str(error))


def _callers_of(plan: "Scenario", *, too_many: int = UNUSABLE, as_json: bool = False) -> int:
    """How many callers there would be. Ends the command when there would be none, or too many."""
    from simulators.sip_load.plan import PlanRefused, PlanTooBig, plan_calls

    try:
        count = len(plan_calls(plan))
    except PlanTooBig as error:
        _refuse(str(error), too_many, as_json=as_json)
    except PlanRefused as error:
        _refuse(str(error), as_json=as_json)
    if not count and plan.probes is None:
        message = f"{plan.name}: nobody would call within {plan.duration:g} s. Raise a rate or the duration"
        _refuse(message, as_json=as_json)
    return count


def _refuse(message: str, code: int = UNUSABLE, *, as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"faults": [_fault("", message)]}, ensure_ascii=False))
        raise typer.Exit(code)
    fail_load(message, code)


def _fault(file: str, message: str, line: int = 0, column: int = 0, hint: str = "") -> dict[str, Any]:
    return {"file": file, "line": line, "column": column, "message": message, "hint": hint}


def _read(file: Path, *, as_json: bool = False) -> "Scenario":
    from callrouter.config.document import ConfigError
    from simulators.sip_load.scenario import read_scenario

    try:
        return read_scenario(file)
    except ConfigError as error:
        if as_json:
            rows = [_fault(f.file, f.message, f.line, f.column, f.hint) for f in error.faults]
            typer.echo(json.dumps({"faults": rows}, ensure_ascii=False))
            raise typer.Exit(UNUSABLE) from error
        for fault in error.faults:
            typer.echo(str(fault), err=True)
        raise typer.Exit(UNUSABLE) from error

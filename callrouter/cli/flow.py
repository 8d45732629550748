"""`callrouter flow`: check, test, try, draw and compare flows without a telephone."""

import json
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from callrouter.cli import schemas
from callrouter.config.document import ConfigError, Fault, read_document
from callrouter.flow.cases import Coverage, Result, run_cases
from callrouter.flow.check import check
from callrouter.flow.check_names import Known
from callrouter.flow.loader import flow_set, read_flows
from callrouter.flow.program import FlowSet
from callrouter.flow.prompts import Catalogue
from callrouter.flow.reading import Reading

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the flows.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

DEFAULT_FOLDER = Path("ivr_flows")
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def register(app: typer.Typer) -> None:
    from callrouter.cli import flow_picture, flow_source, flow_try, flow_versions

    flow = typer.Typer(no_args_is_help=True, help="Check, test, try, draw and compare flows.")
    flow.command("check")(check_command)
    flow.command("test")(cases_command)
    flow.command("schema")(schema_command)
    flow.command("try")(flow_try.try_command)
    flow.command("graph")(flow_picture.graph_command)
    flow.command("diff")(flow_picture.diff_command)
    flow.command("versions")(flow_versions.versions_command)
    flow.command("rollback")(flow_versions.rollback_command)
    flow.command("source")(flow_source.source_command)
    app.add_typer(flow, name="flow")


def unusable(message: str) -> NoReturn:
    """Wrong usage or environment: one line, exit code 2."""
    err.print(f"callrouter flow: {escape(message)}")
    raise typer.Exit(2)


def read(folder: Path) -> Reading:
    """The folder's flows, faults and all; exit code 2 when there is no such folder."""
    if not folder.is_dir():
        unusable(f"{folder} is not a folder: give the folder that holds the flows")
    return read_flows(folder)


def sound(folder: Path) -> tuple[FlowSet, Catalogue, Reading]:
    """Flows fit to run; prints what is wrong and exits with 1 when they are not."""
    reading = read(folder)
    findings = check(reading, audio=False)
    if findings.errors or reading.catalogue is None:
        print_faults(findings.errors, "red")
        raise typer.Exit(1)
    return flow_set(reading, reading.catalogue), reading.catalogue, reading


def known_names(folder: Path) -> tuple[Known, list[Fault]]:
    """Queues, skills, seats and lines of the site, as far as its files can be read."""
    from callrouter.directory import read_directory
    from callrouter.site.floor import read_floor

    faults: list[Fault] = []
    queues = skills = seats = lines = None
    if (path := folder / "site" / "floor.yaml").exists():
        try:
            floor = read_floor(read_document(path))
            queues, skills, seats = (
                [plan.queue for plan in floor.plan.queues],
                list(floor.skills),
                list(floor.seats),
            )
        except ConfigError as error:
            faults += error.faults
    if (path := folder / "site" / "directory.yaml").exists():
        try:
            lines = list(read_directory(read_document(path)).lines)
        except ConfigError as error:
            faults += error.faults
    return Known(queues=queues, skills=skills, seats=seats, lines=lines), faults


def print_faults(faults: tuple[Fault, ...] | list[Fault], colour: str) -> None:
    for fault in faults:
        where = f"{fault.file}:{fault.line}:{fault.column}" if fault.line else fault.file
        hint = f" [dim]{escape(fault.hint)}[/]" if fault.hint else ""
        out.print(f"[bold]{escape(where)}[/]: [{colour}]{escape(fault.message)}[/].{hint}")


def check_command(
    folder: Folder = DEFAULT_FOLDER,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check everything that can be known before a call: all errors at once, with their place and a way out.

    Exit code 0: nothing wrong (warnings are no errors); 1: errors; 2: the folder can't be used.

    Example: callrouter flow check ivr_flows
    """
    began = time.perf_counter()
    reading = read(folder)
    known, faults = known_names(folder)
    findings = check(reading, known, time.time())
    errors = tuple(sorted({*findings.errors, *faults}))
    if as_json:
        rows = {"errors": errors, "warnings": findings.warnings}
        typer.echo(
            json.dumps({name: [_row(f) for f in found] for name, found in rows.items()}, ensure_ascii=False)
        )
    else:
        print_faults(findings.warnings, "yellow")
        print_faults(errors, "red")
        nodes = sum(len(flow.nodes) for flow in reading.flows.values())
        verdict = "[green]sound[/]" if not errors else f"[red]{len(errors)} errors[/]"
        warned = f", {len(findings.warnings)} warnings" if findings.warnings else ""
        seconds = time.perf_counter() - began
        size = f"{len(reading.flows)} flows, {nodes} nodes"
        out.print(f"{escape(str(folder))}: {size}: {verdict}{warned} ({seconds:.2f} s)")
    raise typer.Exit(1 if errors or (strict and findings.warnings) else 0)


def _row(fault: Fault) -> dict[str, object]:
    return {"file": fault.file, "line": fault.line, "column": fault.column, "message": fault.message,
            "hint": fault.hint}  # fmt: skip


def cases_command(
    folder: Folder = DEFAULT_FOLDER,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[CASES]…", help="Files of cases; else FOLDER/tests/*.yaml."),
    ] = None,
    match: Annotated[str, typer.Option("--match", "-k", help="Only cases whose name contains this.")] = "",
    missed: Annotated[bool, typer.Option("--missed", help="Name every branch that no case takes.")] = False,
    at_least: Annotated[
        float, typer.Option("--at-least", min=0, max=100, help="Per cent of branches that cases must take.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Run the flows' test cases, without a telephone, and tell what they cover.

    Exit code 0: all pass; 1: a case fails, or coverage is below --at-least; 2: nothing to run.

    Example: callrouter flow test ivr_flows -k 藏语
    """
    flows, catalogue, _ = sound(folder)
    paths = files or sorted((folder / "tests").glob("*.yaml"))
    if not paths:
        unusable(f"{folder / 'tests'} holds no cases (*.yaml): see docs/howto/flows.md")
    began = time.perf_counter()
    results: list[Result] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            results += run_cases(read_document(path), flows, catalogue)
        except ConfigError as error:
            faults += error.faults
    results = [result for result in results if match in result.name]
    coverage = Coverage(flows)
    for result in results:
        coverage.add(result.trace)
    failed = [result for result in results if result.problems]
    share = _branch_share(coverage)
    if as_json:
        typer.echo(json.dumps(_test_report(results, coverage, faults), ensure_ascii=False))
    else:
        print_faults(faults, "red")
        for result in failed:
            out.print(f"[bold]{escape(result.file)}:{result.line}[/]: [red]{escape(result.name)}[/]")
            for problem in result.problems:
                out.print(f"    {escape(problem)}")
        _print_coverage(coverage, missed)
        verdict = f"[red]{len(failed)} failed[/]" if failed else "[green]all passed[/]"
        out.print(f"{len(results)} cases: {verdict} ({time.perf_counter() - began:.2f} s)")
    raise typer.Exit(1 if failed or faults or share < at_least else 0)


def _branch_share(coverage: Coverage) -> float:
    counts = [coverage.of(flow) for flow in coverage.flows.flows]
    taken, lacking = sum(len(c[2]) for c in counts), sum(len(c[3]) for c in counts)
    return 100 * taken / (taken + lacking) if taken + lacking else 100.0


def _print_coverage(coverage: Coverage, missed: bool) -> None:
    for flow in coverage.flows.flows:
        nodes, nodes_missed, branches, branches_missed = coverage.of(flow)
        all_nodes, all_branches = len(nodes) + len(nodes_missed), len(branches) + len(branches_missed)
        whole = not nodes_missed and not branches_missed
        colour = "green" if whole else "yellow"
        out.print(
            f"  {escape(flow):<20} nodes [{colour}]{len(nodes):>3}/{all_nodes:<3}[/] "
            f"branches [{colour}]{len(branches):>3}/{all_branches:<3}[/]"
        )
        if missed and not whole:
            out.print(f"    [dim]missed: {escape(', '.join([*nodes_missed, *branches_missed]))}[/]")


def _test_report(results: list[Result], coverage: Coverage, faults: list[Fault]) -> dict[str, object]:
    covered = {}
    for flow in coverage.flows.flows:
        nodes, nodes_missed, branches, branches_missed = coverage.of(flow)
        covered[flow] = {
            "nodes": len(nodes), "nodes_missed": nodes_missed,
            "branches": len(branches), "branches_missed": branches_missed,
        }  # fmt: skip
    cases = [
        {
            "name": r.name,
            "file": r.file,
            "line": r.line,
            "passed": not r.problems,
            "problems": list(r.problems),
        }
        for r in results
    ]
    return {"cases": cases, "coverage": covered, "faults": [_row(fault) for fault in faults]}


def schema_command(
    cases: Annotated[bool, typer.Option("--cases", help="The schema of test cases instead.")] = False,
    calendar: Annotated[bool, typer.Option("--calendar", help="The schema of calendars instead.")] = False,
    write: Annotated[Path | None, schemas.write_into("all three")] = None,
    docs: Annotated[
        Path | None, typer.Option("--docs", metavar="FOLDER", help="Write the reference pages of all verbs.")
    ] = None,
) -> None:
    """Print the JSON Schema that editors complete and explain flows with.

    Example: callrouter flow schema --write ivr_flows
    """
    from callrouter.config.json_schema import printed, write_schema
    from callrouter.flow.reference import pages
    from callrouter.flow.schema import calendar_schema, case_schema, flow_schema

    if docs is not None:
        docs.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (docs / name).write_text(text, encoding="utf-8")
        return
    if write is not None:
        write_schema(write, "flow", flow_schema())
        write_schema(write, "cases", case_schema())
        write_schema(write, "calendar", calendar_schema())
        return
    made = case_schema() if cases else calendar_schema() if calendar else flow_schema()
    typer.echo(printed(made), nl=False)

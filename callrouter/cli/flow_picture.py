"""`callrouter flow graph` and `flow diff`: what a flow looks like, and what has changed."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from acd.record import FlowStep

_SVG: Final = (".svg",)
_MERMAID: Final = (".mmd", ".mermaid", ".txt")
out = Console(soft_wrap=True, highlight=False)


def graph_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A flow's file.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; default standard output.")
    ] = None,
    as_mermaid: Annotated[bool, typer.Option("--mermaid", help="Mermaid text instead of SVG.")] = False,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace", help="A call's record as JSON (`callrouter calls show ID --json`): its way is shown."
        ),
    ] = None,
) -> None:
    """Draw a flow, with the way of a real call over it if you like.

    Exit code 0: drawn; 1: the flow has faults; 2: a file cannot be used.

    Example: callrouter flow graph ivr_flows/province.yaml -o province.svg
    """
    from callrouter.cli.flow import print_faults, read, unusable
    from callrouter.flow.graph import mermaid, picture, svg

    if not file.is_file():
        unusable(f"{file} is not a file: give one flow's file")
    kinds = _MERMAID if as_mermaid else _SVG
    if output is not None and output.suffix.lower() not in kinds:
        other = (
            "; --mermaid draws as text" if not as_mermaid else "; without --mermaid it is a picture (.svg)"
        )
        unusable(f"{output}: give a name that ends in {' or '.join(kinds)}{other}")
    reading = read(file.parent)
    flow = reading.flows.get(file.stem)
    faults = [fault for fault in reading.faults if Path(fault.file).name == file.name]
    if flow is None or faults:
        print_faults(faults, "red")
        raise typer.Exit(1)
    catalogue = reading.catalogue

    def text_of(prompt: str) -> str | None:
        return catalogue.text(prompt, flow.languages[0]) if catalogue is not None else None

    drawn = picture(flow, text_of, _trace(trace) if trace is not None else ())
    for warning in drawn.warnings:
        Console(stderr=True).print(f"[yellow]{escape(warning)}[/]")
    text = mermaid(drawn) if as_mermaid else svg(drawn)
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            unusable(f"{output} cannot be written: {error.strerror}; give another -o")


def _trace(path: Path) -> list[FlowStep]:
    """The steps of a call's record; exit code 2 when the file holds none."""
    from callrouter.cli.flow import unusable

    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        rows = record["trace"] if isinstance(record, dict) else record
        return [
            FlowStep(at=float(row["at"]), flow=str(row["flow"]), node=str(row["node"]), line=int(row["line"]),
                     branch=str(row.get("branch", "")))
            for row in rows
        ]  # fmt: skip
    except OSError as error:
        unusable(f"{path}: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError):
        unusable(f"{path} is not a call's record with a `trace`: take `callrouter calls show ID --json`")


def diff_command(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A flow's file, or a folder of flows.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The other one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Tell in words what callers will notice between two versions.

    Exit code 0: no difference; 1: differences; 2: something cannot be read.

    Example: callrouter flow diff yesterday/ivr_flows ivr_flows
    """
    from callrouter.cli.flow import unusable
    from callrouter.config.document import ConfigError
    from callrouter.flow.difference import differences, read_version

    try:
        found = differences(read_version(old), read_version(new))
    except ConfigError as error:
        unusable(str(error))
    if as_json:
        rows = [{"flow": d.flow, "node": d.node, "words": d.words} for d in found]
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        flow = None
        for difference in found:
            if difference.flow != flow:
                flow = difference.flow
                out.print(f"[bold]{escape(flow)}[/]")
            out.print(f"  {escape(difference.words)}")
        if not found:
            out.print("No difference that a caller could notice.")
    raise typer.Exit(1 if found else 0)

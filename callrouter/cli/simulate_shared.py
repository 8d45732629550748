"""What the commands of `callrouter simulate` share: the scenario's file, its options, its pages."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from callrouter.cli.state import fail

if TYPE_CHECKING:
    from rich.console import Console

    from simulators.queue_sim.policies import Base

UNUSABLE: Final = 2

Scenario = Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="See docs/topics/simulation.md.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Also write the report as one HTML file.")
]
Processes = Annotated[int | None, typer.Option(min=1, max=1024, help="Processor cores to use; default: all.")]


def read(
    file: Path, *, replications: int | None = None, days: int | None = None, seed: int | None = None
) -> "Base":
    """The scenario with what the options change; ends the command when it is unusable."""
    from callrouter.config.document import ConfigError
    from simulators.queue_sim.reading import read_scenario

    changes = {"replications": replications, "days": days, "seed": seed}
    try:
        return read_scenario(file, {key: value for key, value in changes.items() if value is not None})
    except ConfigError as error:
        for fault in error.faults:
            typer.echo(str(fault), err=True)
        raise typer.Exit(UNUSABLE) from error


def promised(base: "Base") -> Any:
    """The scenario's promise as a target."""
    from simulators.erlang import Target

    promise = base.scenario.promise
    return Target(share=promise.share, seconds=promise.seconds, most_occupancy=promise.most_occupancy)


def wide_console(*, stderr: bool = False) -> "Console":
    """Standard output (or error); in a pipe as wide as it takes."""
    from rich.console import Console

    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console.width = 200
    return console


def write_page(file: Path, text: str) -> None:
    """Write a page; ends the command when that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")

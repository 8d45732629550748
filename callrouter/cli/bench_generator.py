"""`callrouter bench generator`: what the load tool itself can do on one core."""

import asyncio
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from callrouter.cli.state import fail

MISSED: Final = 1
WANTED: Final = 300.0
"""Calls a second on one core."""


def generator(
    rate: Annotated[float, typer.Option(min=10, max=1000, help="Calls a second.")] = WANTED,
    seconds: Annotated[float, typer.Option(min=2, max=120, help="Of dialling.")] = 15.0,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when the wanted rate is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """The load generator against a SIPp that answers everything: rate, lateness, CPU, all on one core.

    Needs a second processor for whoever answers; on a busy machine it measures that.

    Example: callrouter bench generator --rate 500
    """
    from callrouter.toolchain.errors import ToolchainError
    from simulators.bench_generator import measure
    from simulators.sip_load.result import RunFailed
    from simulators.sipp import SippError

    with tempfile.TemporaryDirectory(prefix="callrouter-bench-") as folder:
        try:
            found = asyncio.run(measure(rate, seconds, Path(folder)))
        except (ToolchainError, SippError, RunFailed) as error:
            fail(str(error))
    load = [round(value, 2) for value in os.getloadavg()]
    if as_json:
        figures = {**asdict(found), "per_core": found.per_core, "met": found.met, "load": load}
        typer.echo(json.dumps(figures))
    else:
        typer.echo(
            f"{found.achieved:.0f} of {found.rate:g} calls/s on one core, {found.calls} calls: "
            f"{'in time' if found.met else 'MISSED'}\n"
            f"INVITE late      p99 {found.lateness_p99 * 1e3:.1f} ms, "
            f"most {found.lateness_max * 1e3:.1f} ms\n"
            f"CPU per call     SIPp {found.sipp_ms:.2f} ms, this program {found.program_ms:.2f} ms: "
            f"its CPU would fill a core at {found.per_core:.0f} calls/s\n"
            f"load of the machine: {' '.join(map(str, load))}"
        )
        for reason in found.void:
            typer.echo(f"a run would be void: {reason}")
    if check and not (found.met and found.rate >= WANTED):
        raise typer.Exit(MISSED)

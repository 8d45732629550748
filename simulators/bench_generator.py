"""How many calls a second the load generator makes on one core, against a SIPp that answers everything.

The callers, their SIPp and the program that steers them are bound to one processor; who answers runs
elsewhere and is not counted. It is a load run as any other: planned instants, logs read while they grow,
each call hung up by an order of its own, lateness measured at the INVITE.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulators.sip_load.engine import Run
from simulators.sip_load.findings import LATE_P99
from simulators.sip_load.report import document
from simulators.sip_load.scenario import Scenario
from simulators.sipp import SippProcess
from simulators.sipp_scripts import seat_scenario

TALK: Final = 1.0
DRAIN: Final = 10.0
SPARE: Final = 90.0
"""Seconds that the answering SIPp lives longer than the run, at most."""
ACHIEVED: Final = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorFigures:
    """Of one run. Seconds, but where a name says otherwise."""

    rate: float
    """Asked for, calls a second."""
    achieved: float
    calls: int
    lateness_p99: float
    lateness_max: float
    sipp_ms: float
    """Processor time of the callers' SIPp for each call, in milliseconds."""
    program_ms: float
    """The same of the program that steers it."""
    void: list[str]
    """Why this generator would have made a run void."""

    @property
    def per_core(self) -> float:
        """Calls a second at which both together would fill one core."""
        spent = self.sipp_ms + self.program_ms
        return 1e3 / spent if spent else 0.0

    @property
    def met(self) -> bool:
        """The rate was kept, in time, by one core."""
        return not self.void and self.achieved >= ACHIEVED * self.rate and self.lateness_p99 <= LATE_P99


async def measure(rate: float, seconds: float, folder: Path) -> GeneratorFigures:
    """One run of `seconds`. Raises SippError, ToolchainError, RunFailed."""
    answering = await SippProcess.start(
        "answering", seat_scenario([0.0]), "127.0.0.1:9", folder, seconds=seconds + SPARE
    )
    try:
        with _on_one_core():
            run = Run(_scenario(rate, seconds), f"127.0.0.1:{answering.port}")
            result = await run.go(lambda _: None, await _empty(folder / "callers"))
    finally:
        await answering.stop()
    found = document(result)["figures"]
    calls, late, processes = found["volume"]["attempts"], found["generator"]["lateness"], found["processes"]
    return GeneratorFigures(
        rate=rate,
        achieved=found["volume"]["achieved_rate"],
        calls=calls,
        lateness_p99=late.get("p99", 0.0),
        lateness_max=late.get("max", 0.0),
        sipp_ms=1e3 * processes["generator"]["cpu_seconds"] / max(1, calls),
        program_ms=1e3 * processes["load"]["cpu_seconds"] / max(1, calls),
        void=document(result)["void"],
    )


def _scenario(rate: float, seconds: float) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "generator",
            "duration": seconds,
            "drain": DRAIN,
            "limits": {"rate": rate, "calls": round(2 * rate * seconds) + 1, "at_once": round(8 * rate) + 1},
            "callers": [
                {
                    "name": "people",
                    "dial": "12345",
                    "arrivals": {"process": "constant", "rate": rate},
                    "talk": {"constant": TALK},
                }
            ],
        }
    )


async def _empty(folder: Path) -> Path:
    await asyncio.to_thread(folder.mkdir)
    return folder


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """This process, and those that it starts meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

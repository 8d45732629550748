"""The generator's own figures, in small: against a real SIPp that answers."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulators.bench_generator import GeneratorFigures, measure

GOOD = GeneratorFigures(
    rate=300,
    achieved=299.5,
    calls=4500,
    lateness_p99=0.009,
    lateness_max=0.02,
    sipp_ms=0.3,
    program_ms=0.2,
    void=[],
)


def test_a_core_is_full_when_sipp_and_program_together_fill_it() -> None:
    assert GOOD.met
    assert GOOD.per_core == pytest.approx(2000)
    assert not replace(GOOD, achieved=280.0).met
    assert not replace(GOOD, lateness_p99=0.2).met
    assert not replace(GOOD, void=["SIPp used 0.95 cores"]).met


@pytest.mark.asterisk
@pytest.mark.slow
async def test_every_call_is_made_answered_and_paid_for(tmp_path: Path) -> None:
    found = await measure(40, 2, tmp_path)
    assert found.calls == 80
    assert found.achieved == pytest.approx(40, rel=0.1)
    assert found.sipp_ms > 0
    assert found.program_ms > 0

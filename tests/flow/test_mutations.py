"""500 seeded mutations of the shipped flows: what `check` accepts must trap and lose nobody."""

import random
from pathlib import Path

import pytest

from callrouter.flow.loader import flow_set, read_flows
from callrouter.flow.reading import Reading
from simulators.flow_callers import fates
from simulators.flow_mutations import harmful, judge, mutated

SHIPPED = Path(__file__).parents[2] / "ivr_flows"


@pytest.fixture(scope="module")
def shipped() -> Reading:
    return read_flows(SHIPPED)


def test_the_shipped_flows_trap_and_lose_nobody(shipped: Reading) -> None:
    assert shipped.catalogue is not None
    flows = flow_set(shipped, shipped.catalogue)
    roots = [name for name, flow in flows.flows.items() if not flow.subflow]
    assert list(fates(flows, roots, random.Random(1), 100)) == []


@pytest.mark.parametrize("block", range(10))
@pytest.mark.slow
def test_500_mutations(shipped: Reading, block: int) -> None:
    counts, wrong = judge(shipped, range(block * 50, block * 50 + 50))
    assert wrong == []
    assert counts["refused"] >= 8
    assert counts["accepted"] >= 10


@pytest.mark.slow
def test_brute_force_would_notice(shipped: Reading) -> None:
    """Without the checker some of the same mutations do trap or lose callers: the walk can tell."""
    noticed = 0
    for seed in range(250):
        reading, _ = mutated(shipped, seed)
        if reading is not None and harmful(reading):
            assert reading.catalogue is not None
            flows = flow_set(reading, reading.catalogue)
            roots = [name for name, flow in flows.flows.items() if not flow.subflow]
            noticed += any(True for _ in fates(flows, roots, random.Random(seed), 8))
    assert noticed >= 10

"""Changing the flows under a hundred calls."""

from pathlib import Path

import pytest

from simulators.bench_reload import reload_under_calls

SITE = Path(__file__).parents[2] / "ivr_flows"

pytestmark = pytest.mark.alone


@pytest.mark.parametrize(("more_flows", "reloads"), [(0, 8), (40, 3)], ids=["shipped", "2000 nodes more"])
def test_a_hundred_calls_do_not_notice(more_flows: int, reloads: int) -> None:
    seen = reload_under_calls(SITE, concurrent=100, reloads=reloads, more_flows=more_flows)
    assert seen.failed == []
    assert seen.versions == reloads + 1
    assert seen.calls > 100, "callers came and went meanwhile"
    assert len(seen.worst) == reloads
    assert max(seen.worst) <= 0.020, f"{seen.worst}, with other causes {seen.worst_any}"

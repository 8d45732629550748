"""The benchmark of whole calls on a real Asterisk, in small: every way works and every figure is there."""

from pathlib import Path

import pytest

from simulators.bench_calls.plan import Effort, Way
from simulators.bench_calls.run import Part, measure
from simulators.bench_calls.town import python

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]


async def test_each_way_meets_every_seat_and_has_its_price(tmp_path: Path) -> None:
    effort = Effort(seats=40, rate=15, seconds=2, rounds=1, talk=0.5, standing_calls=60, standing_rounds=1)
    told: list[str] = []
    found = await measure(
        effort, [Part.COST, Part.STANDING], tmp_path, python("callrouter.cli.bench_controller"), told.append
    )
    assert found.faults() == []
    for way in Way:
        (block,) = found.cost[way]
        assert block.met == block.calls == effort.calls
        assert block.per_call("asterisk") > 0.5
        assert (block.per_call("controller") > 0) == (way is Way.OURS)
    ratios = found.ratios()
    assert ratios["asterisk_to_dial"].mean > 0.3
    # app_queue looks at its callers each second, we at each event: even a busy machine keeps that apart.
    assert ratios["sooner"].mean > 2
    assert any("standing queue" in text for text in told)

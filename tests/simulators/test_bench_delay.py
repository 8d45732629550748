"""A delay that nothing was measured of is no delay of zero."""

import asyncio
import time

import pytest

from simulators import bench_delay
from simulators.bench_delay import delay_while

pytestmark = pytest.mark.slow


async def test_a_loop_that_is_held_is_seen_to_be() -> None:
    async def hold() -> None:
        for _ in range(20):
            await asyncio.sleep(0.01)
            time.sleep(0.05)  # noqa: ASYNC251 - this is what is measured

    assert await delay_while(hold()) > 0.03


async def test_facts_that_never_come_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_delay, "_FACTS", "raise SystemExit(3)")
    work = asyncio.get_running_loop().create_future()
    with pytest.raises(ValueError, match="has ended"):
        await asyncio.wait_for(delay_while(work), 20)


async def test_too_short_a_time_measures_nothing() -> None:
    with pytest.raises(ValueError, match="measure for longer"):
        await delay_while(asyncio.sleep(0))

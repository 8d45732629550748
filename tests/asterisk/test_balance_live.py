"""A demo with callers, afterwards: our records, Asterisk's own word and the floor's log say the same."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]
RUN = ("-c", "from callrouter.cli.main import run; run()")


async def said(*arguments: str | Path) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *RUN, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(100):
        out, _ = await process.communicate()
    assert process.returncode == 0, out
    found: dict[str, Any] = json.loads(out.splitlines()[0])
    return found


async def test_a_demo_leaves_no_difference(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await said("demo", "--traffic", "120", "--for", "20", "--json", "--state-dir", state)
    compared = await said("report", "reconcile", "--json", "--state-dir", state)
    assert compared["differences"] == []
    assert compared["matched"] == compared["records"] == compared["channels"] >= 5
    assert compared["unreadable_lines"] == 0
    [log] = (state / "floor-log").glob("*.jsonl")
    replayed = await said("floor", "replay", log, "--json")
    report = await said("report", "kpi", "--by", "queue", "-f", "json", "--state-dir", state)
    assert replayed["same"]
    assert sum(queue["answered"] for queue in replayed["queues"]) == report["total"]["answered"]

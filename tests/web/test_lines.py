"""Lines as the API shows them."""

from dataclasses import replace

import pytest

from callrouter.ports import LineView, WayView
from tests.web.conftest import World

LINE = LineView(
    number="12315",
    name="消费者投诉举报",
    kind="hotline",
    open=True,
    calls=1,
    capacity=0,
    refusal="line_down",
    ways=(
        WayView(
            trunk="departments",
            state="open",
            since=1000.0,
            until=1030.0,
            attempts=4,
            success=0.25,
            outcomes={"unreachable": 3, "answered": 1},
            causes={18: 3, 0: 1},
            ended=(("answered", 0, 1), ("unreachable", 18, 7)),
        ),
    ),
)


async def test_every_user_sees_which_lines_can_be_reached(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = replace(world.engine.snapshot(), lines=(LINE,))
    monkeypatch.setattr(world.engine, "snapshot", lambda: snapshot)
    async with world.client("agent1") as client:
        answer = await client.get("/api/v1/lines/health")
    assert answer.status_code == 200
    (line,) = answer.json()
    assert line["refusal"] == "line_down"
    assert line["ways"][0] == {
        "trunk": "departments",
        "state": "open",
        "since": 1000.0,
        "until": 1030.0,
        "attempts": 4,
        "success": 0.25,
        "outcomes": {"unreachable": 3, "answered": 1},
        "causes": {"18": 3, "0": 1},
    }


async def test_strangers_do_not(world: World) -> None:
    async with world.client() as client:
        assert (await client.get("/api/v1/lines/health")).status_code == 401


async def test_prometheus_counts_each_lines_attempts_with_their_causes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = replace(world.engine.snapshot(), lines=(LINE,))
    monkeypatch.setattr(world.engine, "snapshot", lambda: snapshot)
    async with world.client() as client:
        text = (await client.get("/metrics")).text
    way = 'line="12315",trunk="departments"'
    label = 'cause="18",line="12315",outcome="unreachable",trunk="departments"'
    assert f"callrouter_line_attempts_total{{{label}}} 7.0" in text
    assert f"callrouter_line_way_usable{{{way}}} 0.0" in text
    assert 'callrouter_line_calls{line="12315"} 1.0' in text

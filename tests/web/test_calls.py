import pytest

from acd.ids import AgentId, CallId, OrgId, QueueId
from acd.record import FlowStep
from callrouter.web.models import Call, Calls, Line, Queue
from tests.store.samples import record
from tests.web.conftest import World
from tests.web.fakes import T0, call_view, queue_view

NUMBER = "13812345678"
MASKED = "138****5678"


@pytest.fixture
def busy(world: World) -> World:
    """c1 is agent1's at s1; past calls p1 (agent1's), p2 (agent2's), p3 (Yushu's)."""
    world.engine.change_seat("s1", agent=AgentId("agent1"), state="talking", call=CallId("c1"))
    world.engine.calls[CallId("c1")] = call_view("c1", transfer_target=NUMBER)
    world.engine.calls[CallId("c2")] = call_view("c2", seat=None, legs=(), organisation=OrgId("yushu"))
    world.records.found = [
        record("p1", T0 - 300, first_agent=AgentId("agent1")),
        record("p2", T0 - 200, first_agent=AgentId("agent2")),
        record("p3", T0 - 100, first_agent=AgentId("agent3"), organisation="yushu"),
    ]
    return world


async def listed(world: World, who: str, **query: float | str) -> Calls:
    async with world.client(who) as client:
        reply = await client.get("/api/v1/calls", params=query)
    assert reply.status_code == 200, reply.text
    return Calls.model_validate(reply.json())


async def test_an_agent_sees_own_calls_with_numbers(busy: World) -> None:
    found = await listed(busy, "agent1")
    assert [(call.call, call.caller) for call in found.live] == [("c1", NUMBER)]
    assert [(call.call, call.caller) for call in found.past] == [("p1", NUMBER)]


async def test_another_agent_sees_neither(busy: World) -> None:
    found = await listed(busy, "agent2")
    assert found.live == []
    assert [call.call for call in found.past] == ["p2"]
    async with busy.client("agent2") as client:
        for call in ("c1", "p1"):
            reply = await client.get(f"/api/v1/calls/{call}")
            assert (reply.status_code, reply.json()["reason"]) == (403, "not_your_call")


async def test_a_supervisor_sees_the_organisation_masked(busy: World) -> None:
    found = await listed(busy, "boss")
    assert [(call.call, call.caller, call.transfer_target) for call in found.live] == [("c1", MASKED, MASKED)]
    assert [(call.call, call.caller) for call in found.past] == [("p2", MASKED), ("p1", MASKED)]
    assert not any(action == "see_numbers" for _, action, _ in busy.audit.actions())


async def test_an_auditor_sees_all_with_numbers_and_leaves_a_trace(busy: World) -> None:
    found = await listed(busy, "auditor")
    assert {call.caller for call in found.live} == {NUMBER}
    assert [call.call for call in found.past] == ["p3", "p2", "p1"]
    async with busy.client("auditor") as client:
        await client.get("/api/v1/calls/p3")
    assert busy.audit.actions() == [("auditor", "see_numbers", "calls"), ("auditor", "see_numbers", "p3")]


async def test_the_whole_story_masked_through_and_through(busy: World) -> None:
    async with busy.client("boss") as client:
        reply = await client.get("/api/v1/calls/p1")
    call = Call.model_validate(reply.json())
    assert call.live is None
    assert call.past is not None
    assert NUMBER not in reply.text
    assert call.past.trace[0].variables["caller"] == MASKED
    assert [one.target for one in call.past.transfer_attempts] == ["12315"]
    assert {segment.party for segment in call.past.segments} == {"", "s1", "12315"}


async def test_a_live_call_by_its_id(busy: World) -> None:
    async with busy.client("agent1") as client:
        call = Call.model_validate((await client.get("/api/v1/calls/c1")).json())
    assert call.past is None
    assert call.live is not None
    assert call.live.caller == NUMBER


async def test_a_live_calls_way_through_the_flow(busy: World) -> None:
    busy.engine.ways[CallId("c1")] = (
        FlowStep(at=T0 - 29, flow="province", node="order", line=20, branch="next", variables={"n": NUMBER}),
        FlowStep(at=T0 - 25, flow="province", node="menu", line=30),
    )
    async with busy.client("boss") as client:
        call = Call.model_validate((await client.get("/api/v1/calls/c1")).json())
    assert call.live is not None
    assert [(step.node, step.line, step.branch, step.variables) for step in call.live.trace] == [
        ("order", 20, "next", {"n": MASKED}),
        ("menu", 30, "", {}),
    ]


async def test_pages(busy: World) -> None:
    first = await listed(busy, "chief", limit=2)
    assert [call.call for call in first.past] == ["p3", "p2"]
    assert first.next_until == T0 - 200
    rest = await listed(busy, "chief", limit=2, until=first.next_until)
    assert ([call.call for call in rest.past], rest.next_until) == (["p1"], None)


@pytest.mark.parametrize(
    "query",
    ["limit=201", "limit=-1", "since=nan", "since=-1", "until=1e99", "outcome=" + "x" * 41, "limit=ten"],
)
async def test_bounds_of_queries(busy: World, query: str) -> None:
    async with busy.client("boss") as client:
        assert (await client.get(f"/api/v1/calls?{query}")).status_code == 422


async def test_unknown_call(busy: World) -> None:
    async with busy.client("boss") as client:
        reply = await client.get("/api/v1/calls/none")
    assert (reply.status_code, reply.json()["reason"]) == (404, "unknown_call")


async def test_a_store_that_is_away_is_said_without_its_secrets(busy: World) -> None:
    busy.records.away = True
    async with busy.client("boss") as client:
        reply = await client.get("/api/v1/calls")
    assert (reply.status_code, reply.json()["reason"]) == (503, "store_unavailable")
    assert "secret" not in reply.text


async def test_queues_of_the_organisation(world: World) -> None:
    world.engine.queues[QueueId("y")] = queue_view("y", organisation=OrgId("yushu"))
    async with world.client("agent1") as client:
        found = [Queue.model_validate(queue) for queue in (await client.get("/api/v1/queues")).json()]
    assert [queue.queue for queue in found] == ["main"]
    assert found[0].longest_since == T0 - 7


async def test_lines(world: World) -> None:
    async with world.client("agent1") as client:
        found = [Line.model_validate(line) for line in (await client.get("/api/v1/lines")).json()]
    assert [(line.number, line.kind) for line in found] == [("12315", "hotline")]

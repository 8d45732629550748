import pytest

from acd.events import Refused
from acd.ids import CallId, OrgId
from callrouter.web.models import Callback, Callbacks
from tests.web.conftest import World
from tests.web.fakes import callback_view, missed_view

NUMBER, MASKED = "13812345678", "138****5678"
PATH = "/api/v1/callbacks"


@pytest.fixture
def promised(world: World) -> World:
    for view in (callback_view("b1"), callback_view("b2", organisation=OrgId("yushu"))):
        world.engine.promised[view.callback] = view
    for missed in (missed_view("m1"), missed_view("m2", organisation=OrgId("yushu"))):
        world.engine.gone[missed.call] = missed
    return world


async def test_a_supervisor_sees_the_organisations_masked(promised: World) -> None:
    async with promised.client("boss") as client:
        reply = await client.get(PATH)
    found = Callbacks.model_validate(reply.json())
    assert [(one.callback, one.number, one.state) for one in found.open] == [("b1", MASKED, "waiting")]
    assert [(one.call, one.caller) for one in found.missed] == [("m1", MASKED)]
    assert promised.audit.entries == []


async def test_an_auditor_sees_numbers_and_leaves_a_trace(promised: World) -> None:
    async with promised.client("auditor") as client:
        found = Callbacks.model_validate((await client.get(PATH)).json())
    assert {one.number for one in found.open} == {one.caller for one in found.missed} == {NUMBER}
    assert promised.audit.actions() == [("auditor", "see_numbers", "callbacks")]


async def test_a_missed_call_is_promised_a_callback_once(promised: World) -> None:
    async with promised.client("boss") as client:
        reply = await client.post(PATH, json={"call": "m1"})
        assert reply.status_code == 201, reply.text
        one = Callback.model_validate(reply.json())
        assert (one.callback, one.origin, one.number) == ("m1-c1", "m1", MASKED)
        again = await client.post(PATH, json={"call": "m1"})
    assert (again.status_code, again.json()["reason"]) == (404, "unknown_call")
    assert promised.audit.actions() == [("boss", "promise_callback", "m1-c1")]


async def test_a_promise_is_taken_back_once(promised: World) -> None:
    async with promised.client("boss") as client:
        assert (await client.delete(f"{PATH}/b1")).status_code == 204
        again = await client.delete(f"{PATH}/b1")
    assert (again.status_code, again.json()["reason"]) == (404, "unknown_callback")
    assert CallId("b1") not in promised.engine.promised
    assert promised.audit.actions() == [("boss", "cancel_callback", "b1")]


@pytest.mark.parametrize(
    "who", ["", "agent1", "engineer", "auditor", "boss-elsewhere", "boss-refused", "boss-bad"]
)
async def test_misuse_changes_nothing(promised: World, who: str) -> None:
    """Nobody signed in, no supervisor, another organisation's caller, a state that forbids it, a bad body."""
    name, _, case = who.partition("-")
    if case == "refused":
        promised.engine.refusal = Refused("being_dialled", "The person is being dialled just now.")
    call, callback = ("m2", "b2") if case == "elsewhere" else ("m1", "b1")
    body = {"call": call, "number": "110"} if case == "bad" else {"call": call}
    async with promised.client(name) as client:
        replies = [await client.post(PATH, json=body)]
        if case != "bad":
            replies.append(await client.delete(f"{PATH}/{callback}"))
    wanted = {"refused": 409, "bad": 422}.get(case, 403 if name else 401)
    for reply in replies:
        assert reply.status_code == wanted, reply.text
        assert reply.headers["content-type"] == "application/problem+json"
    assert set(promised.engine.promised) == {"b1", "b2"}
    assert set(promised.engine.gone) == {"m1", "m2"}
    assert promised.audit.entries == []


async def test_an_agent_sees_no_list(promised: World) -> None:
    async with promised.client("agent1") as client:
        reply = await client.get(PATH)
    assert (reply.status_code, reply.json()["reason"]) == (403, "not_a_supervisor")

import pytest

from acd import events
from acd.events import Intent, Refused
from acd.ids import AgentId, OrgId, SeatId
from callrouter.web.models import Seat
from tests.web.conftest import World
from tests.web.fakes import seat_view

S1 = SeatId("s1")


@pytest.fixture
def manned(world: World) -> World:
    """agent1 sits at s1, agent2 at s2; s3 is free and nobody's."""
    world.engine.change_seat("s1", agent=AgentId("agent1"), state="talking")
    world.engine.change_seat("s2", agent=AgentId("agent2"), state="ready")
    return world


DEEDS: list[tuple[str, dict[str, object] | None, Intent]] = [
    ("ready", None, events.SeatReadied(seat=S1)),
    ("not-ready", {"reason": "午餐"}, events.SeatNotReadied(seat=S1, reason="午餐")),
    ("answer", None, events.AnswerAsked(seat=S1)),
    ("decline", None, events.DeclineAsked(seat=S1)),
    ("hang-up", None, events.HangupAsked(seat=S1)),
    ("hold", None, events.HoldAsked(seat=S1)),
    ("resume", None, events.ResumeAsked(seat=S1)),
    ("wrap-up/finish", {"disposition": "退款"}, events.WrapUpFinished(seat=S1, disposition="退款")),
    ("wrap-up/finish", None, events.WrapUpFinished(seat=S1)),
    ("wrap-up/extend", None, events.WrapUpExtended(seat=S1)),
    ("transfer", {"target": "12315"}, events.TransferAsked(seat=S1, target="12315", kind="consult")),
    (
        "transfer",
        {"target": "110", "kind": "blind"},
        events.TransferAsked(seat=S1, target="110", kind="blind"),
    ),
    ("transfer/complete", None, events.TransferCompleted(seat=S1)),
    ("transfer/cancel", None, events.TransferCancelled(seat=S1)),
    ("transfer/swap", None, events.TransferSwapped(seat=S1)),
    ("transfer/three-party", None, events.ThreePartyAsked(seat=S1)),
    ("sign-out", None, events.SeatSignedOut(seat=S1, by="agent1")),
]


@pytest.mark.parametrize(("deed", "body", "intent"), DEEDS)
async def test_each_deed_is_one_intent(
    manned: World, deed: str, body: dict[str, object] | None, intent: Intent
) -> None:
    async with manned.client("agent1") as client:
        reply = await client.post(f"/api/v1/seats/s1/{deed}", json=body)
    assert reply.status_code == 200, reply.text
    assert Seat.model_validate(reply.json()).seat == "s1"
    assert manned.engine.submitted == [intent]


@pytest.mark.parametrize(("deed", "body", "_intent"), DEEDS)
async def test_none_of_them_at_anothers_seat(
    manned: World, deed: str, body: dict[str, object] | None, _intent: Intent
) -> None:
    async with manned.client("agent2") as client:
        reply = await client.post(f"/api/v1/seats/s1/{deed}", json=body)
    assert reply.status_code == 403
    assert reply.json()["reason"] == "not_your_seat"
    assert manned.engine.submitted == []


@pytest.mark.parametrize(("deed", "body", "_intent"), DEEDS)
@pytest.mark.parametrize("who", ["engineer", "auditor", "xining"])
async def test_none_of_them_by_who_has_no_business_there(
    manned: World, who: str, deed: str, body: dict[str, object] | None, _intent: Intent
) -> None:
    async with manned.client(who) as client:
        reply = await client.post(f"/api/v1/seats/s1/{deed}", json=body)
    assert reply.status_code == 403
    assert manned.engine.submitted == []


async def test_a_supervisor_sends_to_a_break_and_signs_out_but_takes_no_call(manned: World) -> None:
    async with manned.client("boss") as client:
        rest = await client.post("/api/v1/seats/s1/not-ready", json={"reason": "training"})
        out = await client.post("/api/v1/seats/s1/sign-out", json={"forced": True})
        hold = await client.post("/api/v1/seats/s1/hold")
    assert (rest.status_code, out.status_code, hold.status_code) == (200, 200, 403)
    assert hold.json()["reason"] == "not_at_this_seat"
    assert manned.engine.submitted[-1] == events.SeatSignedOut(seat=S1, forced=True, by="boss")
    assert ("boss", "forced_sign_out", "s1") in manned.audit.actions()


async def test_an_agent_cannot_force(manned: World) -> None:
    async with manned.client("agent1") as client:
        reply = await client.post("/api/v1/seats/s1/sign-out", json={"forced": True})
    assert (reply.status_code, reply.json()["reason"]) == (403, "not_a_supervisor")


async def test_taking_a_seat(world: World) -> None:
    async with world.client("agent1") as client:
        reply = await client.post("/api/v1/seats/s1/sign-in")
        assert reply.json()["agent"] == "agent1"
        not_mine = await client.post("/api/v1/seats/s3/sign-in")
        world.engine.change_seat("s2", agent=AgentId("agent2"))
        taken = await client.post("/api/v1/seats/s2/sign-in")
    assert (not_mine.status_code, not_mine.json()["reason"]) == (403, "not_your_seat")
    assert (taken.status_code, taken.json()["reason"]) == (409, "seat_taken")


async def test_only_agents_take_seats(world: World) -> None:
    async with world.client("boss") as client:
        reply = await client.post("/api/v1/seats/s1/sign-in")
    assert (reply.status_code, reply.json()["reason"]) == (403, "not_an_agent")


async def test_a_refusal_is_a_conflict_with_its_reason(manned: World) -> None:
    manned.engine.refusal = Refused("not_in_a_call", "the seat is not in a call: there is nothing to hold")
    async with manned.client("agent1") as client:
        reply = await client.post("/api/v1/seats/s1/hold")
    assert reply.status_code == 409
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json() == {
        "type": "urn:callrouter:problem:not_in_a_call",
        "title": "Conflict",
        "status": 409,
        "detail": "the seat is not in a call: there is nothing to hold",
        "reason": "not_in_a_call",
    }


@pytest.mark.parametrize(
    ("deed", "body"),
    [
        ("not-ready", {}),
        ("not-ready", {"reason": ""}),
        ("not-ready", {"reason": "a\r\nAction: Logoff"}),
        ("not-ready", None),
        ("transfer", {"target": ""}),
        ("transfer", {"target": "12315\r\n"}),
        ("transfer", {"target": "1" * 65}),
        ("transfer", {"target": "12315", "kind": "teleport"}),
        ("transfer", {"target": "12315&PJSIP/evil"}),
        ("wrap-up/finish", {"disposition": "x" * 2001}),
        ("sign-out", {"force": True}),
    ],
)
async def test_bodies_out_of_bounds_never_reach_the_engine(
    manned: World, deed: str, body: dict[str, object] | None
) -> None:
    async with manned.client("agent1") as client:
        reply = await client.post(f"/api/v1/seats/s1/{deed}", json=body)
    assert reply.status_code == 422
    assert manned.engine.submitted == []


async def test_an_unknown_seat(world: World) -> None:
    async with world.client("boss") as client:
        for path in ("/api/v1/seats/s9", "/api/v1/seats/%00%0d%0a", "/api/v1/seats/" + "9" * 64):
            reply = await client.get(path)
            assert (reply.status_code, reply.json()["reason"]) == (404, "unknown_seat")


async def test_organisations_see_their_own_and_what_lies_beneath(world: World) -> None:
    world.engine.seats[SeatId("x1")] = seat_view("x1", organisation=OrgId("xining"))
    world.engine.seats[SeatId("y1")] = seat_view("y1", organisation=OrgId("yushu"))

    async def seen(who: str) -> set[str]:
        async with world.client(who) as client:
            return {Seat.model_validate(seat).seat for seat in (await client.get("/api/v1/seats")).json()}

    assert await seen("boss") == {"s1", "s2", "s3", "x1"}
    assert await seen("xining") == {"x1"}
    assert await seen("chief") == await seen("engineer") == {"s1", "s2", "s3", "x1", "y1"}
    async with world.client("xining") as client:
        reply = await client.get("/api/v1/seats/y1")
    assert (reply.status_code, reply.json()["reason"]) == (403, "other_organisation")

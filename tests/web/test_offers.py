import pytest
from msgspec.structs import replace

from acd.ids import AgentId, CallId
from callrouter.web.models import Offer
from tests.store.samples import record
from tests.store.test_inserting import OFFER
from tests.web.conftest import World
from tests.web.fakes import T0, call_view


@pytest.fixture
def stored(world: World) -> World:
    world.records.found = [record("c1", T0, first_agent=AgentId("agent1"))]
    world.records.made = [
        OFFER,
        replace(OFFER, call=CallId("c2"), explanation={"demand": "mandarin", "note": "13812345678"}),
    ]
    world.engine.calls[CallId("c2")] = call_view("c2", seat=None, legs=())
    return world


@pytest.mark.parametrize(
    ("who", "call", "status"),
    [
        ("agent1", "c1", 200),
        ("boss", "c1", 200),
        ("boss", "c2", 200),
        ("agent2", "c1", 403),
        ("agent2", "c2", 403),
        ("boss", "c9", 404),
        ("", "c1", 401),
    ],
)
async def test_who_sees_the_offers_of_a_call(stored: World, who: str, call: str, status: int) -> None:
    async with stored.client(who) as client:
        reply = await client.get(f"/api/v1/calls/{call}/offers")
    assert reply.status_code == status, reply.text
    if status == 200:
        (one,) = [Offer.model_validate(found) for found in reply.json()]
        assert (one.seat, one.outcome, one.made) == ("s1", "answered", OFFER.made)
        assert "13812345678" not in reply.text
    else:
        assert reply.headers["content-type"] == "application/problem+json"

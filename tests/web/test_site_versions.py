import pytest

from acd.ids import AgentId
from callrouter.live_site import Taken
from callrouter.web.models import Call
from callrouter.web.site_models import SiteHistory, SiteSources
from tests.store.samples import T0, record
from tests.web.conftest import World

PATH = "/api/v1/site/versions"
OLD, NEW = "aaaa111122223333", "bbbb111122223333"


@pytest.fixture
def told(world: World) -> World:
    world.past.found = [
        Taken(digest=NEW, at=T0 + 50, by="li (file)", note="province: greeting", flows="v2"),
        Taken(digest=OLD, at=T0 - 50, by="start", note="", flows="v1"),
    ]
    world.past.files = {OLD: {"province.yaml": b"flow: old\n", "site/floor.yaml": b"x"}, NEW: {}}
    world.records.found = [record("c1", first_agent=AgentId("agent1"))]
    return world


@pytest.mark.parametrize("who", ["boss", "engineer", "auditor"])
async def test_what_was_in_force_and_its_files(told: World, who: str) -> None:
    async with told.client(who) as client:
        whole = SiteHistory.model_validate((await client.get(PATH)).json())
        page = SiteHistory.model_validate((await client.get(f"{PATH}?limit=1")).json())
        rest = SiteHistory.model_validate((await client.get(f"{PATH}?until={page.next_until}")).json())
        sources = SiteSources.model_validate((await client.get(f"{PATH}/aaaa")).json())
        text = await client.get(f"{PATH}/{OLD}/files/province.yaml")
    assert [(one.version, one.flow_version) for one in whole.taken] == [(NEW, "v2"), (OLD, "v1")]
    assert (whole.next_until, page.next_until) == (None, T0 + 50)
    assert [one.version for one in rest.taken] == [OLD]
    assert (sources.version, [one.name for one in sources.files]) == (
        OLD,
        ["province.yaml", "site/floor.yaml"],
    )
    assert (text.status_code, text.text) == (200, "flow: old\n")


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        (f"{PATH}/cccc", 404, "unknown_version"),
        (f"{PATH}/{OLD}/files/passwd", 404, "unknown_file"),
        (f"{PATH}/{OLD}/files/../../etc/passwd", 404, ""),
        (f"{PATH}/a", 422, "invalid_request"),
    ],
)
async def test_what_is_not_there(told: World, path: str, status: int, reason: str) -> None:
    async with told.client("engineer") as client:
        reply = await client.get(path)
    assert reply.status_code == status
    assert not reason or reply.json()["reason"] == reason


async def test_who_may_not_look(told: World) -> None:
    for who, status in (("", 401), ("agent1", 403)):
        async with told.client(who) as client:
            for path in (PATH, f"{PATH}/{OLD}", f"{PATH}/{OLD}/files/province.yaml"):
                assert (await client.get(path)).status_code == status


async def test_a_call_names_the_version_that_it_ran_on(told: World) -> None:
    async with told.client("agent1") as client:
        found = Call.model_validate((await client.get("/api/v1/calls/c1")).json())
    assert found.past is not None
    assert found.past.site_version == OLD

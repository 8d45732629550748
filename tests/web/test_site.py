import pytest

from callrouter.config.faults import Fault
from tests.web.conftest import World
from tests.web.fakes import T0, FakeSite

PATH = "/api/v1/site"
FAULT = Fault("ivr_flows/province.yaml", 12, 5, "no node is called 'shfit'", "Did you mean 'shift'?")


@pytest.fixture
def site(world: World) -> FakeSite:
    assert isinstance(world.site, FakeSite)
    return world.site


async def test_what_is_in_force_and_its_files(world: World, site: FakeSite) -> None:
    async with world.client("boss") as client:
        state = (await client.get(PATH)).json()
        files = (await client.get(f"{PATH}/files")).json()
        text = await client.get(f"{PATH}/files/province.yaml")
        missing = await client.get(f"{PATH}/files/site/floor.yaml")
    assert (state["version"], state["since"], state["by"]) == (site.in_force().digest, T0, "start")
    assert [one["version"] for one in state["kept"]] == [site.in_force().digest]
    assert files == [{"name": "province.yaml", "size": 15}]
    assert (text.text, text.headers["content-type"]) == ("flow: province\n", "text/plain; charset=utf-8")
    assert (missing.status_code, missing.json()["reason"]) == (404, "unknown_file")


async def test_a_sound_file_goes_live_and_back(world: World, site: FakeSite) -> None:
    before = site.in_force().digest
    async with world.client("engineer") as client:
        put = await client.put(f"{PATH}/files/site/floor.yaml", content=b"queues: {}\n")
        assert (put.status_code, put.json()["what"], put.json()["by"]) == (200, "applied", "engineer")
        assert site.files()["site/floor.yaml"] == b"queues: {}\n"
        back = await client.post(f"{PATH}/rollback", json={"version": before[:6]})
        assert (back.json()["what"], site.in_force().digest) == ("rolled_back", before)
        again = await client.post(f"{PATH}/rollback", json={"version": before})
        assert (again.status_code, again.json()) == (200, None)
        unknown = await client.post(f"{PATH}/rollback", json={"version": "beef"})
        assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown_version")
    assert world.audit.actions() == [
        ("engineer", "site_applied", "site/floor.yaml"),
        ("engineer", "site_rolled_back", before[:6]),
    ]


async def test_faults_change_nothing_and_are_all_told(world: World, site: FakeSite) -> None:
    site.faults = (FAULT, Fault("ivr_flows/province.yaml", 20, 1, "another"))
    before = site.in_force()
    async with world.client("engineer") as client:
        put = await client.put(f"{PATH}/files/province.yaml", content=b"flow: x\n")
        dry = await client.put(f"{PATH}/files/province.yaml?dry_run=true", content=b"flow: x\n")
        reload = await client.post(f"{PATH}/reload")
    for reply in (put, dry):
        assert (reply.status_code, reply.json()["reason"]) == (422, "not_sound")
        assert reply.json()["faults"] == [
            {"where": "ivr_flows/province.yaml:12:5", "what": FAULT.message, "hint": FAULT.hint},
            {"where": "ivr_flows/province.yaml:20:1", "what": "another", "hint": ""},
        ]
    assert (reload.status_code, reload.json()["reason"]) == (409, "folder_refused")
    assert "Did you mean 'shift'?" in reload.json()["detail"]
    assert site.in_force() is before
    assert [action for _, action, _ in world.audit.actions()] == ["change_refused", "site_refused"]


async def test_a_dry_run_writes_nothing(world: World, site: FakeSite) -> None:
    before = site.in_force()
    async with world.client("engineer") as client:
        reply = await client.put(f"{PATH}/files/new.yaml?dry_run=true", content=b"flow: new\n")
        nothing = await client.post(f"{PATH}/reload")
    assert (reply.json()["what"], reply.json()["words"]) == ("sound", ["new.yaml: 10 bytes"])
    assert (nothing.status_code, nothing.json()) == (200, None)
    assert site.in_force() is before
    assert world.audit.entries == []


async def test_a_disk_that_refuses_is_told(world: World, site: FakeSite) -> None:
    site.away = OSError(28, "No space left on device")
    async with world.client("engineer") as client:
        for reply in (
            await client.put(f"{PATH}/files/province.yaml", content=b"flow: x\n"),
            await client.post(f"{PATH}/reload"),
        ):
            assert (reply.status_code, reply.json()["reason"]) == (409, "not_writable")
            assert "No space left" in reply.json()["detail"]


async def test_files_may_be_larger_than_other_bodies_but_not_endless(world: World, site: FakeSite) -> None:
    async with world.client("engineer") as client:
        large = await client.put(f"{PATH}/files/large.yaml", content=b"#" * 200_000)
        endless = await client.put(f"{PATH}/files/large.yaml", content=b"#" * 4_000_001)
        elsewhere = await client.post(f"{PATH}/rollback", content=b"#" * 200_000)
        foreign = await client.put(f"{PATH}/files/passwd", content=b"x")
    assert (large.status_code, endless.status_code, elsewhere.status_code) == (200, 413, 413)
    assert (foreign.status_code, foreign.json()["reason"]) == (404, "unknown_file")


@pytest.mark.parametrize(
    ("who", "look", "change"),
    [("", 401, 401), ("agent1", 403, 403), ("boss", 200, 403), ("auditor", 200, 403)],
)
async def test_who_may_not(world: World, site: FakeSite, who: str, look: int, change: int) -> None:
    before = site.in_force()
    async with world.client(who) as client:
        for path in (PATH, f"{PATH}/files", f"{PATH}/files/province.yaml"):
            assert (await client.get(path)).status_code == look
        for reply in (
            await client.put(f"{PATH}/files/province.yaml", content=b"flow: x\n"),
            await client.post(f"{PATH}/reload"),
            await client.post(f"{PATH}/rollback", json={"version": before.digest}),
        ):
            assert reply.status_code == change
    assert site.in_force() is before

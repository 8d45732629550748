from dataclasses import replace
from pathlib import Path

import pytest

from acd.ids import AgentId, CallId
from callrouter.recordings import RecordingView
from tests.store.samples import record
from tests.web.conftest import World
from tests.web.fakes import T0

PATH = "/api/v1/calls/c1/recordings"
SOUND = b"RIFF0000WAVE" + bytes(400)


def view(id: str, call: str = "c1", *, consult: bool = False) -> RecordingView:
    return RecordingView(
        id=id,
        call=CallId(call),
        consult=consult,
        started=T0,
        ended=T0 + 84.5,
        size=len(SOUND),
        sha256="ab" * 32,
    )


@pytest.fixture
def recorded(world: World, tmp_path: Path) -> World:
    world.records.found = [
        record("c1", first_agent=AgentId("agent1")),
        record("c2", organisation="yushu"),
    ]
    world.recordings.found = [view("cr-c1-talk1"), view("cr-c1-consult1", consult=True), view("y", "c2")]
    for one in world.recordings.found:
        file = tmp_path / f"{one.id}.wav"
        file.write_bytes(SOUND)
        world.recordings.sounds[one.id] = file
    return world


async def test_the_list_marks_consultations(recorded: World) -> None:
    async with recorded.client("boss") as client:
        found = (await client.get(PATH)).json()
    assert [(one["id"], one["consult"], one["ended"]) for one in found] == [
        ("cr-c1-talk1", False, T0 + 84.5),
        ("cr-c1-consult1", True, T0 + 84.5),
    ]
    assert recorded.audit.entries == []


@pytest.mark.parametrize("who", ["boss", "auditor"])
async def test_the_sound_comes_whole_or_in_part_and_is_audited(recorded: World, who: str) -> None:
    async with recorded.client(who) as client:
        whole = await client.get(f"{PATH}/cr-c1-talk1/sound")
        part = await client.get(f"{PATH}/cr-c1-consult1/sound", headers={"Range": "bytes=0-3"})
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "audio/wav", SOUND)
    assert whole.headers["cache-control"] == "no-store"
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert [(one.subject, one.detail) for one in recorded.audit.entries] == [
        ("cr-c1-talk1", "call c1, 84 s"),
        ("cr-c1-consult1", "call c1, 84 s, consultation"),
    ]


async def test_an_altered_file_is_evidence_of_nothing(recorded: World) -> None:
    recorded.recordings.altered = "44 bytes, 412 were recorded"
    async with recorded.client("boss") as client:
        reply = await client.get(f"{PATH}/cr-c1-talk1/sound")
    assert (reply.status_code, reply.json()["reason"]) == (409, "altered")
    assert "44 bytes" in reply.json()["detail"]
    assert recorded.audit.actions() == [("boss", "recording_altered", "cr-c1-talk1")]


async def test_an_erased_one_says_so_and_is_no_fault(recorded: World) -> None:
    recorded.recordings.found[0] = replace(view("cr-c1-talk1"), erased=T0 + 99, erased_by="shell:li")
    recorded.recordings.altered = "it is gone"
    async with recorded.client("boss") as client:
        listed = (await client.get(PATH)).json()[0]
        reply = await client.get(f"{PATH}/cr-c1-talk1/sound")
    assert (listed["erased"], listed["erased_by"]) == (T0 + 99, "shell:li")
    assert (reply.status_code, reply.json()["reason"]) == (410, "erased")
    assert "erased on request" in reply.json()["detail"]
    assert "shell:li" in reply.json()["detail"]
    assert recorded.audit.entries == []


async def test_a_file_elsewhere_is_told(recorded: World) -> None:
    recorded.recordings.sounds.clear()
    async with recorded.client("boss") as client:
        reply = await client.get(f"{PATH}/cr-c1-talk1/sound")
    assert (reply.status_code, reply.json()["reason"]) == (404, "no_sound")
    assert recorded.audit.entries == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api/v1/calls/c9/recordings", "unknown_call"),
        (f"{PATH}/y/sound", "unknown_recording"),
        (f"{PATH}/nobody/sound", "unknown_recording"),
    ],
)
async def test_what_is_not_there(recorded: World, path: str, reason: str) -> None:
    """Another call's recording is not reached through a call of one's own."""
    async with recorded.client("boss") as client:
        reply = await client.get(path)
    assert (reply.status_code, reply.json()["reason"]) == (404, reason)


@pytest.mark.parametrize(
    ("who", "status"), [("", 401), ("agent1", 403), ("engineer", 403), ("xining", 403), ("auditor", 200)]
)
async def test_who_may_open_them(recorded: World, who: str, status: int) -> None:
    """Not even the agent who spoke, nor another organisation's supervisor."""
    async with recorded.client(who) as client:
        for path in (PATH, f"{PATH}/cr-c1-talk1/sound"):
            assert (await client.get(path)).status_code == status
    assert bool(recorded.audit.entries) == (status == 200)

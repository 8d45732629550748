from dataclasses import replace
from pathlib import Path

import pytest

from acd.ids import OrgId
from callrouter.web.models import Message, Messages
from tests.web.conftest import World
from tests.web.fakes import T0, message_view

NUMBER, MASKED = "13812345678", "138****5678"
PATH = "/api/v1/voicemails"
SOUND = b"RIFF0000WAVE" + bytes(400)


@pytest.fixture
def left(world: World, tmp_path: Path) -> World:
    for view in (
        message_view("m1"),
        message_view("m2", mailbox="night", received=T0 - 60, heard=T0 - 30, heard_by="chief"),
        message_view("m3", organisation=OrgId("yushu")),
    ):
        world.mailboxes.found[view.id] = view
        world.mailboxes.sounds[view.id] = tmp_path / f"{view.id}.wav"
        world.mailboxes.sounds[view.id].write_bytes(SOUND)
    return world


async def test_a_supervisor_sees_the_organisations_newest_first_and_masked(left: World) -> None:
    async with left.client("boss") as client:
        found = Messages.model_validate((await client.get(PATH)).json())
    assert [(one.id, one.number, one.heard_by) for one in found.messages] == [
        ("m2", MASKED, "chief"),
        ("m1", MASKED, None),
    ]
    assert left.audit.entries == []


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("?mailbox=night", ["m2"]),
        ("?heard=false", ["m1"]),
        ("?heard=true", ["m2"]),
        (f"?until={T0 - 100}", ["m1"]),
    ],
)
async def test_the_list_is_narrowed(left: World, query: str, ids: list[str]) -> None:
    async with left.client("boss") as client:
        found = Messages.model_validate((await client.get(PATH + query)).json())
    assert [one.id for one in found.messages] == ids


async def test_pages_follow_each_other(left: World) -> None:
    async with left.client("boss") as client:
        first = Messages.model_validate((await client.get(f"{PATH}?limit=1")).json())
        assert [one.id for one in first.messages] == ["m2"]
        second = await client.get(f"{PATH}?limit=1&until={first.next_until}")
        assert [one.id for one in Messages.model_validate(second.json()).messages] == ["m1"]
        last = await client.get(f"{PATH}?limit=3")
    assert last.json()["next_until"] is None


async def test_an_auditor_sees_numbers_and_leaves_a_trace(left: World) -> None:
    async with left.client("auditor") as client:
        found = Messages.model_validate((await client.get(PATH)).json())
    assert [one.number for one in found.messages] == [NUMBER] * 3
    assert left.audit.actions() == [("auditor", "see_numbers", "voicemails")]


@pytest.mark.parametrize("who", ["boss", "auditor"])
async def test_the_sound_comes_whole_or_in_part_and_is_audited(left: World, who: str) -> None:
    async with left.client(who) as client:
        whole = await client.get(f"{PATH}/m1/sound")
        part = await client.get(f"{PATH}/m1/sound", headers={"Range": "bytes=0-3"})
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "audio/wav", SOUND)
    assert 'filename="complaints-m1.wav"' in whole.headers["content-disposition"]
    assert whole.headers["cache-control"] == "no-store"
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert left.audit.actions() == [(who, "hear_voicemail", "m1")] * 2
    assert left.mailboxes.found["m1"].heard is None


async def test_an_erased_message_says_so_and_may_be_deleted(left: World) -> None:
    left.mailboxes.found["m1"] = replace(left.mailboxes.found["m1"], erased=T0, erased_by="shell:li")
    async with left.client("boss") as client:
        reply = await client.get(f"{PATH}/m1/sound")
        listed = Messages.model_validate((await client.get(PATH)).json()).messages
        assert (await client.delete(f"{PATH}/m1")).status_code == 204
    assert (reply.status_code, reply.json()["reason"]) == (410, "erased")
    assert {(one.id, one.erased_by) for one in listed if one.erased is not None} == {("m1", "shell:li")}
    assert left.audit.actions() == [("boss", "delete_voicemail", "m1")]


async def test_a_message_without_its_file_says_so(left: World) -> None:
    del left.mailboxes.sounds["m1"]
    async with left.client("boss") as client:
        reply = await client.get(f"{PATH}/m1/sound")
    assert (reply.status_code, reply.json()["reason"]) == (404, "no_sound")
    assert left.audit.entries == []


async def test_marks_name_who_and_when_and_can_be_taken_back(left: World) -> None:
    async with left.client("boss") as client:
        reply = await client.put(f"{PATH}/m1/heard", json={"heard": True})
        marked = Message.model_validate(reply.json())
        assert (marked.heard, marked.heard_by, marked.number) == (T0, "boss", MASKED)
        reply = await client.put(f"{PATH}/m1/heard", json={"heard": False})
        again = Message.model_validate(reply.json())
        assert (again.heard, again.heard_by) == (None, None)
    assert left.audit.actions() == [
        ("boss", "mark_voicemail_heard", "m1"),
        ("boss", "mark_voicemail_unheard", "m1"),
    ]


async def test_a_message_is_deleted_once(left: World) -> None:
    async with left.client("boss") as client:
        assert (await client.delete(f"{PATH}/m1")).status_code == 204
        again = await client.delete(f"{PATH}/m1")
    assert (again.status_code, again.json()["reason"]) == (404, "unknown_voicemail")
    assert "m1" not in left.mailboxes.found
    (entry,) = left.audit.entries
    assert (entry.who, entry.action, entry.detail) == (
        "boss",
        "delete_voicemail",
        "mailbox complaints, call c0, 12 s",
    )


async def test_sound_that_cannot_be_removed_keeps_its_message(left: World) -> None:
    left.mailboxes.stuck = "m1.wav: Permission denied"
    async with left.client("boss") as client:
        reply = await client.delete(f"{PATH}/m1")
    assert (reply.status_code, reply.json()["reason"]) == (503, "sound_stuck")
    assert "Permission denied" in reply.json()["detail"]
    assert left.audit.entries == []


@pytest.mark.parametrize(
    ("who", "sound", "change"),
    [
        ("", 401, 401),
        ("agent1", 403, 403),
        ("engineer", 403, 403),
        ("xining", 403, 403),
        ("auditor", 200, 403),
    ],
)
async def test_who_may_not(left: World, who: str, sound: int, change: int) -> None:
    """Nobody signed in, an agent, an engineer, another organisation's supervisor; auditors only read."""
    before = dict(left.mailboxes.found)
    async with left.client(who) as client:
        replies = [
            (await client.get(f"{PATH}/m1/sound"), sound),
            (await client.put(f"{PATH}/m1/heard", json={"heard": True}), change),
            (await client.delete(f"{PATH}/m1"), change),
        ]
        if who in ("", "agent1"):
            replies.append((await client.get(PATH), change))
    for reply, wanted in replies:
        assert reply.status_code == wanted, reply.text
    assert left.mailboxes.found == before


async def test_an_engineer_sees_the_list_but_no_numbers(left: World) -> None:
    async with left.client("engineer") as client:
        found = Messages.model_validate((await client.get(PATH)).json())
    assert {one.number for one in found.messages} == {MASKED}


async def test_a_withheld_number_stays_empty(left: World) -> None:
    left.mailboxes.found["m1"] = replace(left.mailboxes.found["m1"], number="")
    async with left.client("boss") as client:
        found = Messages.model_validate((await client.get(f"{PATH}?heard=false")).json())
    assert [one.number for one in found.messages] == [""]

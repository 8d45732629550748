"""One file a call through every transfer, the consult talk apart, and only where it is allowed."""

from dataclasses import replace

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import QueueId, SeatId
from callrouter.router.notices import RecordingMade
from tests.router import world as worlds
from tests.router.test_slice import consulting, in_talk
from tests.router.world import NODE, World

SEAT = SeatId("a1002")


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    site = replace(worlds.site(), recorded=frozenset({QueueId("province")}))
    monkeypatch.setattr(worlds, "site", lambda: site)


def monitors(world: World) -> list[tuple[str, str, str]]:
    """(what, on whom, kind) of every recording begun or ended."""
    found = []
    for command in world.sent:
        if isinstance(command, c.MonitorStart | c.MonitorStop):
            who = "caller" if command.channel.startswith("in-") else "seat"
            kind = "consult" if "consult" in command.recording else "talk"
            found.append(("start" if isinstance(command, c.MonitorStart) else "stop", who, kind))
    return found


def test_a_call_is_recorded_from_the_answer_to_the_end() -> None:
    world = World()
    caller, _ = in_talk(world)
    assert monitors(world) == [("start", "caller", "talk")]
    begun = world.now
    world.wait(30)
    world.hang_up(caller)
    (made,) = world.notices(RecordingMade)
    assert (made.kind, made.started, made.ended) == ("talk", begun, world.now)
    assert made.offsets == ((0.0, "talk"),)
    assert "138" not in made.recording, "no caller's number in a file's name"
    assert monitors(world) == [("start", "caller", "talk")], "it ends with the channel"


def test_one_file_through_a_transfer_and_the_consult_talk_apart() -> None:
    world = World()
    caller, _, partner = consulting(world)
    assert monitors(world)[1:] == [("start", "seat", "consult")]
    world.wait(10)
    world.handle(e.TransferCompleted(seat=SEAT))
    world.wait(20)
    world.hang_up(partner)
    consult, talk = sorted(world.notices(RecordingMade), key=lambda made: made.kind)
    assert consult.ended - consult.started == 10
    assert not consult.offsets
    assert [activity for _, activity in talk.offsets] == ["talk", "hold", "talk"]
    assert talk.ended == world.now
    assert caller not in world.channels
    assert monitors(world).count(("start", "caller", "talk")) == 1


def test_what_the_seat_hears_before_the_line_answers_belongs_to_the_consult_talk() -> None:
    world = World()
    in_talk(world)
    world.handle(e.TransferAsked(seat=SeatId("a1002"), target="12315"))
    line = world.leg("12315")
    assert len(monitors(world)) == 1
    world.handle(e.LegHeard(node=NODE, channel=line))
    assert monitors(world)[1:] == [("start", "seat", "consult")]
    world.answer(line)
    assert len(monitors(world)) == 2, "one file for one stretch"
    world.hang_up(line)
    assert monitors(world)[-1] == ("stop", "seat", "consult")


def test_a_cancelled_consultation_ends_its_file() -> None:
    world = World()
    caller, _, _ = consulting(world)
    world.keys(world.leg("a1002"), "*0")
    assert monitors(world)[-1] == ("stop", "seat", "consult")
    world.hang_up(caller)
    assert sorted(made.kind for made in world.notices(RecordingMade)) == ["consult", "talk"]


def test_while_the_seat_alternates_the_callers_talk_is_not_in_the_consult_file() -> None:
    world = World()
    consulting(world)
    world.handle(e.TransferSwapped(seat=SEAT))
    assert monitors(world)[-1] == ("stop", "seat", "consult")
    world.handle(e.TransferSwapped(seat=SEAT))
    assert monitors(world)[-1] == ("start", "seat", "consult")
    world.handle(e.ThreePartyAsked(seat=SEAT))
    assert monitors(world)[-1] == ("stop", "seat", "consult")


def test_nothing_is_recorded_of_who_refuses_or_of_other_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.call(call="R")
    world.router.calls["R"].call.recording_allowed = False  # type: ignore[index]
    world.finish_playing(world.router.calls["R"].call.caller.channel)  # type: ignore[index]
    world.answer(world.leg("a1002"))
    assert monitors(world) == []
    monkeypatch.undo()
    other = World()
    in_talk(other)
    assert monitors(other) == []


def test_who_refuses_later_ends_it() -> None:
    world = World()
    in_talk(world)
    live = next(iter(world.router.calls.values()))
    live.call.recording_allowed = False
    world.handle(e.HoldAsked(seat=SEAT))
    assert monitors(world)[-1] == ("stop", "caller", "talk")


def test_a_switch_that_cannot_record_is_asked_once() -> None:
    world = World()
    caller, _ = in_talk(world)
    started = next(x for x in world.sent if isinstance(x, c.MonitorStart))
    world.handle(
        e.CommandFailed(
            node=NODE,
            call=started.call,
            what="MonitorStart",
            subject=started.recording,
            status=0,
            reason="disk full",
        )
    )
    world.handle(e.HoldAsked(seat=SEAT))
    world.hang_up(caller)
    assert len(monitors(world)) == 1
    assert not world.notices(RecordingMade)
    assert any(oddity.what == "not_recorded" for oddity in world.oddities)

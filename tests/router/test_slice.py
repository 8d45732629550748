"""INVITE to record, step by step, on the shipped province."""

import itertools

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import ChannelId, SeatId
from acd.record import CallRecord
from tests.router.world import NODE, World

SEAT = SeatId("a1002")


def in_talk(world: World) -> tuple[ChannelId, ChannelId]:
    caller = world.call()
    world.wait(4)
    world.finish_playing(caller)
    seat = world.leg("a1002")
    world.handle(e.LegRinging(node="main", channel=seat))  # type: ignore[arg-type]
    assert world.hears(caller) == "ringback"
    world.wait(2)
    world.answer(seat)
    assert world.talking(caller, seat)
    return caller, seat


def consulting(world: World) -> tuple[ChannelId, ChannelId, ChannelId]:
    caller, seat = in_talk(world)
    world.wait(5)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    partner = world.leg("12315")
    assert world.hears(caller) == "prompt"
    world.finish_playing(caller)
    assert world.hears(caller) == "music"
    assert world.hears(seat) == "prompt", "the seat hears that it rings"
    world.wait(3)
    world.answer(partner)
    assert world.talking(seat, partner)
    return caller, seat, partner


def ended(world: World) -> CallRecord:
    """Nothing is left; the one record."""
    assert not world.channels, f"left behind: {world.channels}"
    assert not world.bridges
    assert not world.router.calls
    assert not world.router.channels
    assert len(world.records) == 1
    record = world.records[0]
    assert_tiles(record)
    return record


def assert_tiles(record: CallRecord) -> None:
    track = [s for s in record.segments if s.track == "caller"]
    if record.ended == record.ingress:
        assert not track
        return
    assert track[0].started == record.ingress
    assert track[-1].ended == record.ended
    assert all(a.ended == b.started for a, b in itertools.pairwise(track))
    for name in {s.track for s in record.segments}:
        own = [s for s in record.segments if s.track == name]
        assert all(a.ended == b.started for a, b in itertools.pairwise(own)), name


def activities(record: CallRecord, track: str) -> list[str]:
    return [s.activity.value for s in record.segments if s.track == track]


def test_a_caller_who_presses_nothing_reaches_a_person() -> None:
    world = World()
    caller, _ = in_talk(world)
    world.wait(30)
    world.hang_up(caller)
    record = ended(world)
    assert record.outcome == "answered"
    assert record.ended_by == "caller"
    assert record.first_seat == SEAT
    assert activities(record, "caller") == ["flow", "ring", "talk"]
    assert world.seat("a1002") == "wrap_up"
    world.wait(60)
    assert world.seat("a1002") == "ready"
    assert [s.segment.activity.value for s in world.late] == ["wrap_up"]


def test_without_a_free_seat_the_caller_hears_music_then_is_taken() -> None:
    world = World(seats=())
    caller = world.call()
    world.finish_playing(caller)
    assert world.hears(caller) == "music"
    world.handle(e.SeatReachable(seat=SEAT))
    world.handle(e.SeatSignedIn(seat=SEAT, agent="li"))  # type: ignore[arg-type]
    world.wait(3)
    world.handle(e.SeatReadied(seat=SEAT))
    world.answer(world.leg("a1002"))
    assert world.hears(caller) == "talk"


@pytest.mark.parametrize("stage", ["greeting", "music", "ringing", "talk"])
def test_the_caller_may_leave_at_any_stage(stage: str) -> None:
    world = World(seats=() if stage == "music" else ("a1002",))
    if stage == "talk":
        caller, _ = in_talk(world)
    else:
        caller = world.call()
        world.wait(1)
        if stage != "greeting":
            world.finish_playing(caller)
            world.wait(1)
    world.hang_up(caller)
    outcome = {
        "greeting": "abandoned_flow",
        "music": "abandoned_queue",
        "ringing": "abandoned_ringing",
        "talk": "answered",
    }
    assert ended(world).outcome == outcome[stage]


def test_the_next_seat_rings_when_one_does_not_answer() -> None:
    world = World(seats=("a1001", "a1002"))
    caller = world.call()
    world.finish_playing(caller)
    first = next(s for s in ("a1001", "a1002") if world.seat(s) == "reserved")
    second = "a1002" if first == "a1001" else "a1001"
    world.wait(15.5)
    assert world.hears(caller) in ("ringback", "prompt", "music")
    world.answer(world.leg(second))
    assert world.talking(caller, world.leg(second))


def test_a_seat_that_declines_is_not_asked_again_at_once() -> None:
    world = World(seats=("a1001", "a1002"))
    caller = world.call()
    world.finish_playing(caller)
    first = next(s for s in ("a1001", "a1002") if world.seat(s) == "reserved")
    second = "a1002" if first == "a1001" else "a1001"
    world.hang_up(world.leg(first), cause=17)
    assert world.seat(second) == "reserved"
    world.answer(world.leg(second))
    assert world.hears(caller) == "talk"


def test_warm_transfer_completed_by_the_desk() -> None:
    world = World()
    caller, seat, partner = consulting(world)
    world.wait(10)
    world.handle(e.TransferCompleted(seat=SEAT))
    assert world.talking(caller, partner)
    assert seat not in world.channels
    assert world.seat("a1002") == "wrap_up"
    world.wait(20)
    world.hang_up(partner)
    record = ended(world)
    assert record.ended_by == "partner"
    assert [t.outcome for t in record.transfers] == ["completed"]
    assert activities(record, "caller") == ["flow", "ring", "talk", "hold", "talk"]
    assert activities(record, "1")[:3] == ["ring", "talk", "consult"]


def test_warm_transfer_by_feature_codes_of_a_plain_phone() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.keys(seat, "*212315")
    partner = world.leg("12315")
    world.answer(partner)
    assert world.talking(seat, partner)
    world.keys(seat, "*3")
    assert world.talking(caller, seat, partner)
    world.hang_up(seat)
    assert world.talking(caller, partner)
    world.hang_up(caller)
    assert ended(world).transfers[0].outcome == "completed"


def test_cancelling_brings_the_caller_back() -> None:
    world = World()
    caller, seat, partner = consulting(world)
    world.keys(seat, "*0")
    assert world.talking(caller, seat)
    assert partner not in world.channels
    assert world.seat("a1002") == "talking"
    world.hang_up(caller)
    assert ended(world).transfers[0].outcome == "returned"


def test_swap_alternates() -> None:
    world = World()
    caller, seat, partner = consulting(world)
    world.handle(e.TransferSwapped(seat=SEAT))
    assert world.talking(caller, seat)
    assert world.hears(partner) == "music"
    world.handle(e.TransferSwapped(seat=SEAT))
    assert world.talking(seat, partner)
    assert world.hears(caller) == "music"
    world.handle(e.TransferCompleted(seat=SEAT))
    assert world.talking(caller, partner)


def test_a_busy_partner_gives_the_caller_back_to_the_seat() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.hang_up(world.leg("12315"), cause=17)
    while world.router.calls["C1"].call.owner.value == "transfer":  # type: ignore[index]
        world.hang_up(world.leg(world.router.calls["C1"].call.legs[-1].party), cause=17)  # type: ignore[index]
    assert world.talking(caller, seat)
    assert world.seat("a1002") == "talking"


def test_a_transferor_who_leaves_while_it_rings_does_not_take_the_caller_along() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.hang_up(seat)
    assert world.hears(caller) in ("ringback", "prompt")
    world.answer(world.leg("12315"))
    assert world.talking(caller, world.leg("12315"))


def test_blind_to_a_partner_who_never_answers_ends_at_a_person() -> None:
    world = World(seats=("a1001", "a1002"))
    caller = world.call()
    world.finish_playing(caller)
    first = next(s for s in ("a1001", "a1002") if world.seat(s) == "reserved")
    world.answer(world.leg(first))
    world.handle(e.TransferAsked(seat=SeatId(first), target="12315", kind="blind"))
    assert world.seat(first) == "wrap_up"
    world.wait(25.5)
    offered = [x for x in world.sent if isinstance(x, c.Originate)]
    assert offered[-1].endpoint.startswith("PJSIP/a100"), "back to a person, first in line"
    world.answer(offered[-1].channel)
    assert world.hears(caller) == "talk"


def test_the_caller_leaves_during_the_consultation_and_the_partner_is_told() -> None:
    world = World()
    caller, seat, partner = consulting(world)
    world.hang_up(caller)
    assert seat not in world.channels
    assert world.hears(partner) == "prompt"
    world.finish_playing(partner)
    assert ended(world).transfers[0].outcome == "abandoned"


def test_hold_and_resume() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.HoldAsked(seat=SEAT))
    assert world.hears(caller) == "music"
    with pytest.raises(e.Refused, match="on hold already"):
        world.handle(e.HoldAsked(seat=SEAT))
    world.handle(e.ResumeAsked(seat=SEAT))
    assert world.talking(caller, seat)


def test_an_emergency_line_joins_at_once_without_music() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.keys(seat, "*2110")
    assert world.talking(caller, seat)
    world.answer(world.leg("110"))
    assert world.talking(caller, seat, world.leg("110"))
    world.keys(seat, "*1")
    for channel in (seat, caller, world.leg("110")):
        world.hang_up(channel)
    world.wait(60)
    (transfer,) = ended(world).transfers
    assert (transfer.kind, transfer.outcome) == ("emergency", "completed")


def test_a_number_that_no_flow_serves_is_unallocated() -> None:
    world = World()
    world.call(number="99999")
    record = ended(world)
    assert record.outcome == "rejected"
    assert record.cause == 1
    assert any(o.what == "number_not_served" for o in world.oddities)


def test_a_broken_line_is_not_a_hang_up() -> None:
    world = World(seats=("a1001", "a1002"))
    caller = world.call()
    world.finish_playing(caller)
    first = next(s for s in ("a1001", "a1002") if world.seat(s) == "reserved")
    second = "a1002" if first == "a1001" else "a1001"
    world.answer(world.leg(first))
    world.hang_up(world.leg(first), cause=41)
    assert world.seat(second) == "reserved"
    world.answer(world.leg(second))
    assert world.talking(caller, world.leg(second))


def test_a_refused_bridge_is_built_once_more() -> None:
    world = World()
    caller, seat = in_talk(world)
    bridge = world.channels[caller].bridge
    world.handle(
        e.CommandFailed(node="main", call="C1", what="Join", subject=str(seat), status=409, reason="x")  # type: ignore[arg-type]
    )
    assert world.talking(caller, seat)
    assert world.channels[caller].bridge != bridge


def test_two_hundred_keys_do_no_harm() -> None:
    world = World()
    caller = world.call()
    world.keys(caller, "1234567890" * 20)
    world.wait(10)
    assert world.router.calls or world.records


def test_callers_of_a_controller_that_is_no_more_are_asked_in_again() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.handle(
        e.NodeUp(
            node="main",  # type: ignore[arg-type]
            channels=(caller, seat, ChannelId("1795400000.7"), ChannelId("cr-old-1")),
            bridges=("cr-old-b1",),  # type: ignore[arg-type]
        )
    )
    assert world.talking(caller, seat), "our own go on"
    sent = world.sent[-3:]
    assert isinstance(sent[0], c.Hangup)
    assert sent[0].channel == "cr-old-1"
    assert isinstance(sent[1], c.DestroyBridge)
    assert isinstance(sent[2], c.ToDialplan)
    assert sent[2].channel == "1795400000.7"


def test_who_answered_while_the_link_was_broken_has_answered() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    partner = world.leg("12315")
    world.handle(e.NodeDown(node=NODE))
    world.channels[partner].up = True
    living = tuple(world.channels)
    world.handle(e.NodeUp(node=NODE, channels=living, answered=living))
    assert world.talking(seat, partner)
    world.handle(e.TransferCompleted(seat=SEAT))
    assert world.talking(caller, partner)


def test_who_has_rung_meanwhile_is_there_though_nobody_answers() -> None:
    """Or three of them would close the way to the line."""
    world = World()
    in_talk(world)
    for _ in range(3):
        world.handle(e.TransferAsked(seat=SEAT, target="12315"))
        living = tuple(world.channels)
        world.handle(e.NodeDown(node=NODE))
        world.handle(e.NodeUp(node=NODE, channels=living, ringing=(world.leg("12315"),)))
        world.wait(26)
    line = world.router.site.directory.line("12315", world.router.today())
    assert line is not None
    (way,) = world.router.lines.health(line, world.now)
    assert (way.state, way.outcomes) == ("closed", {"no_answer": 3})


def test_a_code_that_leads_nowhere_is_a_short_tone() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.keys(seat, "*5")
    assert world.hears(seat) == "prompt"
    world.wait(1)
    assert world.hears(seat) == "talk"
    world.keys(seat, "*5")
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.wait(2)
    assert world.hears(seat) == "prompt", "the tone's end is not that of what came after it"
    assert world.talking(caller, seat) is False


def test_the_record_ends_with_the_node_in_which_the_caller_left() -> None:
    world = World()
    caller = world.call()
    world.wait(2)
    (live,) = world.router.calls.values()
    assert [(step.node, step.branch) for step in live.way()] == [("greeting", "")]
    world.hang_up(caller)
    (record,) = world.records
    assert isinstance(record, CallRecord)
    assert [(step.node, step.branch) for step in record.trace] == [("greeting", "")]
    assert record.trace[0].line > 0

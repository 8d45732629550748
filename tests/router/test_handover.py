"""What each step of a transfer does to the legs, the seats and the record."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import CallId, ChannelId, SeatId
from tests.router.test_lines import changed
from tests.router.test_slice import SEAT, activities, consulting, ended, in_talk
from tests.router.world import NODE, World

COLLEAGUE = SeatId("a1001")


def with_colleague() -> tuple[World, ChannelId, ChannelId, ChannelId]:
    """A seat consults a colleague, whose phone rings."""
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.SeatReachable(seat=COLLEAGUE))
    world.handle(e.SeatSignedIn(seat=COLLEAGUE, agent="agent-a1001"))  # type: ignore[arg-type]
    world.handle(e.SeatReadied(seat=COLLEAGUE))
    world.handle(e.TransferAsked(seat=SEAT, target=str(COLLEAGUE)))
    assert world.seat("a1001") == "reserved"
    return world, caller, seat, world.leg("a1001")


def refuse_bridge(world: World) -> None:
    world.handle(
        e.CommandFailed(
            node=NODE, call=CallId("C1"), what="CreateBridge", subject="b", status=500, reason="no room"
        )
    )


def test_a_caller_on_hold_is_not_held_twice() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.HoldAsked(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.handle(e.TransferCancelled(seat=SEAT))
    assert world.talking(caller, seat)
    world.handle(e.HoldAsked(seat=SEAT))
    assert world.hears(caller) == "music"


@pytest.mark.parametrize("wish", [e.TransferCompleted, e.TransferCancelled, e.TransferSwapped])
def test_only_who_started_it_may_steer_it(wish: type[e.Intent]) -> None:
    world, caller, seat, colleague = with_colleague()
    world.answer(colleague)
    with pytest.raises(e.Refused) as refused:
        world.handle(wish(seat=COLLEAGUE))
    assert refused.value.reason == "not_yours"
    assert world.talking(seat, colleague)
    assert world.hears(caller) in ("music", "prompt")


def test_a_colleague_who_need_not_come_is_free_at_once() -> None:
    world, caller, seat, colleague = with_colleague()
    world.handle(e.TransferCancelled(seat=SEAT))
    assert world.talking(caller, seat)
    assert colleague not in world.channels
    assert world.seat("a1001") == "ready"


def test_a_colleague_who_was_asked_wraps_up() -> None:
    world, caller, seat, colleague = with_colleague()
    world.answer(colleague)
    world.wait(7)
    world.handle(e.TransferCancelled(seat=SEAT))
    assert world.talking(caller, seat)
    assert world.seat("a1001") == "wrap_up"


def test_the_record_says_when_the_partner_answered() -> None:
    world = World()
    caller, _, _ = consulting(world)
    at = world.now
    world.wait(10)
    world.handle(e.TransferCompleted(seat=SEAT))
    world.hang_up(caller)
    (transfer,) = ended(world).transfers
    assert (transfer.answered, transfer.ended, transfer.cause) == (at, at + 10, "")


def test_a_partner_who_lets_it_ring_is_the_cause() -> None:
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.wait(200)
    assert world.talking(caller, seat)
    world.hang_up(caller)
    (transfer,) = ended(world).transfers
    assert (transfer.outcome, transfer.answered, transfer.cause) == ("returned", None, "no_answer")


def test_with_nobody_holding_the_call_the_next_way_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    caller, _ = in_talk(world)
    changed(world, monkeypatch, backup="12333")
    world.handle(e.TransferAsked(seat=SEAT, target="12315", kind="blind"))
    world.hang_up(world.leg("12315"), cause=17)
    backup = world.leg("12333")
    assert backup in world.channels
    world.answer(backup)
    assert world.talking(caller, backup)
    world.hang_up(caller)
    assert [(one.target, one.outcome) for one in ended(world).transfers] == [("12315", "completed")]


def test_who_was_connected_without_the_seat_may_end_the_call() -> None:
    world = World()
    _, seat = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.hang_up(seat)
    world.answer(world.leg("12315"))
    world.wait(20)
    world.hang_up(world.leg("12315"))
    record = ended(world)
    assert (record.ended_by, record.transfers[0].outcome) == ("partner", "completed")


def test_the_seat_is_out_before_the_caller_comes_in() -> None:
    """Three in the bridge for a moment would make Asterisk change the mixing and back."""
    world = World()
    caller, seat, _ = consulting(world)
    before = len(world.sent)
    world.handle(e.TransferCompleted(seat=SEAT))
    moves = [(type(x), x.channel) for x in world.sent[before:] if isinstance(x, c.Join | c.Leave)]
    assert moves == [(c.Leave, seat), (c.Join, caller)]


def test_who_stays_when_the_seat_leaves_a_conference_of_four_speaks_in_one() -> None:
    world = World()
    caller, _, first = consulting(world)
    world.handle(e.ThreePartyAsked(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="12333"))
    second = world.leg("12333")
    world.answer(second)
    world.wait(5)
    world.handle(e.TransferCompleted(seat=SEAT))
    world.wait(5)
    assert world.talking(caller, first, second)
    for channel in (caller, first, second):
        world.hang_up(channel)
    assert activities(ended(world), "caller")[-1] == "conference"


def test_a_switch_that_makes_no_bridge_leaves_no_phone_ringing() -> None:
    world = World()
    caller, _ = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    partner = world.leg("12315")
    refuse_bridge(world)
    refuse_bridge(world)
    assert partner not in world.channels
    assert world.hears(caller) in ("music", "prompt", "ringback")
    world.hang_up(caller)
    (transfer,) = ended(world).transfers
    assert (transfer.outcome, transfer.cause) == ("requeued", "bridge_failed")

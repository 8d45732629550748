"""A phone's own transfer button, and partners that hand a caller back."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import CallId, ChannelId, SeatId
from tests.router.test_slice import assert_tiles, consulting, in_talk
from tests.router.world import NODE, World

SEAT = SeatId("a1002")


def refer(world: World, channel: ChannelId, target: str) -> str:
    """What the sender of the REFER is told."""
    world.handle(e.ReferAsked(node=NODE, channel=channel, target=target))
    told = [x for x in world.sent if isinstance(x, c.ReferProgress)]
    assert told[-1].channel == channel
    return told[-1].state


def with_partner(world: World) -> tuple[ChannelId, ChannelId]:
    """A caller who has been handed over to 12315."""
    caller, _, partner = consulting(world)
    world.handle(e.TransferCompleted(seat=SEAT))
    assert world.talking(caller, partner)
    world.wait(20)
    return caller, partner


def test_the_transfer_button_is_a_blind_transfer() -> None:
    world = World()
    caller, seat = in_talk(world)
    assert refer(world, seat, "12315") == "answered"
    told = next(n for n, x in enumerate(world.sent) if isinstance(x, c.ReferProgress))
    hung_up = next(n for n, x in enumerate(world.sent) if isinstance(x, c.Hangup) and x.channel == seat)
    assert told < hung_up, "nobody reads a NOTIFY after a BYE"
    world.answer(world.leg("12315"))
    assert world.talking(caller, world.leg("12315"))
    assert world.seat("a1002") == "wrap_up"


@pytest.mark.parametrize("target", ["00000", "a1002", "", "sip:x"])
def test_a_button_pressed_in_vain_leaves_the_call_as_it_was(target: str) -> None:
    world = World()
    caller, seat = in_talk(world)
    assert refer(world, seat, target) == "declined"
    assert world.talking(caller, seat)
    assert any(x.what == "refer_declined" for x in world.oddities)


def test_a_partner_hands_the_caller_back_first_in_line() -> None:
    world = World()
    caller, partner = with_partner(world)
    for call in ("W1", "W2"):
        world.finish_playing(world.call(call=call, caller=f"139000000{call[1]}"))
    world.answer(world.router.calls[CallId("W1")].call.legs[1].channel)
    assert refer(world, partner, "12345") == "answered"
    assert partner not in world.channels
    assert world.hears(caller) == "music"
    assert world.router.floor.position(CallId("C1")) == 1
    assert world.router.floor.position(CallId("W2")) == 2
    world.hang_up(caller)
    record = next(r for r in world.records if r.call == "C1")
    outcomes = [(transfer.kind, transfer.outcome) for transfer in record.transfers]
    assert outcomes == [("consult", "completed"), ("refer", "requeued")]
    assert_tiles(record)


def test_a_partner_sends_the_caller_on_to_another_line() -> None:
    world = World()
    caller, partner = with_partner(world)
    assert refer(world, partner, "12333") == "answered"
    assert partner not in world.channels
    world.answer(world.leg("12333"))
    assert world.talking(caller, world.leg("12333"))


def test_a_partner_that_sends_the_caller_where_nobody_answers_loses_nobody() -> None:
    world = World(seats=("a1002", "a1003"))
    caller, _ = with_partner(world)
    assert refer(world, world.leg("12315"), "12333") == "answered"
    world.hang_up(world.leg("12333"), 38)
    seats = [x.channel for x in world.sent if isinstance(x, c.Originate) and "PJSIP/a100" in x.endpoint]
    world.answer(seats[-1])
    assert world.talking(caller, seats[-1])


@pytest.mark.parametrize("target", ["12345", "12333"])
def test_a_partner_in_a_consultation_or_conference_is_declined(target: str) -> None:
    world = World()
    caller, seat, partner = consulting(world)
    assert refer(world, partner, target) == "declined"
    world.handle(e.ThreePartyAsked(seat=SEAT))
    assert refer(world, partner, target) == "declined"
    assert world.talking(caller, seat, partner)


def test_a_partner_cannot_send_the_caller_back_to_where_they_were() -> None:
    world = World()
    _, partner = with_partner(world)
    assert refer(world, partner, "12315") == "declined"


def test_a_callers_own_refer_is_not_heeded() -> None:
    world = World()
    caller, seat = in_talk(world)
    assert refer(world, caller, "12315") == "declined"
    assert world.talking(caller, seat)
    world.handle(e.ReferAsked(node=NODE, channel=ChannelId("nobody"), target="12315"))

"""Four in one call: caller, seat, a partner and a further one; whoever leaves, the others go on."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import ChannelId, SeatId
from tests.router.test_slice import SEAT, assert_tiles, in_talk
from tests.router.world import World


def three() -> tuple[World, ChannelId, ChannelId, ChannelId]:
    """Caller, seat and 12315 in a three-party call."""
    world = World()
    caller, seat = in_talk(world)
    world.keys(seat, "*212315")
    partner = world.leg("12315")
    world.answer(partner)
    world.keys(seat, "*3")
    assert world.talking(caller, seat, partner)
    assert world.router.floor.seat(SeatId(SEAT)).state == "talking"
    return world, caller, seat, partner


def four(goal: str = "12333") -> tuple[World, ChannelId, ChannelId, ChannelId, ChannelId]:
    world, caller, seat, partner = three()
    world.keys(seat, f"*2{goal}")
    further = world.leg(goal)
    assert world.talking(caller, seat, partner), "nobody waits for the further one"
    world.answer(further)
    assert world.talking(caller, seat, partner, further)
    return world, caller, seat, partner, further


def outcomes(world: World) -> list[tuple[str, str]]:
    (record,) = world.records
    assert [transfer.number for transfer in record.transfers] == list(range(1, len(record.transfers) + 1))
    assert_tiles(record)
    return [(transfer.target, transfer.outcome) for transfer in record.transfers]


def end(world: World, *channels: ChannelId) -> None:
    for channel in channels:
        world.hang_up(channel)
    world.wait(60)


def test_the_seat_leaves_and_three_remain_together() -> None:
    world, caller, seat, partner, further = four()
    world.keys(seat, "*1")
    world.hang_up(seat)
    assert world.talking(caller, partner, further)
    assert world.router.floor.seat(SeatId(SEAT)).state == "wrap_up"
    world.hang_up(partner)
    assert world.talking(caller, further)
    end(world, caller, further)
    assert outcomes(world) == [("12315", "completed"), ("12333", "completed")]


def test_the_further_one_is_let_go_and_the_three_go_on() -> None:
    world, caller, seat, partner, further = four()
    world.keys(seat, "*0")
    world.hang_up(further)
    assert world.talking(caller, seat, partner)
    world.keys(seat, "*0")
    world.hang_up(partner)
    assert world.talking(caller, seat)
    end(world, caller, seat)
    assert outcomes(world) == [("12315", "returned"), ("12333", "returned")]


@pytest.mark.parametrize("cause", [16, 17, 21])
def test_a_further_one_who_does_not_come_changes_nothing(cause: int) -> None:
    world, caller, seat, partner = three()
    world.keys(seat, "*212333")
    world.hang_up(world.leg("12333"), cause)
    assert world.talking(caller, seat, partner)
    world.keys(seat, "*1")
    world.hang_up(seat)
    assert world.talking(caller, partner)
    end(world, caller, partner)
    assert outcomes(world) == [("12315", "completed"), ("12333", "returned")]


@pytest.mark.parametrize("way", ["*1", "hang-up"])
def test_the_seat_leaves_while_it_rings(way: str) -> None:
    world, caller, seat, partner = three()
    world.keys(seat, "*212333")
    further = world.leg("12333")
    if way == "*1":
        world.keys(seat, way)
    world.hang_up(seat)
    world.hang_up(further)
    assert world.talking(caller, partner), "not put on hold for somebody whom nobody knows"
    end(world, caller, partner)
    assert outcomes(world) == [("12315", "completed"), ("12333", "returned")]


@pytest.mark.parametrize("answered", [False, True])
def test_the_first_partner_leaves(answered: bool) -> None:
    world, caller, seat, partner = three()
    world.keys(seat, "*212333")
    further = world.leg("12333")
    if answered:
        world.answer(further)
    world.hang_up(partner)
    if not answered:
        assert world.talking(caller, seat)
        world.answer(further)
    assert world.talking(caller, seat, further)
    world.keys(seat, "*1")
    world.hang_up(seat)
    assert world.talking(caller, further)
    end(world, caller, further)
    assert outcomes(world) == [("12315", "returned"), ("12333", "completed")]


@pytest.mark.parametrize("answered", [False, True])
def test_the_caller_leaves_and_all_are_told(answered: bool) -> None:
    world, caller, seat, partner = three()
    world.keys(seat, "*212333")
    further = world.leg("12333")
    if answered:
        world.answer(further)
    world.hang_up(caller)
    assert world.hears(partner) == "prompt"
    if answered:
        assert world.hears(further) == "prompt"
    world.wait(20)
    ended = {command.channel for command in world.sent if isinstance(command, c.Hangup)}
    assert {seat, partner, further} <= ended
    end(world, seat, partner, further)
    assert outcomes(world) == [("12315", "abandoned"), ("12333", "abandoned")]


def test_emergency_services_join_a_three_party_call() -> None:
    world, caller, seat, partner, further = four("120")
    end(world, seat)
    assert world.talking(caller, partner, further)


def test_a_colleague_may_be_the_fourth() -> None:
    world, caller, seat, partner = three()
    world.handle(e.SeatReachable(seat=SeatId("a1003")))
    world.handle(e.SeatSignedIn(seat=SeatId("a1003"), agent="x"))  # type: ignore[arg-type]
    world.handle(e.SeatReadied(seat=SeatId("a1003")))
    world.handle(e.TransferAsked(seat=SEAT, target="a1003"))
    colleague = world.leg("a1003")
    world.answer(colleague)
    assert world.talking(caller, seat, partner, colleague)
    world.keys(seat, "*1")
    world.hang_up(seat)
    assert world.talking(caller, partner, colleague)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (e.TransferAsked(seat=SEAT, target="12320"), "four_parties"),
        (e.TransferAsked(seat=SEAT, target="12320", kind="blind"), "in_transfer"),
        (e.TransferSwapped(seat=SEAT), "transfer_state"),
        (e.HoldAsked(seat=SEAT), "in_transfer"),
    ],
)
def test_what_four_cannot_do(wish: e.Intent, reason: str) -> None:
    world, caller, seat, partner, further = four()
    with pytest.raises(e.Refused) as refused:
        world.handle(wish)
    assert refused.value.reason == reason
    assert world.talking(caller, seat, partner, further)

"""Asterisk goes and comes back while people wait."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import SeatId
from tests.router.world import NODE, World

SEATS = ("a1001", "a1002")


def waiting(world: World) -> None:
    """A caller in the queue, all seats at lunch."""
    for seat in SEATS:
        world.handle(e.SeatNotReadied(seat=SeatId(seat), reason="lunch"))
    world.answer(world.call())
    world.keys(next(iter(world.channels)), "0")
    assert next(iter(world.router.calls.values())).call.owner.value == "queue"


def down(world: World) -> None:
    world.handle(e.NodeDown(node=NODE))


def up(world: World) -> None:
    world.handle(e.NodeUp(node=NODE, channels=tuple(world.channels)))


def rung(world: World) -> int:
    return sum(isinstance(one, c.Originate) for one in world.sent)


def test_nobody_is_offered_a_caller_without_a_switch_and_nobody_has_missed_one() -> None:
    world = World(SEATS)
    up(world)
    waiting(world)
    down(world)
    for seat in SEATS:
        with pytest.raises(e.Refused, match="not registered"):
            world.handle(e.SeatReadied(seat=SeatId(seat)))
    world.wait(300)
    assert rung(world) == 0
    up(world)
    world.handle(e.SeatReadied(seat=SeatId("a1001")))
    assert rung(world) == 1


def test_ready_seats_are_ready_again_and_the_first_caller_is_served() -> None:
    world = World(SEATS)
    up(world)
    down(world)
    assert {world.seat(seat) for seat in SEATS} == {"not_ready"}
    up(world)
    assert {world.seat(seat) for seat in SEATS} == {"ready"}
    world.answer(world.call())
    world.keys(next(iter(world.channels)), "0")
    assert rung(world) == 1


def test_a_phone_that_went_meanwhile_stays_away() -> None:
    world = World(SEATS)
    up(world)
    down(world)
    world.handle(e.SeatUnreachable(seat=SeatId("a1001")))
    world.handle(e.SeatUnreachable(seat=SeatId("a1002")))
    world.handle(e.SeatReachable(seat=SeatId("a1002")))
    assert world.seat("a1002") == "not_ready", "there is no switch yet"
    up(world)
    assert (world.seat("a1001"), world.seat("a1002")) == ("not_ready", "ready")

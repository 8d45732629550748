"""Asterisk goes and comes back while people wait; one of two does."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import CallId, ChannelId, NodeId, SeatId
from tests.router.world import NODE, Channel, World

SEATS = ("a1001", "a1002")
OTHER = NodeId("other")


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


def came_in(world: World, name: str, node: NodeId) -> None:
    """A caller who enters over this switch and asks for a person."""
    channel = ChannelId(f"in-{name}")
    world.channels[channel] = Channel(up=True)
    world.handle(
        e.CallOffered(
            node=node,
            call=CallId(name),
            channel=channel,
            dialled="12345",
            caller=f"1380000{len(world.channels):04d}",
            trunk="carrier",
        )
    )
    world.handle(e.LegAnswered(node=node, channel=channel))
    world.keys(channel, "0")


def two_switches() -> World:
    """Both up; on each a caller waits, first the one on the other."""
    world = World(SEATS)
    up(world)
    world.handle(e.NodeUp(node=OTHER))
    for seat in SEATS:
        world.handle(e.SeatNotReadied(seat=SeatId(seat), reason="lunch"))
    came_in(world, "first", OTHER)
    came_in(world, "second", NODE)
    return world


def rung_for(world: World) -> list[str]:
    return [str(one.call) for one in world.sent if isinstance(one, c.Originate)]


def ready(world: World, seat: str) -> None:
    world.handle(e.SeatReadied(seat=SeatId(seat)))


def back(world: World, *calls: str) -> None:
    """The other switch is back, and these callers are still there."""
    world.handle(e.NodeUp(node=OTHER, channels=tuple(ChannelId(f"in-{call}") for call in calls)))


def test_seats_take_callers_of_the_switch_that_is_up_and_the_others_keep_their_places() -> None:
    world = two_switches()
    world.handle(e.NodeDown(node=OTHER))
    assert world.router.floor.position(CallId("first")) == 1
    ready(world, "a1001")
    ready(world, "a1002")
    assert rung_for(world) == ["second"], "a seat was given a caller who cannot be joined"
    assert world.router.floor.queues()[0].waiting == 2
    world.wait(10)
    assert set(rung_for(world)) == {"second"}
    back(world, "first")
    assert rung_for(world) == ["second", "first"]


def test_who_is_first_in_line_is_served_first_when_the_switch_is_back() -> None:
    world = two_switches()
    world.handle(e.NodeDown(node=OTHER))
    back(world, "first")
    ready(world, "a1001")
    assert rung_for(world) == ["first"]


def test_a_seat_that_rang_for_a_caller_out_of_reach_takes_the_next_and_has_missed_nothing() -> None:
    world = two_switches()
    ready(world, "a1001")
    assert rung_for(world) == ["first"]
    world.handle(e.NodeDown(node=OTHER))
    assert rung_for(world) == ["first", "second"]
    assert world.router.floor.seat(SeatId("a1001")).state in ("reserved", "ringing")


def test_who_asks_for_a_person_while_the_switch_is_down_waits_for_it() -> None:
    world = two_switches()
    came_in(world, "third", OTHER)
    live = world.router.calls[CallId("third")]
    world.handle(e.NodeDown(node=OTHER))
    live.talk.requeue(world.now, None, "transfer")
    world.router.touch(live)
    ready(world, "a1001")
    ready(world, "a1002")
    assert rung_for(world) == ["second"]
    back(world, "first", "third")
    assert rung_for(world) == ["second", "third"], "handed back from a transfer: before the others"


def test_a_caller_who_is_gone_when_the_switch_is_back_leaves_the_line() -> None:
    world = two_switches()
    world.handle(e.NodeDown(node=OTHER))
    back(world)
    ready(world, "a1001")
    assert rung_for(world) == ["second"]
    assert CallId("first") not in world.router.calls

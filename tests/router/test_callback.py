"""A callback keeps the place: asked by key, number confirmed, the seat first, one outcome."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import AgentId, ChannelId, NodeId, SeatId
from tests.router.test_slice import assert_tiles
from tests.router.world import NODE, World

SEAT = SeatId("a1002")


def offered(world: World, seconds: float = 400) -> ChannelId:
    """A caller who waits long enough to be offered a callback."""
    caller = world.call()
    world.finish_playing(caller)
    live = world.router.calls["C1"]  # type: ignore[index]
    until = world.now + seconds
    while live.callback is None and world.now < until:
        world.wait(5)
        world.finish_playing(caller)
    assert live.callback is not None, "no callback offered"
    return caller


def busy_world() -> World:
    """All seats talk, and handling takes long: the expected wait is high."""
    world = World(seats=("a1001", "a1002"))
    for number in range(12):
        caller = world.call(call=f"B{number}", caller=f"1390000{number:04d}")
        world.finish_playing(caller)
        for seat in ("a1001", "a1002"):
            if world.seat(seat) == "reserved":
                world.answer(world.leg(seat))
        world.wait(500)
        if number < 10:
            world.hang_up(caller)
            world.wait(15)
    return world


@pytest.fixture
def waiting() -> tuple[World, ChannelId]:
    world = busy_world()
    return world, offered(world)


def promise(world: World, caller: ChannelId) -> None:
    world.keys(caller, "1")
    assert world.hears(caller) == "prompt", "the number is read out"
    world.keys(caller, "1")
    for _ in range(3):
        if caller in world.channels:
            world.finish_playing(caller)
    assert caller not in world.channels, "the caller is let go with a promise"


def seat_free(world: World) -> ChannelId:
    """One of the talking seats ends its call and takes the callback."""
    for live in list(world.router.calls.values()):
        if live.call.owner.value == "conversation":
            world.hang_up(live.call.caller.channel)
            break
    world.wait(11)
    leg = next(x for x in reversed(world.sent) if isinstance(x, c.Originate))
    assert leg.endpoint.startswith("PJSIP/a100")
    world.answer(leg.channel)
    return leg.channel


def test_the_person_is_called_when_a_seat_is_free(waiting: tuple[World, ChannelId]) -> None:
    world, caller = waiting
    promise(world, caller)
    seat = seat_free(world)
    assert world.hears(seat) == "prompt", "the seat hears that it rings"
    dialled = next(x for x in reversed(world.sent) if isinstance(x, c.Originate))
    assert "13800001111" in dialled.endpoint
    assert dialled.caller_number == "12345"
    world.answer(dialled.channel)
    assert world.talking(seat, dialled.channel)
    world.wait(20)
    world.hang_up(dialled.channel)
    record = next(r for r in world.records if r.call.startswith("C1-c"))
    assert record.outcome == "callback_reached"
    assert_tiles(record)


def test_a_callback_begins_on_a_switch_that_is_there(waiting: tuple[World, ChannelId]) -> None:
    """Only the caller's old channel was tied to one."""
    world, caller = waiting
    promise(world, caller)
    there = NodeId("other")
    world.handle(e.NodeUp(node=NODE, channels=tuple(world.channels)))
    world.handle(e.NodeUp(node=there))
    world.handle(e.NodeDown(node=NODE))
    seat_free(world)
    rung, dialled = [x for x in world.sent if isinstance(x, c.Originate)][-2:]
    assert (rung.node, dialled.node) == (there, there)
    assert "13800001111" in dialled.endpoint


def test_not_reached_the_seat_is_free_and_the_call_tried_again(waiting: tuple[World, ChannelId]) -> None:
    world, caller = waiting
    promise(world, caller)
    attempts = []
    for _ in range(3):
        seat = seat_free(world) if not attempts else retry(world)
        dialled = next(x for x in reversed(world.sent) if isinstance(x, c.Originate))
        attempts.append(dialled.channel)
        world.hang_up(dialled.channel, cause=17)
        assert seat not in world.channels
    assert len(set(attempts)) == 3
    world.wait(1000)
    records = [r for r in world.records if r.call.startswith("C1-c")]
    assert [r.outcome for r in records] == ["callback_unreached"]
    assert_tiles(records[0])


def retry(world: World) -> ChannelId:
    before = len(world.sent)
    for _ in range(130):
        world.wait(5)
        for command in world.sent[before:]:
            if isinstance(command, c.Originate) and command.channel in world.channels:
                world.answer(command.channel)
                return command.channel
    raise AssertionError("no further attempt")


def test_another_number_can_be_entered(waiting: tuple[World, ChannelId]) -> None:
    world, caller = waiting
    world.keys(caller, "1")
    world.keys(caller, "2")
    world.keys(caller, "13912345678")
    assert world.hears(caller) == "prompt"
    world.keys(caller, "1")
    callback = next(iter(world.router.promised))
    assert callback.startswith("C1-c")
    seat_free(world)
    dialled = next(x for x in reversed(world.sent) if isinstance(x, c.Originate))
    assert "13912345678" in dialled.endpoint


def test_an_offer_takes_precedence_over_the_question(waiting: tuple[World, ChannelId]) -> None:
    world, caller = waiting
    world.keys(caller, "1")
    seat = seat_free(world)
    assert world.talking(caller, seat)


def test_the_seat_that_leaves_before_the_person_answers_costs_nothing(
    waiting: tuple[World, ChannelId],
) -> None:
    world, caller = waiting
    promise(world, caller)
    seat = seat_free(world)
    dialled = next(x for x in reversed(world.sent) if isinstance(x, c.Originate))
    world.hang_up(seat)
    assert dialled.channel not in world.channels
    assert world.router.promised, "the promise stands"


def test_keys_without_an_offer_do_nothing() -> None:
    world = World(seats=())
    caller = world.call()
    world.finish_playing(caller)
    world.keys(caller, "1")
    assert world.hears(caller) == "music"
    world.handle(e.SeatReachable(seat=SEAT))
    world.handle(e.SeatSignedIn(seat=SEAT, agent=AgentId("x")))


def interrupted(world: World) -> World:
    """The callback has just been offered, and the offer is still being spoken."""
    caller = world.call()
    world.finish_playing(caller)
    live = world.router.calls["C1"]  # type: ignore[index]
    while live.callback is None:
        world.wait(1)
        if live.callback is None:
            world.finish_playing(caller)
    assert world.hears(caller) == "prompt"
    return world


def said(world: World, caller: ChannelId) -> str:
    """What the caller is being told now."""
    (playback,) = world.channels[caller].playing
    return next(" ".join(x.media) for x in world.sent if isinstance(x, c.Play) and x.playback == playback)


def test_a_key_interrupts_the_offer_and_its_answer_is_heard() -> None:
    world = interrupted(busy_world())
    caller = ChannelId("in-C1")
    assert "callback_offer" in said(world, caller)
    world.keys(caller, "1")
    assert "callback_number_before" in said(world, caller)
    world.keys(caller, "2")
    assert "callback_enter_number" in said(world, caller)
    world.keys(caller, "1")
    assert world.hears(caller) == "music", "who types need not listen on"
    world.keys(caller, "3912345678")
    assert "callback_number_before" in said(world, caller)


def test_keys_that_mean_nothing_interrupt_nothing() -> None:
    world = interrupted(busy_world())
    caller = ChannelId("in-C1")
    world.keys(caller, "7*#0")
    assert "callback_offer" in said(world, caller)


def test_the_seat_hears_the_persons_network_before_anybody_answers(waiting: tuple[World, ChannelId]) -> None:
    """ "The telephone you are calling is switched off": the seat need not wait for the ring limit."""
    world, caller = waiting
    promise(world, caller)
    seat = seat_free(world)
    person = next(x for x in reversed(world.sent) if isinstance(x, c.Originate))
    assert person.early
    assert world.hears(seat) == "prompt", "the ringing tone"
    world.channels[person.channel].sounds = True
    world.handle(e.LegHeard(node=person.node, channel=person.channel))
    assert world.talking(seat, person.channel)
    assert world.hears(seat) == "talk"
    world.hang_up(person.channel, 20)
    assert seat not in world.channels
    assert len(world.router.promised) == 1, "tried again later"

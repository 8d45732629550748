"""Who hears music because the other side holds: `acd.held` under the router."""

from acd import commands as c
from acd import events as e
from acd import held
from acd.ids import ChannelId
from tests.router.test_early import SEAT, consulting
from tests.router.test_slice import in_talk
from tests.router.world import NODE, World


def holds(world: World, channel: ChannelId, *, on: bool = True) -> None:
    world.handle(e.PeerHeld(node=NODE, channel=channel, held=on))


def test_a_line_that_holds_in_its_answer_gives_the_seat_music_until_it_speaks() -> None:
    world, _, seat, line = consulting()
    holds(world, line)
    world.answer(line)
    assert world.hears(seat) == "music"
    holds(world, line, on=False)
    assert world.talking(seat, line)
    assert world.hears(seat) == "talk"


def test_who_is_sent_along_alone_has_their_own_music() -> None:
    world, caller, _, line = consulting("blind")
    world.finish_playing(caller)
    holds(world, line)
    world.answer(line)
    assert world.hears(caller) == "music"
    assert next(x for x in reversed(world.sent) if isinstance(x, c.MusicOn)).channel == caller


def test_a_seat_that_holds_in_its_answer_gives_the_caller_music() -> None:
    world = World()
    caller = world.call()
    world.finish_playing(caller)
    seat = world.leg("a1002")
    holds(world, seat)
    world.answer(seat)
    assert world.hears(caller) == "music"
    holds(world, seat, on=False)
    assert world.hears(caller) == "talk"


def test_in_the_bridge_the_switch_plays_the_music_itself() -> None:
    world = World()
    _, seat = in_talk(world)
    before = len(world.sent)
    holds(world, seat)
    holds(world, seat, on=False)
    assert world.sent[before:] == []


def test_the_caller_who_is_brought_to_a_line_that_holds_has_music_and_the_seat_goes() -> None:
    world, caller, seat, line = consulting()
    world.answer(line)
    holds(world, line)
    world.handle(e.TransferCompleted(seat=SEAT))
    assert world.hears(caller) == "music"
    assert seat not in world.channels
    holds(world, line, on=False)
    assert world.talking(caller, line)
    assert world.hears(caller) == "talk"


def test_a_third_who_speaks_ends_the_music_and_leaves_it_behind() -> None:
    world, caller, seat, line = consulting()
    holds(world, line)
    world.answer(line)
    world.handle(e.ThreePartyAsked(seat=SEAT))
    assert world.hears(seat) == "talk"
    assert world.hears(caller) == "talk"


def test_music_ends_with_the_line_that_held() -> None:
    world, caller, seat, line = consulting()
    holds(world, line)
    world.answer(line)
    world.hang_up(line)
    assert world.talking(caller, seat)
    assert world.hears(seat) == "talk"
    assert world.hears(caller) == "talk"


def test_swapping_takes_the_music_along_and_back() -> None:
    world, caller, seat, line = consulting()
    holds(world, line)
    world.answer(line)
    world.handle(e.TransferSwapped(seat=SEAT))
    assert world.hears(seat) == "talk", "with the caller"
    assert world.hears(caller) == "talk"
    world.handle(e.TransferSwapped(seat=SEAT))
    assert world.hears(seat) == "music", "it holds still"


def test_a_phone_holds_one_line_and_speaks_on_the_other() -> None:
    world, _, _, line = consulting()
    leg = world.router.channels[line][1]
    held.noted(leg, line, held=True)
    assert leg.holds
    leg.channel = ChannelId("second")
    assert not leg.holds
    held.noted(leg, leg.channel, held=False)
    leg.channel = line
    assert leg.holds, "the first line still does"

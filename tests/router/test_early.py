"""Who hears early media, and who hears our tone instead: `acd.early` under the router."""

import pytest

from acd import commands as c
from acd import events as e
from acd.early import PAUSE, PULSE
from acd.events import SILENCE
from acd.ids import ChannelId, SeatId
from tests.router.test_slice import in_talk
from tests.router.world import NODE, World

SEAT, LINE = SeatId("a1002"), "12315"


def consulting(kind: str = "consult", line: str = LINE) -> tuple[World, ChannelId, ChannelId, ChannelId]:
    """A call in talk whose seat has asked for a line: caller, seat and the line's leg."""
    world = World()
    caller, seat = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target=line, kind=kind))
    return world, caller, seat, world.leg(line)


def heard(world: World, leg: ChannelId) -> None:
    world.channels[leg].sounds = True
    world.handle(e.LegHeard(node=NODE, channel=leg))


def silent(world: World, leg: ChannelId, seconds: float) -> None:
    world.handle(e.LegSilent(node=NODE, channel=leg, seconds=seconds))


def test_lines_are_dialled_to_be_heard_early_and_seats_are_not() -> None:
    world, *_ = consulting()
    dialled = {x.endpoint.partition("@")[0]: x.early for x in world.sent if isinstance(x, c.Originate)}
    assert dialled == {"PJSIP/a1002": False, f"PJSIP/{LINE}": True}


def test_the_seat_hears_the_tone_until_there_is_something_better() -> None:
    world, caller, seat, line = consulting()
    world.handle(e.LegRinging(node=NODE, channel=line))
    assert world.hears(seat) == "prompt", "the tone"
    heard(world, line)
    assert world.talking(seat, line)
    assert world.hears(seat) == "talk"
    assert world.hears(caller) in ("prompt", "music")
    silent(world, line, 5.0)
    assert world.hears(seat) == "prompt"
    heard(world, line)
    assert world.hears(seat) == "talk"
    joins = sum(isinstance(x, c.Join) and x.channel == line for x in world.sent)
    world.answer(line)
    assert world.talking(seat, line)
    assert sum(isinstance(x, c.Join) and x.channel == line for x in world.sent) == joins, "it is there"


def test_the_pause_of_a_networks_ringing_tone_is_no_silence() -> None:
    world, _, seat, line = consulting()
    heard(world, line)
    silent(world, line, 1.0)
    world.wait(PAUSE - SILENCE - 0.1)
    assert world.hears(seat) == "talk"
    heard(world, line)
    silent(world, line, 1.0)
    world.wait(PAUSE - SILENCE + 0.1)
    assert world.hears(seat) == "prompt", "it was the end"


@pytest.mark.parametrize("answered", [True, False])
def test_who_is_sent_along_alone_hears_it(answered: bool) -> None:
    world, caller, _, line = consulting("blind")
    heard(world, line)
    world.finish_playing(caller)
    assert world.talking(caller, line)
    silent(world, line, 9.0)
    assert world.hears(caller) == "prompt", "the tone"
    heard(world, line)
    if answered:
        world.answer(line)
        assert world.talking(caller, line)
    else:
        world.hang_up(line, 17)
        assert world.router.calls, "in line again"
        assert world.hears(caller) != "silence"


def test_a_seat_that_goes_leaves_the_caller_with_what_it_heard() -> None:
    world, caller, seat, line = consulting()
    heard(world, line)
    world.handle(e.TransferCompleted(seat=SEAT))
    assert world.talking(caller, line)
    assert seat not in world.channels


def test_the_next_way_rings_with_our_tone_again() -> None:
    world, _, seat, line = consulting()
    transfer = next(iter(world.router.calls.values())).call.transfer
    assert transfer is not None
    rung = transfer.target.rungs[0]
    object.__setattr__(transfer.target, "rungs", (rung, rung))
    heard(world, line)
    world.hang_up(line, 17)
    assert world.leg(LINE) != line
    assert world.hears(seat) == "prompt"


def test_in_an_emergency_all_hear_it_and_nobody_has_a_tone() -> None:
    world, caller, seat, line = consulting(line="120")
    heard(world, line)
    assert world.talking(caller, seat, line)
    silent(world, line, 9.0)
    assert world.talking(caller, seat, line)
    world.hang_up(line, 34)
    assert world.talking(caller, seat)


def test_a_join_that_fails_gives_the_tone_back_and_disturbs_nobody() -> None:
    world, _, seat, line = consulting()
    heard(world, line)
    call = next(iter(world.router.calls.values())).call
    world.channels[line].bridge = ""
    refused = e.CommandFailed(
        node=NODE, call=call.id, what="Join", subject=line, status=422, reason="not in Stasis"
    )
    bridge = call.bridge
    world.handle(refused)
    assert world.hears(seat) == "prompt"
    assert call.bridge == bridge
    assert call.repairs == 0
    world.answer(line)
    assert world.talking(seat, line)


def test_after_the_answer_it_is_only_a_conversation() -> None:
    world, _, seat, line = consulting()
    world.answer(line)
    before = len(world.sent)
    heard(world, line)
    silent(world, line, 9.0)
    assert len(world.sent) == before
    assert world.talking(seat, line)


def test_who_is_gone_before_the_bridge_has_them_costs_nobody_the_bridge() -> None:
    """200 and BYE at once: the join meets no channel."""
    world, caller, seat, line = consulting()
    world.answer(line)
    call = next(iter(world.router.calls.values())).call
    bridge = call.bridge
    gone = e.CommandFailed(
        node=NODE, call=call.id, what="Join", subject=line, status=400, reason="Channel not found"
    )
    world.handle(gone)
    world.hang_up(line)
    world.handle(gone)
    assert world.talking(caller, seat)
    assert (call.bridge, call.repairs) == (bridge, 0)


def counts(world: World, leg: ChannelId, received: int) -> None:
    world.handle(e.PacketsCounted(node=NODE, channel=leg, received=received))


def looks(world: World) -> int:
    return sum(isinstance(x, c.CountPackets) for x in world.sent)


def test_a_line_that_stops_sending_leaves_the_tone_and_not_silence() -> None:
    world, _, seat, line = consulting()
    world.wait(3)
    assert looks(world) == 0, "nothing is counted before there is sound"
    heard(world, line)
    world.wait(PULSE)
    counts(world, line, 50)
    world.wait(PULSE)
    counts(world, line, 95)
    assert world.hears(seat) == "talk"
    world.wait(PULSE)
    counts(world, line, 95)
    assert world.hears(seat) == "prompt", "the tone"
    assert looks(world) == 3
    world.wait(PULSE)
    counts(world, line, 120)
    assert world.hears(seat) == "talk", "it speaks again"
    silent(world, line, 9.0)
    before = looks(world)
    world.wait(5)
    assert looks(world) == before, "of silence the switch tells the end"
    world.answer(line)
    world.wait(5)
    counts(world, line, 120)
    assert world.talking(seat, line)

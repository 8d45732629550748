"""A caller is told before being moved, and when it has led to nobody."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import SeatId
from tests.router.test_slice import SEAT, in_talk
from tests.router.world import World


@pytest.mark.parametrize(
    ("target", "prompt"),
    [
        ("12315", "transfer_12315"),
        ("097112345", "transfer_prefecture"),
        ("110", ""),
        ("a1003", "please_hold"),
    ],
)
def test_the_caller_is_told_where_to_before_being_moved(target: str, prompt: str) -> None:
    world = World(seats=("a1002", "a1003"))
    caller, seat = in_talk(world)
    by, other = ("a1002", "a1003") if world.seat("a1002") == "talking" else ("a1003", "a1002")
    world.handle(e.TransferAsked(seat=SeatId(by), target=other if target == "a1003" else target))
    said = [x.media for x in world.sent if isinstance(x, c.Play) and x.channel == caller]
    told = said[-1][0] if said else ""
    assert prompt in told
    if not prompt:
        assert world.talking(caller, seat), "nobody in need is put aside"


def test_who_was_handed_to_nobody_is_told_so_and_waits_for_a_person() -> None:
    world = World()
    caller, _ = in_talk(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12315", kind="blind"))
    world.finish_playing(caller)
    world.hang_up(world.leg("12315"), 17)
    assert world.hears(caller) == "prompt"
    said = [x.media for x in world.sent if isinstance(x, c.Play) and x.channel == caller]
    assert "transfer_failed" in said[-1][0]
    world.finish_playing(caller)
    assert world.hears(caller) in ("music", "ringback")

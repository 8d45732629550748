"""Lines that are closed, full or down are left out; emergency lines never are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import SeatId
from acd.record import Activity, Role
from callrouter.controller import views
from callrouter.directory.model import Directory, Line
from callrouter.router import reach
from tests.router.test_slice import in_talk
from tests.router.world import NODE, World

SEAT = SeatId("a1002")


def dialled(world: World) -> list[str]:
    return [x.endpoint for x in world.sent if isinstance(x, c.Originate) and "@" in x.endpoint]


def changed(world: World, monkeypatch: pytest.MonkeyPatch, **given: object) -> None:
    """12315 is otherwise from now on."""
    before: Callable[..., Line | None] = Directory.line

    def line(self: Directory, number: str, on: object) -> Line | None:
        found = before(self, number, on)
        return replace(found, **given) if found is not None and found.number == "12315" else found

    monkeypatch.setattr(Directory, "line", line)


def fail(world: World, cause: int = 38, number: str = "12315") -> None:
    """One attempt that fails by the way, not by people."""
    world.handle(e.TransferAsked(seat=SEAT, target=number))
    leg = world.leg(number)
    world.hang_up(leg, cause)


def refusal(world: World, number: str = "12315") -> str:
    with pytest.raises(e.Refused) as refused:
        world.handle(e.TransferAsked(seat=SEAT, target=number))
    assert refused.value.text.endswith(".")
    return refused.value.reason


def test_three_failures_in_a_row_close_the_way_and_one_call_tries_it_later() -> None:
    world = World()
    caller, seat = in_talk(world)
    for _ in range(3):
        fail(world)
    assert refusal(world) == "line_down"
    assert world.talking(caller, seat), "the caller stays with the seat"
    world.wait(31)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    world.answer(world.leg("12315"))
    world.handle(e.TransferCancelled(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))


@pytest.mark.parametrize("cause", [17, 21])
def test_people_who_say_no_are_there(cause: int) -> None:
    world = World()
    in_talk(world)
    for _ in range(5):
        fail(world, cause)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))


@pytest.mark.parametrize(("rings", "down"), [(True, False), (False, True)])
def test_silence_without_a_ring_is_a_dead_way(rings: bool, down: bool) -> None:
    world = World()
    in_talk(world)
    for _ in range(3):
        world.handle(e.TransferAsked(seat=SEAT, target="12315"))
        if rings:
            world.handle(e.LegRinging(node=NODE, channel=world.leg("12315")))
        world.wait(26)
    if down:
        assert refusal(world) == "line_down"
    else:
        world.handle(e.TransferAsked(seat=SEAT, target="12315"))


def test_what_we_gave_up_says_nothing() -> None:
    world = World()
    in_talk(world)
    for _ in range(5):
        world.handle(e.TransferAsked(seat=SEAT, target="12315"))
        world.handle(e.TransferCancelled(seat=SEAT))
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))


def test_options_unanswered_close_every_line_by_the_trunk_but_not_emergencies() -> None:
    world = World()
    in_talk(world)
    world.handle(e.TrunkUnreachable(trunk="departments"))
    world.handle(e.TrunkUnreachable(trunk="emergency"))
    assert refusal(world) == "line_down"
    assert refusal(world, "12333") == "line_down"
    world.handle(e.TransferAsked(seat=SEAT, target="110"))
    assert dialled(world)[-1] == "PJSIP/110@emergency"
    world.handle(e.TransferCancelled(seat=SEAT))
    world.handle(e.TrunkReachable(trunk="departments"))
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))


def test_a_line_takes_no_more_calls_than_it_has_places(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(seats=("a1001", "a1002"))
    changed(world, monkeypatch, capacity=1)
    for call in ("C1", "C2"):
        world.finish_playing(world.call(call=call, caller=f"1380000{call[1]}111"))
    for seat in ("a1001", "a1002"):
        world.answer(world.leg(seat))
    world.handle(e.TransferAsked(seat=SeatId("a1001"), target="12315"))
    first = world.leg("12315")
    world.answer(first)
    assert refusal(world) == "line_full"
    world.hang_up(first)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))


def test_a_trunk_carries_no_more_calls_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls at a time, to whatever line or number."""
    world = World()
    in_talk(world)
    line = world.router.site.directory.line("12315", world.router.today())
    assert line is not None
    trunk = replace(line.trunks[0], capacity=2)
    changed(world, monkeypatch, trunks=(trunk,))
    (live,) = world.router.calls.values()
    lines = world.router.lines
    for number in ("12333", "13900000000"):
        small = replace(line, trunks=(trunk,))
        assert lines.ways(small, world.now) == (trunk,)
        leg = live.call.add_leg(Role.PARTNER, number, None, Activity.RING, world.now)
        lines.dialled(leg, trunk.endpoint(number), world.now, line=number == "12333")
    assert lines.ways(replace(line, trunks=(trunk,)), world.now) == ()
    assert refusal(world) == "line_full"
    with pytest.raises(e.Refused, match=rf"{trunk.name} \(2\).*`capacity`"):
        world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    directory = world.router.site.directory
    monkeypatch.setitem(directory.trunks, reach.OUTBOUND, trunk)  # type: ignore[arg-type]
    with pytest.raises(e.Refused, match="carries the 2 calls"):
        reach.outside(world.router, live, "13911111111", 20.0)
    world.handle(e.TrunkUnreachable(trunk=trunk.name))
    assert refusal(world) == "line_down", "full and down: waiting a moment would not help"
    world.handle(e.TrunkReachable(trunk=trunk.name))
    lines.ended(leg, 16, world.now)
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    assert world.leg("12315") in world.channels


def test_a_closed_line_says_when_it_opens_and_its_backup_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    in_talk(world)
    opens = datetime(2027, 1, 16, 1, tzinfo=UTC).timestamp()
    shut = SimpleNamespace(at=lambda now: SimpleNamespace(open=False), opens_after=lambda now: opens)
    flows = replace(world.router.site.flows, calendars={"office": shut})
    monkeypatch.setattr(world.router, "site", replace(world.router.site, flows=flows))
    changed(world, monkeypatch, hours="office")
    with pytest.raises(e.Refused, match="closed until 01-16 09:00") as refused:
        world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    assert refused.value.reason == "closed"
    monkeypatch.undo()
    monkeypatch.setattr(world.router, "site", replace(world.router.site, flows=flows))
    changed(world, monkeypatch, hours="office", backup="12333")
    world.handle(e.TransferAsked(seat=SEAT, target="12315"))
    assert dialled(world)[-1] == "PJSIP/12333@departments"


def test_numbers_outside_leave_nothing_behind() -> None:
    world = World()
    in_talk(world)
    (live,) = world.router.calls.values()
    lines = world.router.lines
    before = len(lines.board._ways)
    for turn in range(20):
        number = f"139000000{turn:02d}"
        leg = live.call.add_leg(Role.PARTNER, number, None, Activity.RING, world.now)
        lines.dialled(leg, f"PJSIP/{number}@carrier", world.now, line=False)
        assert lines._on_trunk["carrier"] == 1
        lines.ended(leg, 38, world.now)
    assert len(lines.board._ways) == before
    assert lines.calls("13900000001") == lines._on_trunk["carrier"] == 0


def test_screens_see_each_line() -> None:
    world = World()
    in_talk(world)
    for _ in range(3):
        fail(world)
    world.handle(e.TransferAsked(seat=SEAT, target="12333"))
    lines = {line.number: line for line in views.snapshot(world.router, world.now).lines}
    assert lines["12315"].refusal == "line_down"
    assert lines["12315"].ways[0].outcomes == {"unreachable": 3}
    assert lines["12315"].ways[0].success == 0
    assert lines["12333"].calls == 1
    assert lines["110"].refusal == ""
    world.hang_up(world.leg("12333"))
    assert world.router.lines.calls("12333") == 0

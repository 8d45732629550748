"""A controller that ends in the middle of conversations, and the one after it: nobody is cut off."""

import copy
import dataclasses
import itertools

import msgspec
import pytest

from acd import commands as c
from acd import events as e
from acd.ids import BridgeId, CallId, ChannelId, SeatId
from acd.record import Activity
from acd.shift import Shifts
from callrouter.router.kept import Kept
from callrouter.router.surviving import KeptCall
from tests.router.test_slice import SEAT, assert_tiles, consulting, ended, in_talk
from tests.router.world import NODE, World


def killed(world: World) -> tuple[Kept, World]:
    """What is on paper, and the next router with the same Asterisk, which has not been reached yet."""
    paper = msgspec.json.decode(msgspec.json.encode(world.router.keep(world.now)), type=Kept)
    found = World(seats=())
    found.now = world.now + 3
    found.channels, found.bridges = copy.deepcopy(world.channels), set(world.bridges)
    found._carry_out(found.router.resume(paper, found.now))
    return paper, found


def link_up(world: World) -> None:
    world.handle(
        e.NodeUp(
            node=NODE,
            channels=tuple(world.channels),
            bridges=tuple(BridgeId(bridge) for bridge in world.bridges),
        )
    )
    world.handle(e.SeatReachable(seat=SEAT))


def after(world: World) -> World:
    _, found = killed(world)
    link_up(found)
    return found


def test_caller_and_seat_speak_on_and_the_record_is_one_piece() -> None:
    before = World()
    caller, seat = in_talk(before)
    before.wait(60)
    world = after(before)
    assert world.talking(caller, seat)
    assert world.seat(SEAT) == "talking"
    assert len(world.bridges) == 1
    world.wait(30)
    world.hang_up(caller)
    assert world.seat(SEAT) == "wrap_up"
    record = ended(world)
    assert (record.call, record.outcome, record.first_seat) == ("C1", "answered", "a1002")
    assert [x.node for x in record.trace] == [x.node for x in before.router.calls[CallId("C1")].trace]
    (talk,) = [x for x in record.segments if x.track == "caller" and x.activity is Activity.TALK]
    assert talk.ended - talk.started == pytest.approx(93)
    world.wait(60)
    assert [x.segment.activity for x in world.late] == [Activity.WRAP_UP]


def test_the_flow_goes_on_when_the_seat_leaves() -> None:
    plain, before = World(), World()
    _, seat = in_talk(plain)
    plain.hang_up(seat)
    assert in_talk(before)[1] == seat
    world = after(before)
    world.hang_up(seat)
    wanted, found = ended(plain), ended(world)
    assert [(x.node, x.branch) for x in found.trace] == [(x.node, x.branch) for x in wanted.trace]
    assert (found.ended_by, found.flow_version) == (wanted.ended_by, wanted.flow_version)


def test_a_line_that_breaks_puts_the_caller_first_in_line() -> None:
    before = World()
    caller, seat = in_talk(before)
    world = after(before)
    world.hang_up(seat, cause=41)
    assert world.router.calls[CallId("C1")].call.owner == "queue"
    assert world.hears(caller) in ("music", "ringback")


@pytest.mark.parametrize("who", ["caller", "seat", "both"])
def test_who_left_while_nobody_looked_has_left(who: str) -> None:
    before = World()
    caller, seat = in_talk(before)
    _, world = killed(before)
    for name, channel in (("caller", caller), ("seat", seat)):
        if who in (name, "both"):
            del world.channels[channel]
    link_up(world)
    assert world.seat(SEAT) == "wrap_up"
    assert ended(world).ended_by == ("seat" if who == "seat" else "caller")


def test_a_hold_ends_in_the_conversation() -> None:
    before = World()
    caller, seat = in_talk(before)
    before.handle(e.HoldAsked(seat=SEAT))
    assert before.hears(caller) == "music"
    world = after(before)
    assert world.talking(caller, seat)
    assert not world.channels[caller].music
    world.wait(5)
    world.hang_up(caller)
    assert_tiles(ended(world))


def test_a_consultation_ends_with_caller_and_seat_together() -> None:
    before = World()
    caller, seat, partner = consulting(before)
    before.wait(10)
    world = after(before)
    assert world.talking(caller, seat)
    assert partner not in world.channels, "let go, as nobody's"
    assert world.seat(SEAT) == "talking"
    assert world.router.lines.calls("12315") == 0
    world.wait(5)
    world.hang_up(caller)
    record = ended(world)
    assert [(x.outcome, x.cause) for x in record.transfers] == [("returned", "controller_restarted")]
    consult = [x for x in record.segments if x.party == "12315"]
    assert consult[-1].activity is Activity.CONSULT
    assert consult[-1].ended - consult[-1].started == pytest.approx(10)


def test_caller_and_line_speak_on_after_a_transfer() -> None:
    before = World()
    caller, _, partner = consulting(before)
    before.handle(e.TransferCompleted(seat=SEAT))
    assert before.talking(caller, partner)
    world = after(before)
    assert world.talking(caller, partner)
    assert world.router.lines.calls("12315") == 1
    assert world.seat(SEAT) == "wrap_up", "its wrap-up goes on"
    world.wait(120)
    world.hang_up(caller)
    record = ended(world)
    assert [x.outcome for x in record.transfers] == ["completed"]
    assert world.router.lines.calls("12315") == 0
    assert {x.activity for x in record.segments if x.party == "a1002"} >= {Activity.TALK, Activity.WRAP_UP}


def test_a_caller_whom_nobody_has_in_care_is_asked_in_again() -> None:
    before = World(seats=())
    caller = before.call()
    before.finish_playing(caller)
    world = after(before)
    assert world.router.calls == {}
    assert [x.channel for x in world.sent if isinstance(x, c.ToDialplan)] == [caller]


def test_the_recording_runs_through() -> None:
    before = World()
    caller, _ = in_talk(before)
    begun = [x for x in before.sent if isinstance(x, c.MonitorStart)]
    world = after(before)
    assert [x for x in world.sent if isinstance(x, c.MonitorStart)] == []
    world.hang_up(caller)
    made = [x for x in world.others if type(x).__name__ == "RecordingMade"]
    assert [x.recording for x in made] == [x.recording for x in begun]  # type: ignore[attr-defined]


def test_a_flow_that_was_changed_meanwhile_lets_the_call_end_after_the_conversation() -> None:
    before = World()
    caller, seat = in_talk(before)
    paper, _ = killed(before)
    talk = paper.talks[0]
    assert talk.session is not None
    moved = msgspec.json.decode(
        msgspec.json.encode(paper).replace(
            f'"node":"{talk.session.at.node}"'.encode(), b'"node":"no_such_node"'
        ),
        type=Kept,
    )
    world = World(seats=())
    world.channels, world.bridges = copy.deepcopy(before.channels), set(before.bridges)
    world.now = before.now + 3
    world._carry_out(world.router.resume(moved, world.now))
    link_up(world)
    assert world.talking(caller, seat)
    world.hang_up(seat)
    assert ChannelId(caller) not in world.channels
    assert ended(world).outcome == "answered"


@pytest.mark.parametrize("orderly", [True, False])
def test_seats_intervals_meet_over_the_gap(orderly: bool) -> None:
    """Of who spoke on: to the instant. Of others nobody knows what they did in between."""
    before = World(seats=("a1002", "a1003"))
    shifts = Shifts()
    written = [x for change in before.notices(c.SeatChanged) if (x := shifts.changed(change))]
    count = len(before.others)
    in_talk(before)
    before.wait(20)
    written += [
        x
        for change in before.others[count:]
        if isinstance(change, c.SeatChanged)
        if (x := shifts.changed(change))
    ]
    paper, _ = killed(before)
    if orderly:
        written += shifts.end(paper.at)
    next_shifts = Shifts()
    written += next_shifts.resume(paper.floor.seats, paper.going_on, paper.at, orderly=orderly)
    world = World(seats=())
    world.now = before.now + 3
    world.channels, world.bridges = copy.deepcopy(before.channels), set(before.bridges)
    world._carry_out(world.router.resume(paper, world.now))
    link_up(world)
    world.wait(10)
    written += [x for change in world.notices(c.SeatChanged) if (x := next_shifts.changed(change))]
    written += next_shifts.end(world.now)
    written.sort(key=lambda x: x.started)
    talked = [x for x in written if x.seat == SeatId("a1002") and x.state == "talking"]
    assert sum(x.ended - x.started for x in talked) == pytest.approx(33)
    assert all(first.ended == second.started for first, second in itertools.pairwise(talked))
    other = [x for x in written if x.seat == SeatId("a1003")]
    assert other[0].state == "ready"
    assert max(x.ended for x in other if x.started < before.now) == paper.at


NOT_KEPT = {
    # given apart: what a call is made with, its tracks, and who is in it
    *("id", "node", "dialled", "caller_number", "display", "trunk", "ingress"),
    *("segments", "transfers", "legs", "caller"),
    # settled by being taken up: a plain conversation, in a bridge that has not failed yet
    *("owner", "transfer", "holding", "repairs"),
    # of calls that nobody has in care
    *("ended", "ended_by", "cause", "rejected", "callback_outcome"),
}


def test_whatever_a_call_knows_is_kept_or_deliberately_not() -> None:
    world = World()
    in_talk(world)
    known = set(vars(world.router.calls[CallId("C1")].call))
    assert known == NOT_KEPT | {field.name for field in dataclasses.fields(KeptCall)}

"""A router that ends and the one after it: promises are kept, each by one call."""

import msgspec
import pytest

from acd import commands as c
from acd import events as e
from acd.ids import CallId, SeatId
from callrouter.router.kept import SEATS_STAY, Kept
from tests.router.test_callback import busy_world, offered, promise
from tests.router.world import NODE, World


def after(world: World, seconds: float = 5.0) -> World:
    """The next router, given on paper what this one has left; its calls are gone."""
    paper = msgspec.json.encode(world.router.keep(world.now))
    found = World(seats=())
    found.now = world.now + seconds
    found._carry_out(found.router.resume(msgspec.json.decode(paper, type=Kept), found.now))
    found.handle(e.NodeUp(node=NODE))
    return found


def work(world: World, *seats: str) -> None:
    """Phones register: who was signed in is ready again."""
    for seat in seats:
        world.handle(e.SeatReachable(seat=SeatId(seat)))


@pytest.fixture(scope="module")
def ended() -> World:
    world = busy_world()
    promise(world, offered(world))
    return world


def dialled(world: World) -> list[c.Originate]:
    return [x for x in world.sent if isinstance(x, c.Originate)]


def test_the_next_router_calls_back_and_closes_it_once(ended: World) -> None:
    world = after(ended)
    before = ended.router.floor.callbacks()
    assert [(x.callback, x.asked) for x in world.router.floor.callbacks()] == [
        (x.callback, x.asked) for x in before
    ]
    work(world, "a1001", "a1002")
    world.wait(11)  # both were talking: they wrap up
    (seat,) = dialled(world)
    world.answer(seat.channel)
    person = dialled(world)[-1]
    assert "13800001111" in person.endpoint
    assert (person.caller_number, person.node) == ("12345", "main")
    world.answer(person.channel)
    assert world.talking(seat.channel, person.channel)
    closed = world.notices(c.CallbackClosed)
    assert [(x.call, x.outcome, x.asked) for x in closed] == [
        (before[0].callback, "reached", before[0].asked)
    ]
    world.hang_up(person.channel)
    world.wait(3_000)
    assert len(world.notices(c.CallbackClosed)) == 1
    assert len([x for x in dialled(world) if "13800001111" in x.endpoint]) == 1
    assert after(world).router.floor.callbacks() == ()


def test_ids_go_on_where_they_were(ended: World) -> None:
    """A missed call may be promised, taken back and promised again, a restart in between."""
    world = after(ended)
    (before,) = ended.router.promised
    assert before == "C1-c1"
    assert world.router.promised.next_id(CallId("C1")) == "C1-c2"


def test_who_comes_back_soon_is_told_nothing_of_agents_long_gone(ended: World) -> None:
    soon, late = after(ended, SEATS_STAY), after(ended, SEATS_STAY + 1)
    assert (soon.seat("a1001"), late.seat("a1001")) == ("wrap_up", "wrap_up")
    soon.wait(60)
    late.wait(60)
    assert (soon.seat("a1001"), late.seat("a1001")) == ("not_ready", "logged_out"), "one waits for its phone"
    assert len(late.router.floor.callbacks()) == 1, "callbacks do not depend on it"


def test_a_waiting_caller_is_on_the_list_of_missed_calls_until_back() -> None:
    world = busy_world()
    caller = world.call()
    world.finish_playing(caller)
    assert world.router.floor.position("C1") == 1  # type: ignore[arg-type]
    later = after(world)
    assert [x.call for x in later.router.floor.missed()] == ["C1"]
    again = later.call(call="C2")
    later.finish_playing(again)
    assert later.router.floor.missed() == ()
    entry = later.router.floor._state.entries["C2"]  # type: ignore[index]
    assert entry.enqueued == world.now < later.now, "the place of before"


def test_a_wrap_up_that_goes_on_at_the_end_is_recorded_until_then() -> None:
    world = World(seats=("a1002",))
    caller = world.call()
    world.finish_playing(caller)
    world.answer(world.leg("a1002"))
    world.wait(20)
    world.hang_up(caller)
    assert world.seat("a1002") == "wrap_up"
    assert world.late == []
    began = world.now
    world.wait(4)
    world._carry_out(world.router.leave_off(began + 3.5))
    [late] = world.late
    assert (late.segment.activity.value, late.segment.started) == ("wrap_up", began)
    assert late.segment.ended == began + 3.5
    world._carry_out(world.router.leave_off(world.now))
    assert len(world.late) == 1

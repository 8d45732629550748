"""漏接回拨: somebody hangs up while waiting, a supervisor promises a callback, a seat dials. One outcome."""

import pytest

from acd import commands as c
from acd import events as e
from acd.ids import CallId, ChannelId, SeatId
from callrouter.router import promises
from callrouter.router.notices import Outcome
from tests.router.world import World

C1 = CallId("C1")


class Listening(World):
    """Keeps what the records are told about callbacks."""

    def _carry_out(self, outcomes: "list[Outcome]") -> None:  # type: ignore[override]
        self.closed = [
            *getattr(self, "closed", []),
            *(x for x in outcomes if isinstance(x, c.CallbackClosed)),
        ]
        super()._carry_out(outcomes)


def missed(caller: str = "+8613800001111") -> Listening:
    """One seat, talking; C1 has waited 30 s and hung up."""
    world = Listening(seats=("a1002",))
    first = world.call(call="C0", caller="13900000000")
    world.finish_playing(first)
    world.answer(world.leg("a1002"))
    waiting = world.call(call="C1", caller=caller)
    world.finish_playing(waiting)
    world.wait(30)
    world.hang_up(waiting)
    return world


def promise(world: World) -> CallId:
    wish = promises.wish(world.router, C1)
    world.handle(wish)
    return wish.callback


def seat_free(world: World) -> ChannelId:
    world.hang_up(ChannelId("in-C0"))
    world.wait(11)
    leg = next(x for x in reversed(world.sent) if isinstance(x, c.Originate))
    assert leg.endpoint.startswith("PJSIP/a1002")
    world.answer(leg.channel)
    return leg.channel


def dialled(world: World) -> c.Originate:
    return next(x for x in reversed(world.sent) if isinstance(x, c.Originate))


def test_a_missed_call_is_called_back_in_its_turn() -> None:
    world = missed()
    assert [found.call for found, _ in promises.missed(world.router)] == [C1]
    callback = promise(world)
    assert list(promises.missed(world.router)) == []
    assert [(one.callback, one.origin, one.state) for one in world.router.floor.callbacks()] == [
        (callback, C1, "waiting")
    ]
    seat = seat_free(world)
    person = dialled(world)
    assert "13800001111@carrier" in person.endpoint
    assert "+86" not in person.endpoint
    assert world.router.floor.callbacks()[0].seat == SeatId("a1002")
    world.answer(person.channel)
    assert world.talking(seat, person.channel)
    world.hang_up(person.channel)
    assert [(one.call, one.origin, one.outcome) for one in world.closed] == [(callback, C1, "reached")]
    assert world.router.floor.callbacks() == ()
    assert not world.router.promised
    assert [r.outcome for r in world.records if r.call == callback] == ["callback_reached"]


@pytest.mark.parametrize("caller", ["", "sip:evil@x", "110", "1380000111122223333", "9@host/n"])
def test_who_cannot_be_dialled_is_refused(caller: str) -> None:
    world = missed(caller)
    before = list(promises.missed(world.router))
    with pytest.raises(e.Refused) as refusal:
        promises.wish(world.router, C1)
    assert refusal.value.reason == "no_number"
    assert list(promises.missed(world.router)) == before
    assert not world.router.promised


def test_an_unknown_call_is_refused_and_nothing_kept() -> None:
    world = missed()
    with pytest.raises(e.Refused, match="not on the list"):
        promises.wish(world.router, CallId("C0"))
    with pytest.raises(e.Refused, match="not on the list"):
        world.handle(e.CallbackAsked(call=CallId("C9"), callback=CallId("x"), number="13800001111"))
    assert not world.router.promised


def test_a_second_promise_for_the_same_call_is_refused() -> None:
    world = missed()
    promise(world)
    with pytest.raises(e.Refused) as refusal:
        promises.wish(world.router, C1)
    assert refusal.value.reason == "unknown_call"
    assert len(world.router.promised) == 1


def test_who_called_again_and_was_spoken_to_is_off_the_list() -> None:
    world = missed()
    again = world.call(call="C2", caller="+8613800001111")
    world.finish_playing(again)
    world.hang_up(ChannelId("in-C0"))
    world.wait(11)
    world.answer(world.leg("a1002"))
    assert world.talking(again, world.leg("a1002"))
    with pytest.raises(e.Refused) as refusal:
        promises.wish(world.router, C1)
    assert refusal.value.reason == "unknown_call"


def test_taken_back_it_ends_once() -> None:
    world = missed()
    callback = promise(world)
    world.handle(e.CallbackCancelled(call=callback))
    with pytest.raises(e.Refused) as refusal:
        world.handle(e.CallbackCancelled(call=callback))
    assert refusal.value.reason == "unknown_callback"
    world.hang_up(ChannelId("in-C0"))
    world.wait(1000)
    assert [(one.call, one.outcome) for one in world.closed] == [(callback, "cancelled")]
    assert world.seat("a1002") == "ready"
    assert not world.router.promised


def test_while_being_dialled_it_cannot_be_taken_back() -> None:
    world = missed()
    callback = promise(world)
    seat_free(world)
    with pytest.raises(e.Refused) as refusal:
        world.handle(e.CallbackCancelled(call=callback))
    assert refusal.value.reason == "being_dialled"
    assert world.closed == []


def test_never_reached_it_ends_once_after_the_last_attempt() -> None:
    world = missed()
    callback = promise(world)
    seat_free(world)
    for attempt in range(3):
        world.hang_up(dialled(world).channel, cause=17)
        assert world.seat("a1002") == "ready"
        if attempt < 2:
            (status,) = world.router.floor.callbacks()
            assert (status.state, status.attempts) == ("paused", attempt + 1)
            assert status.due is not None
            world.wait(status.due - world.now + 0.1)
            world.answer(world.leg("a1002"))
    assert [(one.call, one.outcome, one.attempts) for one in world.closed] == [(callback, "unreached", 3)]
    world.wait(4000)
    assert len(world.closed) == 1
    assert [r.outcome for r in world.records if r.call == callback] == ["callback_unreached"]


def test_who_is_to_be_forgotten_leaves_no_missed_call_and_no_origin() -> None:
    world = missed()
    assert promises.of_person(world.router, "13900000000") == ([], [])
    assert promises.of_person(world.router, "13800001111") == ([], [C1])
    world.handle(e.MissedForgotten(call=C1))
    assert promises.of_person(world.router, "13800001111") == ([], [])
    assert "13800001111" not in repr(world.router.keep(world.now))
    world.handle(e.MissedForgotten(call=C1))
    with pytest.raises(e.Refused, match="missed calls"):
        promise(world)


def test_who_is_to_be_forgotten_is_not_called_back() -> None:
    world = missed()
    callback = promise(world)
    assert promises.of_person(world.router, "13800001111") == ([callback], [])
    world.handle(e.CallbackCancelled(call=callback))
    assert promises.of_person(world.router, "13800001111") == ([], [])
    assert "13800001111" not in repr(world.router.keep(world.now))
    assert [one.outcome for one in world.closed] == ["cancelled"]

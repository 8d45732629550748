"""The controller is stopped while callers are in a menu, wait, are rung for, or speak."""

from acd import events as e
from acd.ids import CallId, SeatId
from acd.record import Activity, CallRecord
from acd.service_level import call_tally
from callrouter.router import RecordReady
from tests.router.world import World


def stopped(world: World, before: float = 0.0) -> dict[CallId, CallRecord]:
    """What is recorded as the last thing; `before`: seconds by which the seats' time ended sooner."""
    out = world.router.leave_off(world.now - before)
    records = [one.record for one in out if isinstance(one, RecordReady)]
    return {one.call: one for one in records if isinstance(one, CallRecord)}


def waiting() -> World:
    world = World(seats=())
    world.answer(world.call())
    world.keys(next(iter(world.channels)), "0")
    world.wait(7)
    return world


def tiles(record: CallRecord) -> bool:
    """The caller's track lies edge to edge from the first moment to the last."""
    own = [one for one in record.segments if one.track == "caller"]
    edges = [record.ingress, *(one.ended for one in own)]
    return [one.started for one in own] == edges[:-1] and edges[-1] == record.ended


def test_who_waits_has_a_record_that_counts_in_no_figure() -> None:
    world = waiting()
    (record,) = stopped(world).values()
    assert (record.outcome, record.ended_by, record.ended) == ("interrupted", "system", world.now)
    assert record.enqueued is not None
    assert tiles(record)
    tally = call_tally(record)
    assert (tally.offered, tally.enqueued, tally.abandoned_queue) == (0, 0, 0)


def test_who_is_in_the_flow_has_one_too_and_time_never_runs_backwards() -> None:
    world = World()
    world.call()
    (record,) = stopped(world, before=0.5).values()
    assert record.outcome == "interrupted"
    assert record.trace
    assert record.ended >= record.ingress
    assert all(one.ended > one.started for one in record.segments)


def test_who_is_rung_for_has_the_ringing_in_it() -> None:
    world = World(seats=("a1001",))
    world.answer(world.call())
    world.keys(next(iter(world.channels)), "0")
    world.wait(3)
    (record,) = stopped(world).values()
    assert record.outcome == "interrupted"
    assert any(one.party == "a1001" and one.activity is Activity.RING for one in record.segments)


def test_who_speaks_goes_on_and_is_recorded_by_the_next() -> None:
    world = World(seats=("a1001",))
    world.answer(world.call())
    world.keys(next(iter(world.channels)), "0")
    world.answer(world.leg("a1001"))
    world.wait(3)
    assert stopped(world) == {}


def test_whom_a_person_had_answered_stays_answered() -> None:
    world = World(seats=("a1001",))
    world.answer(world.call())
    world.keys(next(iter(world.channels)), "0")
    seat = world.leg("a1001")
    world.answer(seat)
    world.wait(3)
    live = world.router.calls[CallId("C1")]
    world.handle(e.SeatSignedOut(seat=SeatId("a1001")))
    live.talk.requeue(world.now, None, "phone_lost")
    world.router.touch(live)
    world.hang_up(seat)
    (record,) = stopped(world).values()
    assert (record.outcome, record.ended_by) == ("answered", "system")


def test_nothing_is_recorded_twice() -> None:
    world = waiting()
    assert [len(stopped(world)) for _ in range(2)] == [1, 0]

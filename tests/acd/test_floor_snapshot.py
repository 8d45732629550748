"""A snapshot leaves nothing out. That it decides alike is held by `test_floor_invariants`."""

import pytest
from msgspec import structs

from acd.agent import Seat
from acd.callback import Callback
from acd.events import CallbackAsked, OfferAnswered
from acd.floor import Floor
from acd.floor import snapshot as s
from acd.floor.state import FloorState
from acd.ids import CallId
from acd.offer import Offer
from acd.plan import RelaxationStep
from acd.queue import Entry, Queue, WaitingClass
from tests.acd.floors import S1, Q, call, enqueue, ready, small_floor

DERIVED = {
    Seat: {"id": "seat", "plan": "gone", "group": "", "place": "", "offer": "", "retired": "gone"},
    Entry: {
        "demand": "source",
        "callback": "",
        "cls": "step",
        "line": "slot",
    },
    Offer: {"entry": "call"},
    Callback: {},
    Queue: {
        "personal": "",
        "plan": "",
        "strategy": "",
        "groups": "",
        "classes": "",
        "lines": "",
        "at_work": "",
        "widens": "",
        "wrap_up": "",
        "waiting": "",
        "handling": "handled",
        "reach": "",
    },
    WaitingClass: {
        "demand": "source",
        "row": "",
        "early": "",
        "live": "",
        "named": "",
        "heads": "",
        "index": "",
        "number": "",
        "groups": "",
        "ranks": "",
        "outsiders": "",
    },
    FloorState: {
        "board": "classes",
        "agents": "",
        "departed": "missed",
        "left": "",
        "out": "",
        "agenda": "",
        "idle": "",
        "unreachable": "entries",
    },
}
"""Parts that a snapshot has under another name, or that follow from others (``""``)."""


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Seat, s.SeatNow),
        (Entry, s.EntryNow),
        (Offer, s.OfferNow),
        (Callback, s.CallbackNow),
        (Queue, s.KeptQueue),
        (WaitingClass, s.ClassNow),
        (FloorState, s.FloorSnapshot),
    ],
)
def test_every_moving_part_is_written_down(part: type, written: type) -> None:
    """Whoever gives one of these a new part is told here to write it down, or to say why not."""
    fields = {field.name for field in structs.fields(written)}
    parts = set(part.__slots__)  # type: ignore[attr-defined]
    derived = DERIVED[part]
    assert set(derived) <= parts
    assert parts - fields - set(derived) == set()
    assert {name for name in derived.values() if name} <= fields


def test_a_floor_in_the_midst_of_it_goes_on_elsewhere() -> None:
    floor = small_floor(2, relaxation=(RelaxationStep(after=15.0, drop=("zh",)),))
    ready(floor, S1, now=0.0)
    enqueue(floor, 1, 1.0)
    enqueue(floor, 2, 2.0, skills="zh", identity="ann")
    enqueue(floor, 3, 3.0, again=True)
    floor.handle(CallbackAsked(call=call(2), callback=CallId("b"), number="1"), 4.0)
    other = Floor.restored(floor.snapshot())
    assert other.snapshot() == floor.snapshot()
    for one in (floor, other):
        one.handle(OfferAnswered(offer=next(iter(one._state.offers))), 5.0)
    assert other.seats() == floor.seats()
    assert other.queues() == floor.queues()
    assert other.queue(Q).waiting == 2
    assert other.next_deadline() == floor.next_deadline() == 15.0 + 2.0
    assert repr(other.tick(17.0)) == repr(floor.tick(17.0))


def test_a_contradiction_is_refused() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 1.0)
    taken = floor.snapshot()
    nobody = structs.replace(taken.entries[0], wanted=S1)
    with pytest.raises(ValueError, match="the snapshot contradicts itself"):
        Floor.restored(structs.replace(taken, entries=(nobody,)))
    with pytest.raises(ValueError, match="the snapshot contradicts itself"):
        Floor.restored(structs.replace(taken, seats=()))

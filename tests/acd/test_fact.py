import copy
import pickle

import pytest

from acd.commands import AnnounceDue, Answer, CallbackOpened
from acd.events import CallOffered, LegEnded
from acd.fact import maker
from acd.ids import CallId, ChannelId, NodeId

ENDED = LegEnded(node=NodeId("main"), channel=ChannelId("c1"), cause=16)


def test_facts_compare_and_hash_by_value() -> None:
    again = LegEnded(node=NodeId("main"), channel=ChannelId("c1"), cause=16)
    assert again == ENDED
    assert hash(again) == hash(ENDED)
    assert LegEnded(node=NodeId("main"), channel=ChannelId("c1"), cause=17) != ENDED


def test_facts_have_no_room_for_more() -> None:
    with pytest.raises(AttributeError):
        ENDED.more = 1  # type: ignore[attr-defined]


def test_facts_are_made_by_name_only() -> None:
    with pytest.raises(TypeError):
        Answer("main", "call", "channel")  # type: ignore[misc]
    assert Answer(node=NodeId("main"), call=CallId("a"), channel=ChannelId("b")).channel == "b"


def test_facts_survive_copying_and_pickling() -> None:
    assert pickle.loads(pickle.dumps(ENDED)) == copy.copy(ENDED) == ENDED


def test_a_maker_makes_what_the_class_makes() -> None:
    made = maker(CallbackOpened)
    given = {"call": "c", "origin": "o", "queue": "q", "number": "1", "at": 1.0}
    assert made(**given) == CallbackOpened(**given)  # type: ignore[arg-type]
    assert maker(AnnounceDue)(call=CallId("a"), position=1, wait=None).callback is False
    with pytest.raises(TypeError):
        made(call=CallId("c"))  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        made("c", "o", "q", "1", 1.0)  # type: ignore[call-arg]


def test_a_maker_refuses_fields_that_a_factory_fills() -> None:
    with pytest.raises(TypeError, match="headers has a factory"):
        maker(CallOffered)

import copy
import pickle

import pytest

from acd.events import LegEnded
from acd.ids import ChannelId, NodeId

ENDED = LegEnded(node=NodeId("main"), channel=ChannelId("c1"), cause=16)


def test_facts_compare_and_hash_by_value() -> None:
    again = LegEnded(node=NodeId("main"), channel=ChannelId("c1"), cause=16)
    assert again == ENDED
    assert hash(again) == hash(ENDED)
    assert LegEnded(node=NodeId("main"), channel=ChannelId("c1"), cause=17) != ENDED


def test_facts_have_no_room_for_more() -> None:
    with pytest.raises(AttributeError):
        ENDED.more = 1  # type: ignore[attr-defined]


def test_facts_never_change() -> None:
    with pytest.raises(AttributeError):
        ENDED.cause = 17  # type: ignore[misc]


def test_facts_survive_copying_and_pickling() -> None:
    assert pickle.loads(pickle.dumps(ENDED)) == copy.copy(ENDED) == ENDED

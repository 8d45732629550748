"""One word for how a call went, from what its caller did last."""

import pytest

from acd.call import Call
from acd.ids import CallId, ChannelId, NodeId
from acd.record import Activity
from callrouter.router.live import outcome


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ([Activity.FLOW], "abandoned_flow"),
        ([Activity.FLOW, Activity.QUEUE], "abandoned_queue"),
        ([Activity.FLOW, Activity.QUEUE, Activity.RING], "abandoned_ringing"),
        ([Activity.FLOW, Activity.QUEUE, Activity.RING, Activity.QUEUE], "abandoned_queue"),
        # The queue's time was over, and the caller hung up during what the flow had to say then.
        ([Activity.FLOW, Activity.QUEUE, Activity.FLOW], "abandoned_flow"),
    ],
)
def test_a_caller_gives_up_where_they_are(way: list[Activity], expected: str) -> None:
    call = Call(
        call=CallId("c1"),
        node=NodeId("a"),
        channel=ChannelId("1.1"),
        dialled="12345",
        caller="13812345678",
        trunk="carrier",
        display="",
        now=0.0,
    )
    for second, activity in enumerate(way):
        call.doing(call.caller, activity, float(second))
        if activity is Activity.QUEUE and call.enqueued is None:
            call.enqueued = float(second)
    call.cut(call.caller, float(len(way)))
    call.ended_by = "caller"
    assert outcome(call) == expected

"""Call records for tests."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from acd.ids import AgentId, CallId, ChannelId, QueueId, SeatId
from acd.record import Activity, CallRecord, FlowStep, Role, Segment, TransferRecord

T0 = 1_795_000_000.25


def segment(call: str, track: str, activity: Activity, started: float, ended: float, **rest: str) -> Segment:
    party = rest.get("party", "")
    role = Role.CALLER if track == "caller" else Role(rest.get("role", "seat"))
    return Segment(
        call=CallId(call),
        track=track,
        role=role,
        party=party,
        activity=activity,
        started=started,
        ended=ended,
        detail=rest.get("detail", ""),
    )


def record(call: str = "c1", at: float = T0, **changes: Any) -> CallRecord:
    """A call that was answered, handed to 12315 and ended there."""
    caller = [
        segment(call, "caller", Activity.FLOW, at, at + 4, detail="greeting"),
        segment(call, "caller", Activity.QUEUE, at + 4, at + 6, detail="main"),
        segment(call, "caller", Activity.TALK, at + 6, at + 30),
        segment(call, "caller", Activity.HOLD, at + 30, at + 42),
        segment(call, "caller", Activity.TALK, at + 42, at + 90.5),
    ]
    seat = [
        segment(call, "1", Activity.RING, at + 4, at + 6, party="s1"),
        segment(call, "1", Activity.TALK, at + 6, at + 30, party="s1"),
        segment(call, "1", Activity.CONSULT, at + 30, at + 42, party="s1"),
        segment(call, "1", Activity.WRAP_UP, at + 42, at + 72, party="s1"),
    ]
    partner = [
        segment(call, "2", Activity.RING, at + 30, at + 34, party="12315", role="partner"),
        segment(call, "2", Activity.CONSULT, at + 34, at + 42, party="12315", role="partner"),
        segment(call, "2", Activity.TALK, at + 42, at + 90.5, party="12315", role="partner"),
    ]
    variables: Mapping[str, object] = {"caller": "13812345678", "tries": 1}
    base = CallRecord(
        call=CallId(call),
        node="n1",
        channel=ChannelId(f"ch-{call}"),
        dialled="12345",
        caller="13812345678",
        trunk="carrier",
        organisation="qinghai",
        flow="province",
        flow_version="v1",
        language="zh",
        queue=QueueId("main"),
        first_seat=SeatId("s1"),
        first_agent=AgentId("agent-1"),
        ingress=at,
        accepted=at + 0.5,
        menu_end=at + 4,
        enqueued=at + 4,
        rang=at + 4,
        answered=at + 6,
        ended=at + 90.5,
        ended_by="caller",
        cause=16,
        outcome="answered",
        segments=(*caller, *seat, *partner),
        transfers=(
            TransferRecord(
                call=CallId(call),
                number=1,
                kind="consult",
                by=SeatId("s1"),
                target="12315",
                asked=at + 30,
                answered=at + 34,
                ended=at + 42,
                outcome="completed",
                cause="",
            ),
        ),
        trace=(
            FlowStep(at=at, flow="province", node="greeting", line=12, variables=variables),
            FlowStep(at=at + 4, flow="province", node="to_seat", line=20, branch="timeout"),
        ),
    )
    return replace(base, **changes)

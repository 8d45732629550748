"""Calls for measuring the store: each leaves the same twenty-one events.

An event is one stamped row of what happened: a call, one of its segments, transfers or
flow steps, an offer, a stretch of a seat's time.
"""

from collections.abc import Iterator
from typing import Final

from acd.commands import OfferClosed
from acd.ids import AgentId, CallId, ChannelId, OfferId, QueueId, SeatId
from acd.record import Activity, CallRecord, FlowStep, Role, Segment, TransferRecord
from acd.shift import SeatInterval
from callrouter.store.entries import Entry

T0: Final = 1_795_000_000.0
TABLES: Final = ("calls", "segments", "transfers", "flow_steps", "seat_intervals", "offers")
EVENTS_PER_CALL: Final = 1 + 12 + 1 + 2 + 1 + 4


def entries(number: int) -> Iterator[Entry]:
    """The entries of one call: answered, handed to a line after a consultation, wrapped up."""
    call, at, seat = CallId(f"bench-{number:09d}"), T0 + number * 0.5, SeatId(f"a{number % 500:04d}")
    yield _record(call, at, seat, number)
    yield OfferClosed(
        offer=OfferId(f"{call}/o1"),
        call=call,
        seat=seat,
        queue=QueueId("province"),
        made=at + 8,
        ended=at + 11,
        outcome="answered",
        explanation={"strategy": "longest_idle", "considered": 8, "taken": seat},
    )
    stretches = (
        ("ready", 0.0, 8.0),
        ("ringing", 8.0, 11.0),
        ("talking", 11.0, 90.0),
        ("wrap_up", 90.0, 120.0),
    )
    for state, begin, end in stretches:
        yield SeatInterval(
            seat=seat,
            agent=AgentId(seat),
            state=state,
            reason="",
            started=at + begin + number * 1e-6,
            ended=at + end + number * 1e-6,
            call=None if state == "ready" else call,
        )


def _record(call: CallId, at: float, seat: SeatId, number: int) -> CallRecord:
    def part(
        track: str, role: Role, activity: Activity, begin: float, end: float, party: str = ""
    ) -> Segment:
        return Segment(
            call=call,
            track=track,
            role=role,
            party=party,
            activity=activity,
            started=at + begin,
            ended=at + end,
        )

    caller, mine, theirs = Role.CALLER, Role.SEAT, Role.PARTNER
    return CallRecord(
        call=call,
        node="n1",
        channel=ChannelId(f"1795000000.{number}"),
        dialled="12345",
        caller=f"138{number % 100_000_000:08d}",
        trunk="carrier",
        organisation="province",
        flow="province",
        flow_version="3f1c9a",
        language="zh",
        queue=QueueId("province"),
        first_seat=seat,
        first_agent=AgentId(seat),
        ingress=at,
        accepted=at + 0.1,
        menu_end=at + 8,
        enqueued=at + 8,
        rang=at + 8,
        answered=at + 11,
        ended=at + 150,
        ended_by="caller",
        cause=16,
        outcome="answered",
        segments=(
            part("caller", caller, Activity.FLOW, 0, 8),
            part("caller", caller, Activity.QUEUE, 8, 11),
            part("caller", caller, Activity.TALK, 11, 60),
            part("caller", caller, Activity.HOLD, 60, 90),
            part("caller", caller, Activity.TALK, 90, 150),
            part("1", mine, Activity.RING, 8, 11, seat),
            part("1", mine, Activity.TALK, 11, 60, seat),
            part("1", mine, Activity.CONSULT, 60, 90, seat),
            part("1", mine, Activity.WRAP_UP, 90, 120, seat),
            part("2", theirs, Activity.RING, 60, 70, "12315"),
            part("2", theirs, Activity.CONSULT, 70, 90, "12315"),
            part("2", theirs, Activity.TALK, 90, 150, "12315"),
        ),
        transfers=(
            TransferRecord(
                call=call,
                number=1,
                kind="consult",
                by=seat,
                target="12315",
                asked=at + 60,
                answered=at + 70,
                ended=at + 90,
                outcome="completed",
                cause="",
            ),
        ),
        trace=(
            FlowStep(at=at, flow="province", node="greeting", line=11, branch="silence"),
            FlowStep(at=at + 8, flow="province", node="seat", line=26, branch="to queue province"),
        ),
    )

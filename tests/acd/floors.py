"""Small floors for tests, and short ways to ask what they did."""

from collections.abc import Iterable
from typing import Any

from acd.commands import (
    AnnounceDue,
    FloorOutput,
    OfferMade,
    OfferWithdrawn,
    QueueExited,
    SeatChanged,
)
from acd.events import Enqueued, SeatReachable, SeatReadied, SeatSignedIn
from acd.floor import Floor
from acd.ids import AgentId, CallId, QueueId, SeatId
from acd.plan import FloorPlan, Membership, QueuePlan, SeatPlan

S1, S2, Q = SeatId("s1"), SeatId("s2"), QueueId("q")


def call(number: int) -> CallId:
    return CallId(f"c{number}")


def small_plan(seats: int = 2, *, floor: dict[str, Any] | None = None, **rules: Any) -> FloorPlan:
    """One queue, `seats` alike."""
    return FloorPlan(
        queues=(QueuePlan(queue=Q, **rules),),
        seats=tuple(
            SeatPlan(seat=SeatId(f"s{n}"), queues=(Membership(queue=Q),)) for n in range(1, seats + 1)
        ),
        **(floor or {}),
    )


def small_floor(seats: int = 2, *, floor: dict[str, Any] | None = None, **rules: Any) -> Floor:
    return Floor(small_plan(seats, floor=floor, **rules), 0.0)


def ready(floor: Floor, *seats: SeatId, now: float = 0.0) -> list[FloorOutput]:
    out: list[FloorOutput] = []
    for seat in seats:
        floor.handle(SeatReachable(seat=seat), now)
        floor.handle(SeatSignedIn(seat=seat, agent=AgentId(f"agent of {seat}")), now)
        out += floor.handle(SeatReadied(seat=seat), now)
    return out


def enqueue(floor: Floor, number: int, now: float, **wish: Any) -> list[FloorOutput]:
    wish.setdefault("queue", Q)
    return floor.handle(Enqueued(call=call(number), **wish), now)


def offers(outputs: Iterable[FloorOutput]) -> list[OfferMade]:
    return [output for output in outputs if isinstance(output, OfferMade)]


def offered(outputs: Iterable[FloorOutput]) -> list[tuple[str, str]]:
    return [(output.call, output.seat) for output in offers(outputs)]


def withdrawn(outputs: Iterable[FloorOutput]) -> list[tuple[str, str]]:
    return [(output.seat, output.reason) for output in outputs if isinstance(output, OfferWithdrawn)]


def states(outputs: Iterable[FloorOutput]) -> list[tuple[str, str]]:
    return [(output.seat, output.state) for output in outputs if isinstance(output, SeatChanged)]


def exits(outputs: Iterable[FloorOutput]) -> list[tuple[str, str]]:
    return [(output.call, output.reason) for output in outputs if isinstance(output, QueueExited)]


def announcements(outputs: Iterable[FloorOutput]) -> list[AnnounceDue]:
    return [output for output in outputs if isinstance(output, AnnounceDue)]


def run_until(floor: Floor, until: float) -> list[FloorOutput]:
    """Tick at every deadline up to `until`."""
    out: list[FloorOutput] = []
    while (when := floor.next_deadline()) is not None and when <= until:
        out += floor.tick(when)
    return out

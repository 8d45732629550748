"""What screens see of the router, made on demand."""

from collections.abc import Iterable, Iterator

from acd import deeds
from acd.ids import CallId, Instant, OrgId, QueueId, SeatId
from callrouter.directory import Line
from callrouter.ports import (
    NO_ORGANISATION,
    CallbackView,
    CallView,
    Change,
    LegView,
    LineView,
    MissedView,
    QueueView,
    SeatView,
    Snapshot,
    WayView,
)
from callrouter.router import Router, promises
from callrouter.router.lines import open_at
from callrouter.router.live import LiveCall


def snapshot(router: Router, now: Instant) -> Snapshot:
    return Snapshot(
        at=now,
        seats=tuple(seat_view(router, plan.seat) for plan in router.site.floor.seats),
        queues=tuple(queue_view(router, plan.queue, now) for plan in router.site.floor.queues),
        calls=tuple(call_view(router, live) for live in router.calls.values()),
        lines=tuple(line_view(router, line, now) for line in router.site.directory.lines_on(router.today())),
    )


def changes(router: Router, changed: Iterable[tuple[str, str]]) -> Iterator[Change]:
    for kind, name in changed:
        if kind == "seat":
            if router.site.seat(SeatId(name)) is not None:
                yield Change(seat=seat_view(router, SeatId(name)))
        elif kind == "queue":
            yield Change(queue=queue_view(router, QueueId(name), router.now))
        elif (live := router.calls.get(CallId(name))) is not None:
            yield Change(call=call_view(router, live))
        else:
            yield Change(ended=CallId(name))


def seat_view(router: Router, seat: SeatId) -> SeatView:
    state = router.floor.seat(seat)
    plan = router.site.seats[seat]
    return SeatView(
        seat=seat,
        name=plan.name,
        agent=state.agent,
        state=state.state,
        reason=state.reason,
        since=state.since,
        until=state.until,
        reachable=state.reachable,
        queues=state.queues,
        call=state.call,
        organisation=OrgId(plan.organisation),
        next_state=state.next_state,
        deeds=state.deeds,
    )


def queue_view(router: Router, queue: QueueId, now: Instant) -> QueueView:
    state, hours = router.floor.queue(queue), router.floor.hours(queue)
    return QueueView(
        queue=queue,
        name=state.name,
        waiting=state.waiting,
        longest_since=state.longest_since,
        staffed=state.staffed,
        ready=state.ready,
        busy=state.busy,
        offered=state.offered,
        answered=state.answered,
        abandoned=state.abandoned,
        answered_in_target=state.answered_in_target,
        organisation=router.site.organisations.get(queue, NO_ORGANISATION),
        open=hours.open_at(now),
        changes=hours.changes_after(now),
    )


def line_view(router: Router, line: Line, now: Instant) -> LineView:
    refusal = router.lines.refusal(router.site, line, now)
    return LineView(
        number=line.number,
        name=line.name,
        kind=line.kind,
        open=open_at(router.site, line, now),
        calls=router.lines.calls(line.number),
        capacity=line.capacity,
        refusal=refusal.reason if refusal is not None else "",
        ways=tuple(
            WayView(
                trunk=way.trunk,
                state=way.state.value,
                since=way.since,
                until=way.until,
                attempts=way.attempts,
                success=way.success,
                outcomes=way.outcomes,
                causes=way.causes,
                ended=way.ended,
            )
            for way in router.lines.health(line, now)
        ),
    )


def call_view(router: Router, live: LiveCall) -> CallView:
    call = live.call
    seat = call.talking_seat()
    transfer = call.transfer
    return CallView(
        call=call.id,
        owner=call.owner.value,
        caller=call.caller_number,
        dialled=call.dialled,
        ingress=call.ingress,
        answered=call.answered,
        queue=call.queue,
        seat=SeatId(seat.party) if seat else None,
        place=router.floor.position(call.id),
        flow=live.flow,
        node=live.session.node if live.session else "",
        language=call.language,
        transfer_state=transfer.state.value if transfer else "",
        transfer_target=transfer.target.code if transfer else "",
        legs=tuple(
            LegView(
                role=leg.role.value,
                party=leg.party,
                activity=leg.activity.value,
                since=leg.since,
                deeds=deeds.of_leg(call, leg),
            )
            for leg in call.legs
            if leg.live
        ),
        transfer_by=transfer.by if transfer else None,
        context=dict(call.context),
        organisation=OrgId(call.organisation),
        note=call.note,
    )


def callback_views(router: Router) -> Iterator[CallbackView]:
    for status in router.floor.callbacks():
        origin = router.promised.get(status.callback)
        yield CallbackView(
            callback=status.callback,
            origin=status.origin,
            queue=status.queue,
            number=status.number,
            state=status.state,
            attempts=status.attempts,
            asked=status.asked,
            due=status.due,
            expires=status.expires,
            seat=status.seat,
            organisation=OrgId(origin.organisation if origin is not None else ""),
        )


def missed_views(router: Router) -> Iterator[MissedView]:
    for missed, origin in promises.missed(router):
        yield MissedView(
            call=missed.call,
            queue=missed.queue,
            caller=origin.caller,
            enqueued=missed.enqueued,
            left=missed.left,
            organisation=OrgId(origin.organisation),
        )

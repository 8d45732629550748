"""Calls, live and past, queues and the desk's keys."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from acd.ids import CallId
from callrouter.web.context import Ctx, Signed
from callrouter.web.models import Call, Calls, Line, Queue
from callrouter.web.present import (
    call_summary,
    live_call_document,
    live_story_document,
    past_call_document,
    queue_document,
)
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import json_reply

router = APIRouter()


@router.get("/queues", tags=["queues"], response_model=list[Queue], responses=documented(401))
async def queues(context: Ctx, principal: Signed) -> Response:
    """The queues of your organisation and those beneath it."""
    found = context.engine.snapshot().queues
    return json_reply([queue_document(queue) for queue in found if principal.in_scope(queue.organisation)])


@router.get("/lines", tags=["queues"], response_model=list[Line], responses=documented(401))
async def lines(context: Ctx, _: Signed) -> Response:
    """The lines one key away, in the order of the desk's keys."""
    found = context.settings.lines()
    return json_reply([{"number": key.number, "name": key.name, "kind": key.kind} for key in found])


Bound = Annotated[float | None, Query(ge=0, le=1e11, description="Seconds since the Unix epoch, UTC.")]


@router.get("/calls", tags=["calls"], response_model=Calls, responses=documented(401, 422, 503))
async def calls(
    context: Ctx,
    principal: Signed,
    since: Bound = None,
    until: Bound = None,
    outcome: Annotated[str | None, Query(max_length=40, examples=["answered"])] = None,
    limit: Annotated[int, Query(ge=0, le=200, description="Past calls at most.")] = 50,
) -> Response:
    """Calls going on now, and finished ones: an agent's own, a supervisor's organisation's."""
    snapshot = context.engine.snapshot()
    own = principal.own_seats(snapshot.seats)
    live = [
        live_call_document(call, masked=principal.masks_live(call, own))
        for call in snapshot.calls
        if principal.sees_live(call, own)
    ]
    found = await context.records.calls(
        since=since,
        until=until,
        outcome=outcome,
        agent=None if principal.oversees else principal.user.agent,
        organisations=principal.organisations if principal.oversees else None,
        limit=limit,
    )
    past = [record for record in found if principal.sees_past(record)]
    if (live or past) and principal.sees_numbers:
        context.note(principal.user.name, "see_numbers", "calls", detail=f"{len(live) + len(past)} calls")
    return json_reply(
        {
            "live": live,
            "past": [call_summary(record, masked=principal.masks_past(record)) for record in past],
            "next_until": found[-1].ingress if found and len(found) == limit else None,
        }
    )


@router.get(
    "/calls/{call}", tags=["calls"], response_model=Call, responses=documented(401, 403, 404, 422, 503)
)
async def one_call(
    call: Annotated[str, Path(min_length=1, max_length=128)], context: Ctx, principal: Signed
) -> Response:
    """The whole story of one call: what each party did when, transfers, and its way through the flow."""
    snapshot = context.engine.snapshot()
    own = principal.own_seats(snapshot.seats)
    for view in snapshot.calls:
        if view.call == call:
            if not principal.sees_live(view, own):
                raise Problem(403, "not_your_call", "this call is not yours")
            masked = principal.masks_live(view, own)
            way = context.engine.way(view.call)
            return json_reply({"live": live_story_document(view, way, masked=masked), "past": None})
    record = await context.records.call(CallId(call))
    if record is None:
        raise Problem(404, "unknown_call", f"there is no call {call[:64]!r}")
    if not principal.sees_past(record):
        raise Problem(403, "not_your_call", "this call is not yours")
    masked = principal.masks_past(record)
    if not masked and not principal.owns_past(record):
        context.note(principal.user.name, "see_numbers", record.call)
    version = await context.past.of_call(record)
    return json_reply({"live": None, "past": past_call_document(record, version, masked=masked)})

"""Why these seats were asked for a call, and no others."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from acd.ids import CallId
from callrouter.web.context import Context, Ctx, Signed
from callrouter.web.models import Offer
from callrouter.web.present import offer_document
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import json_reply

router = APIRouter()


@router.get(
    "/calls/{call}/offers",
    tags=["calls"],
    response_model=list[Offer],
    responses=documented(401, 403, 404, 422, 503),
)
async def offers(
    call: Annotated[str, Path(min_length=1, max_length=128)], context: Ctx, principal: Signed
) -> Response:
    """Every offer of a call that has ended, oldest first: who was considered, and why each other was not."""
    if not await _visible(context, principal, CallId(call)):
        raise Problem(403, "not_your_call", "this call is not yours")
    return json_reply([offer_document(offer) for offer in await context.records.offers(CallId(call))])


async def _visible(context: Context, principal: Signed, call: CallId) -> bool:
    """Raises `Problem` 404 when there is no such call."""
    snapshot = context.engine.snapshot()
    for view in snapshot.calls:
        if view.call == call:
            return principal.sees_live(view, principal.own_seats(snapshot.seats))
    record = await context.records.call(call)
    if record is None:
        raise Problem(404, "unknown_call", f"there is no call {call[:64]!r}")
    return principal.sees_past(record)

"""Callbacks that are promised, and missed calls that could be: a supervisor's list."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from acd.ids import CallId
from callrouter.ports import CallbackView, MissedView, Role
from callrouter.web.access import Principal
from callrouter.web.context import Context, Ctx, Signed
from callrouter.web.models import Callback, CallbackBody, Callbacks
from callrouter.web.present import callback_document, missed_document
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import json_reply

router = APIRouter(prefix="/callbacks", tags=["callbacks"])

_ACT = documented(401, 403, 404, 409, 422)

CallbackPath = Annotated[str, Path(min_length=1, max_length=160)]


@router.get("", response_model=Callbacks, responses=documented(401, 403))
async def callbacks(context: Ctx, principal: Signed) -> Response:
    """Open callbacks of your organisation, and callers who hung up while waiting; oldest first."""
    if not principal.oversees:
        raise Problem(403, "not_a_supervisor", "only supervisors see callbacks")
    masked = not principal.sees_numbers
    promised = [view for view in context.engine.callbacks() if principal.in_scope(view.organisation)]
    missed = [view for view in context.engine.missed() if principal.in_scope(view.organisation)]
    if (promised or missed) and not masked:
        detail = f"{len(promised) + len(missed)} callers"
        context.note(principal.user.name, "see_numbers", "callbacks", detail=detail)
    return json_reply(
        {
            "open": [callback_document(view, masked=masked) for view in promised],
            "missed": [missed_document(view, masked=masked) for view in missed],
        }
    )


@router.post("", status_code=201, response_model=Callback, responses=_ACT)
async def promise(body: CallbackBody, context: Ctx, principal: Signed) -> Response:
    """Let a missed call be called back: it takes its old place, a free seat dials."""
    _require_supervisor(principal)
    view = next((view for view in context.engine.missed() if view.call == body.call), None)
    if view is None:
        raise Problem(404, "unknown_call", "this call is not on the list of missed calls: GET /callbacks")
    _require_scope(principal, view)
    callback = context.engine.call_back(view.call)
    context.note(principal.user.name, "promise_callback", callback, detail=f"missed call {view.call}")
    reply = json_reply(callback_document(_of(context, callback), masked=not principal.sees_numbers))
    reply.status_code = 201
    return reply


@router.delete("/{callback}", status_code=204, responses=_ACT)
async def cancel(callback: CallbackPath, context: Ctx, principal: Signed) -> Response:
    """Take a promise back. Refused while the person is being dialled."""
    _require_supervisor(principal)
    view = _of(context, CallId(callback))
    _require_scope(principal, view)
    context.engine.cancel_callback(view.callback)
    context.note(principal.user.name, "cancel_callback", view.callback)
    return Response(status_code=204)


def _of(context: Context, callback: CallId) -> CallbackView:
    for view in context.engine.callbacks():
        if view.callback == callback:
            return view
    raise Problem(404, "unknown_callback", "there is no such callback, or it is over: GET /callbacks")


def _require_supervisor(principal: Principal) -> None:
    if Role.SUPERVISOR not in principal.user.roles:
        raise Problem(403, "not_a_supervisor", "only a supervisor may do this")


def _require_scope(principal: Principal, view: CallbackView | MissedView) -> None:
    if not principal.in_scope(view.organisation):
        raise Problem(403, "other_organisation", "this caller belongs to another organisation")

"""Seats: their state, and everything a person at a desk can ask for.

Each request below becomes one intent for the engine. 409 means that the present
state does not allow it; nothing has changed then, and `reason` says why.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from acd import events
from acd.ids import SeatId
from callrouter.ports import Role
from callrouter.web.access import Principal
from callrouter.web.context import Context, Ctx, Signed
from callrouter.web.models import NotReadyBody, Seat, SignOutSeatBody, TransferBody, WrapUpBody
from callrouter.web.present import seat_document
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import json_reply

router = APIRouter(prefix="/seats", tags=["seats"])

_READ = documented(401, 403, 404, 422)
_ACT = documented(401, 403, 404, 409, 422)

SeatPath = Annotated[str, Path(min_length=1, max_length=64, examples=["1001"])]


@router.get("", response_model=list[Seat], responses=documented(401))
async def seats(context: Ctx, principal: Signed) -> Response:
    """The seats of your organisation and those beneath it."""
    found = context.engine.snapshot().seats
    return json_reply([seat_document(seat) for seat in found if principal.in_scope(seat.organisation)])


@router.get("/{seat}", response_model=Seat, responses=_READ)
async def one_seat(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """One seat as it is now."""
    view = context.seat(seat)
    if not principal.in_scope(view.organisation):
        raise Problem(403, "other_organisation", f"seat {view.seat} belongs to another organisation")
    return json_reply(seat_document(view))


def _act(context: Context, principal: Principal, seat: str, deed: str, intent: events.Intent) -> Response:
    principal.require_deed(context.seat(seat), deed)
    context.engine.submit(intent)
    return json_reply(seat_document(context.seat(seat)))


@router.post("/{seat}/sign-in", response_model=Seat, responses=_ACT)
async def sign_in_at(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Take the seat. It starts not ready."""
    agent = principal.user.agent
    if agent is None:
        raise Problem(403, "not_an_agent", "this user is no agent: only agents take seats")
    if seat not in principal.user.seats:
        raise Problem(
            403, "not_your_seat", f"seat {seat} is not one of yours: {', '.join(principal.user.seats)}"
        )
    intent = events.SeatSignedIn(seat=SeatId(seat), agent=agent)
    if context.seat(seat).agent not in (None, agent):
        raise Problem(409, "seat_taken", f"seat {seat} is taken by another agent")
    return _act(context, principal, seat, "sign_in", intent)


@router.post("/{seat}/sign-out", response_model=Seat, responses=_ACT)
async def sign_out_of(
    seat: SeatPath, context: Ctx, principal: Signed, body: SignOutSeatBody | None = None
) -> Response:
    """Leave the seat; in a call: when it ends. A supervisor may force it."""
    forced = body is not None and body.forced
    if forced and Role.SUPERVISOR not in principal.user.roles:
        raise Problem(403, "not_a_supervisor", "only a supervisor may sign a seat out by force")
    intent = events.SeatSignedOut(seat=SeatId(seat), forced=forced, by=principal.user.name)
    reply = _act(context, principal, seat, "sign_out", intent)
    if forced:
        context.note(principal.user.name, "forced_sign_out", seat)
    return reply


@router.post("/{seat}/ready", response_model=Seat, responses=_ACT)
async def ready(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Callers may be offered from now on."""
    return _act(context, principal, seat, "ready", events.SeatReadied(seat=SeatId(seat)))


@router.post("/{seat}/not-ready", response_model=Seat, responses=_ACT)
async def not_ready(seat: SeatPath, body: NotReadyBody, context: Ctx, principal: Signed) -> Response:
    """No callers, with a reason."""
    intent = events.SeatNotReadied(seat=SeatId(seat), reason=body.reason)
    return _act(context, principal, seat, "not_ready", intent)


@router.post("/{seat}/answer", response_model=Seat, responses=_ACT)
async def answer(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Let the ringing phone answer by itself (if it can)."""
    return _act(context, principal, seat, "answer", events.AnswerAsked(seat=SeatId(seat)))


@router.post("/{seat}/decline", response_model=Seat, responses=_ACT)
async def decline(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """The ringing call goes to another seat at once."""
    return _act(context, principal, seat, "decline", events.DeclineAsked(seat=SeatId(seat)))


@router.post("/{seat}/hang-up", response_model=Seat, responses=_ACT)
async def hang_up(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Leave the conversation. During a consultation this completes the transfer."""
    return _act(context, principal, seat, "hang_up", events.HangupAsked(seat=SeatId(seat)))


@router.post("/{seat}/hold", response_model=Seat, responses=_ACT)
async def hold(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """The caller hears music."""
    return _act(context, principal, seat, "hold", events.HoldAsked(seat=SeatId(seat)))


@router.post("/{seat}/resume", response_model=Seat, responses=_ACT)
async def resume(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Back to the caller on hold."""
    return _act(context, principal, seat, "resume", events.ResumeAsked(seat=SeatId(seat)))


@router.post("/{seat}/wrap-up/finish", response_model=Seat, responses=_ACT)
async def finish_wrap_up(
    seat: SeatPath, context: Ctx, principal: Signed, body: WrapUpBody | None = None
) -> Response:
    """End wrap-up early, with what the call was about."""
    intent = events.WrapUpFinished(seat=SeatId(seat), disposition=body.disposition if body else "")
    return _act(context, principal, seat, "finish_wrap_up", intent)


@router.post("/{seat}/wrap-up/extend", response_model=Seat, responses=_ACT)
async def extend_wrap_up(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """More time, once a call."""
    return _act(context, principal, seat, "extend_wrap_up", events.WrapUpExtended(seat=SeatId(seat)))


@router.post("/{seat}/transfer", response_model=Seat, responses=_ACT)
async def start_transfer(seat: SeatPath, body: TransferBody, context: Ctx, principal: Signed) -> Response:
    """One key: the caller hears music, the target rings."""
    intent = events.TransferAsked(
        seat=SeatId(seat), target=body.target, kind=body.kind, note=_one_line(body.note)
    )
    return _act(context, principal, seat, "transfer", intent)


def _one_line(text: str) -> str:
    """Printable signs and single spaces: it is shown on other people's screens."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


@router.post("/{seat}/transfer/complete", response_model=Seat, responses=_ACT)
async def complete_transfer(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Caller and target talk; you wrap up."""
    return _act(context, principal, seat, "complete", events.TransferCompleted(seat=SeatId(seat)))


@router.post("/{seat}/transfer/cancel", response_model=Seat, responses=_ACT)
async def cancel_transfer(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Back to the caller; the target is let go."""
    return _act(context, principal, seat, "cancel", events.TransferCancelled(seat=SeatId(seat)))


@router.post("/{seat}/transfer/swap", response_model=Seat, responses=_ACT)
async def swap(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """Alternate between caller and target; the other one is on hold."""
    return _act(context, principal, seat, "swap", events.TransferSwapped(seat=SeatId(seat)))


@router.post("/{seat}/transfer/three-party", response_model=Seat, responses=_ACT)
async def three_party(seat: SeatPath, context: Ctx, principal: Signed) -> Response:
    """All three talk together."""
    return _act(context, principal, seat, "three_party", events.ThreePartyAsked(seat=SeatId(seat)))

"""Signing in and out, and who one is."""

from fastapi import APIRouter, Request, Response

from callrouter.web.context import Context, Ctx, Signed, Token, address_of
from callrouter.web.models import Me, Session, SignInBody
from callrouter.web.present import user_document
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import json_reply

router = APIRouter(tags=["session"])


@router.post("/sign-in", response_model=Session, responses=documented(401, 422, 429, 503))
async def sign_in(body: SignInBody, context: Ctx, request: Request) -> Response:
    """Trade a name and password for a bearer token, valid for a shift."""
    address = address_of(request)
    _require_patience(context, body.user, address)
    context.sign_ins += 1
    try:
        found = await context.accounts.sign_in(body.user, body.password)
    finally:
        context.sign_ins -= 1
    now = context.clock.now()
    if found is None:
        context.by_user.failed(f"{address} {body.user}", now)
        context.by_address.failed(address, now)
        context.note(body.user, "sign_in_failed", body.user, address=address)
        raise Problem(
            401, "wrong_password", "user or password is wrong", headers={"WWW-Authenticate": "Bearer"}
        )
    context.by_user.succeeded(f"{address} {body.user}")
    context.note(found.user.name, "sign_in", found.user.name, address=address)
    return json_reply({"token": found.token, "expires": found.expires, "me": user_document(found.user)})


def _require_patience(context: Context, user: str, address: str) -> None:
    now = context.clock.now()
    wait = max(context.by_user.wait(f"{address} {user}", now), context.by_address.wait(address, now))
    if wait > 0:
        detail = f"too many failed sign-ins: try again in {wait:.0f} s"
        raise Problem(429, "too_many_failures", detail, headers={"Retry-After": f"{wait:.0f}"})
    if context.sign_ins >= context.settings.sign_ins_waiting:
        detail = "many people are signing in just now: try again in a few seconds"
        raise Problem(503, "busy", detail, headers={"Retry-After": "3"})


@router.post("/sign-out", status_code=204, responses=documented(401, 503))
async def sign_out(context: Ctx, token: Token, principal: Signed) -> Response:
    """Revoke the token. It signs nobody out of a seat: that is the seat's `sign-out`."""
    await context.accounts.sign_out(token)
    context.note(principal.user.name, "sign_out", principal.user.name)
    return Response(status_code=204)


@router.get("/me", response_model=Me, responses=documented(401))
async def me(principal: Signed) -> Response:
    """Who the token belongs to and what they may do."""
    return json_reply(user_document(principal.user))

"""What every route works with, and the signed-in user of a request."""

import uuid
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from acd.ids import SeatId
from callrouter.live_site import LiveSite, PastVersions
from callrouter.mailboxes import Mailboxes
from callrouter.ports import Accounts, AuditEntry, AuditSink, Clock, Engine, Records, SeatView
from callrouter.recordings import Recordings
from callrouter.web.access import Principal, principal_of
from callrouter.web.metrics import Metrics
from callrouter.web.problems import Problem
from callrouter.web.settings import WebSettings
from callrouter.web.throttle import Throttle


@dataclass(slots=True, kw_only=True)
class Context:
    engine: Engine
    records: Records
    mailboxes: Mailboxes
    recordings: Recordings
    site: LiveSite
    past: PastVersions
    accounts: Accounts
    audit: AuditSink
    metrics: Metrics
    clock: Clock
    settings: WebSettings
    by_user: Throttle = field(init=False)
    by_address: Throttle = field(init=False)
    sign_ins: int = 0
    """Sign-ins being checked now."""

    def __post_init__(self) -> None:
        self.by_user = Throttle(self.settings.failures_per_user)
        self.by_address = Throttle(self.settings.failures_per_address)

    def note(self, who: str, action: str, subject: str, *, detail: str = "", address: str = "") -> None:
        """Write an audit line."""
        self.audit.note(
            AuditEntry(
                id=uuid.uuid4().hex,
                at=self.clock.now(),
                who=who,
                action=action,
                subject=subject[:200],
                detail=detail[:500],
                address=address,
            )
        )

    async def principal(self, token: str) -> Principal | None:
        if not 0 < len(token) <= 256:
            return None
        user = await self.accounts.user_of(token)
        return principal_of(user, self.settings) if user is not None else None

    def seat(self, seat: str) -> SeatView:
        """The seat as it is now. Raises `Problem` 404."""
        view = self.engine.seat(SeatId(seat))
        if view is not None:
            return view
        raise Problem(404, "unknown_seat", f"there is no seat {SeatId(seat[:64])!r}: see GET /api/v1/seats")


def _context(request: Request) -> Context:
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


Ctx = Annotated[Context, Depends(_context)]

_bearer = HTTPBearer(auto_error=False, description="The token of `POST /api/v1/sign-in`.")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def _token(credentials: _Credentials) -> str:
    if credentials is None:
        raise _unauthorised("no token: sign in with POST /api/v1/sign-in, send Authorization: Bearer …")
    return credentials.credentials


Token = Annotated[str, Depends(_token)]


async def _principal(context: Ctx, token: Token) -> Principal:
    principal = await context.principal(token)
    if principal is None:
        raise _unauthorised("the token is unknown, expired or revoked: sign in again")
    return principal


Signed = Annotated[Principal, Depends(_principal)]


def _unauthorised(detail: str) -> Problem:
    return Problem(401, "not_signed_in", detail, headers={"WWW-Authenticate": "Bearer"})


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""

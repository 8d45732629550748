"""The web application: everything a desk, a screen or a script may ask."""

from typing import Any, Final

from fastapi import APIRouter, FastAPI

from callrouter import __version__
from callrouter.live_site import LiveSite, PastVersions
from callrouter.mailboxes import Mailboxes
from callrouter.ports import Accounts, AuditSink, Clock, Engine, Records
from callrouter.recordings import Recordings
from callrouter.web import (
    callbacks,
    calls,
    health,
    lines,
    live,
    mailboxes,
    offers,
    pages,
    problems,
    seats,
    session,
    site_versions,
)
from callrouter.web import recordings as recordings_of_calls
from callrouter.web import site as site_files
from callrouter.web.context import Context
from callrouter.web.guard import Guard
from callrouter.web.metrics import Exposition, Metrics
from callrouter.web.settings import WebSettings

_DESCRIPTION: Final = """\
Seats, queues and calls of a federation of public hotlines.

Sign in with `POST /api/v1/sign-in` and send the token as `Authorization: Bearer …`.
Every error is a problem document (RFC 9457) whose `reason` is a stable word.
All instants are seconds since the Unix epoch, UTC. Callers' numbers are masked
outside one's own calls unless a right says otherwise.

Live changes: WebSocket `/api/v1/live`. Say `{"token": "…"}` (or hand the token over in the
handshake, as `Authorization` header or as subprotocol `bearer.TOKEN`); the first message is a
`snapshot` of `seats`, `queues` and `calls`, the following ones are `change`s of the same shape with
only what has changed, and `ended`, the ids of calls that are over. `notices` say what is so of
the service itself (`store_away`: records wait on disk); a change has them when they differ.
Close codes: 4401 sign in again, 4408 no token in time, 4409 too slow, 4429 too many screens.
"""


def create_app(
    *,
    engine: Engine,
    records: Records,
    mailboxes: Mailboxes,
    recordings: Recordings,
    site: LiveSite,
    past: PastVersions,
    accounts: Accounts,
    audit: AuditSink,
    metrics: Metrics,
    clock: Clock,
    settings: WebSettings | None = None,
) -> FastAPI:
    """Wire the routes to what they work with; nothing is started here."""
    settings = settings or WebSettings()
    app = _routed(settings)
    context = Context(
        engine=engine,
        records=records,
        mailboxes=mailboxes,
        recordings=recordings,
        site=site,
        past=past,
        accounts=accounts,
        audit=audit,
        metrics=metrics,
        clock=clock,
        settings=settings,
    )
    bind(app, context)
    _build_routes(app)
    return app


def _build_routes(app: FastAPI) -> None:
    """FastAPI builds its routes when one is first looked for: 0.3 s in which no call would be served."""
    nowhere = {"type": "http", "method": "GET", "path": "/api/v1/-", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nowhere)


def _routed(settings: WebSettings) -> FastAPI:
    app = FastAPI(
        title="callrouter",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    api = APIRouter(prefix="/api/v1")
    for router in (
        session.router,
        seats.router,
        calls.router,
        offers.router,
        callbacks.router,
        recordings_of_calls.router,
        mailboxes.router,
        site_versions.router,
        site_files.router,
        lines.router,
        live.router,
    ):
        api.include_router(router)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(pages.router)
    problems.install(app)
    app.add_middleware(Guard, settings=settings)
    return app


def openapi_document() -> dict[str, Any]:
    """The API's description, without an engine behind it."""
    return _routed(WebSettings()).openapi()


def bind(app: FastAPI, context: Context) -> None:
    """Hand the routes what they work with."""
    app.state.context = context
    app.state.screens = live.Screens(context)
    app.state.exposition = Exposition(context.engine, context.metrics)

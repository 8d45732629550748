"""For machines that watch over this one."""

from fastapi import APIRouter, Request, Response

from callrouter.web.context import Ctx
from callrouter.web.metrics import CONTENT_TYPE
from callrouter.web.models import Readiness
from callrouter.web.replies import json_reply

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Response:
    """The process lives and its loop turns."""
    return json_reply({"status": "ok"})


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Calls cannot be taken: see `problems`"}},
)
async def readyz(context: Ctx) -> Response:
    """Whether calls can be taken; otherwise 503, with sentences for the operator."""
    health = context.engine.health()
    reply = json_reply(
        {
            "ready": health.ready,
            "problems": list(health.problems),
            "warnings": list(context.settings.warnings()),
            "nodes": {str(node): up for node, up in health.nodes.items()},
            "calls": health.calls,
            "loop_delay_p99": health.loop_delay_p99,
        }
    )
    reply.status_code = 200 if health.ready else 503
    return reply


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Prometheus text format."""
    return Response(request.app.state.exposition.text(), media_type=CONTENT_TYPE)

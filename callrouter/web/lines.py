"""Lines: which of them can be reached now, and how the last attempts went."""

from fastapi import APIRouter, Response

from callrouter.web.context import Ctx, Signed
from callrouter.web.models import LiveLine
from callrouter.web.present import line_document
from callrouter.web.problems import documented
from callrouter.web.replies import json_reply

router = APIRouter(prefix="/lines", tags=["lines"])


@router.get("/health", response_model=list[LiveLine], responses=documented(401))
async def health(context: Ctx, principal: Signed) -> Response:
    """The lines of today's directory: open or closed, calls of ours there, each trunk's breaker."""
    return json_reply([line_document(line) for line in context.engine.snapshot().lines])

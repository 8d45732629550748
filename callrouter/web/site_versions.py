"""Versions of the site that were in force, for as long as calls that ran on them are kept."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse

from callrouter.live_site import Taken
from callrouter.web.access import Principal
from callrouter.web.context import Context, Ctx, Signed
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import json_reply
from callrouter.web.site_models import SiteHistory, SiteSources

router = APIRouter(prefix="/site/versions", tags=["site"])

VersionPath = Annotated[str, Path(min_length=4, max_length=64, examples=["9f3c1a2b4d5e6f70"])]
NamePath = Annotated[str, Path(max_length=200, examples=["province.yaml"])]
_LOOK = documented(401, 403, 404, 422, 503)


@router.get("", response_model=SiteHistory, responses=documented(401, 403, 422, 503))
async def versions(
    context: Ctx,
    principal: Signed,
    until: Annotated[
        float | None, Query(ge=0, le=1e11, description="In force before; epoch seconds.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """What was in force when, and who put it there."""
    _require(principal)
    found = await context.past.taken(until=until, limit=limit)
    return json_reply(
        {
            "taken": [_document(one) for one in found],
            "next_until": found[-1].at if len(found) == limit else None,
        }
    )


@router.get("/{version}", response_model=SiteSources, responses=_LOOK)
async def sources(version: VersionPath, context: Ctx, principal: Signed) -> Response:
    """The files of a version, by the beginning of its name."""
    _require(principal)
    name, files = await _sources(context, version)
    listed = [{"name": file, "size": len(content)} for file, content in sorted(files.items())]
    return json_reply({"version": name, "files": listed})


@router.get("/{version}/files/{name:path}", response_class=PlainTextResponse, responses=_LOOK)
async def source(version: VersionPath, name: NamePath, context: Ctx, principal: Signed) -> Response:
    """A file as it was in that version."""
    _require(principal)
    found, files = await _sources(context, version)
    if name not in files:
        raise Problem(404, "unknown_file", f"there is no file {name[:64]!r}: GET /site/versions/{found}")
    return Response(files[name], media_type="text/plain; charset=utf-8")


async def _sources(context: Context, version: str) -> tuple[str, Mapping[str, bytes]]:
    found = await context.past.sources(version)
    if found is None:
        detail = f"no version, or several, begin with {version[:64]!r}: GET /site/versions"
        raise Problem(404, "unknown_version", detail)
    return found


def _document(one: Taken) -> dict[str, object]:
    return {"version": one.digest, "at": one.at, "by": one.by, "note": one.note, "flow_version": one.flows}


def _require(principal: Principal) -> None:
    if not principal.oversees:
        raise Problem(403, "not_an_engineer", "agents do not see flows and site files")

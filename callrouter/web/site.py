"""Flows and site files over the API: changed as by an editor, checked aside, in force in one step, audited.

Who oversees may look; changes are an engineer's. What is refused changes nothing, and
every fault is told with file, line and column.
"""

from typing import Annotated, NoReturn

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from callrouter.config.faults import ConfigError
from callrouter.config.versions import Change
from callrouter.live_site import UnknownFile
from callrouter.ports import Role
from callrouter.web.access import Principal
from callrouter.web.context import Context, Ctx, Signed
from callrouter.web.present import change_document
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import json_reply
from callrouter.web.site_models import SiteBack, SiteChange, SiteFile, SiteState

router = APIRouter(prefix="/site", tags=["site"])

NamePath = Annotated[str, Path(max_length=200, examples=["province.yaml"])]
_LOOK = documented(401, 403, 404)
_CHANGE = documented(401, 403, 404, 409, 413, 422)


@router.get("", response_model=SiteState, responses=documented(401, 403))
async def state(context: Ctx, principal: Signed) -> Response:
    """The version in force, those that can be gone back to, and who changed what since the start."""
    _require(principal, engineer=False)
    site = context.site
    version = site.in_force()
    return json_reply(
        {
            "version": version.digest,
            "since": version.at,
            "by": version.by,
            "kept": [{"version": digest, "last_taken": at} for digest, at in site.kept()],
            "changes": [change_document(change) for change in site.changes()],
        }
    )


@router.get("/files", response_model=list[SiteFile], responses=documented(401, 403))
async def files(context: Ctx, principal: Signed) -> Response:
    """The files of the version in force."""
    _require(principal, engineer=False)
    found = context.site.files()
    return json_reply([{"name": name, "size": len(content)} for name, content in sorted(found.items())])


@router.get("/files/{name:path}", response_class=PlainTextResponse, responses=_LOOK)
async def read(name: NamePath, context: Ctx, principal: Signed) -> Response:
    """A file as it is in force."""
    _require(principal, engineer=False)
    content = context.site.files().get(name)
    if content is None:
        raise Problem(404, "unknown_file", f"there is no file {name[:64]!r}: GET /site/files")
    return Response(content, media_type="text/plain; charset=utf-8")


@router.put(
    "/files/{name:path}",
    response_model=SiteChange,
    responses=_CHANGE,
    openapi_extra={"requestBody": {"required": True, "content": {"application/yaml": {"schema": {}}}}},
)
async def put(
    name: NamePath,
    request: Request,
    context: Ctx,
    principal: Signed,
    dry_run: Annotated[bool, Query(description="Only check: nothing is written.")] = False,
) -> Response:
    """Put a changed or new file in force, if the whole site is sound with it; else 422 with all `faults`."""
    _require(principal)
    who, content = principal.user.name, await request.body()
    try:
        if dry_run:
            words = await context.site.check_file(name, content)
            now, digest = context.clock.now(), context.site.in_force().digest
            change = Change(what="sound", at=now, by=who, digest=digest, before=digest, words=tuple(words))
            return json_reply(change_document(change))
        change = await context.site.put_file(name, content, who)
    except UnknownFile as error:
        raise Problem(404, "unknown_file", str(error)) from error
    except ConfigError as error:
        if not dry_run:
            context.note(who, "change_refused", name, detail=f"{len(error.faults)} faults")
        _refuse(error)
    except OSError as error:
        raise _unwritable(error) from error
    return _done(context, principal, change, name)


@router.post("/reload", response_model=SiteChange | None, responses=_CHANGE)
async def reload(context: Ctx, principal: Signed) -> Response:
    """Look at the folder now, instead of when the file system tells; null: nothing is new."""
    _require(principal)
    try:
        change = await context.site.reload(principal.user.name)
    except OSError as error:
        raise _unwritable(error) from error
    return json_reply(None) if change is None else _done(context, principal, change, "folder")


@router.post("/rollback", response_model=SiteChange | None, responses=_CHANGE)
async def rollback(body: SiteBack, context: Ctx, principal: Signed) -> Response:
    """Go back to a kept version; null: it is in force already."""
    _require(principal)
    try:
        change = await context.site.go_back(body.version, principal.user.name)
    except LookupError as error:
        raise Problem(404, "unknown_version", f"{error}: GET /site") from error
    except OSError as error:
        raise _unwritable(error) from error
    return json_reply(None) if change is None else _done(context, principal, change, body.version)


def _done(context: Context, principal: Principal, change: Change, subject: str) -> Response:
    context.note(principal.user.name, f"site_{change.what}", subject, detail="; ".join(change.words))
    if change.what == "refused":
        faults = [{"where": "", "what": words} for words in change.words]
        detail = f"the folder has {len(faults)} faults, so nothing changed: {change.words[0]}"
        raise Problem(409, "folder_refused", detail, faults=faults)
    return json_reply(change_document(change))


def _refuse(error: ConfigError) -> NoReturn:
    faults = [
        {"where": f"{one.file}:{one.line}:{one.column}", "what": one.message, "hint": one.hint}
        for one in error.faults
    ]
    detail = f"{len(faults)} faults, so nothing changed; the first: {error.faults[0]}"
    raise Problem(422, "not_sound", detail, faults=faults) from error


def _unwritable(error: OSError) -> Problem:
    detail = f"the site's folder cannot be written: {error.strerror}; nothing is in force that was not before"
    return Problem(409, "not_writable", detail)


def _require(principal: Principal, *, engineer: bool = True) -> None:
    if engineer and Role.ENGINEER not in principal.user.roles:
        raise Problem(403, "not_an_engineer", "only engineers change flows and site files")
    if not principal.oversees:
        raise Problem(403, "not_an_engineer", "agents do not see flows and site files")

"""Messages that callers have left: listed, heard, deleted.

Listing is for everybody who oversees; a message's sound is for supervisors and
auditors, and each time it is fetched the audit trail says so; marks and deletion are
a supervisor's.
"""

from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse

from callrouter.mailboxes import MessageView, SoundStuck
from callrouter.ports import Role
from callrouter.recordings import SoundErased
from callrouter.web.access import Principal
from callrouter.web.context import Context, Ctx, Signed
from callrouter.web.models import HeardBody, Message, Messages
from callrouter.web.present import message_document
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import WAV, json_reply

router = APIRouter(prefix="/voicemails", tags=["voicemails"])

MessagePath = Annotated[str, Path(min_length=1, max_length=200)]
_ONE = documented(401, 403, 404, 422, 503)


@router.get("", response_model=Messages, responses=documented(401, 403, 422, 503))
async def messages(
    context: Ctx,
    principal: Signed,
    mailbox: Annotated[str | None, Query(max_length=48, examples=["complaints"])] = None,
    heard: Annotated[bool | None, Query(description="Only those (not yet) heard.")] = None,
    until: Annotated[
        float | None, Query(ge=0, le=1e11, description="Received before; epoch seconds.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Messages left for your organisation and those beneath it; newest first."""
    if not principal.oversees:
        raise Problem(403, "not_a_supervisor", "only supervisors see messages")
    found = await context.mailboxes.messages(
        mailbox=mailbox, heard=heard, organisations=principal.organisations, until=until, limit=limit
    )
    if found and principal.sees_numbers:
        context.note(principal.user.name, "see_numbers", "voicemails", detail=f"{len(found)} messages")
    return json_reply(
        {
            "messages": [message_document(one, masked=not principal.sees_numbers) for one in found],
            "next_until": found[-1].received if len(found) == limit else None,
        }
    )


@router.get("/{message}/sound", response_class=FileResponse, responses={**WAV, **_ONE, **documented(410)})
async def sound(message: MessagePath, context: Ctx, principal: Signed) -> Response:
    """What the caller said, as a WAV file; parts of it by `Range`."""
    view = await _seen(context, principal, message, Role.SUPERVISOR, Role.AUDITOR)
    try:
        file = await context.mailboxes.sound(view.id)
    except SoundErased as error:
        raise Problem(410, "erased", f"this message was {error}") from error
    if file is None:
        raise Problem(404, "no_sound", "its file is not on this machine: see `spool` in the settings")
    context.note(principal.user.name, "hear_voicemail", view.id, detail=_words(view))
    return FileResponse(file, media_type="audio/wav", filename=_name(view, file))


@router.put("/{message}/heard", response_model=Message, responses=_ONE)
async def mark(message: MessagePath, body: HeardBody, context: Ctx, principal: Signed) -> Response:
    """Mark it as heard by you, or as not heard yet."""
    view = await _seen(context, principal, message, Role.SUPERVISOR)
    if body.heard:
        await context.mailboxes.mark(view.id, context.clock.now(), principal.user.name)
    else:
        await context.mailboxes.mark(view.id, None, None)
    action = "mark_voicemail_heard" if body.heard else "mark_voicemail_unheard"
    context.note(principal.user.name, action, view.id, detail=_words(view))
    marked = await _of(context, message)
    return json_reply(message_document(marked, masked=not principal.sees_numbers))


@router.delete("/{message}", status_code=204, responses=_ONE)
async def delete(message: MessagePath, context: Ctx, principal: Signed) -> Response:
    """Delete sound and entry together. Cannot be undone."""
    view = await _seen(context, principal, message, Role.SUPERVISOR)
    try:
        await context.mailboxes.delete(view.id)
    except SoundStuck as error:
        detail = f"the message stays, because its sound can't be removed: {error}"
        raise Problem(503, "sound_stuck", detail) from error
    context.note(principal.user.name, "delete_voicemail", view.id, detail=_words(view))
    return Response(status_code=204)


async def _of(context: Context, message: str) -> MessageView:
    view = await context.mailboxes.message(message)
    if view is None:
        raise Problem(404, "unknown_voicemail", "there is no such message: GET /voicemails")
    return view


async def _seen(context: Context, principal: Principal, message: str, *roles: Role) -> MessageView:
    """The message, for one of these roles in whose organisation it was left. Raises `Problem`."""
    if not principal.user.roles & set(roles):
        raise Problem(
            403, "not_a_supervisor", f"only {' and '.join(f'{role}s' for role in roles)} may do this"
        )
    view = await _of(context, message)
    if not principal.in_scope(view.organisation):
        raise Problem(403, "other_organisation", "this message was left for another organisation")
    return view


def _words(view: MessageView) -> str:
    return f"mailbox {view.mailbox or '-'}, call {view.call}, {view.seconds:.0f} s"


def _name(view: MessageView, file: File) -> str:
    return f"{view.mailbox or 'message'}-{view.id}{file.suffix}"

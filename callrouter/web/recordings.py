"""Recordings of calls: listed and heard, by supervisors of the call's organisation and auditors only.

Each time a sound is fetched the audit trail says so. A file that is no longer what
was recorded is not given out: a recording is evidence.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse

from acd.ids import CallId
from callrouter.ports import Role
from callrouter.recordings import RecordingView, SoundAltered, SoundErased
from callrouter.web.access import Principal
from callrouter.web.context import Context, Ctx, Signed
from callrouter.web.models import Recording
from callrouter.web.present import recording_document
from callrouter.web.problems import Problem, documented
from callrouter.web.replies import WAV, json_reply

router = APIRouter(prefix="/calls/{call}/recordings", tags=["recordings"])

CallPath = Annotated[str, Path(min_length=1, max_length=128)]
RecordingPath = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("", response_model=list[Recording], responses=documented(401, 403, 404, 422, 503))
async def recordings(call: CallPath, context: Ctx, principal: Signed) -> Response:
    """A finished call's recordings, earliest first; those of consultations are marked."""
    found = await _opened(context, principal, call)
    return json_reply([recording_document(one) for one in found])


@router.get(
    "/{recording}/sound",
    response_class=FileResponse,
    responses={**WAV, **documented(401, 403, 404, 409, 410, 422, 503)},
)
async def sound(call: CallPath, recording: RecordingPath, context: Ctx, principal: Signed) -> Response:
    """What was said, as a WAV file; parts of it by `Range`. Leaves an audit line."""
    found = await _opened(context, principal, call)
    view = next((one for one in found if one.id == recording), None)
    if view is None:
        raise Problem(404, "unknown_recording", f"this call has no such recording: GET /calls/{call[:64]}")
    try:
        file = await context.recordings.sound(view.id)
    except SoundErased as error:
        raise Problem(410, "erased", f"this recording was {error}") from error
    except SoundAltered as error:
        context.note(principal.user.name, "recording_altered", view.id, detail=str(error))
        detail = f"the file is not what was recorded, and is not given out: {error}"
        raise Problem(409, "altered", detail) from error
    if file is None:
        raise Problem(404, "no_sound", "its file is not on this machine: see `spool` in the settings")
    detail = f"call {view.call}, {view.ended - view.started:.0f} s{', consultation' if view.consult else ''}"
    context.note(principal.user.name, "hear_recording", view.id, detail=detail)
    return FileResponse(file, media_type="audio/wav", filename=f"{view.id}{file.suffix}")


async def _opened(context: Context, principal: Principal, call: str) -> list[RecordingView]:
    """The call's recordings, for whom they may be opened. Raises `Problem`."""
    if not principal.user.roles & {Role.SUPERVISOR, Role.AUDITOR}:
        raise Problem(403, "not_a_supervisor", "only supervisors and auditors open recordings")
    record = await context.records.call(CallId(call))
    if record is None:
        raise Problem(404, "unknown_call", f"there is no finished call {call[:64]!r}")
    if not principal.sees_past(record):
        raise Problem(403, "other_organisation", "this call was another organisation's")
    return list(await context.recordings.of_call(record.call))

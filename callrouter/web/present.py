"""Views and records as the API's documents, masked for the eyes that will see them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from acd.commands import OfferClosed
from acd.record import CallRecord, FlowStep, Role, Segment, TransferRecord
from callrouter.config.versions import Change
from callrouter.live_site import Taken
from callrouter.mailboxes import MessageView
from callrouter.operator_notices import Notice
from callrouter.ports import CallbackView, CallView, LegView, LineView, MissedView, QueueView, SeatView, User
from callrouter.privacy import mask_number, mask_text, mask_value
from callrouter.recordings import RecordingView

Document = dict[str, Any]


def _built(view: object) -> Document:
    built = msgspec.to_builtins(view)
    assert isinstance(built, dict)
    return built


def user_document(user: User) -> Document:
    return {
        "user": user.name,
        "display": user.display,
        "roles": sorted(user.roles),
        "organisation": user.organisation,
        "agent": user.agent,
        "seats": list(user.seats),
        "see_numbers": user.see_numbers,
    }


def seat_document(seat: SeatView) -> Document:
    return _built(seat)


def queue_document(queue: QueueView) -> Document:
    return _built(queue)


def line_document(line: LineView) -> Document:
    document = _built(line)
    for way in document["ways"]:
        del way["ended"]  # for /metrics
        way["causes"] = {str(cause): count for cause, count in way["causes"].items()}
    return document


def live_call_document(call: CallView, *, masked: bool) -> Document:
    document = _built(call)
    if masked:
        document["caller"] = mask_number(call.caller)
        document["transfer_target"] = mask_text(call.transfer_target)
        document["note"] = mask_text(call.note)
        document["legs"] = [_leg_document(leg) for leg in call.legs]
    return document


def live_story_document(call: CallView, way: Sequence[FlowStep], *, masked: bool) -> Document:
    return {
        **live_call_document(call, masked=masked),
        "trace": [_step(step, masked=masked) for step in way],
    }


def _leg_document(leg: LegView) -> Document:
    return {**_built(leg), "party": _party(leg.role, leg.party, masked=True)}


def _party(role: str, party: str, *, masked: bool) -> str:
    return mask_text(party) if masked and role != Role.SEAT else party


def call_summary(record: CallRecord, *, masked: bool) -> Document:
    return {
        "call": record.call,
        "caller": mask_number(record.caller) if masked else record.caller,
        "dialled": record.dialled,
        "organisation": record.organisation,
        "queue": record.queue,
        "first_seat": record.first_seat,
        "first_agent": record.first_agent,
        "ingress": record.ingress,
        "answered": record.answered,
        "ended": record.ended,
        "ended_by": record.ended_by,
        "outcome": record.outcome,
        "transfers": len(record.transfers),
    }


def offer_document(offer: OfferClosed) -> Document:
    """Names of seats, queues and skills, and figures: nothing of it tells who called."""
    return {
        "offer": offer.offer,
        "seat": offer.seat,
        "queue": offer.queue,
        "made": offer.made,
        "ended": offer.ended,
        "outcome": offer.outcome,
        "explanation": mask_value(dict(offer.explanation)),
    }


def callback_document(callback: CallbackView, *, masked: bool) -> Document:
    document = _built(callback)
    if masked:
        document["number"] = mask_number(callback.number)
    return document


def missed_document(missed: MissedView, *, masked: bool) -> Document:
    document = _built(missed)
    if masked:
        document["caller"] = mask_number(missed.caller)
    return document


def message_document(message: MessageView, *, masked: bool) -> Document:
    document = _built(message)
    if masked:
        document["number"] = mask_number(message.number)
    return document


def notice_document(notice: Notice, *, oversees: bool) -> Document:
    document = _built(notice)
    if not oversees:
        document["reason"] = ""
    return document


def change_document(change: Change) -> Document:
    return _built(change)


def recording_document(recording: RecordingView) -> Document:
    return _built(recording)


def past_call_document(record: CallRecord, version: Taken | None, *, masked: bool) -> Document:
    return {
        **call_summary(record, masked=masked),
        "node": record.node,
        "trunk": record.trunk,
        "flow": record.flow,
        "flow_version": record.flow_version,
        "site_version": version.digest if version is not None else "",
        "language": record.language,
        "accepted": record.accepted,
        "menu_end": record.menu_end,
        "enqueued": record.enqueued,
        "rang": record.rang,
        "cause": record.cause,
        "segments": [_segment(segment, masked=masked) for segment in record.segments],
        "transfer_attempts": [_transfer(transfer, masked=masked) for transfer in record.transfers],
        "trace": [_step(step, masked=masked) for step in record.trace],
    }


def _segment(segment: Segment, *, masked: bool) -> Document:
    return {
        "track": segment.track,
        "role": segment.role,
        "party": _party(segment.role, segment.party, masked=masked),
        "activity": segment.activity,
        "started": segment.started,
        "ended": segment.ended,
        "detail": mask_text(segment.detail) if masked else segment.detail,
    }


def _transfer(transfer: TransferRecord, *, masked: bool) -> Document:
    return {
        "number": transfer.number,
        "kind": transfer.kind,
        "by": transfer.by,
        "target": mask_text(transfer.target) if masked else transfer.target,
        "asked": transfer.asked,
        "answered": transfer.answered,
        "ended": transfer.ended,
        "outcome": transfer.outcome,
        "cause": transfer.cause,
    }


def _step(step: FlowStep, *, masked: bool) -> Document:
    return {
        "at": step.at,
        "flow": step.flow,
        "node": step.node,
        "line": step.line,
        "branch": step.branch,
        "variables": mask_value(dict(step.variables)) if masked else dict(step.variables),
    }

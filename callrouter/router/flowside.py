"""Between a call and its flow session: actions become commands, returns become events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acd import commands as c
from acd import events as e
from acd.call import Owner
from acd.ids import SeatId
from acd.record import Activity, Role
from callrouter.flow import actions as f
from callrouter.router import queueing, reach, voicemail
from callrouter.router.live import LiveCall
from callrouter.router.notices import AnswersSaved, LookupWanted

if TYPE_CHECKING:
    from callrouter.router.core import Router


def act(router: Router, live: LiveCall, actions: list[f.FlowAction]) -> None:
    """Carry out what the flow asks, in order."""
    queue = list(actions)
    while queue:
        action = queue.pop(0)
        follow = _one(router, live, action)
        if follow is not None and live.session is not None:
            queue += live.session.handle(follow, router.now)
    session = live.session
    if session is None:
        return
    live.call.language = session.language
    live.trace += session.take_trace()
    if live.call.owner is Owner.FLOW:
        live.call.doing(live.call.caller, Activity.FLOW, router.now, session.node)
    router.set_flow_timer(live)


def tick(router: Router, live: LiveCall) -> None:
    if live.session is not None and live.call.owner is Owner.FLOW:
        act(router, live, live.session.tick(router.now))


def returned(router: Router, live: LiveCall, source: str, reason: str) -> None:
    """The caller is the flow's again."""
    router.touch(live)
    if live.session is None:
        live.talk.hang_up_caller("system", 16, router.now)
    elif live.call.circling and not live.session.steps:
        _after_first_receiver(router, live, source, reason)
    elif live.call.caller.usable:
        act(router, live, live.session.handle(f.Returned(source, reason), router.now))


def _after_first_receiver(router: Router, live: LiveCall, source: str, reason: str) -> None:
    """A circling caller comes back from the first receiver, where the flow had no part in it."""
    if source == "conversation" and reason.endswith("_left"):
        live.talk.hang_up_caller("flow", 16, router.now)
    elif live.session is not None:
        act(router, live, live.session.lead_to_person(router.now))


def _one(router: Router, live: LiveCall, action: f.FlowAction) -> f.FlowEvent | None:
    """One action; the flow's answer when it is known at once."""
    call, talk, now = live.call, live.talk, router.now
    match action:
        case f.AnswerCall():
            if call.accepted is None:
                call.accepted = now
                talk.out.append(c.Answer(node=call.node, call=call.id, channel=call.caller.channel))
            return f.Answered()
        case f.PlayMedia(token, media):
            if not media:
                return f.MediaFinished(token, failed=True)
            play = call.playing(call.caller, media)
            live.tokens[play.playback] = token
            talk.out.append(play)
        case f.StopMedia(token):
            for playback in [p for p, t in live.tokens.items() if t == token]:
                del live.tokens[playback]
                talk.out.append(c.StopPlayback(node=call.node, call=call.id, playback=playback))
                if call.caller.playback == playback:
                    call.caller.playback = None
        case f.ToQueue():
            queueing.enqueue(router, live, action)
        case f.ToTransfer():
            return _transfer(router, live, action)
        case f.EndCall(cause, _):
            talk.hang_up_caller("flow", cause, now)
        case f.Lookup(token, kind, request, timeout):
            router.out.append(
                LookupWanted(call=call.id, token=token, kind=kind, request=request, timeout=timeout)
            )
        case f.RecordVoice():
            voicemail.start(router, live, action)
        case f.StopRecord(token, keep):
            voicemail.stop(router, live, token, keep)
        case f.BookCallback():
            return queueing.book(router, live, action)
        case f.AllowRecording(allowed):
            call.recording_allowed = allowed
        case f.SaveAnswers(kind, values):
            _save(router, live, kind, values)
    return None


def _save(router: Router, live: LiveCall, kind: str, values: Mapping[str, object]) -> None:
    call = live.call
    live.answers += 1
    seats = [SeatId(leg.party) for leg in call.legs if leg.role is Role.SEAT and leg.answered]
    seat = seats[-1] if seats else None
    router.out.append(
        AnswersSaved(
            id=f"{call.id}/{kind}/{live.answers}",
            call=call.id,
            kind=kind,
            values=values,
            seat=seat,
            agent=router.floor.seat(seat).agent if seat is not None else None,
            at=router.now,
        )
    )


def _transfer(router: Router, live: LiveCall, wish: f.ToTransfer) -> f.FlowEvent | None:
    try:
        match wish.kind:
            case "seat":
                target = reach.colleague(router, live, wish.target, None)
            case "number":
                target = reach.outside(router, live, wish.target, wish.ring_for)
            case _:
                target = reach.line(router, live, wish.target, ring_at_most=wish.ring_for, warm=False)
        live.talk.handover.start(None, target, "flow", router.now)
    except e.Refused as refusal:
        return f.Returned("transfer", refusal.reason)
    return None

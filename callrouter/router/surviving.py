"""Conversations outlive the controller: taken up where the one before left them.

Theory. While no controller is there Asterisk leaves everybody in their bridge, and
people speak on. What the next controller needs to have their call again is written
down with all else that is kept. It is believed only as far as Asterisk confirms it:
at the first `NodeUp` legs that are gone have ended, and caller and other side are
brought together in a fresh bridge, wherever they stood: the last moments before the
end may not have been written down.

Kept is the caller and whoever has the caller in care: the seat, or the line after a
completed transfer. A hold and a transfer under way end in it (`returned`); who else
was in the call is let go. Callers whom nobody has in care are asked in again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import events as e
from acd import outcall
from acd.call import Call, Owner
from acd.ids import AgentId, BridgeId, CallId, ChannelId, Instant, NodeId, QueueId, SeatId
from acd.leg import IN_BRIDGE, Leg, LegState, Place
from acd.record import Activity, FlowStep, Role, Segment, TransferRecord
from acd.transfer import TransferState
from callrouter.flow.kept import KeptSession
from callrouter.flow.session import CallFacts, FlowSession
from callrouter.router.live import LiveCall
from callrouter.router.recorder import Running

if TYPE_CHECKING:
    from callrouter.router.core import Router

CUT: Final = "controller_restarted"
"""Why a transfer under way ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLeg:
    """A leg as it was; `trunk` of a line's."""

    role: Role
    party: str
    channel: ChannelId
    activity: Activity
    detail: str
    since: Instant
    started: Instant
    answered: Instant | None
    stays: bool
    """It is up, and goes on."""
    closed: bool
    trunk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCall:
    """What a `Call` knows; its attributes by their names."""

    organisation: str
    language: str
    music: str
    accepted: Instant | None
    menu_end: Instant | None
    enqueued: Instant | None
    rang: Instant | None
    answered: Instant | None
    visited: tuple[str, ...]
    circling: bool
    first_receiver: str
    context: dict[str, str]
    note: str
    recording_allowed: bool | None
    queue: QueueId | None
    first_seat: SeatId | None
    first_agent: AgentId | None
    bridge: BridgeId | None
    bridges: int
    mixed: bool
    playbacks: int
    hops: int | None = None
    came_by: ChannelId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTalk:
    """A call in which a person has the caller in care."""

    call: CallId
    node: NodeId
    dialled: str
    caller: str
    trunk: str
    display: str
    ingress: Instant
    known: KeptCall
    legs: tuple[KeptLeg, ...]
    segments: tuple[Segment, ...]
    transfers: tuple[TransferRecord, ...]
    request: e.Enqueued | None
    called_back: bool
    flow: str
    session: KeptSession | None
    trace: tuple[FlowStep, ...]
    answers: int
    skills: str
    recording: Mapping[str, Running]
    recordings: int

    @property
    def seats(self) -> tuple[SeatId, ...]:
        """Whose conversation this is."""
        return tuple(SeatId(leg.party) for leg in self.legs if leg.stays and leg.role is Role.SEAT)


def interrupt(router: Router, live: LiveCall, now: Instant) -> bool:
    """The process ends, and nobody has this caller in care: what the call was until now; False: it goes on.

    Callbacks of ours are left out: each has its own outcome, which the next router knows.
    """
    call = live.call
    if live.recorded or live.talk.is_callback or keep(router, live, now) is not None:
        return False
    call.transfers += [one.record(call.id, now, TransferState.RETURNED, CUT) for one in call.open_transfers()]
    for leg in call.legs:
        if leg.live:
            call.cut(leg, now)
    call.ended, call.ended_by = max(now, call.ingress), "system"
    live.interrupted = live.recorded = True
    return True


def keep(router: Router, live: LiveCall, now: Instant) -> KeptTalk | None:
    """What the next router needs; None: nobody has this caller in care."""
    call = live.call
    other = call.talking_seat() or call.other_side()
    if (
        call.owner not in (Owner.CONVERSATION, Owner.TRANSFER)
        or not call.caller.up
        or other is None
        or outcall.dialling(live.talk)
    ):
        return None
    staying = (call.caller, other)
    left = [
        leg
        for leg in call.legs
        if leg.live and leg not in staying and not leg.closed and leg.activity is not Activity.WRAP_UP
    ]
    return KeptTalk(
        call=call.id,
        node=call.node,
        dialled=call.dialled,
        caller=call.caller_number,
        trunk=call.trunk,
        display=call.display,
        ingress=call.ingress,
        known=KeptCall(**{field.name: getattr(call, field.name) for field in fields(KeptCall)}),
        legs=tuple(_kept_leg(router, leg, now, stays=leg in staying) for leg in call.legs),
        segments=(*call.segments, *(found for leg in left for found in call.stretch(leg, now))),
        transfers=(
            *call.transfers,
            *(one.record(call.id, now, TransferState.RETURNED, CUT) for one in call.open_transfers()),
        ),
        request=live.talk.request,
        called_back=live.talk.is_callback,
        flow=live.flow,
        session=live.session.keep() if live.session is not None else None,
        trace=tuple(live.trace),
        answers=live.answers,
        skills=live.skills,
        recording=dict(live.recorder.running),
        recordings=live.recorder.made,
    )


def _kept_leg(router: Router, leg: Leg, now: Instant, *, stays: bool) -> KeptLeg:
    let_go = leg.live and not stays
    wraps_up = let_go and leg.role is Role.SEAT and leg.answered is not None
    return KeptLeg(
        role=leg.role,
        party=leg.party,
        channel=leg.channel,
        activity=Activity.WRAP_UP if wraps_up else leg.activity,
        detail="" if wraps_up else leg.detail,
        since=now if wraps_up else leg.since,
        started=leg.started,
        answered=leg.answered,
        stays=stays,
        closed=leg.closed or (let_go and not wraps_up),
        trunk=router.lines.trunk(leg.channel) if stays else "",
    )


# --- taking up


def take_up(router: Router, talks: Iterable[KeptTalk]) -> None:
    """The calls live here from now on; what has become of them Asterisk says when its link stands."""
    for kept in talks:
        if kept.call in router.calls or not kept.legs or kept.legs[0].role is not Role.CALLER:
            continue
        live = router.adopt(_call(kept))
        _resume(router, live, kept)
        for leg, was in zip(live.call.legs, kept.legs, strict=True):
            if was.stays:
                router.channels[leg.channel] = (live, leg)
                if was.trunk:
                    router.lines.resumed(leg, was.trunk)
            elif leg.activity is Activity.WRAP_UP and not leg.closed:
                router.wrapping.setdefault(SeatId(leg.party), []).append(live)


def _call(kept: KeptTalk) -> Call:
    call = Call(
        call=kept.call,
        node=kept.node,
        channel=kept.legs[0].channel,
        dialled=kept.dialled,
        caller=kept.caller,
        trunk=kept.trunk,
        display=kept.display,
        now=kept.ingress,
    )
    for field in fields(KeptCall):
        setattr(call, field.name, getattr(kept.known, field.name))
    call.owner = Owner.CONVERSATION
    call.segments, call.transfers = list(kept.segments), list(kept.transfers)
    call.legs = [_leg(call, number, was) for number, was in enumerate(kept.legs)]
    call.caller = call.legs[0]
    return call


def _leg(call: Call, number: int, was: KeptLeg) -> Leg:
    leg = Leg(
        number=number,
        role=was.role,
        party=was.party,
        node=call.node,
        channel=was.channel,
        activity=was.activity,
        now=was.since,
        state=LegState.UP if was.stays else LegState.ENDED,
    )
    leg.detail, leg.started, leg.answered, leg.closed = was.detail, was.started, was.answered, was.closed
    if was.stays:
        leg.place = Place.BRIDGE
    return leg


def _resume(router: Router, live: LiveCall, kept: KeptTalk) -> None:
    call = live.call
    live.survived = True
    live.talk.resume(kept.request, called_back=kept.called_back)
    live.flow, live.answers, live.skills = kept.flow, kept.answers, kept.skills
    live.trace = list(kept.trace)
    live.recorder.running.update(kept.recording)
    live.recorder.made = kept.recordings
    if kept.session is None:
        return
    facts = CallFacts(
        call=call.id,
        dialled=call.dialled,
        caller=call.caller_number,
        organisation=call.organisation,
        trunk=call.trunk,
        language=call.language,
    )
    try:
        live.session = FlowSession.resume(router.site.flows, kept.session, facts, router.now)
    except KeyError as place:
        # The flow has been changed meanwhile: after the conversation the call ends.
        router.odd("flow_place_gone", call.id, place=str(place))


def settle(router: Router, live: LiveCall) -> None:
    """The link stands, what is gone has ended: caller and other side hear each other from now on."""
    live.survived = False
    router.touch(live)
    call = live.call
    inside = [leg for leg in call.legs if leg.up and leg.place in IN_BRIDGE]
    if call.owner is not Owner.CONVERSATION or len(inside) < 2:
        return
    before, call.bridge = call.bridge, None
    for leg in inside:
        leg.place = Place.NOWHERE
    router.out.append(c.MusicOff(node=call.node, call=call.id, channel=call.caller.channel))
    live.talk.together(router.now, Activity.TALK, *inside)
    if before is not None:
        live.talk.out.append(c.DestroyBridge(node=call.node, call=call.id, bridge=before))
    router.odd("conversation_goes_on", call.id)

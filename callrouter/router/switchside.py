"""Facts from the switch, each given to the leg or call that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import events as e
from acd import second_line
from acd.call import Owner
from acd.ids import CallId, ChannelId, PlaybackId, RecordingId
from acd.leg import Leg
from acd.record import Role
from callrouter.flow.actions import ActionFailed, Digit, LookupDone, MediaFinished
from callrouter.router import flowside, recording, surviving, voicemail, waiting
from callrouter.router.live import LiveCall
from callrouter.router.notices import FlowAnswered

if TYPE_CHECKING:
    from callrouter.router.core import Router

CHANNEL_GONE: Final = 400
"""Status of a `Join` whose channel is no more; 404 would be the bridge."""

OURS: Final = "cr-"
"""Every channel, bridge and playback that we make has an id that begins so."""


def leg_ringing(router: Router, event: e.LegRinging) -> None:
    if found := router.leg(event.channel):
        router.lines.ringing(event.channel)
        found[0].talk.leg_ringing(found[1], router.now)


def leg_heard(router: Router, event: e.LegHeard) -> None:
    if found := router.leg(event.channel):
        found[0].talk.leg_heard(found[1], router.now)


def leg_silent(router: Router, event: e.LegSilent) -> None:
    if found := router.leg(event.channel):
        found[0].talk.leg_silent(found[1], event.seconds, router.now)


def packets_counted(router: Router, event: e.PacketsCounted) -> None:
    if found := router.leg(event.channel):
        found[0].talk.packets_counted(found[1], event.received, router.now)


def peer_held(router: Router, event: e.PeerHeld) -> None:
    if found := router.leg(event.channel):
        found[0].talk.peer_held(found[1], event.channel, on=event.held)


def leg_answered(router: Router, event: e.LegAnswered) -> None:
    if found := router.leg(event.channel):
        live, leg = found
        router.lines.answered(event.channel, router.now)
        live.talk.leg_answered(leg, router.now)
    elif event.channel.startswith(OURS):
        router.out.append(c.Hangup(node=event.node, call=CallId(""), channel=event.channel))


def leg_ended(router: Router, event: e.LegEnded) -> None:
    if found := router.leg(event.channel):
        _gone(router, *found, event.channel, event.cause)


def _gone(router: Router, live: LiveCall, leg: Leg, channel: ChannelId, cause: int) -> None:
    router.channels.pop(channel, None)
    if second_line.ended(live.talk, leg, channel, router.now):
        return
    router.lines.ended(leg, cause, router.now)
    live.talk.leg_ended(leg, cause, router.now)


def digit(router: Router, event: e.DigitReceived) -> None:
    found = router.leg(event.channel)
    if found is None:
        return
    live, leg = found
    if leg.role is Role.CALLER:
        if live.call.owner is Owner.FLOW and live.session is not None:
            flowside.act(router, live, live.session.handle(Digit(event.digit), router.now))
        else:
            waiting.key(router, live, event.digit)
    else:
        live.talk.keypad.key(leg, event.digit, router.now)


def playback_finished(router: Router, event: e.PlaybackFinished) -> None:
    live = router.calls.get(_call_of(event.playback))
    if live is None:
        return
    router.touch(live)
    token = live.tokens.pop(event.playback, None)
    leg = next((x for x in live.call.legs if x.playback == event.playback), None)
    if leg is not None:
        live.talk.playback_finished(leg, router.now)
    if token is not None and live.session is not None and live.call.owner is Owner.FLOW:
        flowside.act(router, live, live.session.handle(MediaFinished(token, event.failed), router.now))


def command_failed(router: Router, event: e.CommandFailed) -> None:
    """A refused command is a fact about the leg, bridge or playback that it was for."""
    router.odd(
        "command_failed", event.call, command=event.what, status=event.status, reason=event.reason[:200]
    )
    live = router.calls.get(event.call)
    if live is None:
        return
    router.touch(live)
    if event.what == "Originate":
        leg_ended(
            router, e.LegEnded(node=event.node, channel=ChannelId(event.subject), cause=_cause(event.status))
        )
    elif event.what == "Play":
        playback_finished(
            router, e.PlaybackFinished(node=event.node, playback=PlaybackId(event.subject), failed=True)
        )
    elif event.what == "RecordStart":
        voicemail.failed(router, RecordingId(event.subject), event.reason)
    elif event.what == "MonitorStart":
        recording.refused(router, live, RecordingId(event.subject), event.reason)
    elif event.what == "CreateBridge":
        live.talk.bridge_failed(router.now)
    elif event.what == "Join":
        leg = next((leg for leg in live.call.legs if leg.channel == event.subject), None)
        gone = event.status == CHANNEL_GONE or (leg is not None and not leg.usable)
        if not gone:  # else its end is told by itself, and the bridge is sound
            live.talk.bridge_failed(router.now, leg)
    elif event.what in ("Answer", "Hangup") and event.status == 404:
        leg_ended(router, e.LegEnded(node=event.node, channel=ChannelId(event.subject)))
    elif live.session is not None and live.call.owner is Owner.FLOW:
        failed = ActionFailed(event.what, event.reason)
        flowside.act(router, live, live.session.handle(failed, router.now))


def node_up(router: Router, event: e.NodeUp) -> None:
    """After a silence of the link: what is gone has ended, what nobody knows is sent on."""
    alive = set(event.channels)
    for channel, (live, leg) in list(router.channels.items()):
        if leg.node == event.node and channel not in alive:
            router.touch(live)
            _gone(router, live, leg, channel, 0)
    for channel in event.ringing:
        leg_ringing(router, e.LegRinging(node=event.node, channel=channel))
    for channel in event.answered:
        if channel in router.channels:
            leg_answered(router, e.LegAnswered(node=event.node, channel=channel))
    for channel in event.channels:
        if channel not in router.channels and channel.startswith(OURS):
            router.out.append(c.Hangup(node=event.node, call=CallId(""), channel=channel))
    voicemail.node_up(router, event.node)
    known = {live.call.bridge for live in router.calls.values()}
    for bridge in event.bridges:
        if bridge.startswith(OURS) and bridge not in known:
            router.out.append(c.DestroyBridge(node=event.node, call=CallId(""), bridge=bridge))
    for channel in event.channels:
        if channel not in router.channels and not channel.startswith(OURS):
            # Somebody whose controller is no more: not left alone with the music, but asked in again.
            router.odd("caller_found", channel=channel)
            router.out.append(c.ToDialplan(node=event.node, call=CallId(""), channel=channel))
    for live in list(router.calls.values()):
        if live.survived and live.call.node == event.node:
            surviving.settle(router, live)
    router.phones.node_up(router, event.node)


def node_down(router: Router, event: e.NodeDown) -> None:
    router.odd("node_down", node=event.node)
    router.phones.node_down(router, event.node)


def seat_reach(router: Router, event: e.SeatReachable | e.SeatUnreachable) -> None:
    router.phones.told(router, event)


def flow_answered(router: Router, event: FlowAnswered) -> None:
    live = router.calls.get(event.call)
    if live is not None and live.session is not None and live.call.owner is Owner.FLOW:
        router.touch(live)
        done = LookupDone(event.token, event.ok, event.value, event.reason)
        flowside.act(router, live, live.session.handle(done, router.now))


def _call_of(playback: PlaybackId) -> CallId:
    return CallId(playback.removeprefix(OURS).rpartition("-")[0])


def _cause(status: int) -> int:
    """A refused Originate as a Q.850 cause: unknown endpoint → unallocated, else temporary failure."""
    return 20 if status in (400, 404) else 41

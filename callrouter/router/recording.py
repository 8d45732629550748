"""Recording calls: what is written down follows from who speaks with whom.

Theory. After each turn the call is looked at and what is being recorded is
brought in line. Two kinds of file, never mixed:

* ``talk``: the caller's own channel, both directions, from the first answer of a
  person until the caller is gone. It runs through holds, transfers and new
  queues, so a call has one file; what the caller does not hear is not in it.
* ``consult``: the seat's channel while it speaks with a transfer's target, or hears its
  early media, and the caller is on hold. One file for each such stretch.

Wanted is a recording when the queue's policy says so and the caller has not
refused. What the switch could not begin is not tried again in that call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd.call import Call, Owner
from acd.ids import ChannelId, Instant, RecordingId
from acd.leg import Leg
from acd.transfer import TransferState
from callrouter.router.live import LiveCall
from callrouter.router.notices import RecordingMade
from callrouter.router.recorder import Running

if TYPE_CHECKING:
    from callrouter.router.core import Router

TALK: Final = "talk"
CONSULT: Final = "consult"


def follow(router: Router, live: LiveCall) -> None:
    """At the end of a turn: begin and end what the turn has made necessary."""
    wanted = dict(_wanted(router, live))
    running = live.recorder.running
    for kind in [kind for kind, one in running.items() if wanted.get(kind) != one.channel]:
        _end(router, live, kind)
    for kind, channel in wanted.items():
        if kind not in running and kind not in live.recorder.failed:
            _begin(router, live, kind, channel)


def cut(router: Router, live: LiveCall) -> None:
    """End everything now, while the channels live on elsewhere."""
    for kind in list(live.recorder.running):
        _end(router, live, kind)


def refused(router: Router, live: LiveCall, recording: RecordingId, reason: str) -> None:
    """The switch could not begin this one."""
    for kind, one in list(live.recorder.running.items()):
        if one.recording == recording:
            del live.recorder.running[kind]
            live.recorder.failed.add(kind)
            router.odd("not_recorded", live.call.id, kind=kind, reason=reason)


def _wanted(router: Router, live: LiveCall) -> Iterator[tuple[str, ChannelId]]:
    """Kinds with the channel to record."""
    call = live.call
    if call.recording_allowed is False or not call.caller.up or call.answered is None:
        return
    if TALK not in live.recorder.running and (
        call.owner not in (Owner.CONVERSATION, Owner.TRANSFER) or call.queue not in router.site.recorded
    ):
        return
    yield TALK, call.caller.channel
    seat = _consulting(call)
    if seat is not None:
        yield CONSULT, seat.channel


def _consulting(call: Call) -> Leg | None:
    """The seat that hears a transfer's target now, answered or not, without the caller."""
    transfer = call.transfer
    if transfer is None or transfer.leg is None or transfer.swapped or transfer.joins:
        return None
    speaks = transfer.state is TransferState.CONSULTING and transfer.leg.up
    early = transfer.state is TransferState.RINGING and transfer.leg.early
    return call.talking_seat() if speaks or early else None


def _begin(router: Router, live: LiveCall, kind: str, channel: ChannelId) -> None:
    call, recorder = live.call, live.recorder
    recorder.made += 1
    recording = RecordingId(f"cr-{call.id}-{kind}{recorder.made}")
    recorder.running[kind] = Running(recording, call.node, channel, router.now)
    router.out.append(c.MonitorStart(node=call.node, call=call.id, channel=channel, recording=recording))


def _end(router: Router, live: LiveCall, kind: str) -> None:
    call = live.call
    one = live.recorder.running.pop(kind)
    if any(leg.channel == one.channel and leg.up for leg in call.legs):
        router.out.append(
            c.MonitorStop(node=one.node, call=call.id, channel=one.channel, recording=one.recording)
        )
    router.out.append(
        RecordingMade(
            call=call.id,
            node=one.node,
            kind=kind,
            recording=one.recording,
            started=one.started,
            ended=router.now,
            offsets=_offsets(call, one.started) if kind == TALK else (),
        )
    )


def _offsets(call: Call, started: Instant) -> tuple[tuple[float, str], ...]:
    """Where in the file each of the caller's segments begins."""
    return tuple(
        (max(0.0, segment.started - started), segment.activity.value)
        for segment in call.segments
        if segment.track == "caller" and segment.ended > started
    )

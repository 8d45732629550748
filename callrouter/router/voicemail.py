"""Messages that callers leave, from the tone to the notice.

Theory. A recording outlives its call by some milliseconds: who hangs up has
finished the message. So it is kept here under its own id and not in the call.
It ends by `RecordingEnded`, or, when the switch says nothing after a stop, by
the clock. What is long enough is a message; anything else is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import events as e
from acd.call import Owner
from acd.ids import Instant, NodeId, OrgId, RecordingId, Seconds
from callrouter.flow import actions as f
from callrouter.router import flowside
from callrouter.router.live import LiveCall
from callrouter.router.notices import VoicemailLeft

if TYPE_CHECKING:
    from callrouter.router.core import Router

STOP_LIMIT: Final[Seconds] = 3.0
"""After this long without an answer a stopped recording is taken for ended."""

BEEP: Final[Seconds] = 0.5
"""Of the time between the start and an end by silence so much is the tone's."""


FORGOTTEN: Final[Seconds] = 3600.0
"""No recording lasts that long: its end has been missed."""


@dataclass(slots=True)
class Message:
    """A message being spoken."""

    live: LiveCall
    node: NodeId
    recording: RecordingId
    token: int
    mailbox: str
    min_seconds: Seconds
    silence_seconds: Seconds
    started: Instant
    stopped: bool = False
    """We have asked for its end."""
    unwanted: bool = False
    """The flow has gone on without it."""


def start(router: Router, live: LiveCall, wish: f.RecordVoice) -> None:
    call = live.call
    for old in [x for x in router.messages.values() if x.live is live or x.started < router.now - FORGOTTEN]:
        router.messages.pop(old.recording)
    call.playbacks += 1
    recording = RecordingId(f"cr-{call.id}-r{call.playbacks}")
    live.message = Message(
        live=live,
        node=call.node,
        recording=recording,
        token=wish.token,
        mailbox=wish.mailbox,
        min_seconds=wish.min_seconds,
        silence_seconds=wish.silence_seconds,
        started=router.now,
    )
    router.messages[recording] = live.message
    live.talk.out.append(
        c.RecordStart(
            node=call.node,
            call=call.id,
            channel=call.caller.channel,
            recording=recording,
            max_seconds=wish.max_seconds,
            silence_seconds=wish.silence_seconds,
            beep=wish.beep,
        )
    )


def stop(router: Router, live: LiveCall, token: int, keep: bool) -> None:
    """The caller has pressed the key that ends it, or the flow goes on without it."""
    message = live.message
    if message is None or message.token != token:
        return
    message.unwanted = not keep
    message.stopped = True
    live.talk.out.append(c.RecordStop(node=message.node, call=live.call.id, recording=message.recording))
    router.set_timer(live, "message", router.now + STOP_LIMIT)


def stop_timer(router: Router, live: LiveCall) -> None:
    """The switch has not said that the stopped recording has ended."""
    if live.message is not None and live.message.stopped:
        _over(router, live.message, ok=False, seconds=0, reason="no_answer")


def ended(router: Router, event: e.RecordingEnded) -> None:
    message = router.messages.get(event.recording)
    if message is None:
        return
    _touch(router, message)
    seconds = event.seconds
    waited = router.now - message.started
    if not message.stopped and message.live.call.caller.usable and waited > message.silence_seconds:
        # Asterisk counts what ended by silence a second too long.
        seconds = min(seconds, max(0.0, waited - message.silence_seconds - BEEP))
    _over(router, message, ok=event.ok, seconds=seconds, reason=event.reason)


def failed(router: Router, recording: RecordingId, reason: str) -> None:
    """The switch has refused to record."""
    message = router.messages.get(recording)
    if message is not None:
        _over(router, message, ok=False, seconds=0, reason=reason)


def node_up(router: Router, node: NodeId) -> None:
    """After a silence of the link: whatever was being recorded, nobody will tell of it any more."""
    for message in [x for x in router.messages.values() if x.node == node]:
        _touch(router, message)
        _over(router, message, ok=False, seconds=0, reason="link_lost")


def _touch(router: Router, message: Message) -> None:
    if message.live.call.id in router.calls:
        router.touch(message.live)


def _over(router: Router, message: Message, *, ok: bool, seconds: Seconds, reason: str) -> None:
    live = message.live
    call = live.call
    router.messages.pop(message.recording, None)
    kept = ok and seconds >= message.min_seconds and not message.unwanted
    if kept:
        router.out.append(
            VoicemailLeft(
                call=call.id,
                node=message.node,
                mailbox=message.mailbox,
                recording=message.recording,
                seconds=seconds,
                caller=call.caller_number,
                queue=call.queue,
                organisation=OrgId(call.organisation),
                at=router.now,
            )
        )
    elif ok or message.stopped:
        router.out.append(c.RecordDiscard(node=message.node, call=call.id, recording=message.recording))
    if live.message is message:
        live.message = None
        if live.session is not None and call.owner is Owner.FLOW and not message.unwanted:
            done = f.RecordingFinished(message.token, ok=ok, seconds=seconds, reason=reason)
            flowside.act(router, live, live.session.handle(done, router.now))

"""A partner joins two calls that it has with us (REFER with Replaces, RFC 3891).

It holds a caller whom we handed to it, has called us on another line, spoken with
a person here or got into a queue, and now puts the caller in its own place there.
The caller's channel changes calls: the first call ends as handed over, the second
goes on wherever it is (flow, queue, conversation) with another channel and another
number; nobody in it has to do anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd import commands as c
from acd import events as e
from acd import held
from acd.call import Call, Owner
from acd.ids import ChannelId
from acd.leg import IN_BRIDGE, Leg, LegState, Place
from acd.record import JOINED, Role, TransferRecord
from acd.stage import Output
from callrouter.flow import actions as f
from callrouter.router import flowside, recording
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router


def replace(router: Router, live: LiveCall, leg: Leg, replaced: ChannelId) -> None:
    """Put the caller of `live` in the place of `replaced`. Raises `Refused`; then nothing has changed."""
    there, other = router.channels.get(replaced, (live, leg))
    callers = there is not live and other.role is Role.CALLER and other.up and other.node == live.call.node
    if not callers or "from" not in there.call.context:
        raise e.Refused("other_call", "Replaces names no call of this partner with us.")
    caller = live.call.caller.channel
    _hand_over(router, live, leg, there.call)
    router.touch(there)
    there.talk.out.append(c.Hangup(node=other.node, call=there.call.id, channel=other.channel))
    router.channels.pop(other.channel, None)
    router.channels[caller] = (there, other)
    there.call.came_by, other.channel = replaced, caller
    _take_place(there.call, other, there.talk.out)
    _learn(there.call, live.call)
    _skip_prompt(router, there)


def _hand_over(router: Router, live: LiveCall, leg: Leg, there: Call) -> None:
    """The first call ends; its caller's channel lives on."""
    call, talk, now = live.call, live.talk, router.now
    call.transfers.append(
        TransferRecord(
            call=call.id,
            number=len(call.transfers) + 1,
            kind="refer",
            by=None,
            target=there.dialled,
            asked=now,
            answered=now,
            ended=now,
            outcome="completed",
            cause=f"{JOINED} {there.id}",
        )
    )
    recording.cut(router, live)
    talk.out += call.move(call.caller, Place.NOWHERE)
    call.caller.state = LegState.ENDED
    call.owner, call.ended, call.ended_by, call.cause = Owner.ENDED, now, "partner", 16
    talk.close_track(call.caller, now)
    talk.hang_up(leg, now)
    talk.out += call.drop_bridge()


def _take_place(call: Call, caller: Leg, out: list[Output]) -> None:
    """The new channel hears what the old one did; a prompt of the queue is not begun again."""
    node, channel = caller.node, caller.channel
    caller.playback = None
    caller.consoled = False
    if caller.place is Place.TOLD:
        caller.place = Place.MUSIC
    if caller.place in IN_BRIDGE and call.bridge is not None:
        out.append(c.Join(node=node, call=call.id, bridge=call.bridge, channel=channel))
        out += held.console(call)
    elif caller.place is Place.MUSIC:
        out.append(c.MusicOn(node=node, call=call.id, channel=channel))
    elif caller.place is Place.RINGBACK:
        out.append(c.Ring(node=node, call=call.id, channel=channel))


def _skip_prompt(router: Router, there: LiveCall) -> None:
    """What the flow was saying went with the old channel; it goes on after it."""
    tokens = list(there.tokens.values())
    there.tokens.clear()
    for token in tokens:
        if there.session is not None and there.call.owner is Owner.FLOW:
            over = f.MediaFinished(token, failed=True)
            flowside.act(router, there, there.session.handle(over, router.now))


def _learn(call: Call, before: Call) -> None:
    call.caller_number, call.display = before.caller_number, before.display
    call.visited = tuple(dict.fromkeys((*before.visited, *call.visited)))
    call.context |= {"call": before.id, "visited": ",".join(call.visited)}

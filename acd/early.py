"""Early media: what a line says before it answers, and who hears it.

Theory. A partner's phone rings in one of three ways, and may go from one to the
other: without sound of its own (180, or 183 and nothing more), with its network's
own ringing tone, or with words ("the number you have dialled …"). The switch tells
when a leg is heard and when it falls silent; here follows who listens:

    consult (and a callback being dialled)   the seat
    blind, blonde                            the caller
    emergency, a further party               all who speak already

The *listener* hears our ringing tone until the leg is heard, the leg itself while it
is, and our tone again once it has been silent. After a burst as short as a ringing
tone's a pause as long as a ringing tone's is no silence. Where no packets come at all
the switch notices nothing, so they are counted while the leg is heard. The leg stands in the
bridge from its first sound on; where nobody waits for it alone (all speak), nobody has a tone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import commands as c
from acd import outcall
from acd.events import SILENCE
from acd.ids import Instant, Seconds
from acd.leg import Leg, Place
from acd.transfer import TransferState

if TYPE_CHECKING:
    from acd.conversation import Conversation

SHORTEST_BURST: Final[Seconds] = 0.2
LONGEST_BURST: Final[Seconds] = 2.2
"""How long a network's ringing tone sounds (China 1 s, North America 2 s)."""

PAUSE: Final[Seconds] = 4.4
"""How long it may pause (4 s in both), with some margin."""


PULSE: Final[Seconds] = 0.9
"""Between two looks at the packets: who stops sending is found out within two of them."""


def heard(talk: Conversation, leg: Leg, now: Instant) -> None:
    """There is sound on a leg that has not answered."""
    if leg.up or not leg.usable:
        return
    leg.early = leg.sounds = True
    leg.stalled = False
    talk.drop_timer("quiet", leg)
    talk.look_again(leg, now + PULSE)
    attend(talk, leg)
    talk.out += talk.call.move(leg, Place.BRIDGE)


def silent(talk: Conversation, leg: Leg, seconds: Seconds, now: Instant) -> None:
    """Nothing has been heard for `SILENCE`, after `seconds` of sound."""
    if leg.up or not leg.sounds:
        return
    if SHORTEST_BURST <= seconds <= LONGEST_BURST:
        talk.quiet_until(leg, now + PAUSE - SILENCE)
    else:
        quiet(talk, leg)


def quiet(talk: Conversation, leg: Leg) -> None:
    """It is silence: our tone again."""
    leg.sounds = False
    attend(talk, leg)


def look(talk: Conversation, leg: Leg, now: Instant) -> None:
    """Do packets still come? Not asked where the switch has noticed silence: it will notice its end."""
    if leg.sounds or leg.stalled:
        talk.out.append(c.CountPackets(node=leg.node, call=talk.call.id, channel=leg.channel))
        talk.look_again(leg, now + PULSE)


def counted(talk: Conversation, leg: Leg, received: int, now: Instant) -> None:
    """The same number twice: none came in between."""
    if leg.up or not leg.early:
        return
    stalled, leg.packets = received == leg.packets, received
    if stalled and leg.sounds:
        leg.stalled = True
        talk.drop_timer("quiet", leg)
        quiet(talk, leg)
    elif leg.stalled and not stalled:
        heard(talk, leg, now)


def forget(talk: Conversation, leg: Leg) -> None:
    """It has ended, or begins anew."""
    leg.early = leg.sounds = leg.stalled = False
    leg.packets = -1
    for timer in ("quiet", "pulse"):
        talk.drop_timer(timer, leg)


def lost(talk: Conversation, leg: Leg) -> None:
    """The switch could not bring it into the bridge: the listener has the tone, as if nothing were heard."""
    forget(talk, leg)
    leg.place = Place.NOWHERE
    attend(talk, leg)


def attend(talk: Conversation, leg: Leg) -> None:
    """Bring whoever waits for this leg to where they hear it, or our tone; a sentence is not broken off."""
    listener = _listener(talk, leg)
    if listener is not None and listener.place is not Place.TOLD:
        talk.out += talk.call.move(listener, place(talk, listener, leg))


def place(talk: Conversation, listener: Leg, leg: Leg | None) -> Place:
    """Where somebody stands who waits for this leg alone."""
    if leg is not None and leg.early and leg.usable:
        return Place.BRIDGE if leg.sounds else Place.BRIDGE_TONE
    return Place.RINGBACK if listener is talk.call.caller else Place.BRIDGE_TONE


def _listener(talk: Conversation, leg: Leg) -> Leg | None:
    call = talk.call
    if leg is call.caller:
        return call.talking_seat() if outcall.dialling(talk) else None
    transfer = call.transfer
    if transfer is None or transfer.leg is not leg or transfer.joins:
        return None
    if transfer.state is TransferState.BLONDE:
        return call.caller
    return call.talking_seat() if transfer.state is TransferState.RINGING else None

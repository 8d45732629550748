"""A party that holds, and the music for whoever is alone with it.

Theory. Who holds while others stand with it in the bridge gives them music: Asterisk
sees to that itself. One that holds already when it comes in is silent instead: one
that holds in its answer (``200`` with ``a=inactive``; its network keeps the caller
waiting), or that went on hold while it stood aside. So the channel that holds is
remembered, and whoever is brought together with none but such has music of ours,
until it speaks again, somebody else comes in, or they part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd import commands as c
from acd.ids import ChannelId
from acd.leg import Leg, Place

if TYPE_CHECKING:
    from acd.call import Call


def noted(leg: Leg, channel: ChannelId, *, held: bool) -> None:
    """The far end of `channel` holds, or speaks again. A phone may hold one line and speak on another."""
    if held:
        leg.holder = channel
    elif leg.holder == channel:
        leg.holder = None


def console(call: Call) -> list[c.Command]:
    """Music for whoever is alone with those who hold; none for the others."""
    if not any(leg.holds or leg.consoled for leg in call.legs):
        return []
    inside = [leg for leg in call.legs if leg.heard and leg.usable and leg.place is Place.BRIDGE]
    out: list[c.Command] = []
    for leg in inside:
        others = [other for other in inside if other is not leg]
        if not (others and all(other.holds for other in others)):
            out += spoken_to(call, leg)
        elif not leg.consoled:
            leg.consoled = True
            out.append(c.MusicOn(node=leg.node, call=call.id, channel=leg.channel, music=call.music_of(leg)))
    return out


def spoken_to(call: Call, leg: Leg) -> list[c.Command]:
    """It needs no music of ours any more."""
    if not leg.consoled:
        return []
    leg.consoled = False
    return [c.MusicOff(node=leg.node, call=call.id, channel=leg.channel)]

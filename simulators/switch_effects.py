"""What each command does to the in-memory switch, and what the real one would refuse.

Statuses and reasons were taken down from Asterisk 22.10.1. Wishes that are
fulfilled already (hanging up who is gone, stopping what is over, making what
exists) are no failures, as with `callrouter.ari`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from acd import commands as c
from acd.events import LegEnded, PacketsCounted
from acd.ids import ChannelId
from simulators.switch_parts import NO_ANSWER, Channel, Habit, Playing, State
from simulators.switch_world import World


class Refusal(Exception):
    """The switch does not do it. `status` as in HTTP, 0 when it has no such answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def _known(world: World, channel: ChannelId, missing: int = 404, elsewhere: int = 409) -> Channel:
    ch = world.channels.get(channel)
    if ch is None:
        raise Refusal(missing, "Channel not found")
    if not ch.in_app:
        raise Refusal(elsewhere, "Channel not in Stasis application")
    return ch


def _answer(world: World, command: c.Answer) -> None:
    ch = _known(world, command.channel)
    world.stop_all(ch)
    ch.state, ch.ringback = State.UP, False


def _ring(world: World, command: c.Ring) -> None:
    if command.on:
        ch = _known(world, command.channel)
        ch.ringback, ch.music = True, None
    elif (ours := world.ours(command.channel)) is not None:
        ours.ringback = False


def _play(world: World, command: c.Play) -> None:
    world.play(_known(world, command.channel), Playing(command.playback, command.media))


def _stop(world: World, command: c.StopPlayback) -> None:
    for ch in world.channels.values():
        for item in ch.playing:
            if item.playback == command.playback:
                world.stop(ch, item)
                return


def _music_on(world: World, command: c.MusicOn) -> None:
    ch = _known(world, command.channel)
    ch.music, ch.ringback = command.music, False


def _music_off(world: World, command: c.MusicOff) -> None:
    ch = world.ours(command.channel)
    if ch is not None:
        ch.music = None


def _originate(world: World, command: c.Originate) -> None:
    if command.channel in world.channels:
        return
    phone = world.phones.get(command.endpoint)
    if phone is None or phone.habit is Habit.UNREGISTERED:
        raise Refusal(404, f"cannot dial {command.endpoint}: unknown or nobody is registered there")
    leg = Channel(
        command.channel,
        State.DIALLING,
        command.endpoint,
        command.caller_number,
        dict(command.variables),
        originated=True,
        in_app=command.early,
    )
    world.channels[leg.id] = leg
    if phone.habit is not Habit.SILENT:
        world.at(world.now + phone.ring_after, lambda: world.rings(leg))
    if command.early and phone.sounds_after is not None:
        world.at(world.now + phone.sounds_after, lambda: world.heard(leg))
    if phone.habit is Habit.ANSWERS:
        world.at(world.now + phone.after, lambda: world.answered(leg.id))
    elif phone.habit is Habit.REJECTS:
        world.at(world.now + phone.after, lambda: world.declined(leg.id, phone.cause))
    world.at(world.now + command.ring_for, lambda: world.declined(leg.id, NO_ANSWER))


def _count_packets(world: World, command: c.CountPackets) -> None:
    ch = world.ours(command.channel)
    if ch is not None:
        # Who is heard goes on sending, 50 packets a second.
        received = round(world.now * 50) if ch.sounds or ch.state is State.UP else 0
        world.tell(PacketsCounted(node=world.node, channel=ch.id, received=received))


def _answer_phone(world: World, command: c.AnswerPhone) -> None:
    leg = world.channels.get(command.channel)
    if leg is None or not leg.unanswered_leg:
        raise Refusal(0, "no phone rings there")
    if world.phones[leg.endpoint].obeys_talk:
        world.answered(leg.id)


def _create_bridge(world: World, command: c.CreateBridge) -> None:
    world.bridges.add(command.bridge)


def _destroy_bridge(world: World, command: c.DestroyBridge) -> None:
    world.bridges.discard(command.bridge)
    for ch in world.channels.values():
        if ch.bridge == command.bridge:
            ch.bridge = None


def _join(world: World, command: c.Join) -> None:
    if command.bridge not in world.bridges:
        raise Refusal(404, "Bridge not found")
    ch = _known(world, command.channel, missing=400, elsewhere=422)
    world.stop_all(ch)
    ch.bridge, ch.ringback = command.bridge, False


def _leave(world: World, command: c.Leave) -> None:
    ch = world.ours(command.channel)
    if ch is not None and ch.bridge == command.bridge:
        world.stop_all(ch)
        ch.bridge = None


def _send_digits(world: World, command: c.SendDigits) -> None:
    _known(world, command.channel).digits_sent += command.digits


def _hangup(world: World, command: c.Hangup) -> None:
    world.end(command.channel, command.cause)


def _to_dialplan(world: World, command: c.ToDialplan) -> None:
    ch = _known(world, command.channel)
    world.stop_all(ch)
    ch.in_app, ch.bridge, ch.music, ch.ringback = False, None, None, False
    world.tell(LegEnded(node=world.node, channel=ch.id))


EFFECTS: Mapping[type[c.Command], Callable[[World, Any], None]] = {
    c.Answer: _answer,
    c.Ring: _ring,
    c.Play: _play,
    c.StopPlayback: _stop,
    c.MusicOn: _music_on,
    c.MusicOff: _music_off,
    c.Originate: _originate,
    c.AnswerPhone: _answer_phone,
    c.CountPackets: _count_packets,
    c.CreateBridge: _create_bridge,
    c.DestroyBridge: _destroy_bridge,
    c.Join: _join,
    c.Leave: _leave,
    c.SendDigits: _send_digits,
    c.Hangup: _hangup,
    c.ToDialplan: _to_dialplan,
}

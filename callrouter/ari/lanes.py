"""When a command may leave for Asterisk. Pure: time is an argument.

Theory
------
Asterisk carries out Answer, addChannel and removeChannel on the channel's own
thread and lets the request wait for it. While that thread plays a file or sends
digits it does nothing else, so the request waits until the prompt is over; and
as requests on one WebSocket are served one after another, *every other call's*
commands wait too (measured: 3.8 s behind a prompt, 0.2 s behind each digit).
Stopping a playback frees the thread at once (under 1 ms); digits can only be
waited for. Hence, before one of these three reaches the channel:

* what plays there is stopped first, latest first (a command that joins,
  separates or answers ends the prompt);
* while digits go out, it is held back, and with it all that the same call sends
  afterwards: the call's order is kept, other calls don't notice.

A hang-up passes what is held for its call: no one must be kept on the line by
digits. It is the only command that overtakes.
"""

from collections import deque
from collections.abc import Iterable

from acd.commands import (
    Answer,
    Command,
    Hangup,
    Join,
    Leave,
    Play,
    SendDigits,
    StopPlayback,
)
from acd.ids import CallId, ChannelId, PlaybackId

SECONDS_PER_DIGIT = 0.2
"""Asterisk's 100 ms of tone and 100 ms of gap."""
DIGITS_MARGIN = 0.15
"""Seconds until the thread is free again after the last gap (measured: 0.08 to 0.1)."""
MAX_HELD = 256
"""Commands held back per call; SendDigits is bounded, so this many means a runaway."""

_WAITS_FOR_THREAD = (Answer, Join, Leave)


class Lanes:
    """Order of commands per call, playbacks and digits per channel."""

    def __init__(self) -> None:
        self._playing: dict[ChannelId, list[PlaybackId]] = {}
        self._channel_of: dict[PlaybackId, ChannelId] = {}
        self._busy_until: dict[ChannelId, float] = {}
        self._held: dict[CallId, deque[Command]] = {}

    def push(self, command: Command, now: float) -> list[Command]:
        """What may leave now because of this command; empty when it is held back.

        Raises `OverflowError` when the call has more than `MAX_HELD` commands waiting.
        """
        held = self._held.get(command.call)
        if held is not None and not isinstance(command, Hangup):
            if len(held) >= MAX_HELD:
                raise OverflowError(f"{MAX_HELD} commands of this call wait already for its digits to go out")
            held.append(command)
            return []
        if self._must_wait(command, now):
            self._held[command.call] = deque((command,))
            return []
        return self._release(command, now)

    def due(self, now: float) -> list[Command]:
        """Held commands whose time has come."""
        leaving: list[Command] = []
        for call in list(self._held):
            held = self._held[call]
            while held and not self._must_wait(held[0], now):
                leaving += self._release(held.popleft(), now)
            if not held:
                del self._held[call]
        return leaving

    def next_deadline(self) -> float | None:
        """When `due` has something to do."""
        times = [self._ready_at(held[0]) for held in self._held.values()]
        return min(times, default=None)

    def playback_ended(self, playback: PlaybackId) -> None:
        """Finished, failed, or never begun."""
        channel = self._channel_of.pop(playback, None)
        if channel is None:
            return
        playing = self._playing[channel]
        playing.remove(playback)
        if not playing:
            del self._playing[channel]

    def leg_ended(self, channel: ChannelId) -> None:
        for playback in list(self._playing.get(channel, ())):
            self.playback_ended(playback)
        self._busy_until.pop(channel, None)

    def clear(self) -> list[Command]:
        """Forget everything (the link is gone); returns what was held back."""
        held = [command for lane in self._held.values() for command in lane]
        self._playing.clear()
        self._channel_of.clear()
        self._busy_until.clear()
        self._held.clear()
        return held

    def _ready_at(self, command: Command) -> float:
        if isinstance(command, _WAITS_FOR_THREAD):
            return self._busy_until.get(command.channel, 0.0)
        return 0.0

    def _must_wait(self, command: Command, now: float) -> bool:
        return self._ready_at(command) > now

    def _release(self, command: Command, now: float) -> list[Command]:
        if isinstance(command, Play) and command.playback not in self._channel_of:
            self._playing.setdefault(command.channel, []).append(command.playback)
            self._channel_of[command.playback] = command.channel
        elif isinstance(command, StopPlayback):
            self.playback_ended(command.playback)
        elif isinstance(command, SendDigits):
            begin = max(now, self._busy_until.get(command.channel, 0.0))
            self._busy_until[command.channel] = (
                begin + len(command.digits) * SECONDS_PER_DIGIT + DIGITS_MARGIN
            )
        elif isinstance(command, _WAITS_FOR_THREAD):
            return [*self._stops(command, command.channel), command]
        return [command]

    def _stops(self, command: Command, channel: ChannelId) -> Iterable[Command]:
        for playback in reversed(self._playing.get(channel, [])[:]):
            self.playback_ended(playback)
            yield StopPlayback(node=command.node, call=command.call, playback=playback)

"""When a command may leave for Asterisk, and what has to go with it. Pure: time is an argument.

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

Music and ringback end for good when Asterisk plays a file to the channel (what
follows is not even silence but no RTP at all). As a prompt shall only cover
them, they are asked for again when the last prompt has finished.
"""

from collections import deque
from collections.abc import Iterator

from acd.commands import (
    Answer,
    Command,
    Hangup,
    Join,
    Leave,
    MusicOff,
    MusicOn,
    Play,
    Ring,
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


def _duration(command: SendDigits) -> float:
    return len(command.digits) * SECONDS_PER_DIGIT + DIGITS_MARGIN


class Lanes:
    """Order of commands per call; prompts, digits and background sound per channel."""

    def __init__(self) -> None:
        self._playing: dict[ChannelId, list[PlaybackId]] = {}
        self._channel_of: dict[PlaybackId, ChannelId] = {}
        """Until Asterisk says that it has finished, even if stopped before."""
        self._background: dict[ChannelId, MusicOn | Ring] = {}
        self._busy_until: dict[ChannelId, float] = {}
        self._held: dict[CallId, deque[Command]] = {}

    def push(self, command: Command, now: float) -> list[Command]:
        """What may leave now because of this command; empty when it is held back.

        Raises `OverflowError` when the call has `MAX_HELD` commands waiting.
        """
        held = self._held.get(command.call)
        if held is not None and not isinstance(command, Hangup):
            if len(held) >= MAX_HELD:
                raise OverflowError(f"{MAX_HELD} commands of this call wait already for its digits to go out")
            held.append(command)
            return []
        if self._ready_at(command) > now:
            self._held[command.call] = deque((command,))
            return []
        return list(self._release(command, now))

    def due(self, now: float) -> list[Command]:
        """Held commands whose time has come."""
        leaving: list[Command] = []
        for call in list(self._held):
            held = self._held[call]
            while held and self._ready_at(held[0]) <= now:
                leaving += self._release(held.popleft(), now)
            if not held:
                del self._held[call]
        return leaving

    @property
    def holding(self) -> bool:
        return bool(self._held)

    def next_deadline(self) -> float | None:
        """When `due` has something to do."""
        return min((self._ready_at(held[0]) for held in self._held.values()), default=None)

    def playback_finished(self, playback: PlaybackId) -> list[Command]:
        """Asterisk has said so; returns what to ask for again."""
        channel = self._channel_of.pop(playback, None)
        if channel is None:
            return []
        self._no_longer_plays(channel, playback)
        background = self._background.get(channel)
        return [background] if background is not None and channel not in self._playing else []

    def failed(self, command: Command) -> None:
        """Asterisk did not do it: take back what `push` noted of it."""
        if isinstance(command, Play):
            self._channel_of.pop(command.playback, None)
            self._no_longer_plays(command.channel, command.playback)
        elif isinstance(command, MusicOn | Ring) and self._background.get(command.channel) is command:
            del self._background[command.channel]
        elif isinstance(command, SendDigits) and command.channel in self._busy_until:
            self._busy_until[command.channel] -= _duration(command)

    def leg_ended(self, channel: ChannelId) -> None:
        for playback in self._playing.pop(channel, ()):
            self._channel_of.pop(playback, None)
        self._background.pop(channel, None)
        self._busy_until.pop(channel, None)

    def clear(self) -> list[Command]:
        """Forget everything (the link is gone); returns what was held back."""
        held = [command for lane in self._held.values() for command in lane]
        for memory in (self._playing, self._channel_of, self._background, self._busy_until, self._held):
            memory.clear()
        return held

    def _ready_at(self, command: Command) -> float:
        if isinstance(command, _WAITS_FOR_THREAD):
            return self._busy_until.get(command.channel, 0.0)
        return 0.0

    def _release(self, command: Command, now: float) -> Iterator[Command]:
        """The command, after what has to go before it; takes note of its effects."""
        if isinstance(command, _WAITS_FOR_THREAD):
            yield from self._stops(command)
            if isinstance(self._background.get(command.channel), Ring):
                del self._background[command.channel]
        elif isinstance(command, Play) and command.playback not in self._channel_of:
            self._playing.setdefault(command.channel, []).append(command.playback)
            self._channel_of[command.playback] = command.channel
        elif isinstance(command, StopPlayback):
            channel = self._channel_of.get(command.playback)
            if channel is not None:
                self._no_longer_plays(channel, command.playback)
        elif isinstance(command, SendDigits):
            begin = max(now, self._busy_until.get(command.channel, 0.0))
            self._busy_until[command.channel] = (
                begin + len(command.digits) * SECONDS_PER_DIGIT + DIGITS_MARGIN
            )
        elif isinstance(command, MusicOn) or (isinstance(command, Ring) and command.on):
            self._background[command.channel] = command
        elif isinstance(command, MusicOff | Ring):
            self._background.pop(command.channel, None)
        yield command

    def _stops(self, command: Answer | Join | Leave) -> Iterator[Command]:
        for playback in reversed(self._playing.pop(command.channel, [])):
            yield StopPlayback(node=command.node, call=command.call, playback=playback)

    def _no_longer_plays(self, channel: ChannelId, playback: PlaybackId) -> None:
        playing = self._playing.get(channel, [])
        if playback in playing:
            playing.remove(playback)
            if not playing:
                del self._playing[channel]

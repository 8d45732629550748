"""A switch of a few lines for walking the router by hand: commands take effect at once.

`simulators.switch` is the one with delays, losses and refusals; this one is for
tests that say step by step what happens and then look at who hears whom.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from acd import commands as c
from acd import events as e
from acd.floor.watched import FloorWatch
from acd.ids import CallId, ChannelId, NodeId, PlaybackId, SeatId
from acd.record import CallRecord, LateSegment
from callrouter.router import Oddity, RecordReady, Router
from callrouter.site import Site, load_site

Kind = TypeVar("Kind")
NODE = NodeId("main")
SITE = Path(__file__).parents[2] / "ivr_flows"
_cache: list[Site] = []


def site() -> Site:
    if not _cache:
        _cache.append(load_site(SITE))
    return _cache[0]


@dataclass
class Channel:
    """What a channel is doing in the switch."""

    up: bool = False
    sounds: bool = True
    """Of one that has not answered: early media comes."""
    bridge: str = ""
    music: bool = False
    ringback: bool = False
    playing: dict[str, tuple[str, ...]] = field(default_factory=dict)


class World:
    """Router, site and a switch that obeys."""

    def __init__(
        self, seats: Iterable[str] = ("a1002",), watch: FloorWatch | None = None, lag: float = 0.0
    ) -> None:
        """`lag`: seconds after which the switch confirms a hang-up that it was asked for."""
        self.now = 1_800_000_000.0
        self.lag = lag
        self._confirming: list[tuple[float, c.Hangup]] = []
        self.router = Router(site(), self.now, watch)
        self.channels: dict[ChannelId, Channel] = {}
        self.bridges: set[str] = set()
        self.sent: list[c.Command] = []
        self.records: list[CallRecord] = []
        self.late: list[LateSegment] = []
        self.oddities: list[Oddity] = []
        self.others: list[object] = []
        self._obeying = False
        self.tick = 0.0
        """Seconds from one fact to the next; 0: time passes only where a test says so."""
        for seat in seats:
            self.handle(e.SeatReachable(seat=SeatId(seat)))
            self.handle(e.SeatSignedIn(seat=SeatId(seat), agent=f"agent-{seat}"))  # type: ignore[arg-type]
            self.handle(e.SeatReadied(seat=SeatId(seat)))

    # --- facts -----------------------------------------------------------------

    def handle(self, event: e.Event) -> None:
        if self.tick and not self._obeying:
            self.wait(self.tick)
        self._carry_out(self.router.handle(event, self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass; deadlines fall where they fall."""
        until = self.now + seconds
        while (due := self._next()) is not None and due <= until:
            self.now = max(self.now, due)
            if self._confirming and self._confirming[0][0] <= self.now:
                self._gone(self._confirming.pop(0)[1])
            else:
                self._carry_out(self.router.tick(self.now))
        self.now = until

    def _next(self) -> float | None:
        confirming = [at for at, _ in self._confirming[:1]]
        return min(
            [*confirming, *(due for due in [self.router.next_deadline()] if due is not None)], default=None
        )

    def _gone(self, command: c.Hangup) -> None:
        if self.channels.pop(command.channel, None) is not None:
            ended = e.LegEnded(node=NODE, channel=command.channel, cause=command.cause)
            self._carry_out(self.router.handle(ended, self.now))

    def call(self, number: str = "12345", caller: str = "13800001111", call: str = "C1") -> ChannelId:
        channel = ChannelId(f"in-{call}")
        self.channels[channel] = Channel()
        self.handle(
            e.CallOffered(
                node=NODE, call=CallId(call), channel=channel, dialled=number, caller=caller, trunk="carrier"
            )
        )
        return channel

    def finish_playing(self, channel: ChannelId) -> None:
        for playback in list(self.channels[channel].playing):
            del self.channels[channel].playing[playback]
            self.handle(e.PlaybackFinished(node=NODE, playback=PlaybackId(playback)))

    def answer(self, channel: ChannelId) -> None:
        self.channels[channel].up = True
        self.handle(e.LegAnswered(node=NODE, channel=channel))

    def hang_up(self, channel: ChannelId, cause: int = 16) -> None:
        if channel in self.channels:
            del self.channels[channel]
            self.handle(e.LegEnded(node=NODE, channel=channel, cause=cause))

    def keys(self, channel: ChannelId, digits: str) -> None:
        for digit in digits:
            self.wait(0.2)
            self.handle(e.DigitReceived(node=NODE, channel=channel, digit=digit))

    # --- what can be seen ----------------------------------------------------------

    def hung_up(self) -> set[ChannelId]:
        """Channels whose end has been asked for and not confirmed yet."""
        return {command.channel for _, command in self._confirming}

    def talking(self, *channels: ChannelId) -> bool:
        """Exactly these hear each other."""
        bridges = {self.channels[x].bridge for x in channels}
        if len(bridges) != 1 or "" in bridges:
            return False
        inside = {x for x, state in self.channels.items() if state.bridge in bridges}
        return inside == set(channels)

    def hears(self, channel: ChannelId) -> str:
        state = self.channels[channel]
        if state.playing:
            return "prompt"
        if state.music:
            return "music"
        if state.ringback:
            return "ringback"
        others = [o for o in self.channels.values() if o is not state and o.bridge == state.bridge]
        if state.bridge and any(o.up or o.sounds for o in others):
            return "talk"
        return "silence"

    def seat(self, seat: str) -> str:
        return self.router.floor.seat(SeatId(seat)).state

    def notices(self, kind: type[Kind]) -> list[Kind]:
        return [x for x in self.others if isinstance(x, kind)]

    def leg(self, party: str) -> ChannelId:
        """The newest leg to a party."""
        for live in self.router.calls.values():
            for leg in reversed(live.call.legs):
                if leg.party == party:
                    return leg.channel
        raise AssertionError(f"no leg to {party}")

    # --- the switch ------------------------------------------------------------------

    def _carry_out(self, outcomes: Iterable[object]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, c.Command):
                self.sent.append(outcome)
                before, self._obeying = self._obeying, True
                self._obey(outcome)
                self._obeying = before
            elif isinstance(outcome, RecordReady):
                if isinstance(outcome.record, CallRecord):
                    self.records.append(outcome.record)
                else:
                    self.late.append(outcome.record)
            elif isinstance(outcome, Oddity):
                self.oddities.append(outcome)
            else:
                self.others.append(outcome)

    def _obey(self, command: c.Command) -> None:
        match command:
            case c.Originate(channel=channel, early=early):
                self.channels[channel] = Channel(sounds=not early)
            case c.CreateBridge(bridge=bridge):
                self.bridges.add(bridge)
            case c.DestroyBridge(bridge=bridge):
                self.bridges.discard(bridge)
                for state in self.channels.values():
                    if state.bridge == bridge:
                        state.bridge = ""
            case c.StopPlayback(playback=playback):
                for state in self.channels.values():
                    if state.playing.pop(playback, None) is not None:
                        self.handle(e.PlaybackFinished(node=NODE, playback=playback))
            case c.Hangup() if self.lag:
                self._confirming.append((self.now + self.lag, command))
            case c.Hangup():
                self._gone(command)
            case _:
                state = self.channels.get(getattr(command, "channel", ChannelId("")))
                if state is not None:
                    self._on_channel(state, command)

    def _on_channel(self, state: Channel, command: c.Command) -> None:
        match command:
            case c.Answer():
                state.up = True
            case c.Ring(on=on):
                state.ringback = on
            case c.MusicOn():
                state.music = True
            case c.MusicOff():
                state.music = False
            case c.Play(playback=playback, media=media):
                state.playing[playback] = media
            case c.Join(bridge=bridge):
                assert bridge in self.bridges, f"join of {bridge}, which does not exist"
                state.bridge = bridge
            case c.Leave():
                state.bridge = ""

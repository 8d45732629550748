"""An Asterisk in memory, for tests and simulations of everything that decides.

Theory
------
The switch is a step machine. Commands (`send`) and what people do at phones
(`offer`, `press`, `hang_up` …) go in; `advance(now)` carries out what is due and
returns the facts in order. Nothing is random but what the seed decides, hence
every run can be repeated.

As with the real one behind `callrouter.ari`:

* commands take effect one after another in the order sent; each may be refused,
  lost, or carried out without an answer (`Faults`), and each is checked against
  the state that it meets (`simulators.switch_effects`);
* Join, Leave and Answer end what plays to the channel; music lasts until
  MusicOff, a prompt only covers it;
* a leg dialled `early` may join a bridge before it answers, all others after;
* facts from a time without link are lost, and `connect` tells what lives.

`SwitchTelephony` runs one behind the `Telephony` port in real time.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

from acd.commands import Command, Play, StopPlayback
from acd.events import CallOffered, CommandFailed, DigitReceived, NodeDown, NodeUp, PeerHeld, SwitchEvent
from acd.ids import BridgeId, CallId, ChannelId, NodeId
from simulators.switch_effects import EFFECTS, Refusal
from simulators.switch_parts import (
    MUSIC,
    NORMAL_CLEARING,
    REJECTED,
    RINGBACK,
    SILENCE,
    Channel,
    Faults,
    Habit,
    Phone,
    State,
    prompt,
)
from simulators.switch_world import World

__all__ = [
    "MUSIC",
    "RINGBACK",
    "SILENCE",
    "Faults",
    "Habit",
    "Phone",
    "Switch",
    "SwitchTelephony",
    "prompt",
]


class Switch(World):
    """`phones` maps endpoints (``PJSIP/a1001``) to phones; what is not in it can't be dialled.

    `media_seconds` tells how long a media URI plays. `clock` is for real time
    only: without it nothing happens outside of `advance`.
    """

    def __init__(
        self,
        node: str = "sim",
        *,
        seed: int = 0,
        now: float = 0.0,
        clock: Callable[[], float] | None = None,
        phones: Mapping[str, Phone] | None = None,
        faults: Faults | None = None,
        media_seconds: Callable[[str], float] = lambda media: 3.0,
    ) -> None:
        super().__init__(
            NodeId(node),
            seed=seed,
            now=now,
            clock=clock,
            phones=dict(phones or {}),
            faults=faults or Faults(),
            media_seconds=media_seconds,
        )
        self._last_command = now
        self._under_way: dict[int, Command] = {}

    # --- the link --------------------------------------------------------------------

    def connect(self) -> None:
        self.catch_up()
        self.connected = True
        self.link += 1
        live = [ch for ch in self.channels.values() if ch.in_app or ch.unanswered_leg]
        self.note(
            NodeUp(
                node=self.node,
                channels=tuple(ch.id for ch in live),
                bridges=tuple(sorted(self.bridges)),
                ringing=tuple(ch.id for ch in live if ch.state is State.RINGING),
                answered=tuple(ch.id for ch in live if ch.state is State.UP),
            )
        )
        for finished in self.unheard:
            self.note(finished)
        self.unheard.clear()

    def disconnect(self) -> None:
        """Facts under way are lost; commands under way fail with 0 and are carried out all the same."""
        self.catch_up()
        if not self.connected:
            return
        self.connected = False
        self.note(NodeDown(node=self.node))
        for command in self._under_way.values():
            self.note(self._failure(command, 0, "the link to Asterisk broke"))
        self._under_way.clear()

    # --- people ----------------------------------------------------------------------

    def offer(
        self,
        *,
        dialled: str = "12345",
        caller: str = "",
        trunk: str = "carrier",
        headers: Mapping[str, str] | None = None,
    ) -> ChannelId:
        """Somebody calls. Without a link the dialplan keeps the caller and we never hear of it."""
        self.catch_up()
        number = next(self.count)
        channel = Channel(ChannelId(f"in-{number}"), State.OFFERED, trunk, caller, in_app=self.connected)
        self.channels[channel.id] = channel
        self.tell(
            CallOffered(
                node=self.node,
                call=CallId(f"{number:09d}-{self.node}"),
                channel=channel.id,
                dialled=dialled,
                caller=caller,
                trunk=trunk,
                headers=dict(headers or {}),
            )
        )
        return channel.id

    def press(self, channel: ChannelId, digits: str) -> None:
        """Keys at a phone: heard when its line is ours."""
        self.catch_up()
        if self.ours(channel) is not None:
            for digit in digits:
                self.tell(DigitReceived(node=self.node, channel=channel, digit=digit))

    def hang_up(self, channel: ChannelId, cause: int = NORMAL_CLEARING) -> None:
        """The person puts down, or with another cause the phone vanishes."""
        self.catch_up()
        self.end(channel, cause)

    def pick_up(self, channel: ChannelId) -> None:
        """Somebody answers a ringing phone."""
        self.catch_up()
        self.answered(channel)

    def decline(self, channel: ChannelId, cause: int = REJECTED) -> None:
        self.catch_up()
        self.declined(channel, cause)

    def hold(self, channel: ChannelId, held: bool = True) -> None:
        """The hold key of the phone itself."""
        self.catch_up()
        if self.ours(channel) is not None:
            self.tell(PeerHeld(node=self.node, channel=channel, held=held))

    # --- what can be observed --------------------------------------------------------

    def hears(self, channel: ChannelId) -> frozenset[str]:
        """Other channels' ids, `MUSIC`, `RINGBACK`, `prompt(media)` or `SILENCE`; never empty.

        A member that listens to a prompt is not heard by the others; one that
        listens to music is.
        """
        ch = self.channels[channel]
        if ch.playing:
            return frozenset({prompt(ch.playing[0].media[0])})
        if ch.music is not None:
            return frozenset({MUSIC})
        if ch.bridge is None:
            return frozenset({RINGBACK if ch.ringback else SILENCE})
        others = (self.channels[other] for other in self.members(ch.bridge) if other != channel)
        speaking = (o for o in others if not o.playing and (o.sounds or not o.unanswered_leg))
        return frozenset(o.id for o in speaking) or frozenset({SILENCE})

    def members(self, bridge: BridgeId) -> frozenset[ChannelId]:
        return frozenset(ch.id for ch in self.channels.values() if ch.bridge == bridge)

    # --- commands --------------------------------------------------------------------

    def send(self, command: Command) -> None:
        """Take a command; it takes effect in `advance`, even if at the present instant."""
        self.catch_up()
        if not self.connected:
            self.note(self._failure(command, 0, "no link to Asterisk"))
            return
        faults, draw = self.faults, self.random
        self._last_command = max(self._last_command, self.now + draw.uniform(*faults.command_delay))
        at, lot, ticket = self._last_command, draw.random(), next(self.count)
        self._under_way[ticket] = command
        silent = faults.lost + faults.unanswered
        if lot < silent:
            if lot >= faults.lost:
                self.at(at, lambda: self._carry_out(command))
            late = self.now + faults.timeout
            self.at(late, lambda: self._refuse(ticket, 0, "Asterisk did not answer in time"))
        elif lot < silent + faults.refused:
            self.at(at, lambda: self._refuse(ticket, 500, "Internal Server Error"))
        else:
            self.at(at, lambda: self._carry_out(command, ticket))

    def _carry_out(self, command: Command, ticket: int | None = None) -> None:
        try:
            EFFECTS[type(command)](self, command)
        except Refusal as refusal:
            if ticket is not None:
                self._refuse(ticket, refusal.status, str(refusal))
        else:
            if ticket is not None:
                self._under_way.pop(ticket, None)

    def _refuse(self, ticket: int, status: int, reason: str) -> None:
        """The failure of a command that still waits for its answer."""
        command = self._under_way.pop(ticket, None)
        if command is not None:
            self.tell(self._failure(command, status, reason))

    def _failure(self, command: Command, status: int, reason: str) -> CommandFailed:
        return CommandFailed(
            node=self.node,
            call=command.call,
            what=type(command).__name__,
            subject=_subject(command),
            status=status,
            reason=reason,
        )


def _subject(command: Command) -> str:
    if isinstance(command, Play | StopPlayback):
        return command.playback
    return str(getattr(command, "channel", None) or getattr(command, "bridge", ""))


class SwitchTelephony:
    """A `Switch` as `callrouter.ports.Telephony`, in real time. The switch must have this one's `clock`."""

    def __init__(self, switch: Switch, clock: Callable[[], float] = time.time) -> None:
        self.node = switch.node
        self.switch = switch
        self._clock = clock
        self._changed = asyncio.Event()
        switch.changed = self._changed.set

    def send(self, command: Command) -> None:
        self.switch.send(command)

    async def run(self, sink: Callable[[SwitchEvent], None]) -> None:
        """Connect and hand every fact to `sink` until cancelled."""
        self.switch.connect()
        try:
            while True:
                self._changed.clear()
                for fact in self.switch.advance(self._clock()):
                    sink(fact)
                await self._something_due()
        finally:
            self.switch.disconnect()

    async def _something_due(self) -> None:
        """Until the agenda's next entry, or until somebody acts."""
        due = self.switch.next_at()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._clock())):
                await self._changed.wait()
        except TimeoutError:
            return

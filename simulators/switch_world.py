"""Time, state and facts of the in-memory switch: what its effects and its people both act upon."""

import heapq
import itertools
import random
from collections.abc import Callable

from acd.events import (
    LegAnswered,
    LegEnded,
    LegHeard,
    LegRinging,
    PlaybackFinished,
    PlaybackStarted,
    SwitchEvent,
)
from acd.ids import BridgeId, ChannelId, NodeId
from simulators.switch_parts import REJECTED, Channel, Faults, Phone, Playing, State


class World:
    """An agenda, the channels and bridges, and the facts not fetched yet.

    Without `clock` time passes in `advance` only; with one, `now` follows it
    between two calls.
    """

    def __init__(
        self,
        node: NodeId,
        *,
        seed: int,
        now: float,
        clock: Callable[[], float] | None,
        phones: dict[str, Phone],
        faults: Faults,
        media_seconds: Callable[[str], float],
    ) -> None:
        self.node = node
        self.phones = phones
        self.faults = faults
        self.channels: dict[ChannelId, Channel] = {}
        self.bridges: set[BridgeId] = set()
        self.connected = False
        self.link = 0
        self.unheard: list[PlaybackFinished] = []
        """Ends of playbacks that no link has told."""
        """Counts connections: what was under way on one is lost to the next."""
        self.changed: Callable[[], None] = lambda: None
        """Called when there may be something new for `advance`; set by whoever waits."""
        self.random = random.Random(seed)
        self.count = itertools.count()
        self._media_seconds = media_seconds
        self._clock = clock
        self._now = now
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._out: list[SwitchEvent] = []
        self._last_fact = now

    # --- time ------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self._now

    def advance(self, now: float) -> list[SwitchEvent]:
        """Let time pass to `now` (never backwards) and return what became known meanwhile."""
        while self._agenda and self._agenda[0][0] <= now:
            at, _, act = heapq.heappop(self._agenda)
            self._now = max(self._now, at)
            act()
        self._now = max(self._now, now)
        facts, self._out = self._out, []
        return facts

    def next_at(self) -> float | None:
        """When `advance` will have something to do."""
        if self._out:
            return self._now
        return self._agenda[0][0] if self._agenda else None

    def catch_up(self) -> None:
        """Follow the clock, before somebody acts from outside."""
        if self._clock is not None:
            self._out = self.advance(self._clock())

    def at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self.count), act))
        self.changed()

    def tell(self, fact: SwitchEvent) -> None:
        """A fact on its way over the link; facts keep their order whatever delay each draws."""
        if not self.connected:
            self._missed(fact)
            return
        delay = self.random.uniform(*self.faults.event_delay)
        self._last_fact = max(self._last_fact, self._now + delay)
        if self._last_fact <= self._now:
            self.note(fact)
        else:
            link = self.link
            self.at(
                self._last_fact,
                lambda: self.note(fact) if self.connected and self.link == link else self._missed(fact),
            )

    def _missed(self, fact: SwitchEvent) -> None:
        """Lost with the link; of playbacks the next one asks."""
        if isinstance(fact, PlaybackFinished):
            self.unheard.append(fact)

    def note(self, fact: SwitchEvent) -> None:
        """A fact that needs no link."""
        self._out.append(fact)
        self.changed()

    # --- channels --------------------------------------------------------------------

    def ours(self, channel: ChannelId) -> Channel | None:
        """The channel, if it is in our application."""
        ch = self.channels.get(channel)
        return ch if ch is not None and ch.in_app else None

    def rings(self, leg: Channel) -> None:
        if leg.state is State.DIALLING and leg.id in self.channels:
            leg.state = State.RINGING
            self.tell(LegRinging(node=self.node, channel=leg.id))

    def heard(self, leg: Channel) -> None:
        if leg.unanswered_leg and leg.id in self.channels:
            leg.sounds = True
            self.tell(LegHeard(node=self.node, channel=leg.id))

    def answered(self, channel: ChannelId) -> None:
        leg = self.channels.get(channel)
        if leg is not None and leg.unanswered_leg:
            leg.state, leg.in_app = State.UP, True
            self.tell(LegAnswered(node=self.node, channel=channel))

    def declined(self, channel: ChannelId, cause: int = REJECTED) -> None:
        leg = self.channels.get(channel)
        if leg is not None and leg.unanswered_leg:
            self.end(channel, cause)

    def end(self, channel: ChannelId, cause: int) -> None:
        ch = self.channels.pop(channel, None)
        if ch is None:
            return
        for item in ch.playing:
            self.tell(PlaybackFinished(node=self.node, playback=item.playback, failed=True))
        ch.playing.clear()
        if ch.in_app or ch.unanswered_leg:
            self.tell(LegEnded(node=self.node, channel=channel, cause=cause))

    # --- playbacks -------------------------------------------------------------------

    def play(self, ch: Channel, item: Playing) -> None:
        ch.playing.append(item)
        if len(ch.playing) == 1:
            self._begin(ch)

    def stop(self, ch: Channel, item: Playing) -> None:
        if item is ch.playing[0]:
            self._over(ch, item)
        else:
            ch.playing.remove(item)
            self.tell(PlaybackFinished(node=self.node, playback=item.playback))

    def stop_all(self, ch: Channel) -> None:
        """Latest first, so that none begins in between."""
        for item in reversed(list(ch.playing)):
            self.stop(ch, item)

    def _begin(self, ch: Channel) -> None:
        item = ch.playing[0]
        ends = self._now + sum(self._media_seconds(media) for media in item.media)
        self.tell(PlaybackStarted(node=self.node, playback=item.playback))
        self.at(ends, lambda: self._over(ch, item))

    def _over(self, ch: Channel, item: Playing) -> None:
        if ch.playing and ch.playing[0] is item:
            ch.playing.popleft()
            self.tell(PlaybackFinished(node=self.node, playback=item.playback))
            if ch.playing:
                self._begin(ch)

"""The keys of the seats' phones in one call: codes are collected, wrong ones refused by a tone.

Theory. Each seat's leg collects for itself (`acd.feature_codes`). A completed code
goes out as `FeatureDialled`, a key that belongs to none goes to whoever the seat
speaks with: the switch keeps it from them (`Join.keys_stay`). Two deadlines per
leg belong to this file: `keys`, the silence after which a number is taken as
finished, and `refused`, the tone's end.
"""

from typing import Final

from acd import commands as c
from acd.call import Call
from acd.feature_codes import BETWEEN_KEYS, Dialled, Feature, KeyCollector
from acd.ids import Instant, PlaybackId, SeatId, Seconds
from acd.leg import Leg, Place
from acd.record import Role
from acd.stage import FeatureDialled, Manners, Output, TimerKey
from acd.timers import Timers

REFUSED: Final[Seconds] = 1.0
"""A tone does not end by itself."""

ECHO: Final[Seconds] = 0.04
"""The end of an RFC 4733 event is sent three times, 20 ms apart, and Asterisk 22.10 reports each as a key of
its own when the bridge changes in between, as it does at the last key of a code. Nobody presses so fast."""


class Keypad:
    """What the seats of one call dial inside it; effects are appended to `out`."""

    __slots__ = ("_call", "_collectors", "_latest", "_manners", "_out", "_timers", "_tones")

    def __init__(self, call: Call, timers: Timers[TimerKey], manners: Manners, out: list[Output]) -> None:
        self._call = call
        self._timers = timers
        self._manners = manners
        self._out = out
        self._collectors: dict[int, KeyCollector] = {}
        self._latest: dict[int, tuple[str, Instant]] = {}
        self._tones: dict[int, PlaybackId] = {}
        """What refuses a key, by leg, while it lasts."""

    def key(self, leg: Leg, digit: str, now: Instant) -> None:
        """A DTMF digit from a seat."""
        if leg.role is not Role.SEAT or not leg.up:
            return
        before, self._latest[leg.number] = self._latest.get(leg.number), (digit, now)
        if before is not None and before[0] == digit and now - before[1] < ECHO:
            return
        collector = self._collectors.setdefault(leg.number, KeyCollector())
        dialled = collector.key(digit, self._manners.numbers())
        self._dialled(leg, dialled)
        key = (self._call.id, "keys", leg.number)
        if collector.collecting:
            self._timers.set(key, now + BETWEEN_KEYS)
        else:
            self._timers.cancel(key)

    def silent(self, leg: Leg) -> None:
        """No further key came in time."""
        collector = self._collectors.get(leg.number)
        if collector is not None:
            self._dialled(leg, collector.silence(self._manners.numbers()))

    def refuse(self, seat: SeatId, now: Instant) -> None:
        """A tone in the seat's ear: this key does nothing here."""
        leg = next((x for x in reversed(self._call.legs) if x.party == seat and x.up), None)
        if leg is not None and leg.playback is None and self._manners.not_possible:
            play = self._call.playing(leg, self._manners.not_possible)
            self._out.append(play)
            self._tones[leg.number] = play.playback
            self._timers.set((self._call.id, "refused", leg.number), now + REFUSED)

    def refused(self, leg: Leg) -> None:
        """The tone has lasted long enough."""
        tone = self._tones.pop(leg.number)
        if tone == leg.playback:
            self._out.append(c.StopPlayback(node=leg.node, call=self._call.id, playback=tone))

    def _dialled(self, leg: Leg, dialled: Dialled | None) -> None:
        if dialled is None:
            return
        if dialled.feature is not Feature.HAND_ON:
            self._out.append(FeatureDialled(self._call.id, SeatId(leg.party), dialled))
            return
        for other in self._call.legs:
            if leg.place is Place.BRIDGE and other.place is Place.BRIDGE and other.role is not Role.SEAT:
                self._out.append(
                    c.SendDigits(
                        node=other.node, call=self._call.id, channel=other.channel, digits=dialled.number
                    )
                )

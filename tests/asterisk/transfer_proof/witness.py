"""Everybody's ears in one case: what each has to hear now, and what each has to have heard in the end."""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from simulators.audio import Samples
from tests.asterisk.transfer_proof.ears import longest_silence, story, voices
from tests.asterisk.transfer_proof.phones import Ear

WINDOW: Final = 0.5
"""Seconds of audio that must be as expected, on end."""
HEARD_WITHIN: Final = 6.0
SILENCE: Final = 2.0
"""A caller must never hear nothing for longer."""
RINGBACK_PAUSE: Final = 4.2
"""China's ringback: a second of tone, four of silence."""


class Witness:
    """`tones` by name; whoever is in `mute` makes no sound and is expected by nobody."""

    def __init__(self, tones: dict[str, float], mute: Iterable[str]) -> None:
        self.tones, self._mute = tones, set(mute)
        self.ears: dict[str, Ear] = {}
        """Phones of this process. The ear of a partner in Asterisk is a file, read at the end."""
        self._told: dict[str, list[frozenset[str]]] = {}
        self.since = 0.0
        """When what is heard now began, at the latest."""

    async def hear(self, **expected: set[str]) -> None:
        """Each of them hears these voices, and no other. Raises AssertionError."""
        wanted = {name: frozenset(who - self._mute) for name, who in expected.items()}
        for name, who in wanted.items():
            told = self._told.setdefault(name, [])
            if who and told[-1:] != [who]:
                told.append(who)
        await asyncio.gather(*(self._hears(name, who) for name, who in wanted.items() if name in self.ears))
        self.since = time.monotonic() - WINDOW
        if wanted.get("partner") and "partner" not in self.ears:
            await asyncio.sleep(WINDOW)  # something to hear for an ear that is asked later

    async def _hears(self, name: str, wanted: frozenset[str]) -> None:
        """Audio that began after this was asked; nothing of before counts."""
        deadline = time.monotonic() + HEARD_WITHIN
        await asyncio.sleep(WINDOW)
        while True:
            heard = voices(self.ears[name].last(WINDOW), self.tones)
            if heard == wanted:
                return
            if time.monotonic() > deadline:
                told = sorted(heard) or "no voice" if heard is not None else "something broken"
                raise AssertionError(f"{name} heard {told}, not {sorted(wanted)}")
            await asyncio.sleep(0.08)

    # --- in the end

    def contradictions(self, name: str, heard: Samples) -> list[str]:
        """What this one heard from beginning to end, where it is not what was expected."""
        found, wanted = story(heard, self.tones), tuple(self._told.get(name, ()))
        return [] if found == wanted else [f"{name} heard {_words(found)}, not {_words(wanted)}"]

    def silences(self, heard: Samples, limit: float) -> list[str]:
        """The caller was left without any sound for longer than `limit` seconds."""
        gap = longest_silence(heard)
        return [f"the caller heard nothing for {gap:.1f} s"] if gap > limit else []


def _words(told: tuple[frozenset[str], ...]) -> str:
    return " → ".join("+".join(sorted(who)) for who in told) or "nobody"

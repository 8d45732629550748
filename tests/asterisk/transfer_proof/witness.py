"""Everybody's ears in one case: what each has to hear now, and what each has to have heard in the end."""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from tests.asterisk.transfer_proof.sound import Ear
from tests.asterisk.transfer_proof.sound_process import WINDOW

HEARD_WITHIN: Final = 30.0
SILENCE: Final = 2.5
"""A caller must never hear nothing for longer: 2 s are promised, the rest is a busy machine's."""
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
        right, heard = await self.ears[name].hears(wanted, self.tones, HEARD_WITHIN)
        if not right:
            told = heard or "no voice" if heard is not None else "something broken"
            raise AssertionError(f"{name} heard {told}, not {sorted(wanted)}")

    # --- in the end

    def contradictions(self, name: str, heard: tuple[frozenset[str], ...], strict: bool) -> list[str]:
        """What this one heard from beginning to end, where it is not what was expected.

        A voice among others may falter (mixing is what a busy machine does worst); nobody may be heard who
        should not be. Not `strict`: of live ears it is known from `hear` that all were heard who should be.
        """
        wanted = tuple(self._told.get(name, ()))
        if strict or name not in self.ears:
            right = _within(heard, wanted)
        else:
            right = all(any(who <= expected for expected in wanted) for who in heard)
        return [] if right else [f"{name} heard {_words(heard)}, not {_words(wanted)}"]


def _within(heard: tuple[frozenset[str], ...], wanted: tuple[frozenset[str], ...]) -> bool:
    """All that was wanted came in that order, and in between only parts of it."""
    left = list(wanted)
    for who in heard:
        if left and who == left[0]:
            left.pop(0)
        elif not any(who <= expected for expected in wanted):
            return False
    return not left


def _words(told: tuple[frozenset[str], ...]) -> str:
    return " → ".join("+".join(sorted(who)) for who in told) or "nobody"

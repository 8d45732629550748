"""Feature codes: what a seat may dial inside a call from any plain SIP phone.

Theory. Keys are collected from the first ``*`` on; anything before it belongs to
the conversation and is handed on, and so is one ``*`` of two in a row. A code
without argument acts at once. A code with a number acts as soon as the number is
one that can be dialled and no longer one begins with it; ``#`` ends a number
early; silence between keys ends it too. A number that nothing begins with is
refused at the key that made it so.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from acd.ids import Seconds


class Feature(StrEnum):
    CANCEL = "cancel"
    COMPLETE = "complete"
    CONSULT = "consult"
    THREE_PARTY = "three_party"
    HOLD = "hold"
    SWAP = "swap"
    BLIND = "blind"
    HAND_ON = "hand_on"
    """No code: the key is meant for the other end, a menu perhaps."""
    UNKNOWN = "unknown"
    """A code or number that does not exist; the seat hears a tone."""


CODES: Final[dict[str, Feature]] = {
    "*0": Feature.CANCEL,
    "*1": Feature.COMPLETE,
    "*2": Feature.CONSULT,
    "*3": Feature.THREE_PARTY,
    "*4": Feature.HOLD,
    "*5": Feature.SWAP,
    "*7": Feature.BLIND,
}
WITH_NUMBER: Final = (Feature.CONSULT, Feature.BLIND)
BETWEEN_KEYS: Final[Seconds] = 3.0
LONGEST_NUMBER: Final = 15


@dataclass(frozen=True, slots=True)
class Dialled:
    feature: Feature
    number: str = ""


class KeyCollector:
    """Keys of one seat in one call."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        self.keys = ""

    def key(self, digit: str, numbers: Collection[str]) -> Dialled | None:
        """Take one key; the code it completes or the key to hand on. `numbers` can be dialled."""
        if digit == "*":
            if self.keys == "*":
                return self._done(Dialled(Feature.HAND_ON, "*"))
            self.keys = "*"
            return None
        if not self.keys:
            return Dialled(Feature.HAND_ON, digit)
        if digit == "#":
            return self.silence(numbers)
        self.keys += digit
        feature = CODES.get(self.keys[:2])
        if feature is None:
            return self._done(Dialled(Feature.UNKNOWN, self.keys))
        if feature not in WITH_NUMBER:
            return self._done(Dialled(feature))
        number = self.keys[2:]
        if not number:
            return None
        longer = any(known != number and known.startswith(number) for known in numbers)
        if number in numbers and not longer:
            return self._done(Dialled(feature, number))
        if not longer or len(number) > LONGEST_NUMBER:
            return self._done(Dialled(Feature.UNKNOWN, number))
        return None

    def silence(self, numbers: Collection[str]) -> Dialled | None:
        """No further key came: a whole number acts, a torn one is refused."""
        if not self.keys:
            return None
        feature = CODES.get(self.keys[:2], Feature.UNKNOWN)
        number = self.keys[2:]
        if feature in WITH_NUMBER and number in numbers:
            return self._done(Dialled(feature, number))
        return self._done(Dialled(Feature.UNKNOWN, number))

    @property
    def collecting(self) -> bool:
        return bool(self.keys)

    def _done(self, dialled: Dialled) -> Dialled:
        self.keys = ""
        return dialled

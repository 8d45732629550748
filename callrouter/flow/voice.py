"""The prompt catalogue as the interpreter's voice."""

from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Final

from callrouter.flow import say
from callrouter.flow.prompts import Catalogue


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise say.Unspeakable(f"{value!r} is not a text")


def _amount(value: object) -> Decimal | int | str:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise say.Unspeakable(f"{value!r} is not a number")


def _date(value: object) -> date:
    return date.fromisoformat(_text(value)[:10])


SPEAKERS: Final[Mapping[str, Callable[[object], say.Prompts]]] = {
    "number": lambda value: say.number(_amount(value)),
    "digits": lambda value: say.digits(str(value)),
    "telephone": lambda value: say.telephone(_text(value)),
    "date": lambda value: say.calendar_date(_date(value)),
    "weekday": lambda value: say.weekday(_date(value)),
    "time": lambda value: say.clock_time(time.fromisoformat(_text(value))),
    "money": lambda value: say.money(_amount(value)),
    "duration": lambda value: say.duration(float(_amount(value))),
}


class CatalogueVoice:
    """Implements `callrouter.flow.program.Voice` over a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._media: dict[tuple[str, str], tuple[str, ...]] = {}

    def media(self, prompt: str, language: str) -> tuple[str, ...]:
        key = (prompt, language)
        known = self._media.get(key)
        if known is None:
            found = self.catalogue.media(prompt, language)
            # Bounded: prompt ids come from checked flows, languages from the flows' lists.
            known = self._media[key] = (found,) if found is not None else ()
        return known

    def spoken(self, kind: str, value: object, language: str) -> tuple[str, ...]:
        """A value that has no words (a date that is none, a language without grammar) is left out."""
        return tuple(
            media for prompt in self.words(kind, value, language) for media in self.media(prompt, language)
        )

    def words(self, kind: str, value: object, language: str) -> tuple[str, ...]:
        """The prompts that a value is spoken with."""
        try:
            say.require_grammar(language)
            return SPEAKERS[kind](value)
        except ValueError:  # Unspeakable is one
            return ()

"""Speech by prompt and by value, from the shipped catalogue."""

from pathlib import Path

import pytest

from callrouter.flow.loader import read_catalogue
from callrouter.flow.node import SPOKEN
from callrouter.flow.voice import SPEAKERS, CatalogueVoice

SHIPPED = Path(__file__).parents[2] / "ivr_flows" / "prompts"


@pytest.fixture(scope="module")
def voice() -> CatalogueVoice:
    return CatalogueVoice(read_catalogue(SHIPPED))


def test_every_kind_that_flows_may_say_has_a_speaker() -> None:
    assert {"prompt", *SPEAKERS} == set(SPOKEN)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("number", 12, ("number_12",)),
        ("number", "2.5", ("number_2", "number_point", "number_5")),
        ("number", 2.5, ("number_2", "number_point", "number_5")),
        ("digits", "107", ("digit_yao", "number_0", "number_7")),
        ("digits", 107, ("digit_yao", "number_0", "number_7")),
        ("weekday", "2026-11-20", ("weekday_5",)),
        ("money", 3, ("number_3", "money_yuan")),
        ("money", "12.50", ("number_12", "money_yuan", "number_5", "money_jiao")),
        ("duration", 60, ("number_1", "duration_minute")),
        ("date", "2026-11-20", None),
        ("time", "18:30", None),
        ("telephone", "13900001111", None),
    ],
)
def test_words(voice: CatalogueVoice, kind: str, value: object, words: tuple[str, ...] | None) -> None:
    found = voice.words(kind, value, "zh")
    assert found
    assert words is None or found == words
    assert all(word in voice.catalogue for word in found)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "many"), ("number", True), ("number", None), ("number", 10**30), ("number", float("nan")),
        ("digits", "12a"), ("digits", ""), ("digits", "1" * 100), ("date", "2026-02-30"), ("date", 5),
        ("weekday", ""), ("time", "25:00"), ("time", None), ("money", "x"), ("money", []), ("duration", -1),
        ("duration", "x"), ("telephone", 5), ("telephone", "call me"),
    ],
)  # fmt: skip
def test_what_has_no_words_is_left_out(voice: CatalogueVoice, kind: str, value: object) -> None:
    assert voice.spoken(kind, value, "zh") == ()


def test_a_language_without_grammar_is_left_out(voice: CatalogueVoice) -> None:
    assert voice.spoken("number", 5, "bo-amdo") == ()
    assert voice.media("greeting_province", "bo-amdo") == ()


def test_media_are_paths_that_asterisk_can_play(voice: CatalogueVoice) -> None:
    media = voice.media("greeting_province", "zh")
    assert media == (f"sound:{SHIPPED.resolve()}/zh/greeting_province",)
    assert voice.media("greeting_province", "zh") is media, "looked up once"
    assert voice.media("no_such_prompt", "zh") == ()

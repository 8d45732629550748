from hypothesis import given
from hypothesis import strategies as st

from acd.feature_codes import LONGEST_NUMBER, Dialled, Feature, KeyCollector

NUMBERS = ("110", "119", "12315", "12333", "097112345")


def dial(keys: str, numbers: tuple[str, ...] = NUMBERS) -> list[Dialled]:
    collector = KeyCollector()
    return [d for key in keys if (d := collector.key(key, numbers)) is not None]


def test_a_line_is_dialled_with_its_last_digit() -> None:
    assert dial("*212315") == [Dialled(Feature.CONSULT, "12315")]


def test_emergency_numbers_are_three_keys() -> None:
    assert dial("*2110") == [Dialled(Feature.CONSULT, "110")]


def test_a_prefecture_needs_nine_keys() -> None:
    assert dial("*2097112345") == [Dialled(Feature.CONSULT, "097112345")]


def test_keys_before_the_star_belong_to_the_conversation() -> None:
    assert dial("12#0") == [Dialled(Feature.HAND_ON, key) for key in "12#0"]


def test_a_star_for_the_other_end_is_pressed_twice() -> None:
    assert dial("**1*1") == [
        Dialled(Feature.HAND_ON, "*"),
        Dialled(Feature.HAND_ON, "1"),
        Dialled(Feature.COMPLETE),
    ]


def test_a_star_begins_anew() -> None:
    assert dial("*2123*0") == [Dialled(Feature.CANCEL)]


def test_an_unknown_number_is_refused_at_the_key_that_made_it_so() -> None:
    assert dial("*2129") == [Dialled(Feature.UNKNOWN, "129")]


def test_an_unknown_code_is_refused() -> None:
    assert dial("*9") == [Dialled(Feature.UNKNOWN, "*9")]


def test_a_number_that_others_begin_with_waits_for_silence_or_hash() -> None:
    collector = KeyCollector()
    numbers = ("123", "12345")
    assert [collector.key(k, numbers) for k in "*2123"] == [None] * 5
    assert collector.silence(numbers) == Dialled(Feature.CONSULT, "123")
    assert dial("*2123#", numbers) == [Dialled(Feature.CONSULT, "123")]


def test_silence_in_the_middle_of_a_number_is_refused() -> None:
    collector = KeyCollector()
    for key in "*2123":
        collector.key(key, NUMBERS)
    assert collector.silence(NUMBERS) == Dialled(Feature.UNKNOWN, "123")
    assert not collector.collecting


@given(st.text(alphabet="0123456789*#ABCD", max_size=200))
def test_no_sequence_of_keys_grows_without_bound(keys: str) -> None:
    collector = KeyCollector()
    for key in keys:
        done = collector.key(key, NUMBERS)
        assert len(collector.keys) <= LONGEST_NUMBER + 3
        if done is not None:
            assert not collector.collecting
            free = done.feature in (Feature.UNKNOWN, Feature.HAND_ON)
            assert free or not done.number or done.number in NUMBERS

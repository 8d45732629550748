import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.privacy import mask_number, mask_text, mask_value


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("", ""),
        ("13812345678", "138****5678"),
        ("+8613812345678", "+86138****5678"),
        ("008613812345678", "0086138****5678"),
        ("09716123456", "097****3456"),
        ("0971-6123456", "097****3456"),
        ("6123456", "****456"),
        ("12315", "12315"),
        ("110", "110"),
        ("+12025550123", "+120****0123"),
        ("anonymous", "a***"),
        ('"><script>', '"***'),
        ("１３８１２３４５６７８", "１***"),
    ],
)
def test_numbers_by_kind(number: str, masked: str) -> None:
    assert mask_number(number) == masked


def test_text_hides_long_numbers_and_keeps_hotlines() -> None:
    assert mask_text("12315 于 13812345678 / 138 1234 5678 回电") == "12315 于 138****5678 / 138****5678 回电"


def test_values_are_masked_through_and_through() -> None:
    value = {"13812345678": [13812345678, "call 13812345678", 5, True, None, 1.5], "n": {"x": ("110",)}}
    assert mask_value(value) == {
        "138****5678": ["138****5678", "call 138****5678", 5, True, None, 1.5],
        "n": {"x": ["110"]},
    }


@given(st.text(alphabet=string.digits, min_size=7, max_size=40))
def test_three_digits_or_more_are_always_gone(number: str) -> None:
    masked = mask_number(number)
    assert number not in masked
    assert sum(sign == "*" for sign in masked) >= 3


@given(st.text(max_size=200))
def test_masking_never_fails_and_masking_twice_changes_no_more(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once
    mask_number(text)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.directory.numbers import international, national


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("12345", "12345"),
        ("+8612345", "12345"),
        ("0971-12345", "097112345"),
        ("(0971) 12345", "097112345"),
        ("+8697112345", "097112345"),
        ("+86-971-12345", "097112345"),
        ("+86 0971 12345", "097112345"),
        ("0086 979 12345", "097912345"),
        ("+8613909710001", "13909710001"),
        ("+861062345678", "01062345678"),
        ("+8695588", "95588"),
        ("+864008123123", "4008123123"),
        ("0044 20 7946 0000", "+442079460000"),
        ("+442079460000", "+442079460000"),
        ("", ""),
        ("+86", ""),
        ("operator", ""),
        ("12345;rm", ""),
        ("1" * 40, ""),
        ("１２３４５", ""),
    ],
)
def test_one_number_whatever_its_clothes(dialled: str, number: str) -> None:
    assert national(dialled) == number


@given(st.text(max_size=60))
def test_any_text_gives_a_number_or_nothing(dialled: str) -> None:
    number = national(dialled)
    assert number == "" or number.removeprefix("+").isascii()
    assert number == "" or number.removeprefix("+").isdigit()


@given(st.from_regex(r"010[0-9]{8}|0[235679][0-9]{8,10}|1[3-9][0-9]{9}|1[0-9]{2,4}", fullmatch=True))
def test_there_and_back(number: str) -> None:
    assert national(international(number)) == number

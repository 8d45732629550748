"""Numbers, names and headers from the other side of the trunk, decent and hostile."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callrouter.ari.caller import (
    MAX_DIALLED,
    MAX_DISPLAY,
    MAX_HEADER,
    MAX_NUMBER,
    clean_dialled,
    clean_display,
    clean_number,
    clean_text,
    decode_header,
)

NUMBERS = {
    "13909710001": "13909710001",
    "+8613909710001": "13909710001",
    "008613909710001": "13909710001",
    "+86 139-0971-0001": "13909710001",
    "+869718123456": "09718123456",
    "+8609718123456": "09718123456",
    "(0971) 812.3456": "09718123456",
    "sip:+8613909710001@ims.invalid;user=phone": "13909710001",
    "SIPS:13909710001@h": "13909710001",
    "tel:+86-139-0971-0001;phone-context=x": "13909710001",
    '"张三" <sip:13909710001@h;transport=udp>;tag=1': "13909710001",
    "<tel:+85212345678>": "+85212345678",
    "0085212345678": "+85212345678",
    "+15551234567": "+15551234567",
    "139%30": "1390",
    "anonymous": "",
    "sip:anonymous@anonymous.invalid": "",
    "Restricted": "",
    "": "",
    "+": "",
    "1" * (MAX_NUMBER + 1): "",
    "139\r\nAction: Originate": "",
    "１３９０９７１０００１": "",
    "139;DROP": "139",
}


@pytest.mark.parametrize("raw", NUMBERS)
def test_numbers(raw: str) -> None:
    assert clean_number(raw) == NUMBERS[raw]


@pytest.mark.parametrize(
    "presentation", ["prohib", "prohib_passed_screen", "prohib_not_screened", "unavailable"]
)
def test_who_wants_to_be_unknown_is(presentation: str) -> None:
    assert clean_number("13909710001", presentation) == ""
    assert clean_display("张三", presentation) == ""
    assert clean_number("13909710001", "allowed_passed_screen") == "13909710001"


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("12345", "12345"),
        ("0974-12345", "097412345"),
        ("+8697412345", "097412345"),
        ("+8612345", "12345"),
        ("sip:operator@h", "operator"),
        ("*2", "*2"),
        ("12,3)${X}", "123X"),
        ("x" * 100, "x" * MAX_DIALLED),
        ("", ""),
    ],
)
def test_what_was_dialled(raw: str, cleaned: str) -> None:
    assert clean_dialled(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ('"Zhang San"', "Zhang San"),
        ("张三", "张三"),
        ("བཀྲ་ཤིས", "བཀྲ་ཤིས"),
        ("a\r\n\tb\x00c\x1b[31m", "abc[31m"),
        ("admin\u202e321", "admin321"),
        ("a\u2028b", "a b"),
        ("e\u0301", "é"),
        ("   ", ""),
    ],
)
def test_display_names(raw: str, cleaned: str) -> None:
    assert clean_display(raw) == cleaned


HOSTILE = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.text(alphabet='sipteln:+<>"%@;0123456789 ()-.\r\n\x00', max_size=60),
)


@given(HOSTILE, st.sampled_from(["", "allowed_not_screened", "prohib"]))
@example("<" * 4096, "")
@example("sip:" + " " * 4096 + "<", "")
def test_nothing_hostile_gets_through(raw: str, presentation: str) -> None:
    number = clean_number(raw, presentation)
    assert len(number) <= MAX_NUMBER + 1
    assert number.removeprefix("+").isdigit() or number == ""
    assert number.isascii()
    dialled = clean_dialled(raw)
    assert len(dialled) <= MAX_DIALLED
    assert dialled.isascii()
    assert not set(dialled) & set("\r\n\x00\"'`$&|;<>,()[]{}\\ ")
    display = clean_display(raw, presentation)
    assert len(display) <= MAX_DISPLAY
    assert display.isprintable()


@given(HOSTILE)
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    assert clean_number(clean_number(raw)) == clean_number(raw)
    assert clean_text(clean_text(raw, 50), 50).strip() == clean_text(raw, 50).strip()


@given(st.binary(max_size=600))
def test_headers_in_base64(raw: bytes) -> None:
    text = decode_header(base64.b64encode(raw).decode())
    assert len(text) <= MAX_HEADER
    assert text == clean_text(text, MAX_HEADER)


@given(st.text(max_size=300))
def test_damaged_base64_is_read_as_far_as_it_goes(raw: str) -> None:
    assert decode_header(raw).isprintable()


def test_a_header_cut_by_the_dialplan() -> None:
    whole = base64.b64encode(b"00a1;encoding=hex").decode()
    assert decode_header(whole) == "00a1;encoding=hex"
    assert decode_header(whole[:-1]).startswith("00a1;encoding=")

"""Spoken values are read back by an independent reader of Chinese numerals."""

import re
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.flow import mandarin, say
from callrouter.flow.loader import read_catalogue

FOLDER = Path(__file__).parents[2] / "ivr_flows" / "prompts"
CATALOGUE = read_catalogue(FOLDER)
UNITS = {"十": 10, "百": 100, "千": 1000}
FIGURES = {
    "零": 0,
    "一": 1,
    "幺": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}


def heard(prompts: say.Prompts) -> str:
    """What the shipped Mandarin prompts say, one after another."""
    texts = [CATALOGUE.text(prompt, "zh") for prompt in prompts]
    assert None not in texts, f"{prompts}: not in the catalogue"
    return "".join(text for text in texts if text and text != "……")


def read_number(text: str) -> int:
    """The value of a Chinese numeral: sections of ten thousand, from the left."""
    if text.startswith("负"):
        return -read_number(text[1:])
    for mark, size in (("亿", 10**8), ("万", 10**4)):
        if mark in text:
            high, _, low = text.rpartition(mark) if mark == "亿" else text.partition(mark)
            return read_number(high) * size + (read_number(low) if low else 0)
    total = 0
    figure: int | None = None
    for sign in text:
        if sign in UNITS:
            total += (1 if figure is None else figure) * UNITS[sign]
            figure = None
        else:
            figure = FIGURES[sign]
    return total + (figure or 0)


@given(st.integers(-mandarin.LARGEST, mandarin.LARGEST))
def test_numbers_read_back(number: int) -> None:
    text = heard(say.number(number))
    assert read_number(text) == number
    assert "零零" not in text
    assert number == 0 or not text.endswith("零")


@given(st.integers(0, 10**6))
def test_small_numbers_read_back(number: int) -> None:
    assert read_number(heard(say.number(number))) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "零"), (2, "二"), (10, "十"), (12, "十二"), (20, "二十"), (22, "二十二"), (100, "一百"),
        (101, "一百零一"), (110, "一百一十"), (112, "一百一十二"), (120, "一百二十"), (200, "两百"),
        (202, "两百零二"), (205, "两百零五"), (1000, "一千"), (1001, "一千零一"), (1010, "一千零一十"),
        (1100, "一千一百"), (2222, "两千两百二十二"), (10_000, "一万"), (10_010, "一万零一十"),
        (10_012, "一万零一十二"), (10_500, "一万零五百"), (15_000, "一万五千"), (20_000, "两万"),
        (100_000, "十万"), (100_010, "十万零一十"), (120_002, "十二万零二"), (1_000_000, "一百万"),
        (20_000_000, "两千万"), (100_000_000, "一亿"), (100_120_000, "一亿零一十二万"),
        (200_000_000, "两亿"), (120_000_000_000, "一千两百亿"), (-5, "负五"),
    ],
)  # fmt: skip
def test_numbers_as_people_say_them(number: int, text: str) -> None:
    assert heard(say.number(number)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("3.14", "三点一四"),
        ("0.05", "零点零五"),
        (Decimal("-2.50"), "负二点五"),
        ("1E3", "一千"),
        ("100.0", "一百"),
    ],
)
def test_decimals(value: str | Decimal, text: str) -> None:
    assert heard(say.number(value)) == text


@pytest.mark.parametrize("value", ["", "12x", "NaN", "inf", "1e99", 10**16, "0.1234567", "一"])
def test_what_is_no_number_is_refused(value: str | int) -> None:
    with pytest.raises(say.Unspeakable):
        say.number(value)


@given(st.text("0123456789", min_size=1, max_size=say.MAX_DIGITS))
def test_digits_read_back_and_one_is_never_yi(figures: str) -> None:
    text = heard(say.digits(figures))
    assert "".join(str(FIGURES[sign]) for sign in text) == figures
    assert not {"一", "两"} & set(text)


@pytest.mark.parametrize("figures", ["", "12a", "1" * (say.MAX_DIGITS + 1), "-1", "１２", "1 2", "²"])
def test_what_is_not_digits_is_refused(figures: str) -> None:
    with pytest.raises(say.Unspeakable):
        say.digits(figures)


def groups(prompts: say.Prompts) -> list[int]:
    """Lengths of the groups between pauses."""
    return [len(part.split()) for part in " ".join(prompts).split(say.PAUSE)]


@pytest.mark.parametrize(
    ("number", "text", "lengths"),
    [
        ("13997123456", "幺三九九七幺二三四五六", [3, 4, 4]),
        ("+8613997123456", "幺三九九七幺二三四五六", [3, 4, 4]),
        ("139 9712-3456", "幺三九九七幺二三四五六", [3, 4, 4]),
        ("09718230001", "零九七幺八二三零零零幺", [4, 3, 4]),
        ("+86 971 8230001", "零九七幺八二三零零零幺", [4, 3, 4]),
        ("(010) 65131234", "零幺零六五幺三幺二三四", [3, 4, 4]),
        ("0974-12345", "零九七四幺二三四五", [4, 5]),
        ("12345", "幺二三四五", [5]),
        ("+861065131234", "零幺零六五幺三幺二三四", [3, 4, 4]),
        ("400-812-3456", "四零零八幺二三四五六", [3, 3, 4]),
        ("+8612345", "幺二三四五", [5]),
        ("+85221234567", "八五二二幺二三四五六七", [11]),
    ],
)
def test_telephone_numbers_come_in_groups(number: str, text: str, lengths: list[int]) -> None:
    prompts = say.telephone(number)
    assert heard(prompts) == text
    assert groups(prompts) == lengths


@pytest.mark.parametrize("number", ["", "anonymous", "sip:1@x", "+", "1" * 60])
def test_what_is_no_telephone_number_is_refused(number: str) -> None:
    with pytest.raises(say.Unspeakable):
        say.telephone(number)


@given(st.integers(0, 10**12))
def test_money_reads_back(fen: int) -> None:
    text = heard(say.money(Decimal(fen) / 100))
    found = re.fullmatch(r"(?:(.+)元)?零?(?:(.)角)?(?:(.)分)?", text)
    assert found is not None, text
    yuan, jiao, cents = (read_number(part) if part else 0 for part in found.groups())
    assert (yuan * 10 + jiao) * 10 + cents == fen


@pytest.mark.parametrize(
    ("yuan", "text"),
    [("12.05", "十二元零五分"), ("12.50", "十二元五角"), ("0.05", "五分"), ("2", "两元"), ("0", "零元"),
     ("2.22", "两元两角两分"), ("100", "一百元"), ("-3.1", "负三元一角"), ("0.005", "一分"),
     ("19.999", "二十元")],
)  # fmt: skip
def test_money_as_people_say_it(yuan: str, text: str) -> None:
    assert heard(say.money(yuan)) == text


@given(st.dates())
def test_dates_read_back(day: date) -> None:
    text = heard(say.calendar_date(day))
    found = re.fullmatch(r"(.{4})年(.+)月(.+)日", text)
    assert found is not None
    year = int("".join(str(FIGURES[sign]) for sign in found[1]))
    assert date(year, read_number(found[2]), read_number(found[3])) == day
    assert heard(say.calendar_date(day, year=False)) == text[5:]


def test_weekdays() -> None:
    assert [heard(say.weekday(date(2026, 11, day))) for day in (23, 28, 29)] == ["星期一", "星期六", "星期日"]


PARTS = {
    "凌晨": range(6),
    "上午": range(6, 12),
    "中午": range(12, 13),
    "下午": range(13, 18),
    "晚上": range(18, 24),
}


@given(st.times())
def test_times_read_back(at: time) -> None:
    text = heard(say.clock_time(at))
    found = re.fullmatch(r"(凌晨|上午|中午|下午|晚上)(.+)点(?:半|零?(.+)分)?", text)
    assert found is not None, text
    hour = read_number(found[2])
    hours = [h for h in PARTS[found[1]] if h % 12 == hour % 12]
    minute = 30 if text.endswith("半") else read_number(found[3]) if found[3] else 0
    assert (hours, minute) == ([at.hour], at.minute)


@pytest.mark.parametrize(
    ("at", "text"),
    [(time(12, 30), "中午十二点半"), (time(0, 0), "凌晨零点"), (time(9), "上午九点"),
     (time(14, 5), "下午两点零五分"), (time(18, 15), "晚上六点十五分"), (time(23, 59), "晚上十一点五十九分")],
)  # fmt: skip
def test_times_as_people_say_them(at: time, text: str) -> None:
    assert heard(say.clock_time(at)) == text


@given(st.integers(0, 10**9))
def test_durations_read_back(seconds: int) -> None:
    text = heard(say.duration(seconds))
    found = re.fullmatch(r"(?:(.+)天)?(?:([^天]+)小时)?(?:([^时]+)分钟)?(?:([^钟]+)秒)?", text)
    assert found is not None, text
    sizes = (86_400, 3_600, 60, 1)
    assert sum(read_number(p) * size for p, size in zip(found.groups(), sizes, strict=True) if p) == seconds


def test_durations_as_people_say_them() -> None:
    assert heard(say.duration(7384)) == "两小时三分钟四秒"
    assert heard(say.duration(0)) == "零秒"
    for impossible in (-1, 1e12, float("nan"), float("inf")):
        with pytest.raises(say.Unspeakable):
            say.duration(impossible)


def test_queue_announcements() -> None:
    assert heard(say.queue_position(0)) == CATALOGUE.text("queue_next", "zh")
    assert heard(say.queue_position(2)).startswith("您前面还有两位")
    assert heard(say.expected_wait(20)) == CATALOGUE.text("expected_wait_short", "zh")
    assert heard(say.expected_wait(61)) == "预计等待两分钟"
    assert heard(say.expected_wait(12 * 60)) == "预计等待十二分钟"
    assert heard(say.expected_wait(31 * 60)) == CATALOGUE.text("expected_wait_long", "zh")


def test_texts_are_read_as_a_person_would() -> None:
    text = "12345热线，请按1，24小时，110、119，65岁，0971"
    assert mandarin.readable(text) == "幺二三四五热线，请按一，二十四小时，幺幺零、幺幺九，六十五岁，零九七幺"


def test_values_are_refused_where_no_grammar_is_known() -> None:
    say.require_grammar("zh")
    with pytest.raises(say.Unspeakable, match="bo-amdo"):
        say.require_grammar("bo-amdo")


def test_every_word_of_the_grammar_is_its_prompt() -> None:
    for word, prompt in say.WORDS.items():
        assert CATALOGUE.text(prompt, "zh") == word

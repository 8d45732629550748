"""Values spoken from prompts: numbers, digits, telephone numbers, money, dates, times, durations.

Every function gives the ids of the prompts to play one after another. The words
come from `callrouter.flow.mandarin`; the table below says which prompt holds
which word. Only Mandarin has a grammar here: `speaker` refuses other languages
instead of speaking them wrongly.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from callrouter.flow import mandarin

Prompts = tuple[str, ...]

WORDS: Final[Mapping[str, str]] = {
    **{mandarin.below_hundred(number): f"number_{number}" for number in range(100)},
    "两": "number_liang", "百": "number_hundred", "千": "number_thousand", "万": "number_ten_thousand",
    "亿": "number_hundred_million", "点": "number_point", "负": "number_minus", "幺": "digit_yao",
}  # fmt: skip
PAUSE: Final = "pause"
MAX_DIGITS: Final = 40
MAX_DECIMALS: Final = 6

_MOBILE: Final = re.compile(r"(1[0-9]{2})([0-9]{4})([0-9]{4})")
_FIXED: Final = re.compile(r"(0(?:10|2[0-9]|[3-9][0-9]{2}))([0-9]{3,4})([0-9]{4})")
_SERVICE: Final = re.compile(r"([48]00)([0-9]{3})([0-9]{4})")
_NO_TRUNK_PREFIX: Final = re.compile(r"1[3-9][0-9]{9}|[48]00[0-9]{7}|[0-9]{1,6}|0.*")
"""What follows +86 in numbers that are dialled without a leading 0."""
_SHORT_BEHIND_AREA: Final = re.compile(r"(0(?:10|2[0-9]|[3-9][0-9]{2}))(1[0-9]{4})")
_HOURS: Final = (
    (6, "time_early_morning"), (12, "time_morning"), (13, "time_noon"), (18, "time_afternoon"),
    (24, "time_evening"),
)  # fmt: skip


class Unspeakable(ValueError):
    """A value that cannot be read out; the message says why."""


def number(value: int | Decimal | str) -> Prompts:
    """A number, decimals digit by digit: 2.15 → 二点一五. Raises Unspeakable."""
    amount = _decimal(value)
    whole = _words(mandarin.number_words, int(abs(amount)))
    decimals = f"{abs(amount):f}".partition(".")[2].rstrip("0")
    if len(decimals) > MAX_DECIMALS:
        raise Unspeakable(f"{value} has more than {MAX_DECIMALS} decimals: round it first")
    sign = ("number_minus",) if amount < 0 else ()
    tail = ("number_point", *(f"number_{figure}" for figure in decimals)) if decimals else ()
    return (*sign, *whole, *tail)


def count(value: int, unit: str) -> Prompts:
    """A number with the prompt of its measure word: 2, ``count_person`` → 两位. Raises Unspeakable."""
    return (*_words(mandarin.counted_words, value), unit)


def digits(figures: str) -> Prompts:
    """A string of digits one by one, 幺 for one. Raises Unspeakable for anything else than 1 to 40 digits."""
    if not (figures.isascii() and figures.isdigit() and len(figures) <= MAX_DIGITS):
        raise Unspeakable(f"{figures[:60]!r} is not a string of 1 to {MAX_DIGITS} digits")
    return _ids(mandarin.digit_words(figures))


def telephone(value: str) -> Prompts:
    """A telephone number in the groups people write down: mobile 3-4-4, fixed area-3-4, service 3-3-4.

    `value` is national or E.164; blanks, hyphens, dots and brackets are passed
    over, +86 is not spoken. Raises Unspeakable.
    """
    plain = re.sub(r"[\s().-]", "", value)
    if plain.startswith("+86"):
        plain = plain[3:] if _NO_TRUNK_PREFIX.fullmatch(plain[3:]) else "0" + plain[3:]
    plain = plain.removeprefix("+")
    for form in (_MOBILE, _FIXED, _SERVICE, _SHORT_BEHIND_AREA):
        if match := form.fullmatch(plain):
            return _grouped(match.groups())
    return digits(plain)


def money(yuan: Decimal | int | str) -> Prompts:
    """An amount of yuan: 12.05 → 十二元零五分. Rounded half up to the fen. Raises Unspeakable."""
    fen = int((_decimal(yuan) * 100).quantize(Decimal(1), ROUND_HALF_UP))
    sign: Prompts = ("number_minus",) if fen < 0 else ()
    whole, rest = divmod(abs(fen), 100)
    jiao, fen = divmod(rest, 10)
    parts: Prompts = ()
    if whole or not rest:
        parts += count(whole, "money_yuan")
    if jiao:
        parts += count(jiao, "money_jiao")
    if fen:
        parts += (("number_0",) if whole and not jiao else ()) + count(fen, "money_fen")
    return (*sign, *parts)


def calendar_date(day: date, *, year: bool = True) -> Prompts:
    """二零二六年十一月二十三日. Years are read figure by figure, with 一, not 幺."""
    spoken_year = (*(f"number_{figure}" for figure in f"{day.year:04}"), "date_year") if year else ()
    return (*spoken_year, f"number_{day.month}", "date_month", f"number_{day.day}", "date_day")


def weekday(day: date) -> Prompts:
    """星期一 to 星期日."""
    return (f"weekday_{day.isoweekday()}",)


def clock_time(at: time) -> Prompts:
    """The time of day with its part of the day, 12-hour: 12:30 → 中午十二点半, 15:05 → 下午三点零五分."""
    part = next(prompt for end, prompt in _HOURS if at.hour < end)
    hour = at.hour - 12 if at.hour > 12 else at.hour
    minutes: Prompts = ()
    if at.minute == 30:
        minutes = ("time_half",)
    elif at.minute:
        zero = ("number_0",) if at.minute < 10 else ()
        minutes = (*zero, f"number_{at.minute}", "time_minute")
    return (part, *count(hour, "time_oclock"), *minutes)


def duration(seconds: float) -> Prompts:
    """Days, hours, minutes and seconds that are not zero: 7384 → 两小时三分钟四秒. Raises Unspeakable."""
    if not 0 <= seconds < 10**12:
        raise Unspeakable(f"{seconds} s is not a duration")
    rest = int(seconds)
    parts: Prompts = ()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        amount, rest = divmod(rest, size)
        if amount or (size == 1 and not parts):
            parts += count(amount, f"duration_{unit}")
    return parts


def queue_position(ahead: int) -> Prompts:
    """How many callers are before this one: 您前面还有两位来电人。"""
    if ahead <= 0:
        return ("queue_next",)
    return ("queue_ahead_before", *_words(mandarin.counted_words, ahead), "queue_ahead_after")


def expected_wait(seconds: float, *, most: int = 30) -> Prompts:
    """The expected wait in whole minutes, rounded up; vague beyond `most` minutes, where figures mislead."""
    minutes = -int(-seconds // 60)
    if minutes <= 1:
        return ("expected_wait_short",)
    if minutes > most:
        return ("expected_wait_long",)
    return ("expected_wait_before", *count(minutes, "duration_minute"))


SPOKEN_LANGUAGES: Final = frozenset({"zh"})
"""Languages whose grammar of numbers is known here."""


def require_grammar(language: str) -> None:
    """Raises Unspeakable for a language whose numbers cannot be put together from prompts."""
    if language not in SPOKEN_LANGUAGES:
        known = ", ".join(sorted(SPOKEN_LANGUAGES))
        raise Unspeakable(
            f"values cannot be spoken in {language!r}, only in {known}: play a whole prompt instead"
        )


def _decimal(value: int | Decimal | str) -> Decimal:
    try:
        amount = Decimal(value)
    except ArithmeticError:
        raise Unspeakable(f"{str(value)[:60]!r} is not a number") from None
    if not amount.is_finite() or abs(amount) > mandarin.LARGEST:
        raise Unspeakable(f"{str(value)[:60]!r} is too large to be read out")
    return amount


def _words(read: Callable[[int], tuple[str, ...]], value: int) -> Prompts:
    try:
        return _ids(read(value))
    except ValueError as error:
        raise Unspeakable(str(error)) from None


def _ids(words: tuple[str, ...]) -> Prompts:
    return tuple(WORDS[word] for word in words)


def _grouped(groups: tuple[str, ...]) -> Prompts:
    spoken: Prompts = ()
    for group in groups:
        spoken += ((PAUSE,) if spoken else ()) + digits(group)
    return spoken

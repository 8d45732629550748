"""Numerals as they are spoken in Mandarin.

A number is read in groups of four digits, each followed by its unit (万 10^4,
亿 10^8); inside a group 千, 百 and 十 follow their digits. One 零 stands for any
run of zeros between two digits that are read, none for zeros at the end. Two is
两 before 百, 千, 万, 亿 and before a measure word, 二 before 十 and at the end.
Ten to nineteen drop their 一 only at the very start (十二, but 一百一十二).
GB/T 15835-2011 says when figures are written; the reading is common usage.
"""

import re
from typing import Final

DIGITS: Final = "零一二三四五六七八九"
TELEPHONE_DIGITS: Final = "零幺二三四五六七八九"
"""One is read 幺 in strings of digits, so that it is not heard as seven."""
LARGEST: Final = 10**16 - 1

_FIGURES: Final = re.compile(r"[0-9]+")


def number_words(number: int) -> tuple[str, ...]:
    """The words of an integer; 0 to 99 is one word, each unit another: 205 → 两, 百, 零, 五.

    Raises ValueError beyond ± (10^16 - 1).
    """
    if abs(number) > LARGEST:
        raise ValueError(f"{number} is too large to be read out")
    if number < 0:
        return ("负", *number_words(-number))
    if number < 100:
        return (below_hundred(number),)
    return tuple(_large(number, first=True))


def counted_words(number: int) -> tuple[str, ...]:
    """The words of a number before a measure word: as `number_words`, but a bare 2 is 两."""
    return ("两",) if number == 2 else number_words(number)


def digit_words(figures: str) -> tuple[str, ...]:
    """A telephone, order or identity number, digit by digit, with 幺 for one."""
    return tuple(TELEPHONE_DIGITS[int(figure)] for figure in figures)


def readable(text: str) -> str:
    """A printed text as a voice should read it.

    One or two figures are a number (24小时 → 二十四小时), three or more a string
    of digits (12345 → 幺二三四五).
    """

    def read(match: re.Match[str]) -> str:
        figures = match.group()
        words = digit_words(figures) if len(figures) > 2 else number_words(int(figures))
        return "".join(words)

    return _FIGURES.sub(read, text)


def below_hundred(number: int) -> str:
    """0 to 99 as one word."""
    tens, ones = divmod(number, 10)
    if not tens:
        return DIGITS[ones]
    return ("" if tens == 1 else DIGITS[tens]) + "十" + (DIGITS[ones] if ones else "")


def _large(number: int, *, first: bool) -> list[str]:
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        if number >= size:
            high, low = divmod(number, size)
            words = [*(counted_words(high) if first else _inside(high)), unit]
            if low:
                # The gap is read when the next digit is not directly below the unit.
                words += ["零"] * (low < size // 10) + _inside(low)
            return words
    return _inside(number)


def _inside(number: int) -> list[str]:
    """A number that continues a larger one, or one below 10,000."""
    if number >= 10**4:
        return _large(number, first=False)
    words: list[str] = []
    gap = False
    for unit, size in (("千", 1000), ("百", 100)):
        digit, number = divmod(number, size)
        if digit:
            words += ["零"] * gap + ["两" if digit == 2 else DIGITS[digit], unit]
            gap = False
        elif words:
            gap = True
        if not number:
            return words
    if words and (gap or number < 10):
        words.append("零")
    # After a larger digit ten is 一十, which the whole word 十 does not say.
    return [*words, *(["一"] if 10 <= number < 20 else []), below_hundred(number)]

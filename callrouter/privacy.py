"""Masking of callers' numbers: what logs, screens and exports show without a right to more.

A mainland mobile number keeps its first three and last four digits (``138****5678``, the
form people know from parcels and bills); a shorter number keeps less. Short codes such as
``110`` or ``12315`` name services, not people, and stay readable.
"""

import re
from typing import Final

SHORT_CODE_DIGITS: Final = 6
"""Numbers of at most this many digits are services."""

_COUNTRY: Final = re.compile(r"\+86|0086")
_NOT_DIGITS: Final = re.compile(r"[^0-9]")
_NUMBER_IN_TEXT: Final = re.compile(r"\+?\d(?:[ \-]?\d){6,}", re.ASCII)


def mask_number(number: str) -> str:
    """The number fit for any eye; ``""`` (withheld) stays ``""``.

    Whatever is not a telephone number (a SIP user name, garbage) keeps its first character only.
    """
    if not number:
        return ""
    country = _COUNTRY.match(number)
    prefix = country.group() if country else ("+" if number.startswith("+") else "")
    digits = number[len(prefix) :].replace("-", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        return f"{number[0]}***"
    if len(digits) <= SHORT_CODE_DIGITS:
        return number
    if len(digits) < 10:
        return f"{prefix}{'*' * (len(digits) - 3)}{digits[-3:]}"
    return f"{prefix}{digits[:3]}{'*' * (len(digits) - 7)}{digits[-4:]}"


def national(number: str) -> str:
    """The digits that all ways of writing a person's number share; ``""`` for a service's, or for none."""
    digits = _NOT_DIGITS.sub("", re.sub(r"^(?:\+|00)86", "", number.strip()))
    return digits if len(digits) > SHORT_CODE_DIGITS else ""


def is_of(number: str, digits: str) -> bool:
    """Whether a number, however it is written, has these `national` digits."""
    return bool(digits) and _NOT_DIGITS.sub("", number).endswith(digits)


def mask_text(text: str) -> str:
    """Free text with every run of seven or more digits masked; shorter runs stay."""
    return _NUMBER_IN_TEXT.sub(lambda found: mask_number(found.group()), text)


def mask_value(value: object) -> object:
    """JSON-ready data with all texts, keys included, and all long integers masked."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**SHORT_CODE_DIGITS:
        return mask_number(str(abs(value)))
    if isinstance(value, dict):
        return {mask_text(str(key)): mask_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(item) for item in value]
    return value

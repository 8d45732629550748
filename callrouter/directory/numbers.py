"""Numbers as they are dialled within China.

`0971-12345`, `+86 971 12345` and `0086-971-12345` are one number; so are `12345`
and `+8612345`. Libraries for E.164 know none of these: short codes have no
international form, yet IMS trunks send them with ``+86``.
"""

import re
from typing import Final

_SEPARATORS: Final = re.compile(r"[\s().\-]")
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9,}")
_COUNTRY: Final = re.compile(r"(?:\+|00)86")


def national(number: str) -> str:
    """`number` as dialled at home, ``""`` when it is no number of digits.

    A foreign number keeps its ``+``.
    """
    plain = _SEPARATORS.sub("", number)
    if prefix := _COUNTRY.match(plain):
        rest = plain[prefix.end() :]
        plain = rest if _complete(rest) else f"0{rest}"
    elif plain.startswith("00"):
        plain = f"+{plain[2:]}"
    return plain if _DIGITS.fullmatch(plain.removeprefix("+")) else ""


def _complete(number: str) -> bool:
    """Whether a number is dialled at home as it follows +86: anything but a subscriber of an area code."""
    free = number.startswith(("400", "800")) and len(number) == 10
    return free or len(number) <= 6 or number.startswith("0") or bool(_MOBILE.fullmatch(number))


def international(number: str) -> str:
    """A national number with ``+86``; short codes (no leading zero, under 11 digits) stay as they are."""
    if number.startswith("0"):
        return f"+86{number[1:]}"
    return f"+86{number}" if len(number) == 11 else number

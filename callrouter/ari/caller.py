"""Who is calling and what was dialled, out of what carriers and phones really send.

Everything here comes from the other side of the trunk: it may be a number, a
whole SIP or ``tel:`` URI, an alias, 4 kB of anything. Results are bounded,
printable and safe to log, store and send on.
"""

import base64
import re
import unicodedata
from urllib.parse import unquote

MAX_NUMBER = 20
"""Digits of a caller's number: E.164 allows 15, national prefixes add a few."""
MAX_DIALLED = 32
MAX_DISPLAY = 64
MAX_HEADER = 256
"""Characters of a header value; RFC 7433 expects 128 octets of User-to-User."""
_MAX_INPUT = 4096

_WITHHELD = ("prohib", "unavailable")
_SCHEME = re.compile(r"^\s*(?:.*<)?\s*(?:sips?|tel):", re.IGNORECASE | re.DOTALL)
_SEPARATORS = re.compile(r"[\s().\-]")
_NUMBER = re.compile(rf"\+?[0-9]{{1,{MAX_NUMBER}}}")
_INTERNATIONAL = re.compile(r"00[1-9][0-9]{3}")
_DIALLED = re.compile(r"[^0-9A-Za-z*#+_.\-]")


def _user_part(raw: str) -> str:
    """The user of a SIP or tel URI, or `raw` when it is none (RFC 3261 section 19.1, RFC 3966)."""
    text = _SCHEME.sub("", raw[:_MAX_INPUT], count=1)
    return unquote(text.split("@", 1)[0].split(">", 1)[0].split(";", 1)[0])


def _national(number: str) -> str:
    """A Chinese number as it is dialled at home, a foreign one as ``+`` and country code.

    ``+86 138…`` → ``138…``, ``+86 971 …`` → ``0971…``, ``+86 12345`` → ``12345``.
    """
    if _INTERNATIONAL.match(number):
        number = "+" + number[2:]
    if not number.startswith("+86"):
        return number
    rest = number[3:]
    return rest if rest[:1] in ("", "0", "1") else "0" + rest


def clean_number(raw: str, presentation: str = "") -> str:
    """A caller's number: digits, with ``+`` when foreign; ``""`` when withheld, unusable or too long.

    `presentation` is Asterisk's word for the caller's wish (``prohib_…`` when
    RFC 3323 ``Privacy: id`` was sent).
    """
    if presentation.startswith(_WITHHELD):
        return ""
    number = _SEPARATORS.sub("", _user_part(raw))
    return _national(number) if _NUMBER.fullmatch(number) else ""


def clean_dialled(raw: str) -> str:
    """The number (or alias) asked for, at most `MAX_DIALLED` harmless characters."""
    user = _user_part(raw)
    number = _SEPARATORS.sub("", user)
    if _NUMBER.fullmatch(number):
        return _national(number)
    return _DIALLED.sub("", user)[:MAX_DIALLED]


def clean_text(raw: str, limit: int) -> str:
    """One line of text: no control, format, surrogate or unassigned characters, at most `limit` long.

    Direction overrides would let a caller rearrange what an agent reads.
    """
    text = "".join(
        " " if unicodedata.category(c) in ("Zl", "Zp") else c
        for c in raw[:_MAX_INPUT]
        if not unicodedata.category(c).startswith("C")
    )
    return " ".join(unicodedata.normalize("NFC", text).split())[:limit]


def clean_display(raw: str, presentation: str = "") -> str:
    if presentation.startswith(_WITHHELD):
        return ""
    return clean_text(raw.strip().strip('"'), MAX_DISPLAY)


def decode_header(encoded: str) -> str:
    """A header's value handed over as base64 of ``.`` and its bytes; of damaged input what is readable."""
    try:
        raw = base64.b64decode(encoded[: len(encoded) // 4 * 4], validate=True)
    except ValueError:
        return ""
    return clean_text(raw.decode("utf-8", "replace").removeprefix("."), MAX_HEADER)

"""Where a call has been: read from the one that hands it to us, written to the one it is handed to.

User-to-User (RFC 7433) carries, in hex, ``CALL;visited=12315,12345``: the id that
the hotline before us gave the call, and every number that has received it, the
first receiver first. Exchanges that drop it often know Diversion (RFC 5806) or
History-Info (RFC 7044), which say the numbers alone. SIP's own Max-Forwards
(RFC 3261 8.1.1.6) guards where somebody on the way drops all of them: what the caller
came with goes on, one less (RFC 7332), except to emergency services.

A caller who comes to a number for the second time runs in circles, and so does
one whose hops are nearly used up. Whoever received first owns the case: the
caller is handed to a person there, and to a person here when that is us or can't
be reached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from acd.call import Call
from acd.events import Refused
from acd.leg import Place
from acd.record import Role
from callrouter.directory.numbers import national

MOST_WRITTEN: Final = 120
"""Characters of the list; with the rest in hex it fits the 360 that the dialplan hands on."""

FEW_HOPS: Final = 5
"""Max-Forwards that leaves too little for another hand-over."""

MOST_HOPS: Final = 70
"""Where everybody begins (RFC 3261 8.1.1.6)."""

MOST_TOLD: Final = 5
"""Entries of History-Info; the dialplan of a second callrouter hands 256 characters on."""

_HOST: Final = "callrouter.invalid"
"""Numbers alone count here (RFC 2606: a name that is nobody's)."""

_TOLD: Final = re.compile(r"<\s*(?:sips?|tel):(\+?[0-9]{3,15})[@;>]")
_HOTLINE: Final = re.compile(r"[0-9]{3,6}|0[0-9]{2,3}12345")
"""Whose receiving a caller counts; anything longer may be somebody's own telephone, diverted."""

_HEX: Final = re.compile(r"\s*([0-9A-Fa-f]{2,2048})\s*(?:;.*)?")
_VISITED: Final = re.compile(r"visited=([0-9,]{1,600})")
_ID: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,128}")
_NUMBER: Final = re.compile(r"[0-9]{3,15}")
_HOPS: Final = re.compile(r"[0-9]{1,9}")


def written(call: Call) -> str:
    """The header for a leg that leaves us. Of a long list the first receiver and the latest are kept."""
    first, *later = call.visited or (national(call.dialled),)
    while later and len(first) + sum(len(x) + 1 for x in later) > MOST_WRITTEN:
        later.pop(0)
    payload = f"{call.id};visited={','.join((first, *later))}"
    return f"{payload.encode().hex()};encoding=hex;purpose=callrouter"


def history(call: Call) -> dict[str, str]:
    """Diversion and History-Info for a leg that leaves us: the first receiver and the latest."""
    first, *later = call.visited or (national(call.dialled),)
    told = (first, *later[-(MOST_TOLD - 1) :])
    entries, index = [], "1"
    for number in told:
        entries.append(f"<sip:{number}@{_HOST}>;index={index}")
        index += ".1"
    return {
        "Diversion": f"<sip:{told[-1]}@{_HOST}>;reason=deflection;counter={len(told)}",
        "History-Info": ",".join(entries),
    }


def hops(headers: Mapping[str, str]) -> int | None:
    """What the caller's INVITE has left of Max-Forwards; None when it doesn't say."""
    told = headers.get("Max-Forwards", "")
    return int(told) if _HOPS.fullmatch(told) else None


def hops_left(call: Call) -> int | None:
    """Max-Forwards of a leg that leaves us, one less (RFC 7332 section 5); None: Asterisk's own.

    Never 0: the next one would refuse it, and a circle ends with a person before (`FEW_HOPS`).
    """
    return None if call.hops is None else max(1, min(call.hops, MOST_HOPS) - 1)


def read(call: Call, headers: Mapping[str, str]) -> None:
    """Take over what the one before us says; anything else in the header is let be."""
    before, _, rest = _payload(headers.get("User-to-User", "")).partition(";")
    if _ID.fullmatch(before):
        call.context["call"] = before
    own = national(call.dialled)
    visited: list[str] = []
    if found := _VISITED.search(rest):
        visited = [x for x in found[1].split(",") if _NUMBER.fullmatch(x)]
    else:
        visited = _told(headers, own)
    call.context |= {"visited": ",".join(visited), "from": visited[-1]} if visited else {}
    left = hops(headers)
    far = left is not None and left <= FEW_HOPS
    call.circling = far or own in visited
    first = visited[0] if visited else own
    # A partner who sends the caller straight back leaves it with us: no third round.
    if call.circling and not far and first != own and visited.count(own) == 1:
        call.first_receiver = first
    call.visited = (*visited, own)


def _told(headers: Mapping[str, str], own: str) -> list[str]:
    """Hotlines that History-Info names, else Diversion. Its last entry is the one that is called."""
    text = headers.get("History-Info", "")[:4096]
    numbers = [national(number) for number in _TOLD.findall(text)]
    if numbers and numbers[-1] == own:
        numbers.pop()
    numbers = numbers or [national(headers.get("Diversion", "")[:32])]
    return [number for number in numbers if _HOTLINE.fullmatch(number)]


def _payload(header: str) -> str:
    found = _HEX.fullmatch(header[:4096])
    if found is None or len(found[1]) % 2:
        return ""
    return bytes.fromhex(found[1]).decode("utf-8", "replace")


def met(call: Call) -> None:
    """Partners who speak with the caller now have received them; one who was only consulted has not."""
    if call.caller.place is not Place.BRIDGE:
        return
    for leg in call.legs:
        if leg.role is Role.PARTNER and leg.place is Place.BRIDGE and leg.party not in call.visited:
            call.visited = (*(call.visited or (national(call.dialled),)), leg.party)


def refusal(call: Call, number: str) -> Refused | None:
    """Nobody is sent alone to where they have been."""
    if number not in call.visited:
        return None
    return Refused(
        "been_there", f"The caller has been at {number}: keep them, or consult {number} and go along."
    )

"""Topic names. The root carries the version of everything below it.

::

    callrouter/v1/status                           this controller: online or not (retained, last will)
    callrouter/v1/schema/NAME                      JSON Schema of each kind of message (retained)
    callrouter/v1/live/queues/QUEUE                present state (retained), likewise seats/SEAT, lines/NUMBER
    callrouter/v1/calls/ORGANISATION               each finished call
    callrouter/v1/transfers/ORGANISATION           each finished attempt to hand a caller over
    callrouter/v1/lines/NUMBER/transfers           the same, for the line that was the target
    callrouter/v1/lines/NUMBER/context             who is being handed to the line, while its phone rings
    callrouter/v1/in/PARTNER/calls                 inbound: call data of partners and sub-centers
    callrouter/v1/in/PARTNER/work-orders           inbound: work-order data
    callrouter/v1/dead-letter/PARTNER              what of it could not be taken, with the reason
"""

import re
from typing import Final

ROOT: Final = "callrouter/v1"
STATUS: Final = "status"
SHORT_CODE: Final = re.compile(r"[0-9]{3,6}")
"""Targets that are services: anything else may be somebody's telephone number."""

_UNFIT: Final = re.compile(r"[^\w.\-]", re.ASCII)


def level(name: str) -> str:
    """A name as one level of a topic: no separators, wildcards, spaces or control characters."""
    return _UNFIT.sub("_", name)[:64] or "_"


def live(kind: str, name: str) -> str:
    return f"live/{kind}/{level(name)}"


def calls(organisation: str) -> str:
    return f"calls/{level(organisation)}"


def transfers(organisation: str) -> str:
    return f"transfers/{level(organisation)}"


def line_transfers(number: str) -> str | None:
    """None when the target is not a service's number."""
    return f"lines/{number}/transfers" if SHORT_CODE.fullmatch(number) else None


def context(number: str) -> str:
    return f"lines/{level(number)}/context"


def dead_letter(partner: str) -> str:
    return f"dead-letter/{level(partner)}"

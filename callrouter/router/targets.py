"""From what a person dials to a transfer's target, by today's directory."""

from datetime import date

from acd.call import Call, Rung, Target, TargetKind
from acd.events import Refused
from acd.ids import OfferId, SeatId
from callrouter.directory import Directory, Line

_HEADER = "PJSIP_HEADER(add,{})"


def line_target(directory: Directory, number: str, call: Call, on: date, announce: tuple[str, ...]) -> Target:
    """The ladder to a line: its trunks in order, then those of its backups.

    Raises `Refused` when the number is not in today's directory or has no trunk.
    """
    line = directory.line(number, on)
    if line is None:
        raise Refused("unknown_target", f"{number} is not a line of today's directory.")
    rungs = [
        _rung(step, endpoint, call) for step in directory.ladder(number, on) for endpoint in step.endpoints()
    ]
    if not rungs:
        raise Refused("no_way", f"{number} has no trunk today: ask the telecom engineer.")
    return Target(
        kind=TargetKind.LINE,
        code=number,
        rungs=tuple(rungs),
        announce=announce,
        emergency=line.emergency,
    )


def seat_target(seat: SeatId, endpoint: str, ring_for: float, offer: OfferId, call: Call) -> Target:
    """A colleague's seat, already reserved by the floor under `offer`."""
    rung = Rung(party=seat, endpoint=endpoint, ring_for=ring_for, caller_name=call.dialled, offer=offer)
    return Target(kind=TargetKind.SEAT, code=seat, rungs=(rung,))


def _rung(line: Line, endpoint: str, call: Call) -> Rung:
    headers = {
        "User-to-User": f"{call.id.encode().hex()};encoding=hex;purpose=callrouter",
        **line.headers,
    }
    return Rung(
        party=line.number,
        endpoint=endpoint,
        ring_for=line.ring_for,
        caller_name=call.dialled,
        variables={_HEADER.format(name): value for name, value in headers.items()},
    )

"""From what a person dials, or a flow names, to a transfer's target: today's directory, this moment's lines.

A line's ladder is its own trunks, then those of its backups. Rungs that are
closed, full or down are left out; when nothing is left the wish is refused with
the reason of the line that was asked for. Emergency lines are never refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acd import events as e
from acd.call import Call, Rung, Target, TargetKind
from acd.ids import OfferId, SeatId, Seconds
from callrouter.directory import Line, Trunk
from callrouter.directory.numbers import national
from callrouter.router import provenance
from callrouter.router.live import LiveCall

if TYPE_CHECKING:
    from callrouter.router.core import Router

OUTBOUND: Final = "outbound"
"""The trunk for numbers outside, where the directory has one of this name; else the call's own."""

_HEADER: Final = "PJSIP_HEADER(add,{})"


def line(
    router: Router,
    live: LiveCall,
    number: str,
    *,
    announce: tuple[str, ...] = (),
    ring_at_most: Seconds = 180.0,
    warm: bool = True,
) -> Target:
    """The ladder to a line. Raises `Refused`: unknown, without trunk, closed, full, down, been there.

    `warm`: a person goes along, so that a caller can't be sent in circles.
    """
    directory, today, lines = router.site.directory, router.today(), router.lines
    asked = directory.line(number, today)
    if asked is None:
        raise e.Refused("unknown_target", f"{number} is not a line of today's directory.")
    refusals: list[e.Refused] = []
    rungs: list[Rung] = []
    for step in directory.ladder(number, today):
        refusal = lines.refusal(router.site, step, router.now)
        if refusal is None and not warm and not step.emergency:
            refusal = provenance.refusal(live.call, step.number)
        if refusal is not None:
            refusals.append(refusal)
            continue
        rungs += [_rung(step, trunk, live.call, ring_at_most) for trunk in lines.ways(step, router.now)]
    if not rungs:
        raise refusals[0] if refusals else _no_way(number)
    return Target(
        kind=TargetKind.LINE,
        code=number,
        rungs=tuple(rungs),
        announce=announce,
        emergency=asked.emergency,
    )


def colleague(
    router: Router, live: LiveCall, code: str, own: SeatId | None, *, announce: tuple[str, ...] = ()
) -> Target:
    """A seat, reserved by the floor from now on. Raises `Refused` when it is not free."""
    plan = router.site.seat(SeatId(code))
    if plan is None:
        raise e.Refused("unknown_target", f"There is no seat {code!r}.")
    if code == own:
        raise e.Refused("own_seat", "This is your own seat.")
    call = live.call
    offer = OfferId(f"{call.id}-x{len(call.legs)}")
    router.ask_floor(e.SeatTaken(seat=SeatId(code), call=call.id, offer=offer))
    rung = Rung(
        party=code,
        endpoint=plan.endpoint,
        ring_for=router.site.floor.consult_ring_for,
        caller_name=call.dialled,
        offer=offer,
    )
    return Target(kind=TargetKind.SEAT, code=code, rungs=(rung,), announce=announce)


def outside(router: Router, live: LiveCall, number: str, ring_for: Seconds) -> Target:
    """A telephone number that is no line. Raises `Refused` when no trunk leads out, or it is full."""
    trunks = router.site.directory.trunks
    trunk = trunks.get(OUTBOUND) or trunks.get(live.call.trunk)
    if trunk is None:
        raise _no_way(number)
    if router.lines.full(trunk):
        raise e.Refused(
            "line_full",
            f"The trunk {trunk.name} carries the {trunk.capacity} calls that it may: try again in a moment.",
        )
    rung = Rung(
        party=number,
        endpoint=trunk.endpoint(national(number)),
        ring_for=ring_for,
        caller_name=live.call.dialled,
        variables=_headers(trunk, live.call, {}),
    )
    return Target(kind=TargetKind.NUMBER, code=number, rungs=(rung,))


def _no_way(number: str) -> e.Refused:
    return e.Refused("no_way", f"{number} has no trunk today: ask the telecom engineer.")


def _rung(step: Line, trunk: Trunk, call: Call, ring_at_most: Seconds) -> Rung:
    return Rung(
        party=step.number,
        endpoint=step.endpoint(trunk),
        ring_for=min(step.ring_for, ring_at_most),
        caller_name=call.dialled,
        variables=_headers(trunk, call, dict(step.headers), emergency=step.emergency),
    )


def _headers(trunk: Trunk, call: Call, more: dict[str, str], *, emergency: bool = False) -> dict[str, str]:
    headers = provenance.history(call) if trunk.history else {}
    left = provenance.hops_left(call)
    if left is not None and not emergency:  # nobody in need is refused for where they have been
        headers["Max-Forwards"] = str(left)
    if trunk.user_to_user:
        headers["User-to-User"] = provenance.written(call)
    return {_HEADER.format(name): value for name, value in (headers | more).items()}

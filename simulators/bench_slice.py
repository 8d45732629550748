"""Figures of one real call's path, on a province that runs: who waits how long for what.

Three figures, each as its distribution: from the caller's INVITE to the first
RTP packet of the greeting; from a seat's becoming ready, with a caller waiting,
to the INVITE at its phone; and the controller's resident memory.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from simulators.softphone import Softphone

WAIT = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Seconds, by nearest rank."""

    count: int
    p50: float
    p90: float
    p99: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError when nothing was measured."""
    if not values:
        raise ValueError("nothing measured")
    ordered = sorted(values)

    def rank(share: float) -> float:
        return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]

    return Spread(count=len(ordered), p50=rank(0.5), p90=rank(0.9), p99=rank(0.99), most=ordered[-1])


async def first_rtp(phone: Softphone, number: str, times: int) -> list[float]:
    """INVITE to first RTP packet, call after call."""
    found = []
    for _ in range(times):
        await phone.dial(number)
        found.append(await phone.first_rtp_after_invite(WAIT))
        await phone.hangup()
    return found


async def ready_to_invite(
    caller: Softphone,
    seat: Softphone,
    number: str,
    times: int,
    *,
    waits: Callable[[], Awaitable[None]],
    ready: Callable[[], None],
    rest: Callable[[], Awaitable[None]],
) -> list[float]:
    """A seat becomes ready while a caller waits: until its phone has the INVITE.

    `waits` returns when the caller is in the queue, `ready` makes the seat ready
    and `rest` takes it out of service again. Both clocks are the machine's
    monotonic one.
    """
    found = []
    for _ in range(times):
        await caller.dial(number)
        await caller.wait_for("confirmed", WAIT)
        await caller.send_digits("1")
        await waits()
        asked = time.monotonic()
        ready()
        call = await seat.incoming(WAIT)
        found.append(call.started - asked)
        await seat.answer()
        await caller.hangup()
        await asyncio.wait_for(_over(seat), WAIT)
        await rest()
    return found


async def _over(phone: Softphone) -> None:
    await phone.until_over(None)

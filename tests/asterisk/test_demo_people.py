import asyncio
import contextlib

import psutil
import pytest

from simulators.demo_people import DemoPeople, SeatPerson
from tests.asterisk.exchange import PASSWORD, Exchange, eventually

pytestmark = pytest.mark.asterisk


async def test_seats_register_answer_callers_and_leave_nothing_behind(exchange: Exchange) -> None:
    before = set(psutil.Process().children())
    people = DemoPeople(
        exchange.sip,
        [SeatPerson(user=user, password=PASSWORD) for user in exchange.seats[:6]],
        calls_per_minute=90,
        most_callers=3,
    )
    task = asyncio.create_task(people.run())
    await asyncio.wait_for(people.ready.wait(), 15)
    tally = people.tally
    assert tally.seats_registered == 6
    await eventually(lambda: tally.seat_calls >= 1 and tally.answered >= 2 and tally.skipped >= 1, 30)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert set(psutil.Process().children()) <= before
    await eventually(exchange.is_idle)


async def test_a_seat_whose_process_dies_comes_back(exchange: Exchange) -> None:
    before = set(psutil.Process().children())
    people = DemoPeople(exchange.sip, [SeatPerson(user=exchange.seats[7], password=PASSWORD)])
    task = asyncio.create_task(people.run())
    await asyncio.wait_for(people.ready.wait(), 15)
    (child,) = set(psutil.Process().children()) - before
    child.kill()
    await eventually(lambda: people.tally.seats_registered == 0)
    await eventually(lambda: people.tally.seats_registered == 1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_without_traffic_nobody_calls(exchange: Exchange) -> None:
    people = DemoPeople(exchange.sip)
    await asyncio.wait_for(people.run(), 5)
    assert people.tally.placed == 0

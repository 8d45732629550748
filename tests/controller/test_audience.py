"""Screens see what the house looks like, not what it looked like when the last caller came."""

import asyncio

from acd import events as e
from acd.ids import AgentId, CallId, SeatId
from callrouter.controller.audience import QUEUES_EVERY, Audience
from callrouter.ports import Change
from callrouter.router import Router
from tests.router.world import site

NOW = 1_795_417_000.0
SEAT = SeatId("a1001")


class House:
    def __init__(self) -> None:
        self.router = Router(site(), NOW)
        self.audience = Audience(self.router)
        self.told: list[Change] = []

    def handle(self, *events: e.Event) -> None:
        for event in events:
            seats = (x.seat for x in self.router.handle(event, NOW) if hasattr(x, "seat"))
            self.audience.tell({("seat", seat): None for seat in seats})

    def queues(self) -> dict[str, tuple[int, int]]:
        """The last word on each queue: ready, staffed."""
        shown = (change.queue for change in self.told if change.queue is not None)
        return {str(queue.queue): (queue.ready, queue.staffed) for queue in shown}


async def test_a_queue_follows_its_seats() -> None:
    house = House()
    house.audience.subscribe(house.told.append)
    house.handle(e.SeatReachable(seat=SEAT), e.SeatSignedIn(seat=SEAT, agent=AgentId("li")))
    house.handle(e.SeatReadied(seat=SEAT))
    assert {change.seat.state for change in house.told if change.seat} >= {"ready"}
    assert house.queues() == {}, "several changes are one"
    await asyncio.sleep(QUEUES_EVERY * 1.5)
    assert house.queues() == {"province": (1, 1), "night": (1, 1)}
    assert sum(change.queue is not None for change in house.told) == 2
    house.handle(e.SeatNotReadied(seat=SEAT, reason="lunch"))
    await asyncio.sleep(QUEUES_EVERY * 1.5)
    assert house.queues() == {"province": (0, 1), "night": (0, 1)}


async def test_nobody_listens_nothing_is_kept() -> None:
    house = House()
    end = house.audience.subscribe(house.told.append)
    end()
    end()
    house.handle(e.SeatReachable(seat=SEAT), e.SeatSignedIn(seat=SEAT, agent=AgentId("li")))
    await asyncio.sleep(QUEUES_EVERY * 1.5)
    assert house.told == []


async def test_calls_and_seats_are_told_at_once_and_the_unknown_as_ended() -> None:
    house = House()
    house.audience.subscribe(house.told.append)
    house.audience.tell({("call", "c9"): None, ("seat", SEAT): None, ("seat", "nobody"): None})
    assert [change.ended for change in house.told] == [CallId("c9"), None]
    assert house.told[1].seat is not None


async def test_a_new_plan_shows_all_queues() -> None:
    house = House()
    house.audience.subscribe(house.told.append)
    house.audience.all_queues()
    await asyncio.sleep(QUEUES_EVERY * 1.5)
    assert set(house.queues()) == {plan.queue for plan in site().floor.queues}

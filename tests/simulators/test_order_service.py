"""The sample work-order service, asked by the product's own look-ups."""

from datetime import date

import pytest

from acd.ids import CallId
from callrouter.lookups import HttpService, Lookups
from callrouter.router.notices import LookupWanted
from simulators.order_service import Mood, Order, OrderService, sample_orders

TODAY = date(2026, 11, 20)
ORDER = Order(number="2026111600001", accepted=date(2026, 11, 16), unit="西宁市城市管理局", pace=30)


async def ask(
    service: OrderService, number: str, token: str = "s", seconds: float = 2.0
) -> tuple[bool, object, str]:
    headers = {"Authorization": f"Bearer {token}"}
    lookups = Lookups({"orders": HttpService(url=service.url, headers=headers)})
    request = {"service": "orders", "method": "GET", "path": f"/orders/{number}", "query": {}, "body": {}}
    try:
        answer = await lookups(
            LookupWanted(call=CallId("c"), token=1, kind="http", request=request, timeout=seconds)
        )
    finally:
        await lookups.close()
    return answer.ok, answer.value, answer.reason


@pytest.mark.parametrize(
    ("day", "pace", "state"),
    [
        (16, 30, "accepted"),
        (17, 30, "dispatched"),
        (19, 30, "in_hand"),
        (24, 30, "supervised"),
        (18, 2, "done"),
        (17, 2, "dispatched"),
    ],
)
def test_states(day: int, pace: int, state: str) -> None:
    order = Order(number="1", accepted=date(2026, 11, 16), unit="x", pace=pace)
    assert order.state(date(2026, 11, day)) == state
    assert order.due == date(2026, 11, 23)


def test_samples_are_the_same_for_a_seed() -> None:
    assert sample_orders(TODAY) == sample_orders(TODAY)
    assert {order.state(TODAY) for order in sample_orders(TODAY).values()} == {
        "accepted", "dispatched", "in_hand", "supervised", "done",
    }  # fmt: skip


async def test_answers() -> None:
    async with OrderService({ORDER.number: ORDER}, TODAY, token="s") as service:
        ok, value, _ = await ask(service, ORDER.number)
        assert ok
        assert value == {
            "order": ORDER.number, "state": "in_hand", "unit": ORDER.unit, "accepted": "2026-11-16",
            "due": "2026-11-23",
        }  # fmt: skip
        assert await ask(service, "1") == (False, None, "not_found")
        assert await ask(service, "..%2Fhealthz") == (False, None, "not_found")
        assert (await ask(service, ORDER.number, token="wrong"))[2] == "status_401"
        assert service.asked == 4


@pytest.mark.slow
async def test_moods() -> None:
    async with OrderService({ORDER.number: ORDER}, TODAY, mood=Mood(failing=1)) as service:
        assert (await ask(service, ORDER.number))[2] == "status_503"
        service.mood = Mood(delay=1.0)
        assert (await ask(service, ORDER.number, seconds=0.1))[2] == "timeout"


async def test_gone() -> None:
    async with OrderService({}, TODAY) as service:
        pass
    assert (await ask(service, "1"))[2].startswith("unavailable")


async def test_port_in_use() -> None:
    async with OrderService({}, TODAY) as service:
        port = int(service.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await OrderService({}, TODAY, port=port).__aenter__()

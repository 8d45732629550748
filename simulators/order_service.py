"""A work-order system to ask for progress: what the flow `order_progress` talks to in demo and tests.

Orders are made from a seed, and live through accepted → dispatched → in_hand →
(supervised when late) → done on business days. The service can be told to be
slow or to fail, for a share of its answers, so that callers' ways on are tested.

    python -m simulators.order_service --port 8090
"""

import argparse
import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import TracebackType
from typing import Final

from aiohttp import web

UNITS: Final = (
    "西宁市城市管理局",
    "海东市人力资源和社会保障局",
    "玉树州交通运输局",
    "海西州生态环境局",
    "省市场监督管理局",
)
DAYS_TO_DO: Final = 5
"""Business days that a handling unit has."""
BODY_LIMIT: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One citizen's appeal on its way. `pace` is how many business days it will really take."""

    number: str
    accepted: date
    unit: str
    pace: int

    @property
    def due(self) -> date:
        return _business_days_after(self.accepted, DAYS_TO_DO)

    def state(self, today: date) -> str:
        """accepted, dispatched, in_hand, supervised (due date past) or done."""
        if today >= _business_days_after(self.accepted, self.pace):
            return "done"
        if today > self.due:
            return "supervised"
        days = (today - self.accepted).days
        return "accepted" if days < 1 else "dispatched" if days < 2 else "in_hand"


@dataclass(slots=True, kw_only=True)
class Mood:
    """How the service behaves: seconds before each answer, and the share of answers that are errors."""

    delay: float = 0.0
    failing: float = 0.0


def sample_orders(today: date, count: int = 200, seed: int = 12345) -> dict[str, Order]:
    """Orders accepted over the last three weeks; numbers are date and serial, such as 2026112000017."""
    rng = random.Random(seed)
    orders = {}
    for serial in range(1, count + 1):
        accepted = today - timedelta(days=rng.randrange(21))
        number = f"{accepted:%Y%m%d}{serial:05}"
        orders[number] = Order(
            number=number, accepted=accepted, unit=rng.choice(UNITS), pace=rng.choice([2, 4, 5, 5, 8, 30])
        )
    return orders


class OrderService:
    """The service on loopback; `async with OrderService(orders, today) as service: service.url`."""

    def __init__(
        self,
        orders: Mapping[str, Order],
        today: date,
        *,
        port: int = 0,
        token: str = "",
        mood: Mood | None = None,
        seed: int = 1,
    ) -> None:
        self.orders = dict(orders)
        self.today = today
        self.mood = mood or Mood()
        self.asked = 0
        self._token = token
        self._port = port
        self._rng = random.Random(seed)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> "OrderService":
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_get("/orders/{number}", self._order)
        app.router.add_get("/healthz", self._health)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"orders": len(self.orders), "asked": self.asked})

    async def _order(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
            return web.json_response({"error": "sign in first"}, status=401)
        if self.mood.delay:
            await asyncio.sleep(self.mood.delay)
        if self._rng.random() < self.mood.failing:
            return web.json_response({"error": "out of order"}, status=503)
        order = self.orders.get(request.match_info["number"])
        if order is None:
            return web.json_response({"error": "no such order"}, status=404)
        state = order.state(self.today)
        known = {
            "order": order.number,
            "state": state,
            "unit": order.unit,
            "accepted": order.accepted.isoformat(),
        }
        return web.json_response(known if state == "done" else known | {"due": order.due.isoformat()})


def _business_days_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


async def _serve(port: int, mood: Mood) -> None:
    today = date.today()
    async with OrderService(sample_orders(today), today, port=port, mood=mood) as service:
        shown = list(service.orders)[:3]
        print(f"work orders at {service.url}/orders/NUMBER, for example {', '.join(shown)}")  # noqa: T201
        await asyncio.Event().wait()


def main() -> None:
    """Run until interrupted."""
    options = argparse.ArgumentParser(description="A work-order system to ask for progress.")
    options.add_argument("--port", type=int, default=8090)
    options.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    options.add_argument(
        "--failing", type=float, default=0.0, help="share of answers that are errors, 0 to 1"
    )
    chosen = options.parse_args()
    try:
        asyncio.run(_serve(chosen.port, Mood(delay=chosen.delay, failing=chosen.failing)))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()

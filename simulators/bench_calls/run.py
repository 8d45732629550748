"""The whole benchmark: blocks in turns, forwards and backwards, so that a drift meets all alike."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from simulators.bench_calls.block import Block, Demand, run_block
from simulators.bench_calls.clean import OWN_LIMIT, Search, what_was_wrong
from simulators.bench_calls.figures import Measured
from simulators.bench_calls.plan import FEW, Effort, Way
from simulators.bench_calls.site import WRAP_UP
from simulators.bench_calls.town import Town

Tell = Callable[[str], None]

WARM_CALLS: Final = 60
"""Calls that a fresh controller takes before anything is counted."""
WARM_TALK: Final = 0.5
WAITING: Final = 2 * FEW
"""Callers who wait, besides those who talk, while seats are timed."""
NO_END: Final = 300.0
"""Talk of callers who leave the hanging up to the seat."""
BURST: Final = 100.0
CLEAN_PATIENCE: Final = 8.0
"""Whoever is rung for after a second makes a trial unclean anyway: no need to wait for all of a backlog."""


class Part(StrEnum):
    """What may be measured by itself."""

    COST = "cost"
    STANDING = "standing"
    CLEAN = "clean"


async def measure(
    effort: Effort, parts: Collection[Part], folder: Path, controller: Sequence[str], tell: Tell
) -> Measured:
    """Run the parts asked for. Raises ToolchainError, SippError."""
    found = Measured()
    tell("starting Asterisk, broker and phones")
    async with Town(effort, folder, controller) as town:
        bench = _Bench(town, effort, tell)
        if Part.COST in parts:
            found.cost = await bench.cost()
        if Part.STANDING in parts:
            found.standing = await bench.standing()
        if Part.CLEAN in parts:
            found.clean = await bench.clean()
    return found


def steps(effort: Effort, parts: Collection[Part]) -> int:
    """How often `measure` calls `tell`, about."""
    each = {
        Part.COST: (effort.rounds + 1) * len(Way),
        Part.STANDING: effort.standing_rounds * 2,
        Part.CLEAN: 16,
    }
    return 1 + sum(each[part] for part in parts)


class _Bench:
    def __init__(self, town: Town, effort: Effort, tell: Tell) -> None:
        self._town, self._effort, self._tell = town, effort, tell

    async def cost(self) -> dict[Way, list[Block]]:
        effort, found = self._effort, {way: list[Block]() for way in Way}
        short = Demand(calls=max(1, effort.calls // 4), rate=effort.rate, talk=effort.talk)
        for way in Way:
            self._tell(f"warming up: {way}")
            await self._block(way, short)
        whole = Demand(calls=effort.calls, rate=effort.rate, talk=effort.talk)
        for turn in range(effort.rounds):
            for way in list(Way)[:: 1 if turn % 2 == 0 else -1]:
                self._tell(f"round {turn + 1} of {effort.rounds}: {effort.calls} calls by {way}")
                found[way].append(await self._block(way, whole))
        return found

    async def standing(self) -> dict[Way, list[Block]]:
        ways = (Way.OURS, Way.QUEUE)
        demand = Demand(
            calls=self._effort.standing_calls, rate=BURST, talk=NO_END, few=True, at_once=FEW + WAITING
        )
        found = {way: list[Block]() for way in ways}
        for turn in range(self._effort.standing_rounds):
            for way in ways[:: 1 if turn % 2 == 0 else -1]:
                self._tell(f"standing queue, round {turn + 1}: {way}")
                found[way].append(await self._block(way, demand))
        return found

    async def clean(self) -> dict[Way, Search]:
        effort = self._effort
        most = OWN_LIMIT * effort.seats / (effort.clean_talk + WRAP_UP)
        found = {way: Search(min(effort.clean_from, most), most) for way in (Way.OURS, Way.QUEUE)}
        loop = asyncio.get_running_loop()
        until = loop.time() + effort.clean_budget
        while not all(search.over for search in found.values()):
            for way, search in found.items():
                if search.over:
                    continue
                if loop.time() > until:
                    search.cut()
                    continue
                await self._trial(way, search)
        return found

    async def _trial(self, way: Way, search: Search) -> None:
        effort, rate = self._effort, search.rate
        self._tell(f"clean rate: {way} at {rate:.0f} calls/s")
        demand = Demand(
            calls=max(1, round(rate * effort.clean_seconds)),
            rate=rate,
            talk=effort.clean_talk,
            patience=CLEAN_PATIENCE,
        )
        wrong = what_was_wrong(await self._block(way, demand), rate)
        if wrong:
            self._tell(f"  not clean: {wrong}")
            await self._town.clear()
        search.tell(wrong)

    async def _block(self, way: Way, demand: Demand) -> Block:
        """A controller lives only while its own calls are measured: the others shall not pay for it."""
        if way is not Way.OURS:
            return await run_block(self._town, way, demand)
        async with self._town.controller() as controller:
            warm = Demand(calls=WARM_CALLS, rate=self._effort.rate, talk=WARM_TALK)
            await run_block(self._town, way, warm, controller)
            return await run_block(self._town, way, demand, controller)

"""Does a change of the flows hold calls up? A hundred callers, the real controller, a switch in memory.

Callers dial, press keys, wait, speak with a seat and hang up, over and over, while the
site's folder is changed and taken up as the running system takes it up. How late the
loop is, is asked every two milliseconds. Another program on the machine makes it late,
too: so of each delay only so much counts as *ours* as this process has worked meanwhile.
"""

import asyncio
import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acd import events as e
from acd.ids import AgentId
from acd.record import CallRecord, LateSegment
from callrouter.config.versions import Change
from callrouter.controller import Controller, SteadyClock
from callrouter.controller.delays import Delays
from callrouter.flow.difference import words_between
from callrouter.live_folder import Archive, LiveFolder
from callrouter.router.notices import FlowAnswered, LookupWanted
from callrouter.site import Site, load_site
from simulators.bench_flow import generated
from simulators.switch import Phone, Switch, SwitchTelephony

TICK: Final = 0.002
NODE: Final = "main"
KEYS: Final = "0125"
SETTLING: Final = 0.25
"""Seconds after a swap that still count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloads:
    """What was seen. Delays in seconds; of `worst` each reload's, of all causes, in `worst_any`."""

    calls: int
    concurrent: int
    failed: list[str]
    """Sentences about calls that did not go as they would have without a change."""
    versions: int
    events: int
    worst_event: float
    """From a fact's arrival at the controller to the end of its handling."""
    worst: list[float]
    worst_any: list[float]
    seconds: list[float]
    """From the change on disk to the swap."""


class _Records:
    def __init__(self) -> None:
        self.found: list[CallRecord] = []
        self.one_more = asyncio.Event()

    def put(self, record: CallRecord | LateSegment) -> None:
        if isinstance(record, CallRecord):
            self.found.append(record)
            self.one_more.set()


class _Longest(Delays):
    """Remembers the longest delay of all."""

    longest = 0.0

    def add(self, seconds: float, now: float) -> None:
        self.longest = max(self.longest, seconds)
        super().add(seconds, now)


class _Rig:
    def __init__(self, site: Path, scratch: Path, more_flows: int, seed: int) -> None:
        self.flows = scratch / "flows"
        shutil.copytree(site, self.flows, ignore=shutil.ignore_patterns("prompts"))
        (self.flows / "prompts").symlink_to(site.resolve() / "prompts")
        self.clock = SteadyClock()
        self.rng = random.Random(seed)
        for number in range(more_flows):
            name = f"more{number}"
            (self.flows / f"{name}.yaml").write_text(generated(name, 50, self.rng), encoding="utf-8")
        self.records = _Records()
        archive = Archive(scratch / "versions")
        self.folder = LiveFolder(self.flows, load_site, archive, self.clock.now, self._changed, words_between)
        current = self.folder.versions.current
        phones = {plan.endpoint: Phone(after=0.5) for plan in current.seats.values()}
        self.switch = Switch(NODE, clock=self.clock.now, now=self.clock.now(), phones=phones, seed=seed)
        telephony = SwitchTelephony(self.switch, self.clock.now)
        self.controller = Controller(current, [telephony], self.records, self.clock, _no_service)
        self.delays = self.controller.delays = _Longest()
        self.since: list[tuple[float, str]] = [(self.clock.now(), current.flows.version)]
        """From when on which version of the flows is in force."""
        self.calls = 0
        self.over = asyncio.Event()

    def _changed(self, change: Change, site: Site) -> None:
        if change.what == "refused":
            raise RuntimeError(f"the change must be sound: {change.words}")
        self.controller.change_site(site)
        self.since.append((self.clock.now(), site.flows.version))

    async def open_seats(self) -> None:
        seats = self.folder.versions.current.seats
        changed = asyncio.Event()
        end = self.controller.subscribe(lambda _: changed.set())
        for seat in seats:
            self.controller.fact(e.SeatReachable(seat=seat))
        while not all(view.reachable for view in self.controller.snapshot().seats):
            changed.clear()
            await changed.wait()
        end()
        for seat in seats:
            self.controller.submit(e.SeatSignedIn(seat=seat, agent=AgentId(seat)))
            self.controller.submit(e.SeatReadied(seat=seat))

    async def caller(self, number: int, others: int) -> None:
        """Calls again and again until it is over."""
        await asyncio.sleep(number / others)
        while not self.over.is_set():
            self.calls += 1
            channel = self.switch.offer(caller=f"1390000{number:04d}")
            for _ in range(4):
                await asyncio.sleep(0.4 + self.rng.random())
                self.switch.press(channel, self.rng.choice(KEYS))
            self.switch.hang_up(channel)
            await asyncio.sleep(0.05)

    async def late(self, until: asyncio.Task[Change | None]) -> tuple[float, float]:
        """How late the loop is at worst: by our own work, and by any cause."""
        ours = anybody = 0.0
        settled: float | None = None
        while settled is None or time.perf_counter() < settled:
            began, worked = time.perf_counter(), time.process_time()
            await asyncio.sleep(TICK)
            delay = max(0.0, time.perf_counter() - began - TICK)
            ours = max(ours, min(delay, time.process_time() - worked))
            anybody = max(anybody, delay)
            if settled is None and until.done():
                settled = time.perf_counter() + SETTLING
        return ours, anybody

    def change(self, number: int) -> None:
        """A sound change of the kind that people make."""
        file = self.flows / "province.yaml"
        text = file.read_text(encoding="utf-8")
        draft = file.with_name(".draft")
        draft.write_text(text.replace("title: ", f"title: {number} ", 1), encoding="utf-8")
        draft.replace(file)

    def failed(self) -> list[str]:
        """What a change of flows has done to calls."""
        found = [
            f"{record.call}: {record.outcome}, ended by {record.ended_by}"
            for record in self.records.found
            if record.outcome in ("failed", "rejected") or record.ended_by == "system"
        ]
        for record in self.records.found:
            in_force = [version for at, version in self.since if at <= record.ingress]
            if record.flow_version not in in_force[-1:]:
                found.append(
                    f"{record.call}: began with flows {in_force[-1:]}, ended with {record.flow_version}"
                )
        lost = self.calls - len(self.records.found)
        return [*found, f"{lost} calls have no record"] if lost else found


async def _no_service(wanted: LookupWanted) -> FlowAnswered:
    return FlowAnswered(call=wanted.call, token=wanted.token, ok=False, reason="unreachable")


async def _measured(rig: _Rig, concurrent: int, reloads: int) -> Reloads:
    worst, worst_any, seconds = [], [], []
    running = asyncio.create_task(rig.controller.run())
    try:
        await rig.controller.changed(5)
        await rig.open_seats()
        callers = [asyncio.create_task(rig.caller(number, concurrent)) for number in range(concurrent)]
        # All of them are under way after a second.
        await asyncio.sleep(1.5)
        for number in range(reloads):
            rig.change(number)
            began = time.perf_counter()
            reload = asyncio.create_task(rig.folder.refresh("bench"))
            reload.add_done_callback(lambda _, began=began: seconds.append(time.perf_counter() - began))  # type: ignore[misc]
            ours, anybody = await rig.late(reload)
            if reload.result() is None:
                raise RuntimeError("the folder's change was not seen")
            worst.append(ours)
            worst_any.append(anybody)
        rig.over.set()
        await asyncio.gather(*callers)
        async with asyncio.timeout(30):
            while len(rig.records.found) < rig.calls:
                rig.records.one_more.clear()
                await rig.records.one_more.wait()
    finally:
        running.cancel()
        await asyncio.wait({running})
    return Reloads(
        calls=rig.calls,
        concurrent=concurrent,
        failed=rig.failed(),
        versions=len({version for _, version in rig.since}),
        events=rig.delays.total,
        worst_event=rig.delays.longest,
        worst=worst,
        worst_any=worst_any,
        seconds=seconds,
    )


def reload_under_calls(
    site: Path, *, concurrent: int = 100, reloads: int = 10, more_flows: int = 0, seed: int = 1
) -> Reloads:
    """Change the flows so many times while so many callers are in them.

    `more_flows` of 50 nodes each make the site a larger one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        rig = _Rig(site, Path(scratch), more_flows, seed)
        return asyncio.run(_measured(rig, concurrent, reloads))

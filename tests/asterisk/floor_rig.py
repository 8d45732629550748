"""Twenty seats and as many callers as one likes on a real Asterisk: SIPp for most, phones for ears."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from acd import events as e
from acd.commands import OfferClosed
from acd.ids import AgentId, CallId, SeatId
from acd.record import CallRecord
from callrouter.cli.province import HOST, Province, Wishes
from callrouter.ports import Change, SeatView
from callrouter.toolchain.asterisk import TrunkAccount
from simulators.sipp import SippProcess
from simulators.sipp_scripts import caller_scenario, register_scenario, seat_scenario
from simulators.softphone import Softphone, SoftphonePool
from tests.asterisk.hotline import SITE, Hotline

ANSWER = 0.2
"""Seconds after which a seat of the crew picks up."""
PHONES = ("m1", "m2")
"""Seats with a phone of their own; all others are the crew's."""
PERSON = "13897110001"

DIALLED = {
    "main": "12345",
    "idle": "097112345",
    "skilled": "097212345",
    "robin": "097312345",
    "several": "097412345",
    "full": "097512345",
    "helped": "097012345",
    "sticky": "097612345",
    "urgent": "097712345",
    "picky": "097912345",
    "long": "12336",
    "alone": "12312",
    "slow": "12319",
    "shut": "12369",
    "heavy": "12318",
}
"""A number for each of the flows below."""

FLOWS = {
    "main": {"queue": "province"},
    "idle": {"queue": "idle"},
    "skilled": {"queue": "skilled", "skills": "english >= 2"},
    "robin": {"queue": "robin"},
    "several": {"queue": "several"},
    "full": {"queue": "full", "full": "told"},
    "helped": {"queue": "helped"},
    "long": {"queue": "long"},
    "alone": {"queue": "alone"},
    "slow": {"queue": "slow"},
    "shut": {"queue": "shut", "closed": "told"},
    "heavy": {"queue": "heavy"},
    "sticky": {"queue": "idle", "sticky": True},
    "urgent": {"queue": "idle", "priority": 9},
    "picky": {"queue": "skilled", "skills": "english >= 8"},
}

FLOOR = """
timezone: Asia/Shanghai
skills: {english: English}
rules: {sticky_wait: 1.5, retry_same_seat: 1, redial_window: 120, phone_lost_in_talk: 1}
queues:
  province:
    {ring_for: 2, wrap_up: 1, wrap_up_ceiling: 30, announce_first: 1.5, announce_every: 30, callback_after: 1}
  idle: {wrap_up: 0.2, announce_first: null}
  skilled:
    strategy: most_proficient
    wrap_up: 0.2
    announce_first: null
    relaxation: [{after: 1.5, lower: 3}, {after: 3, drop: [english]}]
  robin: {strategy: round_robin, wrap_up: 0.2, announce_first: null}
  several: {strategy: ring_several, ring_count: 2, wrap_up: 0.2, announce_first: null}
  full: {max_waiting: 1, announce_first: null}
  helped: {wrap_up: 0.2, announce_first: null, overflow: [{queue: idle, after: 1}]}
  long: {wrap_up: 0.2, announce_first: null, overflow: [{queue: robin, length: 1}]}
  alone: {wrap_up: 0.2, announce_first: null, overflow: [{queue: robin, unstaffed: true}]}
  slow: {wrap_up: 0.2, announce_first: null, overflow: [{queue: robin, expected_wait: 0}]}
  shut: {hours: never}
  heavy: {wrap_up: 0.2, announce_first: null, weight: 50}
  night: {wrap_up: 0.2}
seats:
  m1: {queues: [province]}
  m2: {queues: [province]}
  m3: {queues: [province]}
  m4: {queues: [province]}
  i1: {queues: [idle, heavy]}
  i2: {queues: [idle]}
  i3: {queues: [idle]}
  s1: {queues: [skilled], skills: {english: 9}}
  s2: {queues: [skilled], skills: {english: 5}}
  s3: {queues: [skilled], skills: {english: 3}}
  r1: {queues: [robin]}
  r2: {queues: [robin]}
  r3: {queues: [robin]}
  v1: {queues: [several]}
  v2: {queues: [several]}
  v3: {queues: [several]}
  f1: {queues: [full]}
  h1: {queues: [helped, long, slow, shut]}
  n1: {queues: [night, idle]}
  n2: {queues: [night, {queue: skilled, tier: 2}], skills: {english: 2}}
"""
MORE = ("long", "alone", "slow", "shut", "heavy")
"""Flows with numbers of their own, those of merged lines."""
NEVER = """
  never: {title: 关闭, holidays: "", week: {}}
"""
CREW = [f"{row}{number}" for row in "isrv" for number in (1, 2, 3)] + ["m3", "m4", "f1", "h1", "n1", "n2"]


def make_site(folder: Path) -> Path:
    """A copy of the shipped site with a floor, flows and numbers of its own."""
    site = folder / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("prompts", "tests", "*.yaml"))
    (site / "prompts").symlink_to(SITE / "prompts")
    (site / "site" / "floor.yaml").write_text(FLOOR, encoding="utf-8")
    calendar = (SITE / "site" / "calendar.yaml").read_text(encoding="utf-8")
    (site / "site" / "calendar.yaml").write_text(calendar + NEVER, encoding="utf-8")
    directory = yaml.safe_load((SITE / "site" / "directory.yaml").read_text(encoding="utf-8"))
    text = (SITE / "site" / "directory.yaml").read_text(encoding="utf-8")
    text = re.sub(r"flow: \w+", "flow: main", text)
    assert directory["ingress"], "the directory has numbers"
    more = "".join(f"  - {{numbers: [{DIALLED[n]}], organisation: province, flow: {n}}}\n" for n in MORE)
    text = re.sub(r"\n  (12336|12312|12319|12369|12318|12356|12321|96119): .*", "", text)
    text = text.replace("\nlines:\n", f"{more}\nlines:\n")
    for name, number in DIALLED.items():
        text = re.sub(rf"(numbers: \[)({number})(\], organisation: \w+, flow: )main", rf"\1\2\3{name}", text)
    both = "- {numbers: [097712345, 097912345], organisation: haixi, flow: main}"
    assert both in text
    one = "- {{numbers: [{}], organisation: haixi, flow: {}}}"
    text = text.replace(both, one.format("097712345", "urgent") + "\n  " + one.format("097912345", "picky"))
    (site / "site" / "directory.yaml").write_text(text, encoding="utf-8")
    for name, wish in FLOWS.items():
        nodes = {"hello": {"play": {"prompt": "digit_yao", "next": "seat"}}, "seat": {"queue": wish}}
        if "told" in wish.values():
            leave = {"prompt": "all_seats_busy", "without_person": "the queue takes no more callers"}
            nodes["told"] = {"hangup": leave}
        flow = {"flow": name, "languages": ["zh"], "person": "seat", "start": "hello", "nodes": nodes}
        (site / f"{name}.yaml").write_text(yaml.safe_dump(flow, sort_keys=False), encoding="utf-8")
    return site


class TownWithCarrier(Province):
    """Calls out over the carrier's trunk reach `person`."""

    person: str

    def _trunk(self, name: str) -> TrunkAccount:
        if name == "carrier":
            return TrunkAccount(name, (HOST,), peer=self.person, qualify=0)
        return super()._trunk(name)


@dataclass(frozen=True)
class Seen:
    """A seat's state as the screens were told it."""

    at: float
    view: SeatView


class Callers:
    """Callers of one SIPp process, numbered from 1."""

    def __init__(self, process: SippProcess, numbers: Sequence[str]) -> None:
        self.process = process
        self.numbers = numbers
        self._told: set[str] = set()

    def hang_up(self, number: str) -> None:
        """Once: SIPp breaks a call off when it is told again while the first time is under way."""
        if number not in self._told:
            self._told.add(number)
            self.process.tell(self.numbers.index(number) + 1, "hangup")

    def done(self, number: str) -> None:
        self.process.tell(self.numbers.index(number) + 1, "done")


class Rig:
    """The hotline with its crew, and all that its screens have shown."""

    def __init__(self, hotline: Hotline, person: Softphone, folder: Path) -> None:
        self.hotline = hotline
        self.person = person
        self.engine = hotline.engine
        self.seen: list[Seen] = []
        self.calls: set[str] = set()
        self._folder = folder
        self._callers: list[Callers] = []
        self._serial = 0
        self._end = self.engine.subscribe(self._changed)

    def _changed(self, change: Change) -> None:
        if change.seat is not None:
            self.seen.append(Seen(time.time(), change.seat))
        if change.call is not None:
            self.calls.add(change.call.call)

    # --- seats

    async def open_crew(self) -> None:
        """The crew's phones register."""
        passwords = self.hotline.province.passwords
        self.crew = await SippProcess.start(
            "crew",
            register_scenario(300),
            self.hotline.province.sip,
            self._folder,
            called=seat_scenario([ANSWER]),
            rows=[(seat, passwords[seat]) for seat in CREW],
            rate=50,
            standing=len(CREW),
        )
        await self.hotline.until(lambda: all(self.view(seat).reachable for seat in CREW), "the crew", 20)

    def view(self, seat: str) -> SeatView:
        return next(view for view in self.engine.snapshot().seats if view.seat == seat)

    def ready(self, *seats: str) -> None:
        """Signed in and ready, in this order."""
        for seat in seats:
            if self.view(seat).agent is None:
                self.engine.submit(e.SeatSignedIn(seat=SeatId(seat), agent=AgentId(seat)))
            self.engine.submit(e.SeatReadied(seat=SeatId(seat)))

    async def state(self, seat: str, state: str, seconds: float = 10) -> SeatView:
        await self.hotline.until(lambda: self.view(seat).state == state, f"{seat} {state}", seconds)
        return self.view(seat)

    def states(self, seat: str, since: float = 0.0) -> list[str]:
        return [one.view.state for one in self.seen if one.view.seat == seat and one.at >= since]

    # --- callers

    async def dial(self, *wishes: tuple[str, str], spread: float = 0.0) -> Callers:
        """SIPp callers (flow, number) who stay until they are told to hang up."""
        self._serial += 1
        name = f"people{self._serial}"
        begin = time.time() + (0.1 if spread else 0.0)
        rows = [
            (number, f"{begin + index * spread:.3f}", DIALLED[flow], "X-Test: floor")
            for index, (flow, number) in enumerate(wishes)
        ]
        process = await SippProcess.start(
            name,
            caller_scenario(),
            self.hotline.province.sip,
            self._folder,
            rows=rows,
            rate=200,
            most_calls=len(rows),
        )
        found = Callers(process, [number for _, number in wishes])
        self._callers.append(found)
        return found

    async def waiting(self, number: str, seconds: float = 10) -> str:
        """The id of this caller's call, once it is in a queue or beyond."""

        def find() -> str | None:
            views = self.engine.snapshot().calls
            return next((v.call for v in views if v.caller == number and v.owner != "flow"), None)

        return str(await self.hotline.until(find, f"{number} in a queue", seconds))

    async def talking(self, number: str, seconds: float = 10) -> str:
        """The seat that speaks with this caller, once one does."""

        def find() -> str | None:
            views = self.engine.snapshot().calls
            return next((v.seat for v in views if v.caller == number and v.seat is not None), None)

        return str(await self.hotline.until(find, f"{number} in talk", seconds))

    async def call(self, flow: str, number: str) -> tuple[Callers, str]:
        """One caller who waits, or talks; and the id of the call."""
        callers = await self.dial((flow, number))
        return callers, await self.waiting(number)

    async def over(self, callers: Callers, number: str) -> None:
        """The caller hangs up; wait until the call is gone."""
        callers.hang_up(number)
        gone = lambda: all(view.caller != number for view in self.engine.snapshot().calls)  # noqa: E731
        await self.hotline.until(gone, f"{number} gone", 10)
        callers.done(number)

    # --- afterwards

    async def record(self, call: str) -> CallRecord:
        await self.hotline.until(lambda: self.hotline.live(call) is None, f"end of {call}", 10)
        await self.hotline.province.app.writer.flush()
        record = await self.hotline.province.app.records.call(CallId(call))
        assert record is not None, f"no record of {call}"
        return record

    async def offers(self, call: str) -> Sequence[OfferClosed]:
        await self.hotline.province.app.writer.flush()
        return await self.hotline.province.app.records.offers(CallId(call))

    async def clear(self) -> None:
        """Everybody hangs up, every seat signs out."""
        for callers in self._callers:
            for number in callers.numbers:
                callers.hang_up(number)
        await self.person.hangup()
        await self.hotline.until(lambda: not self.engine.snapshot().calls, "no live call", 20)
        for callers in self._callers:
            await callers.process.stop()
        self._callers.clear()
        for view in self.engine.snapshot().seats:
            if view.state != "logged_out":
                self.engine.submit(e.SeatSignedOut(seat=view.seat, forced=True))
        await self.hotline.clear()

    async def close(self) -> None:
        self._end()
        await self.crew.stop()


@asynccontextmanager
async def run_rig(folder: Path, pool: SoftphonePool) -> AsyncIterator[Rig]:
    site = make_site(folder)
    sipp = folder / "sipp"
    sipp.mkdir()
    person = await pool.caller(PERSON)
    town = TownWithCarrier(Wishes(site=site, state_dir=folder / "state", robots=0))
    town.person = person.contact.partition("@")[2]
    try:
        async with town, aiohttp.ClientSession() as session:
            rig = Rig(Hotline(town, pool, session), person, sipp)
            try:
                await rig.open_crew()
                yield rig
            finally:
                await rig.close()
    finally:
        await person.close()
        await asyncio.sleep(0)

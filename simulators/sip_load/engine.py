"""One run of a scenario from the first registration to the last hang-up."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from callrouter.toolchain.locate import locate
from simulators.sip_load.crowd import Crowd
from simulators.sip_load.plan import plan_calls
from simulators.sip_load.probes import PhoneSeats, Prober, ProbeResult
from simulators.sip_load.scenario import Scenario, Seats
from simulators.sip_load.stage import LEAD, STEER_SECONDS, Stage
from simulators.sip_load.watch import Usage, Watch
from simulators.softphone import Softphone, SoftphonePool

LOOK_SECONDS: Final = 0.02
REGISTER_SECONDS: Final = 20.0
END_SECONDS: Final = 12.0
QUIET_SECONDS: Final = 5.0
LIVE_SECONDS: Final = 0.5


class RunFailed(Exception):
    """The run could not begin; the text says what was missing and what to do."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is shown while a run goes on."""

    elapsed: float
    duration: float
    planned: int
    begun: int
    live: int
    answered: int
    met: int
    refused: int
    registered: int
    cpu: Mapping[str, float]


@dataclass(slots=True, kw_only=True)
class RunResult:
    """All facts of a run; `metrics` makes figures of them."""

    scenario: Scenario
    sip: str
    began: float
    crowd: Crowd
    ended: float = 0.0
    probes: list[ProbeResult] = field(default_factory=list)
    usage: dict[str, Usage] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    generators: int = 1
    """SIPp processes."""
    watchdog: int = 0
    broken: list[str] = field(default_factory=list)
    interrupted: bool = False
    left_behind: int | None = None
    """Channels alive after everybody had hung up; None: not looked at."""
    seats: int = 0


class Run:
    """Runs once. `result` can be read at any time, also after a failure in the middle."""

    def __init__(self, scenario: Scenario, sip: str, *, processes: Mapping[str, int] | None = None) -> None:
        self._scenario = scenario
        self._sip = sip
        self._plans = plan_calls(scenario)
        self._processes = {**(scenario.target.processes if scenario.target else {}), **(processes or {})}
        self._background: list[asyncio.Task[None]] = []
        self._crowd: Crowd | None = None
        self.result: RunResult | None = None

    async def go(self, show: Callable[[Live], None], folder: Path | None = None) -> RunResult:
        """Run it. Raises RunFailed, SippError, ToolchainError, PhonesUnavailable before the first call."""
        try:
            watch = Watch(self._processes)
        except psutil.NoSuchProcess as error:
            raise RunFailed(f"no process {error.pid}: give the pid of what is to be watched") from None
        async with contextlib.AsyncExitStack() as stack:
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sip-load-")))
            stage = Stage(self._scenario, self._sip, folder)
            stack.push_async_callback(stage.close)
            return await self._staged(stage, watch, show, stack)

    async def _staged(
        self, stage: Stage, watch: Watch, show: Callable[[Live], None], stack: contextlib.AsyncExitStack
    ) -> RunResult:
        scenario = self._scenario
        for partner in scenario.partners:
            await stage.open_partner(partner)
        for group in scenario.seats:
            if group.kind == "sipp":
                await stage.open_seats(group)
        names = stage.caller_names(self._plans)
        begin = time.time() + LEAD + 0.5
        crowd = self._crowd = Crowd(self._plans, scenario.seats, names, begin, scenario.seed)
        self.result = result = RunResult(scenario=scenario, sip=self._sip, began=begin, crowd=crowd)
        result.seats = sum(len(group.users) for group in scenario.seats)
        result.usage, result.lateness = watch.usage, watch.lateness
        pool, phone_seats = await self._phones(stack, crowd)
        await self._registered(stage, crowd)
        crowd.begin = result.began = time.time() + LEAD + 0.5
        await stage.open_callers(self._plans, names, crowd.begin)
        result.generators = len(stage.processes)
        for process in stage.processes:
            watch.add("generator", process.usage)
        for pid in pool.pids if pool is not None else ():
            watch.add("phones", psutil.Process(pid))
        tasks = self._begin_background(watch, phone_seats, pool, crowd, result)
        try:
            await self._until_over(stage, crowd, watch, show, tasks)
        except asyncio.CancelledError:
            result.interrupted = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._finish(stage, crowd, result)
        return result

    # --- before -----------------------------------------------------------------------

    async def _phones(
        self, stack: contextlib.AsyncExitStack, crowd: Crowd
    ) -> tuple[SoftphonePool | None, list[PhoneSeats]]:
        scenario = self._scenario
        groups = [group for group in scenario.seats if group.kind == "softphone"]
        if not groups and scenario.probes is None:
            return None, []
        pool = await stack.enter_async_context(SoftphonePool())
        opened, tones = [], 0
        for group in groups:
            seats = PhoneSeats(crowd, group, scenario.seed, tones)
            if faults := await seats.register(pool, self._sip):
                raise RunFailed(f"{len(faults)} softphone seats did not register: {faults[0]}")
            tones += len(group.users)
            opened.append(seats)
        return pool, opened

    async def _registered(self, stage: Stage, crowd: Crowd) -> None:
        """Wait until every SIPp seat has registered."""
        wanted = {name: len(users_of(self._scenario, name)) for name in stage.seats}
        deadline = time.monotonic() + REGISTER_SECONDS + sum(wanted.values()) / 50
        while True:
            self._read(stage, crowd)
            finals = [known[-1].final for known in crowd.registrations.values() if known]
            refused = [final for final in finals if final >= 300 and final != 401]
            if sum(final == 200 for final in finals) >= sum(wanted.values()):
                return
            if broken := stage.broken():
                raise RunFailed("; ".join(broken))
            if refused or time.monotonic() > deadline:
                why = f"refused with {refused[0]}" if refused else "not answered or not finished in time"
                done = sum(final == 200 for final in finals)
                raise RunFailed(
                    f"{done} of {sum(wanted.values())} seats registered at {self._sip}: REGISTER {why}. "
                    "Check the address and the seats' accounts"
                )
            await asyncio.sleep(LOOK_SECONDS)

    def _begin_background(
        self,
        watch: Watch,
        phone_seats: list[PhoneSeats],
        pool: SoftphonePool | None,
        crowd: Crowd,
        result: RunResult,
    ) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(watch.run(), name="watch")]
        tasks += [asyncio.create_task(seats.work(), name="phone seats") for seats in phone_seats]
        if self._scenario.probes is not None and pool is not None:
            speaking: dict[str, tuple[Softphone, float]] = {}
            for seats in phone_seats:
                speaking |= seats.phones
            silent = {
                user
                for group in self._scenario.seats
                if group.kind == "sipp" and group.audio == "none"
                for user, _ in group.users
            }
            prober = Prober(
                crowd,
                self._scenario.probes,
                self._sip,
                speaking,
                silent.__contains__,
                bool(self._scenario.seats),
            )
            result.probes = prober.results
            tasks.append(asyncio.create_task(prober.work(pool), name="probes"))
        return tasks

    # --- during -----------------------------------------------------------------------

    async def _until_over(
        self,
        stage: Stage,
        crowd: Crowd,
        watch: Watch,
        show: Callable[[Live], None],
        tasks: list[asyncio.Task[None]],
    ) -> None:
        scenario, result = self._scenario, self.result
        assert result is not None
        steer_at = show_at = 0.0
        off_duty: set[str] = set()
        while True:
            now = time.time()
            elapsed = now - crowd.begin
            self._read(stage, crowd)
            for instruction in crowd.instructions(now):
                stage.tell(instruction)
            if now >= steer_at:
                steer_at = now + STEER_SECONDS
                stage.steer(now)
                crowd.lose(now)
                self._shifts(stage, elapsed, off_duty)
                if broken := stage.broken():
                    result.broken = broken
                    return
                failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception()]
                if failed:
                    result.broken = [f"{task.get_name()}: {task.exception()}" for task in failed]
                    return
            if now >= show_at:
                show_at = now + LIVE_SECONDS
                show(self._live(elapsed, crowd, watch))
            if elapsed > scenario.duration and all(caller.done for caller in crowd.callers):
                return
            if elapsed > scenario.duration + scenario.drain:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _read(self, stage: Stage, crowd: Crowd) -> None:
        """Everything new in the logs. Seats are read first and told last: their callers are known by then."""
        notes = [
            (name, line, time.time())
            for name, group in (*stage.seats.items(), *stage.partners.items())
            for line in group.notes.lines()
        ]
        rung = [
            (name, message)
            for name, group in (*stage.seats.items(), *stage.partners.items())
            for message in group.read()
        ]
        for group in stage.callers.values():
            for message in group.read():
                crowd.caller_message(message)
        for name, line, at in notes:
            crowd.seat_note(name, line, at)
        for name, message in rung:
            crowd.seat_message(name, message)

    def _shifts(self, stage: Stage, elapsed: float, off_duty: set[str]) -> None:
        """Let seat groups leave and come back as their shifts say."""
        for group in self._scenario.seats:
            if not group.shifts or group.name not in stage.seats:
                continue
            on = any(shift.begins <= elapsed < shift.ends for shift in group.shifts)
            if on == (group.name in off_duty):
                off_duty.symmetric_difference_update({group.name})
                for place in range(1, len(group.users) + 1):
                    stage.seats[group.name].process.tell(place, "turn")

    def _live(self, elapsed: float, crowd: Crowd, watch: Watch) -> Live:
        attempts = [attempt for caller in crowd.callers for attempt in caller.attempts]
        return Live(
            elapsed=elapsed,
            duration=self._scenario.duration,
            planned=len(self._plans),
            begun=len(attempts),
            live=crowd.live,
            answered=sum(attempt.answered_at is not None for attempt in attempts),
            met=sum(attempt.seat_answered_at is not None for attempt in attempts),
            refused=sum(attempt.final >= 300 for attempt in attempts),
            registered=sum(known[-1].final == 200 for known in crowd.registrations.values() if known),
            cpu={name: usage.cpu[-1] for name, usage in watch.usage.items() if usage.cpu},
        )

    # --- after ------------------------------------------------------------------------

    async def _finish(self, stage: Stage, crowd: Crowd, result: RunResult) -> None:
        """Everybody hangs up; then what is left behind is counted."""
        crowd.hang_up_all()
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            now = time.time()
            self._read(stage, crowd)
            for instruction in crowd.instructions(now):
                stage.tell(instruction)
            if all(caller.now is None for caller in crowd.callers):
                break
            await asyncio.sleep(LOOK_SECONDS)
        result.ended = time.time()
        result.watchdog = sum(
            process.stats().watchdog_minor + process.stats().watchdog_major for process in stage.processes
        )
        config = self._scenario.target.asterisk_config if self._scenario.target else None
        if config is not None:
            result.left_behind = await channels_left(config)


def users_of(scenario: Scenario, name: str) -> tuple[tuple[str, str], ...]:
    return next(group.users for group in scenario.seats if group.name == name)


async def channels_left(config: Path, patience: float = QUIET_SECONDS) -> int:
    """Channels of a private Asterisk, once none are left or after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        count = await _channels(config)
        if count == 0 or time.monotonic() > deadline:
            return count
        await asyncio.sleep(0.25)


async def _channels(config: Path) -> int:
    program = locate("asterisk")
    process = await asyncio.create_subprocess_exec(
        *program.command("-C", config, "-rx", "core show channels count"),
        env={**os.environ, **program.env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    for line in output.decode(errors="replace").splitlines():
        words = line.split()
        if len(words) >= 3 and words[1] == "active" and words[2].startswith("channel"):
            return int(words[0])
    raise RunFailed(f"{config}: no Asterisk answers there: {output.decode(errors='replace').strip()[:200]}")


__all__ = ["Live", "Run", "RunFailed", "RunResult", "Seats", "channels_left"]

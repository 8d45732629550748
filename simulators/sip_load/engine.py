"""One run of a scenario from the first registration to the last hang-up."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import aiohttp
import psutil

from callrouter.toolchain.errors import ToolchainError
from simulators.sip_load.crowd import Crowd, Instruction
from simulators.sip_load.desk import DeskCrew, DeskRefused
from simulators.sip_load.leaks import BROKEN_LINGER, LINGER, channels_left, described
from simulators.sip_load.plan import plan_calls
from simulators.sip_load.probes import PhoneSeats, Prober
from simulators.sip_load.recorded import recorded_since
from simulators.sip_load.result import Live, RunFailed, RunResult
from simulators.sip_load.scenario import Scenario
from simulators.sip_load.stage import LEAD, STEER_SECONDS, Stage
from simulators.sip_load.target import NobodyListens, ask, own_address
from simulators.sip_load.watch import Watch
from simulators.softphone import Softphone, SoftphonePool

END_SECONDS: Final = 40.0
"""For the last caller's hang-up: SIP repeats a BYE for 32 s (64 × T1, RFC 3261)."""
LOOK_SECONDS: Final = 0.02
REGISTER_SECONDS: Final = 20.0
READY_SECONDS: Final = 30.0
LIVE_SECONDS: Final = 0.5


class Run:
    """Runs once. `result` can be read at any time, also after a failure in the middle."""

    def __init__(self, scenario: Scenario, sip: str, *, processes: Mapping[str, int] | None = None) -> None:
        self._scenario = scenario
        self._sip = sip
        self._plans = plan_calls(scenario)
        self._processes = {**(scenario.target.processes if scenario.target else {}), **(processes or {})}
        self._crew: DeskCrew | None = None
        self._http: aiohttp.ClientSession | None = None
        self._pool: SoftphonePool | None = None
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
            try:
                stage = Stage(self._scenario, self._sip, folder)
                stack.push_async_callback(stage.close)
                await ask(self._sip)
            except NobodyListens as error:
                raise RunFailed(str(error)) from None
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
        crowd = Crowd(scenario, self._plans, names, begin)
        self.result = result = RunResult(scenario=scenario, sip=self._sip, began=begin, crowd=crowd)
        result.seats = sum(len(group.users) for group in scenario.seats)
        result.usage, result.lateness = watch.usage, watch.lateness
        pool, phone_seats = await self._phones(stack, crowd)
        await self._registered(stage, crowd)
        tasks = [asyncio.create_task(seats.work(), name="phone seats") for seats in phone_seats]
        tasks += await self._desks(stack)
        crowd.begin = result.began = time.time() + LEAD + 0.5
        await stage.open_callers(self._plans, names, crowd.begin)
        result.generators = len(stage.processes)
        for process in stage.processes:
            watch.add("generator", process.usage)
        for pid in pool.pids if pool is not None else ():
            watch.add("phones", psutil.Process(pid))
        tasks.append(asyncio.create_task(watch.run(), name="watch"))
        if pool is not None and scenario.probes is not None:
            prober = self._prober(crowd, phone_seats)
            result.probes = prober.results
            tasks.append(asyncio.create_task(prober.work(pool), name="probes"))
        try:
            await self._until_over(stage, crowd, watch, show, tasks)
        except asyncio.CancelledError:
            result.interrupted = True
        finally:
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
        pool = self._pool = await stack.enter_async_context(SoftphonePool(host=own_address(self._sip)))
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
            refused = [
                known[-1].final for known in crowd.registrations.values() if known and known[-1].refused
            ]
            if sum(final == 200 for final in finals) >= sum(wanted.values()):
                return
            if broken := stage.broken():
                raise RunFailed("; ".join(broken))
            if refused or time.monotonic() > deadline:
                why = f"refused with {refused[0]}" if refused else "not answered or not finished in time"
                done = sum(final == 200 for final in finals)
                raise RunFailed(
                    f"{done} of {sum(wanted.values())} seats registered at {self._sip}: REGISTER {why}. "
                    "Check the address and the seats' accounts and passwords"
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def _desks(self, stack: contextlib.AsyncExitStack) -> list[asyncio.Task[None]]:
        """Agents sign in and become ready, where the scenario has desks."""
        groups = [group for group in self._scenario.seats if group.desk is not None]
        if not groups:
            return []
        target = self._scenario.target
        if target is None or target.desk is None:
            raise RunFailed("seats have a `desk`, but no `target.desk` (or --desk URL) says where it is")
        self._http = await stack.enter_async_context(aiohttp.ClientSession())
        crew = self._crew = DeskCrew(target.desk, groups, self._scenario.seed)
        stack.push_async_callback(crew.close)
        try:
            await crew.sign_in(self._http)
        except DeskRefused as error:
            raise RunFailed(str(error)) from error
        try:
            work = asyncio.create_task(crew.work(self._http), name="desks")
            ready = asyncio.create_task(crew.all_ready(READY_SECONDS))
            await asyncio.wait({work, ready}, return_when=asyncio.FIRST_COMPLETED)
            await (ready if ready.done() else work)
        except DeskRefused as error:
            for task in (work, ready):
                task.cancel()
            await asyncio.gather(work, ready, return_exceptions=True)
            raise RunFailed(str(error)) from error
        return [work]

    def _prober(self, crowd: Crowd, phone_seats: list[PhoneSeats]) -> Prober:
        scenario = self._scenario
        assert scenario.probes is not None
        speaking: dict[str, tuple[Softphone, float]] = {}
        for seats in phone_seats:
            speaking |= seats.phones
        silent = {
            user
            for group in scenario.seats
            if group.kind == "sipp" and group.audio == "none"
            for user, _ in group.users
        }
        has_seats = bool(scenario.seats)
        return Prober(crowd, scenario.probes, self._sip, speaking, silent.__contains__, has_seats)

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
            self._step(stage, crowd, now)
            if now >= steer_at:
                steer_at = now + STEER_SECONDS
                stage.steer(now)
                crowd.lose(now)
                self._shifts(stage, elapsed, off_duty)
                lost = self._pool.lost if self._pool is not None else ()
                if broken := [*stage.broken(), *lost]:
                    result.broken = broken
                    return
                failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception()]
                if failed:
                    result.broken = [f"{task.get_name()}: {_reason(task.exception())}" for task in failed]
                    return
            if now >= show_at:
                show_at = now + LIVE_SECONDS
                show(self._live(elapsed, crowd, watch))
            if elapsed > scenario.duration and all(caller.done for caller in crowd.callers):
                return
            if elapsed > scenario.duration + scenario.drain:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _step(self, stage: Stage, crowd: Crowd, now: float) -> None:
        """What has happened, and what shall happen by now."""
        self._read(stage, crowd)
        for instruction in crowd.instructions(now):
            stage.tell(instruction)
        stage.send(now)

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
                    stage.tell(Instruction(group.name, place, "turn"))
                if self._crew is not None and self._http is not None:
                    self._crew.duty(self._http, [user for user, _ in group.users], on)

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
            self._step(stage, crowd, time.time())
            there = {name for name, group in stage.callers.items() if group.process.running}
            if all(caller.now is None or caller.process not in there for caller in crowd.callers):
                break
            await asyncio.sleep(LOOK_SECONDS)
        result.ended = time.time()
        result.unended = crowd.never_left()
        result.unheard = sum(group.orders.lost for group in stage.groups())
        result.desk_refusals = list(self._crew.refusals) if self._crew is not None else []
        counts = [process.stats() for process in stage.processes]
        result.watchdog = sum(count.watchdog_minor + count.watchdog_major for count in counts)
        result.unexpected = sum(count.unexpected for count in counts)
        config = self._scenario.target.asterisk_config if self._scenario.target else None
        if config is not None:
            try:
                # Of callers whom a generator at its end has left on the line there is nothing to learn.
                sound = not (result.unended or result.broken or result.interrupted)
                result.lingered = LINGER if sound else BROKEN_LINGER
                result.left_behind = await channels_left(config, result.lingered)
                if result.left_behind:
                    result.left = await described(config)
            except (RunFailed, ToolchainError) as error:
                # Asterisk may be what the run has broken: the report is then wanted most.
                result.broken.append(f"channels left behind are not known: {error}")
        if self._scenario.target is not None and self._scenario.target.recordings is not None:
            result.recorded = recorded_since(self._scenario.target.recordings, result.began)


def _reason(error: BaseException | None) -> str:
    """What went wrong, out of the groups that it came in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def users_of(scenario: Scenario, name: str) -> tuple[tuple[str, str], ...]:
    return next(group.users for group in scenario.seats if group.name == name)

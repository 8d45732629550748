"""The one loop: facts → router → commands → switch, and the engine that desks and screens use."""

import asyncio
import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from acd.commands import CallbackClosed, CallbackOpened, Command, OfferClosed, QueueChanged, SeatChanged
from acd.events import (
    CallbackAsked,
    CallbackCancelled,
    Event,
    Intent,
    MissedForgotten,
    Refused,
    SwitchEvent,
)
from acd.floor.watched import FloorWatch
from acd.ids import CallId, Instant, NodeId, SeatId
from acd.record import CallRecord, FlowStep, LateSegment
from callrouter.controller import views
from callrouter.controller.audience import Audience
from callrouter.controller.delays import Delays
from callrouter.ports import (
    CallbackView,
    Change,
    Clock,
    Forgotten,
    Health,
    MissedView,
    RecordSink,
    SeatView,
    Snapshot,
    Telephony,
)
from callrouter.privacy import is_of
from callrouter.router import CallChanged, LookupWanted, Oddity, RecordReady, Router, promises
from callrouter.router.kept import Kept
from callrouter.router.notices import (
    AnswersSaved,
    FlowAnswered,
    Outcome,
    RecordingMade,
    SeatShown,
    VoicemailLeft,
)
from callrouter.site import Site

BACKLOG: Final = 20_000
"""Facts that may wait for the loop; beyond it the link is given up and reconciled."""

BATCH: Final = 64
"""Facts handled before the loop serves others."""

log = structlog.get_logger(__name__)

Lookup = Callable[[LookupWanted], Awaitable[FlowAnswered]]


class Controller:
    """Implements `callrouter.ports.Engine`. Everything happens in the asyncio loop that runs it."""

    def __init__(
        self,
        site: Site,
        switches: list[Telephony],
        records: RecordSink,
        clock: Clock,
        look_up: Lookup,
        notices: Callable[[Outcome], None] = lambda outcome: None,
        watch_floor: FloorWatch | None = None,
    ) -> None:
        self._clock = clock
        self.router = Router(site, clock.now(), watch_floor)
        self._switches = {switch.node: switch for switch in switches}
        self._up: dict[NodeId, bool] = {switch.node: False for switch in switches}
        self._records = records
        self._look_up = look_up
        self._notices = notices
        self._facts: deque[tuple[float, Event | FlowAnswered]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        """While `run` runs."""
        self._work_due = False
        self._link_changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due: Instant = 0.0
        self._audience = Audience(self.router)
        self._tasks: set[asyncio.Task[None]] = set()
        self.delays = Delays()
        self.stirred = asyncio.Event()
        """Set whenever anything has followed from a fact; whoever waits for it clears it."""

    # --- running --------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until cancelled. Raises what makes a switch unusable (wrong password, version)."""
        self._loop = asyncio.get_running_loop()
        self._work_soon()
        try:
            async with asyncio.TaskGroup() as group:
                for switch in self._switches.values():
                    group.create_task(switch.run(self.fact), name=f"switch {switch.node}")
                await self._loop.create_future()
        finally:
            self._loop = None

    def fact(self, event: SwitchEvent | Event | FlowAnswered) -> None:
        """Take a fact; it is handled in the loop's next turn, in order of arrival."""
        if len(self._facts) >= BACKLOG:
            raise BufferError(f"{BACKLOG} facts wait for the loop")
        self._facts.append((time.monotonic(), event))
        if not self._work_due:
            self._work_soon()

    def _work_soon(self) -> None:
        if self._loop is not None:
            self._work_due = True
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        """Handle what has come, at most `BATCH`: then screens, the API and the socket get their turn."""
        if self._loop is None:
            return
        try:
            for _ in range(min(BATCH, len(self._facts))):
                arrived, event = self._facts.popleft()
                self._one(event)
                now = time.monotonic()
                self.delays.add(now - arrived, now)
            self._set_timer()
        finally:  # whatever goes wrong, the next fact is handled
            self._work_due = False
            if self._facts:
                self._work_soon()

    def _one(self, event: Event | FlowAnswered) -> None:
        if (node := getattr(event, "node", None)) is not None:
            name = type(event).__name__
            if name in ("NodeUp", "NodeDown"):
                self._up[node] = name == "NodeUp"
                self._link_changed.set()
                log.info("switch", node=node, up=self._up[node])
        try:
            self._carry_out(self.router.handle(event, self._clock.now()))
        except Exception:
            # A fault of ours in one call must not take the others down with it.
            log.exception("router", fact=type(event).__name__)

    def _tick(self) -> None:
        self._timer = None
        try:
            self._carry_out(self.router.tick(self._clock.now()))
        except Exception:
            log.exception("router", fact="tick")
        self._set_timer()

    def _set_timer(self) -> None:
        """An armed timer that fires earlier is left alone: it looks again."""
        due = self.router.next_deadline()
        if due is None or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0.0, due - self._clock.now())
        loop = self._loop or asyncio.get_running_loop()
        self._timer, self._timer_due = loop.call_later(delay, self._tick), due

    def _carry_out(self, outcomes: list[Outcome]) -> None:
        changed: dict[tuple[str, str], None] = {}
        if outcomes:
            self.stirred.set()
        for outcome in outcomes:
            match outcome:
                case Command():
                    self._send(outcome)
                case CallChanged(call):
                    changed["call", call] = None
                case SeatShown(seat):
                    changed["seat", seat] = None
                case SeatChanged(seat=seat):
                    changed["seat", seat] = None
                    self._notices(outcome)
                case QueueChanged(queue=queue):
                    changed["queue", queue] = None
                case RecordReady(LateSegment() as segment):
                    self._records.put(segment)
                case RecordReady(CallRecord() as record):
                    self._records.put(record)
                    log.info("call ended", call=record.call, outcome=record.outcome, ended_by=record.ended_by)
                case OfferClosed() | CallbackOpened() | CallbackClosed():
                    self._notices(outcome)
                case VoicemailLeft() | RecordingMade() | AnswersSaved():
                    self._notices(outcome)
                case LookupWanted():
                    self._start_lookup(outcome)
                case Oddity(what, _, call, facts):
                    log.warning(what, call=call, **facts)
        if changed:
            self._audience.tell(changed)

    def _send(self, command: Command) -> None:
        switch = self._switches.get(command.node)
        if switch is None:
            log.error("command for an unknown node", node=command.node, command=type(command).__name__)
            return
        switch.send(command)

    def _start_lookup(self, wanted: LookupWanted) -> None:
        async def answer() -> None:
            try:
                async with asyncio.timeout(wanted.timeout + 1):
                    self.fact(await self._look_up(wanted))
            except TimeoutError:
                self.fact(FlowAnswered(call=wanted.call, token=wanted.token, ok=False, reason="timeout"))

        task = asyncio.get_running_loop().create_task(answer(), name="look-up")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the engine for desks and screens ----------------------------------------------

    def submit(self, intent: Intent) -> None:
        """Act on what a person asked, at once. Raises `Refused`; then nothing has changed."""
        self._ask(intent)

    def _ask(self, wish: Intent | CallbackAsked | CallbackCancelled | MissedForgotten) -> None:
        try:
            outcomes = self.router.handle(wish, self._clock.now())
        finally:
            self._set_timer()
        self._carry_out(outcomes)

    def callbacks(self) -> tuple[CallbackView, ...]:
        return tuple(views.callback_views(self.router))

    def missed(self) -> tuple[MissedView, ...]:
        return tuple(views.missed_views(self.router))

    def call_back(self, call: CallId) -> CallId:
        """Promise a callback for a missed call. Raises `Refused`; then nothing has changed."""
        wish = promises.wish(self.router, call)
        self._ask(wish)
        return wish.callback

    def cancel_callback(self, callback: CallId) -> None:
        """Take a promise back. Raises `Refused`: unknown, or being dialled just now."""
        self._ask(CallbackCancelled(call=callback))

    def forget(self, digits: str) -> Forgotten:
        """Drop callbacks and missed calls of a person; `digits`: see `callrouter.privacy.national`."""
        promised, given_up = promises.of_person(self.router, digits)
        dialling = 0
        for callback in promised:
            try:
                self.cancel_callback(callback)
            except Refused:
                dialling += 1
        for call in given_up:
            self._ask(MissedForgotten(call=call))
        talking = sum(is_of(live.call.caller_number, digits) for live in self.router.calls.values())
        # What a wish changes is kept for the next process only when somebody has said that it stirred.
        self.stirred.set()
        return Forgotten(
            callbacks=len(promised) - dialling, missed=len(given_up), dialling=dialling, on_the_line=talking
        )

    def snapshot(self) -> Snapshot:
        return views.snapshot(self.router, self._clock.now())

    def seat(self, seat: SeatId) -> SeatView | None:
        return views.seat_view(self.router, seat) if self.router.site.seat(seat) is not None else None

    def way(self, call: CallId) -> tuple[FlowStep, ...]:
        """A live call's way through its flow so far."""
        live = self.router.calls.get(call)
        return live.way() if live is not None else ()

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        return self._audience.subscribe(callback)

    def health(self) -> Health:
        problems = tuple(
            f"Asterisk {node} is not connected: check that it runs and that ARI answers."
            for node, up in self._up.items()
            if not up
        )
        return Health(
            ready=not problems,
            problems=problems,
            nodes={str(node): up for node, up in self._up.items()},
            calls=len(self.router.calls),
            loop_delay_p99=self.delays.p99(),
        )

    async def changed(self, seconds: float) -> None:
        """Wait until a link goes up or down, at most `seconds`."""
        self._link_changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._link_changed.wait()

    def keep(self) -> Kept:
        """What the next controller should be given, should this one end now."""
        return self.router.keep(self._clock.now())

    def resume(self, kept: Kept) -> None:
        """Take up what the controller before this one has left: before `run`, and once."""
        for talk in kept.talks:
            if talk.node not in self._switches:
                log.warning("conversation at an Asterisk that has been removed", call=talk.call)
        known = tuple(talk for talk in kept.talks if talk.node in self._switches)
        kept = dataclasses.replace(kept, talks=known)
        self._carry_out(self.router.resume(kept, self._clock.now()))
        self._set_timer()

    def leave_off(self, now: Instant) -> None:
        """Hand over what of finished calls is not recorded yet: the last thing, after `run`."""
        self._carry_out(self.router.leave_off(now))

    def change_site(self, site: Site) -> None:
        """Swap in a checked site; calls at hand finish on the flow they began with."""
        self._carry_out(self.router.change_site(site, self._clock.now()))
        self._audience.all_queues()
        self._set_timer()

"""Writing behind: the loop hands over what happened and never waits for the database.

    put → memory (bounded) → one transaction, in a process of its own → database
                           ↘ spill files while the database is away ↗ replayed, in order, when it is back

At most `GATHER` seconds plus one transaction lie between `put` and commit. Every
entry has a key of its own, hence writing it twice (a commit whose answer was
lost, a replay cut short) has no effect. Entries are lost only when the database
is away *and* the disk refuses *and* memory's bound is reached; that is counted
and said.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select

from acd.aftercall import WorkOrder
from acd.commands import CallbackClosed, CallbackOpened, OfferClosed, SeatChanged
from acd.ids import Instant
from acd.record import CALLED_BACK, NOT_OFFERED, CallRecord
from acd.rolling import RollingRate
from acd.service_level import micros
from acd.shift import SeatInterval, Shifts
from callrouter.mail import RejectedMessage
from callrouter.ports import AuditEntry, Unavailable
from callrouter.router.kept import Kept
from callrouter.store import entries, inserting, schema
from callrouter.store.database import Database, Unfit, brief
from callrouter.store.entries import Entry
from callrouter.store.scribe import Scribe
from callrouter.store.spill import Spill

GATHER: Final = 0.06
"""Seconds in which entries gather into one transaction: three times 20 ms costs a third of the CPU."""
ENOUGH: Final = 200
"""Entries for which a transaction is worth its while before `GATHER` is over."""
BATCH_SQLITE: Final = 400
BATCH_POSTGRES: Final = 1000
"""Entries a transaction at most: more would keep others waiting for the database."""
MEMORY: Final = 50_000
"""Entries kept in memory; beyond it they are lost (and counted)."""
WRITE_TIMEOUT: Final = 5.0
RETRY_FIRST: Final = 0.5
RETRY_LONGEST: Final = 5.0

PARTNERS_NODE: Final = "feed/"
"""Beginning of the node of calls that partners told us about."""

_log: Final = structlog.get_logger("callrouter.store")


@dataclass(frozen=True, slots=True)
class StoreHealth:
    available: bool
    behind: float
    """Seconds the oldest entry in memory has waited."""
    queued: int
    spilled_bytes: int
    written: int
    lost: int
    rejected: int
    """Entries that the database refuses for what they are; kept in ``rejected.jsonl``."""
    damaged: int
    """Lines of spill files that did not match their checksum; kept in ``damaged.jsonl``."""
    reason: str

    def problems(self) -> tuple[str, ...]:
        """Sentences for the operator; empty when all is well."""
        found = []
        if not self.available:
            found.append(f"database is away, records wait on disk: {self.reason}")
        if self.lost:
            found.append(f"{self.lost} records were lost: database away and disk full")
        if self.rejected or self.damaged:
            found.append(
                f"{self.rejected + self.damaged} records were set aside as unreadable: "
                "see rejected.jsonl and damaged.jsonl in the spill folder"
            )
        return tuple(found)


class RecordWriter:
    """`callrouter.ports.RecordSink` and `AuditSink` on a database. Used within one loop."""

    def __init__(
        self,
        database: Database,
        spill_folder: Path,
        *,
        memory: int = MEMORY,
        publish: inserting.Publish = inserting.silent,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        """`publish`, a function of a module, words what the feed is to say; `committed` is called
        after each transaction.
        """
        self._database = database
        self._committed = committed
        self._shifts = Shifts()
        self._spill = Spill(spill_folder)
        self._scribe = Scribe(database.url.render_as_string(hide_password=False), publish)
        self._memory = memory
        self._batch = BATCH_SQLITE if database.is_sqlite else BATCH_POSTGRES
        self._queue: deque[tuple[float, bytes]] = deque()
        """Since when each entry waits, and the entry as it would lie on disk."""
        self._in_flight: Sequence[tuple[float, bytes]] = ()
        self._work = asyncio.Event()
        self._enough = asyncio.Event()
        """Somebody waits for the commit, or a batch is full: gather no longer."""
        self._progress = asyncio.Event()
        self._ending = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._reason = ""
        self._retry_at = 0.0
        self._retry_after = RETRY_FIRST
        self._disk_refused = False
        self._written = self._lost = self._rejected = self._damaged = 0
        self.outcomes: Counter[str] = Counter()
        """Calls put since start, by outcome."""
        self.rolling = RollingRate()
        """The answer rate of the last 24 hours; `start` fills in what was before."""

    # --- what the loop calls ---

    def put(self, record: Entry) -> None:
        if isinstance(record, CallRecord):
            self.outcomes[record.outcome] += 1
            if record.offered:
                self.rolling.add(micros(record.ingress), record.answered is not None)
        self._enqueue(record)

    def noticed(self, notice: object) -> None:
        """Keep what the floor tells; notices that leave no trace in the database are ignored."""
        if isinstance(notice, SeatChanged):
            interval = self._shifts.changed(notice)
            if interval is not None:
                self._enqueue_interval(interval)
        elif isinstance(notice, OfferClosed | CallbackOpened | CallbackClosed):
            self._enqueue(notice)

    def resume_shifts(self, kept: Kept) -> None:
        """Go on with the seats' intervals where the process before ended; before its first notice."""
        closed = self._shifts.resume(kept.floor.seats, kept.going_on, kept.at, orderly=kept.orderly)
        for interval in closed:
            self._enqueue(interval)

    def end_shifts(self, now: Instant) -> None:
        """Close the seats' open intervals; the last thing before `stop`."""
        for interval in self._shifts.end(now):
            self._enqueue_interval(interval)

    def _enqueue_interval(self, interval: SeatInterval) -> None:
        for part in entries.by_days(interval):
            self._enqueue(part)

    def note(self, entry: AuditEntry) -> None:
        self._enqueue(entry)

    def _enqueue(self, entry: Entry) -> None:
        if len(self._queue) + len(self._in_flight) >= self._memory:
            self._lost += 1
            return
        self._queue.append((asyncio.get_running_loop().time(), entries.encode(entry)))
        self._work.set()
        if len(self._queue) >= ENOUGH:
            self._enough.set()

    def health(self) -> StoreHealth:
        oldest = self._in_flight or self._queue
        behind = asyncio.get_running_loop().time() - oldest[0][0] if oldest else 0.0
        reason = self._died() or self._reason
        return StoreHealth(
            available=not reason,
            behind=behind,
            queued=len(self._queue) + len(self._in_flight),
            spilled_bytes=self._spill.bytes_waiting(),
            written=self._written,
            lost=self._lost,
            rejected=self._rejected,
            damaged=self._damaged,
            reason=reason,
        )

    # --- life ---

    async def start(self, now: Instant | None = None) -> None:
        """Begin writing; what earlier runs have spilled is replayed first of all.

        `now`: to fill `rolling` with the calls of the last 24 hours.
        """
        if now is not None:
            await self._remember_calls(micros(now))
        self._work.set()
        with suppress(Unavailable):  # it is tried again, and then told
            await self._scribe.start()
        self._task = asyncio.create_task(self._run(), name="record writer")

    async def _remember_calls(self, now: int) -> None:
        calls = schema.calls.c
        query = (
            select(calls.ingress, calls.answered)
            .where(calls.ingress >= now - self.rolling.length, calls.outcome.not_in(NOT_OFFERED))
            .where(calls.outcome.not_like(f"{CALLED_BACK}%"))
            .where(calls.node.not_like(f"{PARTNERS_NODE}%"))
            .order_by(calls.ingress)
        )
        try:
            async with self._database.read() as connection:
                for row in await connection.execute(query):
                    self.rolling.add(row.ingress, row.answered is not None)
        except Unavailable as away:
            _log.warning("the last 24 hours are unknown until they have passed", reason=str(away))

    async def stop(self) -> None:
        """Write or spill everything, then end."""
        self._stopping = True
        self._ending.set()
        self._work.set()
        self._enough.set()
        try:
            if self._task is not None:
                await self._task
        finally:
            await self._scribe.close()

    async def keep(self, entry: CallRecord | WorkOrder | RejectedMessage) -> None:
        """`callrouter.ports.Inbox`: returns when the entry is in the database or set aside on disk."""
        lost = self._lost
        self._enqueue(entry)
        await self.flush()
        if self._lost > lost or self._died():
            raise Unavailable("database and disk both refuse")

    async def flush(self) -> None:
        """Wait until all that has been put so far is written or spilled."""
        until = asyncio.get_running_loop().time()
        while (waiting := self._in_flight or self._queue) and waiting[0][0] <= until and not self._died():
            self._enough.set()
            await self._progress.wait()

    def _died(self) -> str:
        """Why the writing task is no more, although nobody stopped it: a defect of ours."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return ""
        error = self._task.exception()
        return f"the writer has died ({brief(error)}): restart callrouter" if error else ""

    async def _run(self) -> None:
        try:
            await self._write_until_stopped()
        finally:
            self._progress.set()

    async def _write_until_stopped(self) -> None:
        while not (self._stopping and not self._queue):
            await self._wait_for_work()
            await self._keep_gathered()
            if self._stopping and self._disk_refused:
                self._lost += len(self._queue)
                self._queue.clear()
                _log.error("records lost at stop", lost=self._lost, reason=self._reason)
            elif self._may_try() and not self._stopping:
                await self._replay()
            self._progress.set()
            self._progress = asyncio.Event()

    async def _wait_for_work(self) -> None:
        if self._stopping:
            return
        until_retry = max(0.0, self._retry_at - asyncio.get_running_loop().time()) if self._reason else 0.0
        if self._disk_refused:
            # New entries can only gather in memory: nothing to do before the next try.
            await _wait(self._ending, until_retry)
        elif not self._queue:
            self._work.clear()
            await _wait(self._work, None if self._spill.empty else until_retry)
        replaying = not self._spill.empty and not self._reason
        if 0 < len(self._queue) < ENOUGH and not replaying and not self._stopping:
            waited = asyncio.get_running_loop().time() - self._queue[0][0]
            await _wait(self._enough, max(0.0, GATHER - waited))
        self._enough.clear()

    def _may_try(self) -> bool:
        return not self._reason or asyncio.get_running_loop().time() >= self._retry_at

    # --- keeping ---

    async def _keep_gathered(self) -> None:
        """Take one batch from memory and bring it to the database or, failing that, to disk."""
        batch = [self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))]
        if not batch:
            return
        self._in_flight = batch
        if not await self._keep([payload for _, payload in batch]):
            self._queue.extendleft(reversed(batch))
        self._in_flight = ()

    async def _keep(self, found: Sequence[bytes]) -> bool:
        # Behind what waits on disk, not past it: a late segment must not come before its call.
        in_order = self._spill.empty
        if in_order and self._may_try() and await self._store(found):
            return True
        if await self._set_aside(found):
            return True
        return not in_order and self._may_try() and await self._store(found)

    async def _store(self, found: Sequence[bytes]) -> bool:
        """Whether the entries are in the database now (or set aside as unfit for it)."""
        try:
            await self._transaction(found)
        except Unavailable as away:
            self._gone(str(away))
            return False
        self._back()
        return True

    async def _transaction(self, found: Sequence[bytes]) -> None:
        try:
            new = await self._scribe.insert(found, WRITE_TIMEOUT)
        except Unfit as error:
            await self._divide(found, str(error))
        else:
            self._written += new
            self._committed()

    async def _divide(self, found: Sequence[bytes], reason: str) -> None:
        """One of them is unfit: find it by halves, so that it holds up no other."""
        if len(found) > 1:
            middle = len(found) // 2
            await self._transaction(found[:middle])
            await self._transaction(found[middle:])
            return
        await self._reject(found[0], reason)

    async def _reject(self, payload: bytes, reason: str) -> None:
        self._rejected += 1
        _log.error("record refused by the database", reason=reason)
        try:
            await asyncio.to_thread(self._spill.reject, payload, reason)
        except OSError as error:
            self._lost += 1
            _log.error("record lost: cannot be set aside", reason=brief(error))

    async def _set_aside(self, found: Sequence[bytes]) -> bool:
        try:
            await asyncio.to_thread(self._spill.append, found)
        except OSError as error:
            if not self._disk_refused:
                _log.error("records stay in memory: disk refuses", reason=brief(error))
            self._disk_refused = True
            return False
        self._disk_refused = False
        return True

    async def _replay(self) -> None:
        """Bring one chunk of what was spilled to the database."""
        if self._spill.empty:
            return
        try:
            chunk = await asyncio.to_thread(self._spill.peek, self._batch)
        except OSError as error:
            self._gone(f"spill files cannot be read: {brief(error)}")
            return
        if chunk is None:
            return
        if not chunk.payloads or await self._store(chunk.payloads):
            self._damaged += chunk.damaged
            self._spill.taken(chunk)
            _log.info("records replayed", count=len(chunk.payloads), damaged=chunk.damaged)

    # --- away and back ---

    def _gone(self, reason: str) -> None:
        if not self._reason:
            _log.error("database is away: records are set aside on disk", reason=reason)
            self._retry_after = RETRY_FIRST
        self._reason = reason
        self._retry_at = asyncio.get_running_loop().time() + self._retry_after
        self._retry_after = min(self._retry_after * 2, RETRY_LONGEST)

    def _back(self) -> None:
        if self._reason:
            _log.info("database is back", spilled_bytes=self._spill.bytes_waiting())
        self._reason = ""
        self._disk_refused = False


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()

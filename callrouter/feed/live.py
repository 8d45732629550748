"""The present state of queues, seats and lines, for retained topics, and who is handed over just now.

Only the latest view of each waits to be published: a slow broker costs no more
memory than the state itself, and misses only what is outdated. The context of a
caller is told once for each line that rings for them, and not at all when it has
become old news meanwhile.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from acd.ids import CallId, Instant
from acd.record import FlowStep
from callrouter.feed import topics
from callrouter.feed.messages import CallContext, LineLive, call_context, encode, queue_live, seat_live
from callrouter.ports import CallView, Change, QueueView, SeatView, Snapshot

CONTEXT_LIFE: Final = 60
"""Seconds after which a caller's context is old news."""
CONTEXTS_KEPT: Final = 1000


class Live(Protocol):
    """What the feed wants of the running controller (`callrouter.ports.Engine`)."""

    def snapshot(self) -> Snapshot: ...

    def way(self, call: CallId) -> Sequence[FlowStep]: ...

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]: ...


class LiveState:
    """Collects changes of an engine; `due` hands over what to publish."""

    def __init__(
        self,
        engine: Live,
        lines: Callable[[], Iterable[str]],
        news: Callable[[], None],
        numbers_to: Collection[str] = (),
    ) -> None:
        """`numbers_to`: lines that may read callers' numbers."""
        self._engine = engine
        self._lines = lines
        self._news = news
        self._pending: dict[str, tuple[str, Struct]] = {}
        self._lines_shown: dict[str, LineLive] = {}
        self._calls_changed = False
        self._numbers_to = frozenset(numbers_to)
        self._told: dict[CallId, set[tuple[str, Instant]]] = {}
        self._handed: deque[tuple[Instant, CallContext]] = deque(maxlen=CONTEXTS_KEPT)

    def start(self) -> Callable[[], None]:
        """Begin to listen; returns the function that ends it."""
        return self._engine.subscribe(self._changed)

    def everything(self) -> None:
        """All state is due: the broker may have forgotten it."""
        snapshot = self._engine.snapshot()
        self._pending.clear()
        self._lines_shown.clear()
        for seat in snapshot.seats:
            self._seat_changed(seat)
        for queue in snapshot.queues:
            self._queue_changed(queue)
        self._calls_changed = True
        self._news()

    def _changed(self, change: Change) -> None:
        if change.seat is not None:
            self._seat_changed(change.seat)
        if change.queue is not None:
            self._queue_changed(change.queue)
        self._calls_changed |= change.call is not None or change.ended is not None
        if change.call is not None:
            self._handed_over(change.call)
        if change.ended is not None:
            self._told.pop(change.ended, None)
        self._news()

    def _handed_over(self, call: CallView) -> None:
        for leg in call.legs:
            if leg.role != "partner" or leg.activity != "ring":
                continue
            told = self._told.setdefault(call.call, set())
            if (leg.party, leg.since) in told or leg.party not in self._lines():
                continue
            told.add((leg.party, leg.since))
            way = self._engine.way(call.call)
            masked = leg.party not in self._numbers_to
            self._handed.append((leg.since, call_context(call, leg.party, way, masked=masked)))

    def contexts(self, now: Instant) -> list[tuple[str, bytes]]:
        """Who has been handed to which line since the last time: topics with payloads."""
        found = []
        while self._handed:
            since, data = self._handed.popleft()
            if now - since <= CONTEXT_LIFE:
                id_ = f"{data.call}/context/{data.line}/{since:.3f}"
                found.append((topics.context(data.line), encode("context", id_, now, data)))
        return found

    def _seat_changed(self, seat: SeatView) -> None:
        self._pending[topics.live("seats", seat.seat)] = "seat", seat_live(seat)

    def _queue_changed(self, queue: QueueView) -> None:
        self._pending[topics.live("queues", queue.queue)] = "queue", queue_live(queue)

    def due(self, now: Instant) -> dict[str, bytes]:
        """Payloads by topic, latest only; they are then no longer due."""
        if self._calls_changed:
            self._calls_changed = False
            for line in self._line_states(self._engine.snapshot()):
                if self._lines_shown.get(line.line) != line:
                    self._lines_shown[line.line] = line
                    self._pending[topics.live("lines", line.line)] = "line", line
        due, self._pending = self._pending, {}
        # One topic holds one present state: its id says so, and repetitions replace each other.
        return {topic: encode(kind, topic, now, data) for topic, (kind, data) in due.items()}

    def _line_states(self, snapshot: Snapshot) -> Iterable[LineLive]:
        legs = Counter(
            (leg.party, leg.activity == "ring")
            for call in snapshot.calls
            for leg in call.legs
            if leg.role == "partner"
        )
        for number in self._lines():
            yield LineLive(line=number, talking=legs[number, False], ringing=legs[number, True])

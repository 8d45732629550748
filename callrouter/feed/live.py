"""The present state of queues, seats and lines, for retained topics, and who is handed over just now.

Only the latest view of each waits to be published: a slow broker costs no more
memory than the state itself, and misses only what is outdated. The context of a
caller is told once for each line that rings for them, and not at all when it has
become old news meanwhile.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Protocol

from acd.ids import CallId, Instant
from acd.record import FlowStep
from callrouter.feed import topics
from callrouter.feed.messages import (
    CallContext,
    LineLive,
    call_context,
    encode,
    queue_live,
    seat_live,
    state_id,
)
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
        self._pending: dict[str, SeatView | QueueView | LineLive] = {}
        """Latest view by topic; it is worded when it is due, not at each change."""
        self._partners: dict[CallId, tuple[tuple[str, bool], ...]] = {}
        """Live calls with partners: each one's party, and whether it rings."""
        self._lines_shown: dict[str, LineLive] = {}
        self._states = 0
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
        self._partners.clear()
        self._lines_shown.clear()
        for call in snapshot.calls:
            self._call_changed(call)
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
        if change.call is not None:
            self._call_changed(change.call)
            self._handed_over(change.call)
        if change.ended is not None:
            self._told.pop(change.ended, None)
            self._calls_changed |= self._partners.pop(change.ended, None) is not None
        self._news()

    def _call_changed(self, call: CallView) -> None:
        before = self._partners.pop(call.call, ())
        now = tuple((leg.party, leg.activity == "ring") for leg in call.legs if leg.role == "partner")
        if now:
            self._partners[call.call] = now
        self._calls_changed |= now != before

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
        self._pending[topics.live("seats", seat.seat)] = seat

    def _queue_changed(self, queue: QueueView) -> None:
        self._pending[topics.live("queues", queue.queue)] = queue

    def due(self, now: Instant) -> dict[str, bytes]:
        """Payloads by topic, latest only; they are then no longer due."""
        if self._calls_changed:
            self._calls_changed = False
            for line in self._line_states():
                if self._lines_shown.get(line.line) != line:
                    self._lines_shown[line.line] = line
                    self._pending[topics.live("lines", line.line)] = line
        due, self._pending = self._pending, {}
        return {topic: self._worded(topic, now, view) for topic, view in due.items()}

    def _worded(self, topic: str, now: Instant, view: SeatView | QueueView | LineLive) -> bytes:
        self._states += 1
        # Each is a message of its own, even when the clock stands, for who drops what they have seen.
        id_ = f"{state_id(topic, now)}/{self._states}"
        if isinstance(view, SeatView):
            return encode("seat", id_, now, seat_live(view))
        if isinstance(view, QueueView):
            return encode("queue", id_, now, queue_live(view))
        return encode("line", id_, now, view)

    def _line_states(self) -> Iterable[LineLive]:
        legs = Counter(leg for call in self._partners.values() for leg in call)
        for number in self._lines():
            yield LineLive(line=number, talking=legs[number, False], ringing=legs[number, True])

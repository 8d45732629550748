"""What happened, counted by quarter-hour and by kind of caller.

While a simulation runs, numbers are appended to flat lists; `fold` turns them
into counts with numpy. A visit is counted in the quarter-hour in which it reached
the queue, whatever happened to it when.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from acd import service_level
from acd.commands import CallbackClosed
from acd.ids import Instant, SeatId
from acd.plan import SeatPlan
from simulators.queue_sim.draws import Caller
from simulators.queue_sim.world import SLOT, SLOTS_A_DAY, Floats, Mask, World

LONGEST: Final = 3600
"""Waits are kept by the second up to here."""
SHORT: Final = service_level.SHORT / service_level.MICRO
CALLBACK_IN: Final = service_level.CALLBACK_WITHIN / service_level.MICRO

COUNTED: Final = (
    *("answered", "delayed", "answered_in_target", "human_in_target", "wait", "wait_all", "to_human", "talk"),
    *("abandoned_queue", "abandoned_ringing", "short", "abandoned_in_target"),
    *("sent_away", "missed", "called_back", "unfinished"),
)
"""Rows of the counts, named as in `acd.service_level.Tally` where it has them. Times in seconds."""
CONTACT, IDLE, WRAP_UP = range(3)
_RESERVED, _WRAP_UP, _READY, _AWAY = _CODES = range(4)
_SPENT: Final = {CONTACT: [_RESERVED, _WRAP_UP], IDLE: [_READY], WRAP_UP: [_WRAP_UP]}
"""What a seat's time counts as, by what it changed to last; talking is part of `reserved`."""
ROW: Final = {name: index for index, name in enumerate(COUNTED)}


class Tally:
    """Counts of one replication: `counts[row, kind, slot]`, seat time `seats[what, home, slot]`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._slots = world.days * SLOTS_A_DAY
        self.counts = np.zeros((len(COUNTED), len(world.kinds), self._slots))
        self.waits = np.zeros((len(world.kinds), LONGEST + 1), dtype=np.int64)
        """Answered visits by whole seconds of waiting, after the warm-up."""
        self.exits: dict[str, int] = {}
        self.cut_off = 0
        self.homes = tuple(
            dict.fromkeys(str(seat.queues[0].queue) for seat in world.plan.seats if seat.queues)
        )
        self.seats = np.zeros((3, len(self.homes), self._slots))
        """Seconds of seats on `CONTACT`, `IDLE` and in `WRAP_UP` (part of it), by their first queue."""
        targets = {queue.queue: queue.target for queue in world.plan.queues}
        self._targets = np.array([targets.get(kind.queue, 15.0) for kind in world.kinds])
        home = {name: index for index, name in enumerate(self.homes)}
        counted = [seat for seat in world.plan.seats if seat.queues]
        self._away = _marks(counted, _AWAY)
        self.marks = {
            "reserved": _marks(counted, _RESERVED),
            "wrap_up": _marks(counted, _WRAP_UP),
            "ready": _marks(counted, _READY),
        }
        """What stands in `changes` for a seat's change, by state and seat."""
        self._home_of = np.array([home[str(seat.queues[0].queue)] for seat in counted], dtype=np.int64)
        self._open = np.empty((0, 2))
        """The last change of each seat that is folded in: what it is at now."""
        self.changes: list[float] = []
        """Mark, instant."""
        self.answers: list[float] = []
        """Kind, when at the queue, waited, flow before it, talk."""
        self._losses: list[float] = []

    # --- while it runs

    def answered(self, caller: Caller, now: Instant) -> None:
        at = caller.at
        self.answers += (caller.kind, at, now - at, caller.flow, caller.talk)

    def abandoned(self, caller: Caller, now: Instant, *, ringing: bool) -> None:
        row = ROW["abandoned_ringing" if ringing else "abandoned_queue"]
        self._losses += (row, caller.kind, caller.at, now - caller.at, caller.flow)

    def sent_away(self, caller: Caller, reason: str, now: Instant) -> None:
        self.exits[reason] = self.exits.get(reason, 0) + 1
        self._losses += (ROW["sent_away"], caller.kind, caller.at, now - caller.at, caller.flow)

    def promised(self, caller: Caller, now: Instant) -> None:
        """The caller has hung up and will be called back."""
        self._losses += (ROW["missed"], caller.kind, caller.at, now - caller.at, caller.flow)

    def callback_closed(self, caller: Caller, closed: CallbackClosed) -> None:
        if closed.outcome == "reached" and closed.ended - closed.asked <= CALLBACK_IN:
            self._losses += (ROW["called_back"], caller.kind, caller.at, 0.0, 0.0)

    def unfinished(self, callers: Iterable[Caller], now: Instant) -> None:
        """Who still waits when the simulation stops."""
        for caller in callers:
            self._losses += (ROW["unfinished"], caller.kind, caller.at, now - caller.at, caller.flow)

    def seat_changed(self, seat: SeatId, state: str, now: Instant) -> None:
        """Any change but to talking."""
        self.changes += (self.marks.get(state, self._away)[seat], now)

    def seats_until(self, now: Instant) -> None:
        """The simulation stops: what each seat is at counts up to here."""
        for mark in self._away.values():
            self.changes += (mark, now)

    # --- afterwards

    def fold(self) -> None:
        """Turn what was noted into counts."""
        if self.answers:
            self._fold_answers(_rows(self.answers, 5))
        if self._losses:
            self._fold_losses(_rows(self._losses, 5))
        if self.changes:
            self._fold_changes(_rows(self.changes, 2))
        for noted in (self.answers, self._losses, self.changes):
            noted.clear()

    def _add(self, row: str, kinds: Floats, slots: Floats, weights: Floats | None = None) -> None:
        size = self.counts.shape[1] * self._slots
        place = kinds.astype(np.int64) * self._slots + slots.astype(np.int64)
        self.counts[ROW[row]] += np.bincount(place, weights, size).reshape(-1, self._slots)

    def _slot(self, at: Floats) -> Floats:
        return np.minimum(at // SLOT, self._slots - 1)

    def _fold_answers(self, rows: Floats) -> None:
        kinds, at, waited, flow, talk = rows.T
        slots = self._slot(at)
        targets = self._targets[kinds.astype(np.int64)]
        self._add("answered", kinds, slots)
        self._add("delayed", kinds, slots, _ones(waited > 0))
        self._add("answered_in_target", kinds, slots, _ones(waited <= targets))
        self._add("human_in_target", kinds, slots, _ones(waited + flow <= targets))
        self._add("wait", kinds, slots, waited)
        self._add("wait_all", kinds, slots, waited)
        self._add("to_human", kinds, slots, waited + flow)
        self._add("talk", kinds, slots, talk)
        counted = at >= self._world.warm_up
        whole = np.minimum(waited[counted], LONGEST).astype(np.int64)
        place = kinds[counted].astype(np.int64) * (LONGEST + 1) + whole
        self.waits += np.bincount(place, minlength=self.waits.size).reshape(self.waits.shape)

    def _fold_losses(self, rows: Floats) -> None:
        for row in np.unique(rows[:, 0]):
            _, kinds, at, waited, flow = rows[rows[:, 0] == row].T
            slots = self._slot(at)
            name = COUNTED[int(row)]
            self._add(name, kinds, slots)
            if name != "called_back":
                self._add("wait_all", kinds, slots, waited)
                self._add("delayed", kinds, slots)
            if name in ("abandoned_queue", "abandoned_ringing"):
                targets = self._targets[kinds.astype(np.int64)]
                self._add("short", kinds, slots, _ones(waited + flow < SHORT))
                self._add("abandoned_in_target", kinds, slots, _ones(waited <= targets))

    def _fold_changes(self, rows: Floats) -> None:
        """Seat time to the quarter-hours it touches: every change ends what the seat was at before."""
        rows = np.concatenate([self._open, rows])
        rows = rows[np.argsort(rows[:, 0] // len(_CODES), kind="stable")]
        marks, at = rows.T
        seats, codes = np.divmod(marks, len(_CODES))
        same = seats[1:] == seats[:-1]
        last = np.append(~same, True)
        self._open = rows[last]
        was, begun, ended = codes[:-1][same], at[:-1][same], at[1:][same]
        homes = self._home_of[seats[:-1][same].astype(np.int64)]
        for what, states in _SPENT.items():
            spent = np.isin(was, states) & (ended > begun)
            for home in range(len(self.homes)):
                mine = spent & (homes == home)
                self.seats[what, home] += spread(begun[mine], ended[mine], self._slots)


def _marks(seats: Sequence[SeatPlan], code: int) -> dict[SeatId, int]:
    """A seat's number and the code of a state, in one."""
    return {seat.seat: number * len(_CODES) + code for number, seat in enumerate(seats)}


def _rows(noted: list[float], columns: int) -> Floats:
    return np.fromiter(noted, np.float64, len(noted)).reshape(-1, columns)


def _ones(mask: Mask) -> Floats:
    return mask.astype(np.float64)


def spread(begun: Floats, ended: Floats, slots: int) -> Floats:
    """How much of the spans lies in each slot."""
    size = slots + 1
    begun, ended = np.minimum(begun, slots * SLOT), np.minimum(ended, slots * SLOT)
    first, last = (begun // SLOT).astype(np.int64), (ended // SLOT).astype(np.int64)
    # A span fills its slots from the first on, less the part before it began and the part after it ended.
    full = np.bincount(first, minlength=size) - np.bincount(last, minlength=size)
    part = np.bincount(last, ended - last * SLOT, size) - np.bincount(first, begun - first * SLOT, size)
    return np.asarray((np.cumsum(full) * SLOT + part)[:slots], dtype=np.float64)

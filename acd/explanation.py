"""Why this seat and this caller.

A decision keeps only references to things that do not change and a few small
tuples of what it saw; the JSON-ready mapping is composed when somebody reads it.
Its size is bounded whatever the floor's: at most `NAMED` seats by name (the
nearest first), the rest as counts; at most `MAX_REASONS` kinds of refusal.
"""

from array import array
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from acd.agent import READY, STATES, Seat, State
from acd.ids import Instant
from acd.queue import INFINITE, Entry, WaitingClass
from acd.skill import lacking, render

if TYPE_CHECKING:
    from acd.matching import Group

NAMED: Final = 12
"""Seats named one by one, the nearest first."""
MAX_REASONS: Final = 10
MAX_CLASSES: Final = 8
_NONE: Final = array("l")


class Explanation(Mapping[str, object]):
    """What the decision saw, at the instant it was taken. JSON-ready once made a `dict`."""

    __slots__ = ("_classes", "_cls", "_composed", "_facts", "_heads", "_now", "_seat", "_seen")

    def __init__(self, trigger: str, entry: Entry, seat: Seat, now: Instant) -> None:
        cls = entry.cls
        self._cls = cls
        self._seat = seat
        self._now = now
        self._facts = (trigger, entry.enqueued, entry.key, entry.priority, entry.last_seat)
        self._composed: dict[str, object] | None = None
        self._seen: list[tuple[Group, bytes]] = []
        room = NAMED
        for group in cls.groups if cls is not None else ():
            seen = bytes(group.states[:room])
            self._seen.append((group, seen))
            room -= len(seen)
            if room <= 0:
                break
        board = seat.group.board
        known = seat.group.known[:MAX_CLASSES] if trigger == "seat_free" else _NONE
        self._classes = [board.classes[index] for index in known]
        self._heads = [board.heads[index] for index in known]

    def _compose(self) -> dict[str, object]:
        if self._composed is None:
            trigger, enqueued, key, priority, last_seat = self._facts
            composed: dict[str, object] = {
                "trigger": trigger,
                "seat": self._seat.plan.seat,
                "waited": self._now - enqueued,
                "priority": priority,
                "not_twice_running": last_seat.plan.seat if last_seat is not None else None,
            }
            if self._cls is not None:
                composed.update(self._policy(self._cls, key))
                composed["candidates"] = self._candidates(self._cls)
                composed["not_eligible"] = _not_eligible(self._cls)
            if self._classes:
                composed["callers_compared"] = self._compared()
            self._composed = composed
        return self._composed

    def _policy(self, cls: WaitingClass, key: float) -> dict[str, object]:
        plan = cls.queue.plan
        return {
            "queue": plan.queue,
            "policy": plan.strategy,
            "demand": render(cls.demand),
            "relaxation_step": cls.step,
            "overflow": [rung.queue for rung in plan.overflow[: cls.reach]],
            "claim": (self._now - key) * plan.weight,
        }

    def _candidates(self, cls: WaitingClass) -> dict[str, object]:
        """Who could have taken the call, and what kept each from it."""
        last_seat = self._facts[4]
        named: list[dict[str, object]] = []
        for seat, state in self._named():
            if seat is self._seat:
                verdict = "chosen"
            elif seat is last_seat:
                verdict = "let this caller go just now"
            elif state == READY:
                verdict = f"ready, but behind by {cls.queue.plan.strategy}"
            else:
                verdict = state
            named.append({"seat": seat.plan.seat, "verdict": verdict})
        total = sum(len(group.seats) for group in cls.groups)
        return {"eligible": total, "named": named, "not_named": total - len(named)}

    def _named(self) -> Iterator[tuple[Seat, State]]:
        for group, seen in self._seen:
            for seat, index in zip(group.seats, seen, strict=False):
                yield seat, STATES[index]

    def _compared(self) -> list[dict[str, object]]:
        """The callers whom the free seat could have taken: the first of each class."""
        return [
            {
                "queue": cls.queue.queue,
                "demand": render(cls.demand),
                "relaxation_step": cls.step,
                "claim": (self._now - head) * cls.queue.plan.weight,
            }
            for cls, head in zip(self._classes, self._heads, strict=True)
            if head < INFINITE
        ]

    def __getitem__(self, key: str) -> object:
        return self._compose()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._compose())

    def __len__(self) -> int:
        return len(self._compose())

    def __repr__(self) -> str:
        return repr(self._compose())


def _not_eligible(cls: WaitingClass) -> dict[str, int]:
    """Seats of the same queues that may not serve, counted by what they lack."""
    reasons: dict[str, int] = {}
    for group in cls.outsiders:
        text = _lack(cls, group)
        if text not in reasons and len(reasons) >= MAX_REASONS:
            text = "other"
        reasons[text] = reasons.get(text, 0) + len(group.seats)
    return reasons


def _lack(cls: WaitingClass, group: "Group") -> str:
    missing = lacking(cls.demand, group.levels)
    return f"lacks {', '.join(missing)}" if missing else "membership tier not asked yet"

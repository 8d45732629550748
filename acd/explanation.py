"""Why this seat and this caller.

A decision keeps only references to things that do not change and a few small
tuples of what it saw; the JSON-ready mapping is composed when somebody reads it.
Its size is bounded whatever the floor's: at most `acd.queue.NAMED` seats by name (the
nearest first), the rest as counts; at most `MAX_REASONS` kinds of refusal.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from acd.agent import READY, STATES, Seat, State
from acd.ids import Instant
from acd.queue import INFINITE, Entry, WaitingClass
from acd.skill import lacking, render

if TYPE_CHECKING:
    from acd.matching import Group

MAX_REASONS: Final = 10


class Explanation(Mapping[str, object]):
    """What the decision saw, at the instant it was taken. JSON-ready once made a `dict`."""

    __slots__ = ("_composed", "_saw")

    def __init__(self, trigger: str, entry: Entry, seat: Seat, now: Instant) -> None:
        cls, group = entry.cls, seat.group
        self._saw = (
            trigger,
            now,
            seat,
            cls,
            entry.enqueued,
            entry.key,
            entry.priority,
            entry.last_seat,
            [states[:room] for states, room in cls.named] if cls is not None else (),
            group.rivals,
            group.rival_heads(group.board.heads) if trigger == "seat_free" else None,
        )
        self._composed: dict[str, object] | None = None

    def _compose(self) -> dict[str, object]:
        if self._composed is None:
            trigger, now, seat, cls, enqueued, key, priority, last_seat, _, rivals, heads = self._saw
            composed: dict[str, object] = {
                "trigger": trigger,
                "seat": seat.id,
                "waited": now - enqueued,
                "priority": priority,
                "not_twice_running": last_seat.plan.seat if last_seat is not None else None,
            }
            if cls is not None:
                composed.update(self._policy(cls, key, now))
                composed["candidates"] = self._candidates(cls)
                composed["not_eligible"] = _not_eligible(cls)
            if heads is not None:
                composed["callers_compared"] = _compared(rivals, heads, now)
            self._composed = composed
        return self._composed

    def _policy(self, cls: WaitingClass, key: float, now: Instant) -> dict[str, object]:
        plan = cls.queue.plan
        return {
            "queue": plan.queue,
            "policy": plan.strategy,
            "demand": render(cls.demand),
            "relaxation_step": cls.step,
            "overflow": [rung.queue for rung in plan.overflow[: cls.reach]],
            "claim": (now - key) * plan.weight,
        }

    def _candidates(self, cls: WaitingClass) -> dict[str, object]:
        """Who could have taken the call, and what kept each from it."""
        chosen, last_seat = self._saw[2], self._saw[7]
        named: list[dict[str, object]] = []
        for seat, state in self._named(cls):
            if seat is chosen:
                verdict = "chosen"
            elif seat is last_seat:
                verdict = "let this caller go just now"
            elif state == READY:
                verdict = f"ready, but behind by {cls.queue.plan.strategy}"
            else:
                verdict = state
            named.append({"seat": seat.id, "verdict": verdict})
        total = sum(len(group.seats) for group in cls.groups)
        return {"eligible": total, "named": named, "not_named": total - len(named)}

    def _named(self, cls: WaitingClass) -> Iterator[tuple[Seat, State]]:
        for group, seen in zip(cls.groups, self._saw[8], strict=False):
            for seat, index in zip(group.seats, seen, strict=False):
                yield seat, STATES[index]

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


def _compared(
    rivals: Sequence[WaitingClass], heads: Sequence[float], now: Instant
) -> list[dict[str, object]]:
    """The callers whom the free seat could have taken: the first of each class."""
    return [
        {
            "queue": cls.queue.queue,
            "demand": render(cls.demand),
            "relaxation_step": cls.step,
            "claim": (now - head) * cls.queue.plan.weight,
        }
        for cls, head in zip(rivals, heads, strict=False)
        if head < INFINITE
    ]

"""A floor that can be read, yet cannot work: queues that nobody can ever serve, steps that do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from acd import skill
from acd.ids import QueueId
from acd.plan import FloorPlan, Membership, QueuePlan, SeatPlan
from acd.strategy import STRATEGIES

if TYPE_CHECKING:
    from callrouter.config.document import Document, Fault
    from callrouter.site.floor import FloorFile

Path = tuple[str | int, ...]


def contradictions(document: Document, file: FloorFile, plan: FloorPlan) -> Iterator[Fault]:
    """Every fault of a plan whose names are right."""
    for queue in plan.queues:
        at: Path = ("queues", queue.queue)
        yield from _nobody(document, at, queue, plan)
        yield from _steps(document, at, queue)
        yield from _rungs(document, at, queue, plan)
        yield from _idle_rules(document, at, queue)
    yield from _seats(document, file, plan)


def _circle(queue: QueuePlan) -> frozenset[QueueId]:
    """The queues whose seats may serve it in the end."""
    return frozenset((queue.queue, *(rung.queue for rung in queue.overflow)))


def _last_tiers(queue: QueuePlan) -> int | None:
    return next((step.tiers for step in reversed(queue.relaxation) if step.tiers is not None), queue.tiers)


def serving(queue: QueuePlan, plan: FloorPlan) -> list[SeatPlan]:
    """Seats that serve the queue once all its steps and rungs are taken."""
    circle, tiers = _circle(queue), _last_tiers(queue)

    def may(one: Membership) -> bool:
        # Tiers limit the seats of the queue itself, not those that help.
        return one.queue in circle and (one.queue != queue.queue or tiers is None or one.tier <= tiers)

    return [seat for seat in plan.seats if any(map(may, seat.queues))]


def _nobody(document: Document, at: Path, queue: QueuePlan, plan: FloorPlan) -> Iterator[Fault]:
    if serving(queue, plan):
        return
    beyond = [seat.seat for seat in plan.seats if any(m.queue == queue.queue for m in seat.queues)]
    if beyond:
        said = f"nobody can serve queue {queue.queue!r}: the tiers of {', '.join(beyond[:3])} are never asked"
        yield document.fault(at, said, "Raise `tiers`, or add a relaxation step that does", key=True)
    elif queue.overflow:
        said = (
            f"nobody can serve queue {queue.queue!r}: neither it nor the queues it overflows to have a seat"
        )
        yield document.fault(at, said, "Give it to a seat, or overflow to a queue with seats", key=True)


def _steps(document: Document, at: Path, queue: QueuePlan) -> Iterator[Fault]:
    tiers, lowered, dropped = queue.tiers, 0, set[str]()
    for index, step in enumerate(queue.relaxation):
        here = (*at, "relaxation", index)
        if queue.max_wait is not None and step.after >= queue.max_wait:
            said = f"this step never comes: callers leave after max_wait, {queue.max_wait:g} seconds"
            yield document.fault((*here, "after"), said, "Put it earlier, or raise max_wait")
        if step.tiers is not None and tiers is None:
            said = "this step asks for more: all tiers serve from the start"
            yield document.fault(
                (*here, "tiers"), said, "Give the queue a lower `tiers`, or take this one out"
            )
        elif step.tiers is not None and tiers is not None and step.tiers < tiers:
            said = f"this step asks for more: tier {tiers} serves already"
            yield document.fault((*here, "tiers"), said, f"Use {tiers + 1} or more")
        again = dropped.issuperset(step.drop)
        lower = step.lower > 0 and lowered < skill.MAX_LEVEL - 1
        if (
            (step.drop or step.lower or step.tiers is not None)
            and again
            and not lower
            and step.tiers in (None, tiers)
        ):
            yield document.fault(here, "this step changes nothing that is not so already", "Take it out")
        tiers = step.tiers if step.tiers is not None else tiers
        lowered += step.lower
        dropped.update(step.drop)


def _rungs(document: Document, at: Path, queue: QueuePlan, plan: FloorPlan) -> Iterator[Fault]:
    for index, rung in enumerate(queue.overflow):
        here = (*at, "overflow", index)
        if rung.after is None and rung.length is None and rung.expected_wait is None and not rung.unstaffed:
            hint = "Add after, length, expected_wait or unstaffed"
            yield document.fault(here, "this overflow never opens: it has no condition", hint)
        if rung.after is not None and queue.max_wait is not None and rung.after >= queue.max_wait:
            said = f"this overflow never opens: callers leave after max_wait, {queue.max_wait:g} seconds"
            yield document.fault((*here, "after"), said, "Open it earlier, or raise max_wait")
        if not any(m.queue == rung.queue for seat in plan.seats for m in seat.queues):
            said = f"queue {rung.queue!r} has no seat that could help"
            yield document.fault((*here, "queue"), said, "Name a queue with seats")


def _idle_rules(document: Document, at: Path, queue: QueuePlan) -> Iterator[Fault]:
    """Rules that another rule keeps from ever counting."""
    several = [name for name, strategy in STRATEGIES.items() if strategy.several]
    if queue.ring_count > 1 and queue.strategy not in several:
        said = f"ring_count has no effect: strategy {queue.strategy} rings one seat"
        yield document.fault((*at, "ring_count"), said, f"Use `strategy: {several[0]}`, or take it out")
    if queue.max_wait is None:
        return
    for rule in ("announce_first", "callback_after", "unstaffed_exit"):
        when = getattr(queue, rule)
        if when is not None and when >= queue.max_wait and rule in _written(document, at):
            said = f"{rule} never comes: callers leave after max_wait, {queue.max_wait:g} seconds"
            yield document.fault((*at, rule), said, "Put it earlier, or raise max_wait")


def _written(document: Document, at: Path) -> frozenset[str]:
    """What the file itself says there; a default is nobody's mistake."""
    value: Any = document.root
    for step in at:
        value = value[step]
    return frozenset(value or ())


def unused_skills(document: Document, file: FloorFile) -> Iterator[Fault]:
    """Warnings: nobody can be asked for these."""
    given = {skill for seat in file.seats.values() for skill in seat.skills}
    for name in file.skills:
        if name not in given:
            yield document.fault(
                ("skills", name), f"no seat has skill {name!r}", "Give it to a seat, or take it out", key=True
            )


def _seats(document: Document, file: FloorFile, plan: FloorPlan) -> Iterator[Fault]:
    phones: dict[str, str] = {}
    for seat in plan.seats:
        at: Path = ("seats", seat.seat)
        served = [m.queue for m in seat.queues]
        for index, queue in enumerate(served):
            if queue in served[:index]:
                said = f"seat {seat.seat!r} names queue {queue!r} twice"
                yield document.fault((*at, "queues", index), said, "Take one out")
        phone = file.seats[seat.seat].endpoint or f"PJSIP/{seat.seat}"
        other = phones.setdefault(phone, seat.seat)
        if other != seat.seat:
            said = f"seats {other!r} and {seat.seat!r} have the same phone {phone!r}"
            yield document.fault((*at, "endpoint"), said, "Give each seat a phone of its own")


def never_met(plan: FloorPlan) -> Callable[[str, str], str]:
    """Tells of a queue and a skill expression why no seat can ever take such a caller; ``""``: one can."""
    queues = {queue.queue: queue for queue in plan.queues}

    def reason(name: str, expression: str) -> str:
        queue = queues.get(QueueId(name))
        if queue is None:
            return ""
        demand = skill.parse(expression)
        for step in queue.relaxation:
            demand = skill.relax(demand, drop=frozenset(step.drop), lower=step.lower)
        if any(skill.satisfied(demand, seat.skills) for seat in serving(queue, plan)):
            return ""
        rest = skill.render(demand)
        after = f" (after all relaxation: {rest!r})" if queue.relaxation else ""
        return f"no seat of queue {name!r} can ever serve {expression!r}{after}"

    return reason

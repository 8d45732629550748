"""Reading a scenario with every fault of it at its line."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError, create_model

from acd import skill
from acd.plan import problems
from acd.strategy import STRATEGIES
from callrouter.config.document import ConfigError, Document, Fault, parse, read_document
from callrouter.config.validation import did_you_mean
from callrouter.site.floor import FloorFile, Queue, Waiting, plan_of, read_floor
from simulators.queue_sim.policies import Base, base_of, matching, merged_names, queue_with
from simulators.queue_sim.scenario import Callers, Duty, Policy, Scenario, SeatManners

Path_ = tuple[str | int, ...]


def _all_optional(model: type[BaseModel]) -> type[BaseModel]:
    """The same keys and checks, none of them required: for a policy's changes."""
    changed: dict[str, Any] = {
        name: (field.rebuild_annotation(), None) for name, field in model.model_fields.items()
    }
    return create_model(f"Some{model.__name__}", __config__=model.model_config, **changed)


SOME_QUEUE: Final = _all_optional(Queue)
SOME_RULES: Final = _all_optional(Waiting)


def read_scenario(file: Path, changes: Mapping[str, int] | None = None) -> Base:
    """Read and check a scenario and the site that it names; `changes` replaces some of its numbers.

    Raises ConfigError with every fault.
    """
    document = read_document(file)
    scenario = parse(document, Scenario).model_copy(update=dict(changes or {}))
    site_floor = None
    if scenario.site is not None:
        floor_file = file.parent / scenario.site / "site" / "floor.yaml"
        if not floor_file.is_file():
            hint = "Name the folder that has site/floor.yaml in it, as seen from this file"
            raise ConfigError([document.fault(("site",), f"{floor_file}: no such file", hint)])
        floor_document = read_document(floor_file)
        read_floor(floor_document)
        site_floor = parse(floor_document, FloorFile)
    base = base_of(scenario, site_floor)
    faults = list(_faults(document, base))
    if faults:
        raise ConfigError(faults)
    return base


def _faults(document: Document, base: Base) -> Iterator[Fault]:
    scenario, floor = base.scenario, base.floor
    yield from _floor_faults(document, base)
    yield from _named_twice(document, "callers", [one.name for one in scenario.callers])
    yield from _named_twice(document, "policies", [one.name for one in scenario.policies])
    for index, callers in enumerate(scenario.callers):
        yield from _caller_faults(document, floor, ("callers", index), callers)
    for index, duty in enumerate(scenario.duty):
        yield from _duty_faults(document, floor, ("duty", index), duty)
    yield from _manners_faults(document, ("seats",), scenario.seats)
    for index, policy in enumerate(scenario.policies):
        yield from _policy_faults(document, base, ("policies", index), policy)
        if policy.seats is not None:
            yield from _manners_faults(document, ("policies", index, "seats"), policy.seats)


def _manners_faults(document: Document, at: Path_, manners: SeatManners) -> Iterator[Fault]:
    if not manners.answer.mean < float("inf"):
        yield document.fault((*at, "answer"), "no seat would ever answer", "Use never_answers for a share")


def _named_twice(document: Document, what: str, names: Sequence[str]) -> Iterator[Fault]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield document.fault(
                (what, index, "name"), f"{name!r} is named twice", "Names tell results apart"
            )


def _floor_faults(document: Document, base: Base) -> Iterator[Fault]:
    if base.scenario.floor is None:
        return
    told: set[tuple[Path_, str]] = set()
    for text in problems(plan_of(base.floor), STRATEGIES):
        what, _, rest = text.partition(": ")
        kind, _, name = what.partition(" ")
        groups = [group for group in base.scenario.floor.seats if kind == "seat" and name.startswith(group)]
        where: Path_ = ("floor", "queues", name) if kind == "queue" else ("floor", "seats", *groups[:1])
        if (where, rest) not in told:  # once for all seats of a group
            told.add((where, rest))
            yield document.fault(where, rest or text, key=True)


def _caller_faults(document: Document, floor: FloorFile, at: Path_, callers: Callers) -> Iterator[Fault]:
    yield from _queue_fault(document, floor.queues, (*at, "queue"), callers.queue)
    yield from _skill_fault(document, floor, (*at, "skills"), callers.skills)
    if not callers.talk.mean < float("inf"):
        yield document.fault((*at, "talk"), "nobody talks for ever", "Give a finite duration")
    if not callers.flow.mean < float("inf"):
        yield document.fault((*at, "flow"), "nobody would reach the queue", "Give a finite duration")
    for index, mix in enumerate(callers.mix):
        if mix.talk is not None and not mix.talk.mean < float("inf"):
            here = (*at, "mix", index, "talk")
            yield document.fault(here, "nobody talks for ever", "Give a finite duration")
        if mix.queue is not None:
            yield from _queue_fault(document, floor.queues, (*at, "mix", index, "queue"), mix.queue)
        if mix.skills is not None:
            yield from _skill_fault(document, floor, (*at, "mix", index, "skills"), mix.skills)


def _queue_fault(document: Document, known: Collection[str], at: Path_, queue: str) -> Iterator[Fault]:
    if queue not in known:
        yield document.fault(at, f"no queue {queue!r}", did_you_mean(queue, known))


def _skill_fault(document: Document, floor: FloorFile, at: Path_, expression: str) -> Iterator[Fault]:
    try:
        demand = skill.parse(expression)
    except skill.SkillError as error:
        yield document.fault(at, str(error))
        return
    if not any(skill.satisfied(demand, seat.skills) for seat in floor.seats.values()):
        yield document.fault(at, f"no seat has {expression!r}", "Give the skill to a seat or ask for less")


def _duty_faults(document: Document, floor: FloorFile, at: Path_, duty: Duty) -> Iterator[Fault]:
    for index, pattern in enumerate(duty.seats):
        if not matching(floor.seats, [pattern]):
            hint = did_you_mean(pattern, list(floor.seats)[:2000])
            yield document.fault((*at, "seats", index), f"no seat {pattern!r}", hint)


def _policy_faults(document: Document, base: Base, at: Path_, policy: Policy) -> Iterator[Fault]:
    floor, fault = base.floor, document.fault
    for name in policy.queues:
        here = (*at, "queues", name)
        if name not in floor.queues:
            yield fault(here, f"no queue {name!r}", did_you_mean(name, floor.queues), key=True)
        else:
            yield from _change_faults(document, here, SOME_QUEUE)
            yield from _consequences(document, here, floor.queues[name], policy.queues[name], floor)
    if policy.rules:
        yield from _change_faults(document, (*at, "rules"), SOME_RULES)
    gone = merged_names(policy.merge)
    for index, merge in enumerate(policy.merge):
        for number, name in enumerate(merge.queues):
            yield from _queue_fault(document, floor.queues, (*at, "merge", index, "queues", number), name)
        yield from _queue_fault(
            document,
            [one for one in floor.queues if one not in gone],
            (*at, "merge", index, "into"),
            merge.into,
        )
    for index, lose in enumerate(policy.lose):
        for number, pattern in enumerate(lose.seats):
            if not matching(floor.seats, [pattern]):
                yield fault((*at, "lose", index, "seats", number), f"no seat {pattern!r}")
        known = {seat.organisation for seat in floor.seats.values()}
        if lose.organisation is not None and lose.organisation not in known:
            hint = did_you_mean(lose.organisation, known)
            yield fault((*at, "lose", index, "organisation"), f"no organisation {lose.organisation!r}", hint)
    for index, surge in enumerate(policy.surge):
        names = [callers.name for callers in base.callers]
        for number, name in enumerate(surge.callers):
            if name not in names:
                hint = did_you_mean(name, names)
                yield fault((*at, "surge", index, "callers", number), f"no callers {name!r}", hint)
    for index, duty in enumerate(policy.duty or ()):
        yield from _duty_faults(document, floor, (*at, "duty", index), duty)
    groups = base.scenario.floor.seats if base.scenario.floor is not None else {}
    for name in policy.seat_counts:
        if name not in groups:
            hint = did_you_mean(name, groups) or "Only groups of the scenario's own `floor` can be resized"
            yield fault((*at, "seat_counts", name), f"no seat group {name!r}", hint, key=True)


def _change_faults(document: Document, at: Path_, model: type[BaseModel]) -> Iterator[Fault]:
    try:
        parse(document, model, at)
    except ConfigError as error:
        yield from error.faults


def _consequences(
    document: Document, at: Path_, queue: Queue, changes: dict[str, Any], floor: FloorFile
) -> Iterator[Fault]:
    """What only shows in the changed queue as a whole."""
    try:
        changed = queue_with(queue, changes)
    except ValidationError:
        return  # told by `_change_faults` at the very key
    if changed.strategy not in STRATEGIES:
        hint = did_you_mean(changed.strategy, STRATEGIES)
        yield document.fault((*at, "strategy"), f"no strategy {changed.strategy!r}", hint)
    for index, rung in enumerate(changed.overflow):
        if rung.queue not in floor.queues:
            yield from _queue_fault(document, floor.queues, (*at, "overflow", index, "queue"), rung.queue)
    times = [step.after for step in changed.relaxation]
    if times != sorted(set(times)):
        yield document.fault((*at, "relaxation"), "relaxation steps must follow one another in time")

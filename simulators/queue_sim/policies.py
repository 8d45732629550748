"""From a scenario and a policy to a world: what-ifs as changes of plain data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from acd.ids import QueueId, SeatId
from acd.plan import FloorPlan
from callrouter.site.floor import FloorFile, Queue, Seat, Served, plan_of
from simulators.queue_sim import world as w
from simulators.queue_sim.nation import national_callers, national_floor
from simulators.queue_sim.scenario import (
    WEEKDAYS,
    Callers,
    Duty,
    InlineFloor,
    Lose,
    Merge,
    Mix,
    Policy,
    Scenario,
    Surge,
)
from simulators.workload import Duration

AS_IT_IS = Policy(name="as it is")
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Base:
    """A scenario with its floor read."""

    scenario: Scenario
    floor: FloorFile
    callers: tuple[Callers, ...]

    @property
    def policies(self) -> tuple[Policy, ...]:
        return self.scenario.policies or (AS_IT_IS,)


def base_of(scenario: Scenario, site_floor: FloorFile | None) -> Base:
    """`site_floor` is the site's, when the scenario names one."""
    if scenario.nation is not None:
        return Base(
            scenario, national_floor(scenario.nation), scenario.callers or national_callers(scenario.nation)
        )
    floor = site_floor if scenario.floor is None else inline_floor(scenario.floor, {})
    if floor is None:
        raise ValueError("the scenario's site has not been read")
    return Base(scenario, floor, scenario.callers)


def inline_floor(floor: InlineFloor, counts: Mapping[str, int]) -> FloorFile:
    """Seat groups rolled out."""
    seats = {
        f"{name}{number:04}": Seat(
            skills=group.skills, queues=list(group.queues), organisation=group.organisation
        )
        for name, group in floor.seats.items()
        for number in range(1, counts.get(name, group.count) + 1)
    }
    skills = {skill: skill for group in floor.seats.values() for skill in group.skills}
    return FloorFile(skills=skills, rules=floor.rules, queues=floor.queues, seats=seats)


def world_of(base: Base, policy: Policy) -> w.World:
    """One policy's world. The scenario has been checked."""
    scenario = base.scenario
    floor = base.floor
    if policy.seat_counts and scenario.floor is not None:
        floor = inline_floor(scenario.floor, policy.seat_counts)
    floor, moved = changed_floor(floor, policy)
    manners = policy.seats or scenario.seats
    first_day = scenario.starts.weekday() if scenario.starts is not None else 0
    names = list(floor.seats)
    return w.World(
        name=policy.name,
        plan=on_the_tick(plan_of(floor)),
        populations=tuple(_population(callers, policy, moved) for callers in base.callers),
        duty=duty_of(scenario.duty if policy.duty is None else policy.duty, names),
        manners=w.Manners(
            ring=manners.answer,
            never=manners.never_answers,
            wrap_up=manners.wrap_up,
            back_after=manners.back_after,
        ),
        outages=tuple(outage_of(lose, floor) for lose in policy.lose),
        days=scenario.days,
        warm_up=scenario.warm_up * HOUR,
        first_weekday=first_day,
    )


# --- the floor


def on_the_tick(plan: FloorPlan) -> FloorPlan:
    """Instants after which callers get more are multiples of the simulation's tick, as all times are."""

    def rounded(after: float) -> float:
        return round(after / w.TICK) * w.TICK

    return replace(
        plan,
        queues=tuple(
            replace(
                queue,
                relaxation=tuple(replace(step, after=rounded(step.after)) for step in queue.relaxation),
                overflow=tuple(
                    rung if rung.after is None else replace(rung, after=rounded(rung.after))
                    for rung in queue.overflow
                ),
            )
            for queue in plan.queues
        ),
    )


def changed_floor(floor: FloorFile, policy: Policy) -> tuple[FloorFile, dict[str, str]]:
    """The floor under a policy, and where callers of merged queues go."""
    queues = {name: queue_with(queue, policy.queues.get(name, {})) for name, queue in floor.queues.items()}
    rules = type(floor.rules).model_validate(floor.rules.model_dump() | policy.rules)
    moved = {name: merge.into for merge in policy.merge for name in merge.queues if name != merge.into}
    if not moved:
        return floor.model_copy(update={"queues": queues, "rules": rules}), {}
    kept = {name: _without(queue, name, moved) for name, queue in queues.items() if name not in moved}
    seats = {
        name: seat.model_copy(update={"queues": _moved_memberships(seat, moved)})
        for name, seat in floor.seats.items()
    }
    return floor.model_copy(update={"queues": kept, "rules": rules, "seats": seats}), moved


def queue_with(queue: Queue, changes: Mapping[str, object]) -> Queue:
    """A queue with some keys changed. Raises pydantic's ValidationError."""
    return Queue.model_validate(queue.model_dump() | dict(changes)) if changes else queue


def _without(queue: Queue, name: str, moved: Mapping[str, str]) -> Queue:
    """Overflow to a merged queue goes where its seats went; to itself it falls away."""
    rungs = [rung.model_copy(update={"queue": moved.get(rung.queue, rung.queue)}) for rung in queue.overflow]
    return queue.model_copy(update={"overflow": [rung for rung in rungs if rung.queue != name]})


def _moved_memberships(seat: Seat, moved: Mapping[str, str]) -> list[str | Served]:
    tiers: dict[str, int] = {}
    for item in seat.queues:
        served = item if isinstance(item, Served) else Served(queue=item)
        name = moved.get(served.queue, served.queue)
        tiers[name] = min(served.tier, tiers.get(name, served.tier))
    return [Served(queue=name, tier=tier) for name, tier in tiers.items()]


# --- seats


def matching(names: Iterable[str], patterns: Iterable[str]) -> list[int]:
    """Indices of the seats that a pattern names, in the plan's order."""
    wanted = tuple(patterns)
    return [index for index, name in enumerate(names) if any(fnmatchcase(name, one) for one in wanted)]


def duty_of(duty: tuple[Duty, ...], names: list[str]) -> w.Mask:
    """Who is on duty in each quarter-hour of the week."""
    if not duty:
        return np.ones((w.SLOTS_A_WEEK, len(names)), dtype=np.bool_)
    on = np.zeros((w.SLOTS_A_WEEK, len(names)), dtype=np.bool_)
    for entry in duty:
        seats = np.array(matching(names, entry.seats), dtype=np.int64)
        begins, ends = slot_of(entry.begins), slot_of(entry.ends)
        length = ends - begins if ends > begins else ends - begins + w.SLOTS_A_DAY
        for day in entry.days:
            first = WEEKDAYS.index(day) * w.SLOTS_A_DAY + begins
            for slot in range(first, first + length):
                on[slot % w.SLOTS_A_WEEK, seats[: _count(entry, slot, len(seats))]] = True
    return on


def slot_of(time_of_day: str) -> int:
    """The quarter-hour that begins at ``HH:MM``; 96 for ``24:00``."""
    hours, minutes = time_of_day.split(":")
    return int(hours) * 4 + int(minutes) // 15


def _count(entry: Duty, slot: int, all_: int) -> int:
    if entry.count is None:
        return all_
    if isinstance(entry.count, int):
        return min(all_, entry.count)
    return min(all_, entry.count[slot % w.SLOTS_A_DAY * len(entry.count) // w.SLOTS_A_DAY])


def outage_of(lose: Lose, floor: FloorFile) -> w.Outage:
    """Rounded outwards to quarter-hours."""
    names = list(floor.seats)
    seats = {names[index] for index in matching(names, lose.seats)}
    if lose.organisation is not None:
        seats |= {name for name, seat in floor.seats.items() if seat.organisation == lose.organisation}
    return w.Outage(
        seats=frozenset(map(SeatId, seats)),
        begins=lose.begins * HOUR // w.SLOT * w.SLOT,
        ends=-(-lose.ends * HOUR // w.SLOT) * w.SLOT,
    )


# --- callers


def _population(callers: Callers, policy: Policy, moved: Mapping[str, str]) -> w.Population:
    surges = [
        *callers.surges,
        *(surge for surge in policy.surge if not surge.callers or callers.name in surge.callers),
    ]
    return w.Population(
        name=callers.name,
        kinds=tuple(_kinds(callers, policy.talk_factor, moved)),
        rate=rate_of(callers) * policy.calls_factor,
        regular=callers.arrivals == "constant",
        day_spread=callers.day_spread,
        flow=callers.flow,
        redial=None
        if callers.redial is None
        else w.Redial(
            chance=callers.redial.chance, after=callers.redial.after, at_most=callers.redial.at_most
        ),
        callbacks=None
        if callers.callbacks is None
        else w.Callbacks(
            chance=callers.callbacks.chance, reached=callers.callbacks.reached, ring=callers.callbacks.ring
        ),
        surges=tuple(_surge(surge) for surge in surges),
    )


def rate_of(callers: Callers) -> w.Floats:
    """Calls a second in each quarter-hour of the week."""
    given = callers.calls_per_hour
    hours = np.atleast_1d(np.asarray(given, dtype=np.float64))
    day = np.repeat(hours, w.SLOTS_A_DAY // len(hours)) / HOUR
    weekdays = np.asarray(callers.weekdays or (1.0,) * 7)
    return np.asarray((weekdays[:, None] * day).ravel(), dtype=np.float64)


def _surge(surge: Surge) -> w.Surge:
    return w.Surge(factor=surge.factor, begins=surge.begins * HOUR, ends=surge.ends * HOUR)


def _kinds(callers: Callers, talk_factor: float, moved: Mapping[str, str]) -> Iterable[w.Kind]:
    rest = 1.0 - sum(mix.share for mix in callers.mix)
    if rest > 1e-9 or not callers.mix:
        yield _kind(callers, Mix(share=max(rest, 0.0)), callers.name, talk_factor, moved)
    for number, mix in enumerate(callers.mix, 1):
        name = mix.name or f"{callers.name} {number}"
        yield _kind(callers, mix, name, talk_factor, moved)


def _kind(callers: Callers, mix: Mix, name: str, talk_factor: float, moved: Mapping[str, str]) -> w.Kind:
    queue = mix.queue or callers.queue
    return w.Kind(
        name=name,
        queue=QueueId(moved.get(queue, queue)),
        skills=callers.skills if mix.skills is None else mix.skills,
        priority=callers.priority if mix.priority is None else mix.priority,
        language=mix.language or callers.language,
        share=mix.share,
        talk=stretched(mix.talk or callers.talk, talk_factor),
        patience=mix.patience or callers.patience,
    )


def stretched(duration: Duration, factor: float) -> Duration:
    """`factor` times as long."""
    if factor == 1.0:
        return duration
    shape = {name: _times(value, factor) for name, value in duration.model_dump(exclude_none=True).items()}
    return Duration.model_validate(shape)


def _times(value: object, factor: float) -> object:
    if isinstance(value, dict):
        return value | {"mean": value["mean"] * factor}
    if isinstance(value, tuple):
        return tuple(one * factor for one in value)
    return value * factor if isinstance(value, float) else value


def merged_names(merges: Iterable[Merge]) -> set[str]:
    """Queues that are gone."""
    return {name for merge in merges for name in merge.queues if name != merge.into}

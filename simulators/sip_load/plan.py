"""Every call of a run, drawn before it begins: one seed, the same callers, whatever the system does."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from simulators.sip_load.people import Callers, Choice
from simulators.sip_load.scenario import Scenario
from simulators.workload import Replay, stream

KEYPAD: Final = "0123456789*#"


class PlanRefused(ValueError):
    """The arrivals cannot be drawn: a recording that is none, say; the text says why."""


class PlanTooBig(PlanRefused):
    """The arrivals exceed the scenario's limits; the text says by how much."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One caller. Times in seconds: `due` from the start of the run, the rest as in the scenario."""

    index: int
    group: Callers
    number: str
    dial: str
    due: float
    talk: float
    patience: float
    choice: Choice | None
    keys_after: float
    redials: tuple[float, ...]
    """Seconds until each further attempt, as many as this caller would make."""
    hammered: str = ""
    """Keys that an abusive caller presses, one each `group.hammer.every` seconds."""

    @property
    def seats(self) -> tuple[str, ...]:
        """Seats, or their beginnings, that may take this caller."""
        return self.choice.seats if self.choice is not None else self.group.seats

    @property
    def language(self) -> str:
        return (self.choice.language if self.choice is not None else None) or self.group.language

    @property
    def headers(self) -> str:
        return "\r\n".join(f"{name}: {value}" for name, value in self.group.headers.items())


def plan_calls(scenario: Scenario) -> list[PlannedCall]:
    """All calls by their due time. Raises PlanTooBig, PlanRefused."""
    drawn: list[PlannedCall] = []
    for position, group in enumerate(scenario.callers):
        drawn += _plan_group(scenario, group, position)
        if len(drawn) > scenario.limits.calls:
            raise PlanTooBig(
                f"more than {scenario.limits.calls} calls (limits.calls): lower the rates or raise the limit"
            )
    drawn.sort(key=lambda call: call.due)
    _require_rate(drawn, scenario.limits.rate)
    return [replace(call, index=index) for index, call in enumerate(drawn)]


def foreseen(scenario: Scenario) -> dict[str, Any]:
    """What a run would do, JSON-ready. Raises PlanTooBig."""
    calls = plan_calls(scenario)
    return {
        "name": scenario.name,
        "seconds": scenario.duration,
        "drain": scenario.drain,
        "callers": len(calls),
        "by_population": {group.name: sum(one.group is group for one in calls) for group in scenario.callers},
        "busiest_second": _busiest(calls),
        "seats": sum(len(group.users) for group in scenario.seats),
        "partners": [partner.line for partner in scenario.partners],
        "probes": scenario.probes.callers if scenario.probes is not None else 0,
        "target": scenario.target.sip if scenario.target is not None else None,
    }


def _plan_group(scenario: Scenario, group: Callers, position: int) -> list[PlannedCall]:
    def generator(purpose: str) -> np.random.Generator:
        return stream(scenario.seed, group.name, purpose)

    try:
        due = group.arrivals.times(generator("arrivals"), scenario.duration)
    except OSError as error:
        raise PlanRefused(f"callers {group.name}: {error.filename}: {error.strerror}") from error
    except ValueError as error:
        kind = PlanRefused if isinstance(group.arrivals, Replay) else PlanTooBig
        raise kind(f"callers {group.name}: {error}") from error
    count = len(due)
    talk = group.talk.sample(generator("talk"), count)
    patience = group.patience.sample(generator("patience"), count)
    dial = generator("dial").integers(0, len(group.numbers), count)
    chosen = _choices(group, generator("choice").uniform(size=count))
    redial = _redials(group, generator("redial"), count)
    keys = generator("keys")
    hammered = _hammered(group, generator("hammer"), count)
    return [
        PlannedCall(
            index=0,
            group=group,
            number=f"{group.prefix}{position:02d}{place:07d}",
            dial=group.numbers[dial[place]],
            due=float(due[place]),
            talk=float(talk[place]),
            patience=float(patience[place]),
            choice=choice if not hammered[place] else None,
            keys_after=_first_key(group, choice, hammered[place], keys),
            redials=redial[place],
            hammered=hammered[place],
        )
        for place, choice in enumerate(chosen)
    ]


def _first_key(group: Callers, choice: Choice | None, hammered: str, keys: np.random.Generator) -> float:
    """From the system's answer to the first key; 0 for callers who press none."""
    if hammered and group.hammer is not None:
        return float(group.hammer.after.sample(keys, 1)[0])
    return float(choice.after.sample(keys, 1)[0]) if choice is not None else 0.0


def _hammered(group: Callers, generator: np.random.Generator, count: int) -> list[str]:
    """For each caller the keys pressed at random; "" for those who behave."""
    plan = group.hammer
    if plan is None:
        return [""] * count
    abusive = generator.uniform(size=count) < plan.share
    pressed = generator.integers(0, len(KEYPAD), (count, plan.keys))
    return ["".join(KEYPAD[key] for key in pressed[row]) if abusive[row] else "" for row in range(count)]


def _choices(group: Callers, luck: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[Choice | None]:
    edges = np.cumsum([choice.share for choice in group.choices])
    places = np.searchsorted(edges, luck, side="right")
    return [group.choices[place] if place < len(group.choices) else None for place in places]


def _redials(group: Callers, generator: np.random.Generator, count: int) -> list[tuple[float, ...]]:
    plan = group.redial
    if plan is None:
        return [()] * count
    waits = plan.after.sample(generator, count * plan.at_most).reshape(count, plan.at_most)
    luck = generator.uniform(size=(count, plan.at_most)) < plan.chance
    # A caller who does not dial again once never does.
    attempts = np.cumprod(luck, axis=1).sum(axis=1)
    return [tuple(float(wait) for wait in waits[row, : attempts[row]]) for row in range(count)]


def _require_rate(calls: list[PlannedCall], most: float) -> None:
    busiest = _busiest(calls)
    # Poisson arrivals bunch: four sigma above the limit is still the limit's doing.
    if busiest > most + 4 * most**0.5 + 1:
        raise PlanTooBig(f"{busiest} calls within one second are more than limits.rate ({most:g})")


def _busiest(calls: list[PlannedCall]) -> int:
    """Most calls begun within any one second."""
    due = np.array([call.due for call in calls])
    return int((np.searchsorted(due, due + 1.0, side="left") - np.arange(len(due))).max(initial=0))

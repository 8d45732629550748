"""A simulation scenario as engineers write it: who calls, who is on duty, which policies to compare.

Durations in seconds; instants in hours from the first midnight (33.5 is half past
nine on the second day); times of day as "HH:MM".
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from callrouter.site.floor import Name, Queue, Served, Waiting
from simulators.workload import Duration, Model, NotNegative, Positive, Share

MOST_DAYS: Final = 366
MOST_SEATS: Final = 50_000

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Label = Annotated[str, StringConstraints(pattern=r"^[\w .,%+×/-]{1,60}$")]
Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_*-]{0,39}$")]
"""A seat, or the beginning of several: ``a10*``."""
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):(00|15|30|45)$|^24:00$")]
Hours = Annotated[float, Field(ge=0, le=MOST_DAYS * 24)]
PerHour = NotNegative | Annotated[tuple[NotNegative, ...], Field(min_length=24, max_length=96)]


def _of_the_day(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) not in (24, 96):
        raise ValueError(f"{len(value)} numbers. Give one, 24 (hours) or 96 (quarter-hours)")
    return value


class Redial(Model):
    """Callers who did not reach a person and try again."""

    chance: Share
    after: Duration
    at_most: Annotated[int, Field(ge=1, le=10)] = 2


class Callbacks(Model):
    """Callers who accept a callback when the floor offers one (queue's `callback_after`)."""

    chance: Share
    reached: Share = 0.9
    """Share of attempts in which the person answers."""
    ring: Duration = Duration(constant=15.0)


class Surge(Model):
    """`factor` times the callers for a while; below 1: fewer."""

    factor: Annotated[float, Field(ge=0, le=100)]
    begins: Hours = 0.0
    ends: Hours = MOST_DAYS * 24.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("a surge must end after it began")
        return self


class Mix(Model):
    """A share of a population that asks for something else; what is left out is as in the population."""

    name: Label | None = None
    share: Share
    queue: Name | None = None
    skills: str | None = None
    language: str | None = None
    priority: Annotated[int, Field(ge=0, le=9)] | None = None
    talk: Duration | None = None
    patience: Duration | None = None


class Callers(Model):
    """A population with one curve of arrivals."""

    name: Label
    queue: Name
    skills: str = ""
    """Skill expression; empty: any seat of the queue."""
    language: str = "zh"
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    calls_per_hour: PerHour
    """One number, 24 (hours of the day) or 96 (quarter-hours), always as calls per hour."""
    weekdays: Annotated[tuple[NotNegative, ...], Field(min_length=7, max_length=7)] | None = None
    """Factors from Monday to Sunday."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    day_spread: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Standard deviation ÷ mean of how busy a day is, beyond chance."""
    talk: Duration
    """From answer to hang-up."""
    patience: Duration = Duration(forever=True)
    """From joining the queue to giving up."""
    flow: Duration = Duration(constant=0.0)
    """Greeting and menus before the queue."""
    redial: Redial | None = None
    callbacks: Callbacks | None = None
    mix: tuple[Mix, ...] = ()
    surges: Annotated[tuple[Surge, ...], Field(max_length=20)] = ()

    _check_curve = field_validator("calls_per_hour", mode="before")(_of_the_day)

    @model_validator(mode="after")
    def _shares(self) -> Self:
        total = sum(mix.share for mix in self.mix)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of mix add up to {total:g}. They may make 1 at most")
        return self


class Duty(Model):
    """When seats are on duty. A seat is on duty when any entry says so."""

    seats: Annotated[tuple[Pattern, ...], Field(min_length=1)] = ("a*",)
    begins: TimeOfDay = "00:00"
    ends: TimeOfDay = "24:00"
    """Before `begins`: on the next day."""
    days: tuple[Weekday, ...] = WEEKDAYS
    """On which the duty begins."""
    count: (
        Annotated[int, Field(ge=0)]
        | Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=96)]
        | None
    ) = None
    """Only so many of the seats, the first ones: a number, 24 (hours) or 96 (quarter-hours)."""

    _check_curve = field_validator("count", mode="before")(_of_the_day)


class SeatManners(Model):
    """What people at seats do."""

    answer: Duration = Duration(constant=3.0)
    """From the first ring to the answer."""
    never_answers: Share = 0.0
    """Share of offers that are left to ring."""
    wrap_up: Duration | None = None
    """Until the seat ends wrap-up by hand, the queue's at the latest. Empty: always the queue's."""
    back_after: Duration = Duration(constant=60.0)
    """From being made not ready for missed calls until ready again."""


class SeatGroup(Model):
    """Seats alike; they are named ``NAME0001``, ``NAME0002`` …"""

    count: Annotated[int, Field(ge=1, le=MOST_SEATS)]
    skills: dict[Name, Annotated[int, Field(ge=1, le=10)]] = Field(default_factory=dict)
    queues: Annotated[tuple[Name | Served, ...], Field(min_length=1)]
    organisation: str = ""


class InlineFloor(Model):
    """A floor made up for the simulation; `queues` as in ``site/floor.yaml``."""

    rules: Waiting = Waiting()
    queues: dict[Name, Queue] = Field(min_length=1)
    seats: dict[Name, SeatGroup] = Field(min_length=1)


class Nation(Model):
    """All of China: a queue a province, seats and calls by population, one national reserve."""

    seats: Annotated[int, Field(ge=100, le=MOST_SEATS)] = 10_000
    calls_per_seat_hour: Annotated[float, Field(gt=0, le=60)] = 16.0
    """In the busiest quarter-hour, over all seats."""
    talk: Duration = Duration.model_validate({"lognormal": {"mean": 150, "cv": 0.9}})
    patience: Duration = Duration(exponential=180.0)
    flow: Duration = Duration(constant=8.0)
    reserve: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    """Share of each province's seats that also serve the national reserve queue."""
    help_after: Positive = 30.0
    """Seconds of waiting after which the reserve helps."""


class Merge(Model):
    """Callers and seats of `queues` go over to `into`; the queues are gone."""

    queues: Annotated[tuple[Name, ...], Field(min_length=1)]
    into: Name


class Lose(Model):
    """Seats vanish with their conversations: by name, or all of an organisation."""

    seats: tuple[Pattern, ...] = ()
    organisation: str | None = None
    begins: Hours = 0.0
    ends: Hours = MOST_DAYS * 24.0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.seats and self.organisation is None:
            raise ValueError("say which: seats or organisation")
        if self.ends <= self.begins:
            raise ValueError("a loss must end after it began")
        return self


class SurgeOf(Surge):
    """A surge of some populations, or of all."""

    callers: tuple[Label, ...] = ()


class Policy(Model):
    """What is different from the scenario. All policies meet the same callers."""

    name: Label
    queues: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    """Queue: keys of ``site/floor.yaml`` with new values."""
    rules: dict[str, Any] = Field(default_factory=dict)
    merge: tuple[Merge, ...] = ()
    lose: tuple[Lose, ...] = ()
    surge: tuple[SurgeOf, ...] = ()
    duty: tuple[Duty, ...] | None = None
    """Instead of the scenario's."""
    seats: SeatManners | None = None
    """Instead of the scenario's."""
    seat_counts: dict[Name, Annotated[int, Field(ge=1, le=MOST_SEATS)]] = Field(default_factory=dict)
    """Seats of a group of the scenario's own floor."""
    calls_factor: Annotated[float, Field(gt=0, le=100)] = 1.0
    talk_factor: Annotated[float, Field(gt=0, le=10)] = 1.0


class Promise(Model):
    """What callers are promised; seats are recommended for it."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seconds: NotNegative = 15.0
    most_occupancy: Annotated[float, Field(gt=0, le=1)] = 0.9
    shrinkage: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    """Share of paid time not at the desk: breaks, training, illness."""


class Scenario(Model):
    """A whole comparison."""

    name: Label = "simulation"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    replications: Annotated[int, Field(ge=1, le=1000)] = 10
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 1
    starts: date | None = None
    """The first day; empty: a Monday."""
    warm_up: Annotated[float, Field(ge=0, le=48)] = 0.0
    """Hours that are simulated and not counted."""
    site: Path | None = None
    """Folder with ``site/floor.yaml``, relative to the scenario."""
    floor: InlineFloor | None = None
    nation: Nation | None = None
    callers: tuple[Callers, ...] = ()
    seats: SeatManners = SeatManners()
    duty: tuple[Duty, ...] = ()
    """None: everybody always."""
    promise: Promise = Promise()
    policies: Annotated[tuple[Policy, ...], Field(max_length=50)] = ()
    """Compared with the first one; none: the scenario as it is."""

    @model_validator(mode="after")
    def _one_floor(self) -> Self:
        given = [name for name in ("site", "floor", "nation") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("say where the seats come from: exactly one of site, floor, nation")
        if not self.callers and self.nation is None:
            raise ValueError("nobody calls. Add `callers:`")
        if self.warm_up >= self.days * 24:
            raise ValueError("the warm-up is as long as the simulation. Simulate more days")
        return self

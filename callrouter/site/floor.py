"""``site/floor.yaml``: seats, queues and skills, as engineers write them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field

from acd.ids import OrgId, QueueId, SeatId
from acd.plan import (
    FloorPlan,
    Membership,
    OverflowRung,
    QueuePlan,
    RelaxationStep,
    SeatPlan,
)
from acd.strategy import STRATEGIES
from callrouter.config.document import ConfigError, Document, Fault, parse, read_document
from callrouter.config.validation import NAME, did_you_mean
from callrouter.directory.model import Reference
from callrouter.site.floor_faults import contradictions, unused_skills

Name = Annotated[str, Field(pattern=NAME)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400)]
NotNegative = Annotated[float, Field(ge=0, le=86_400)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Served(_Strict):
    """A queue that a seat serves; seats of a lower tier are asked first."""

    queue: Name
    """One of `queues`."""
    tier: int = Field(1, ge=1, le=9)
    """1 is asked first."""


class Seat(_Strict):
    """A workplace with a phone."""

    name: str = Field("", max_length=60, description="Shown on screens.")
    skills: dict[Name, Annotated[int, Field(ge=1, le=10)]] = Field(
        default_factory=dict, description="Skill: proficiency 1 to 10."
    )
    queues: list[Name | Served] = Field(min_length=1, description="Queues that the seat serves.")
    organisation: str = Field("", max_length=40, description="Owner; supervisors see their own.")
    endpoint: str = Field(
        "", max_length=120, pattern=r"^[A-Za-z0-9/@:._+-]*$", description="Dialled; default PJSIP/<seat>."
    )


class Relaxation(_Strict):
    """From `after` seconds of waiting on, ask for less. Steps add up."""

    after: PositiveSeconds
    """Seconds of waiting; steps go upwards."""
    drop: list[Name] = Field(default_factory=list, description="Skills no longer asked for.")
    lower: int = Field(0, ge=0, le=9, description="Levels less on every skill.")
    tiers: int | None = Field(None, ge=1, le=9, description="Highest membership tier from now on.")


class Overflow(_Strict):
    """Seats of `queue` help as soon as one condition holds; the caller keeps the place."""

    queue: Name
    """Whose seats help."""
    after: NotNegative | None = None
    """This caller has waited so long."""
    length: int | None = Field(None, ge=1)
    """So many wait in the queue."""
    expected_wait: NotNegative | None = None
    """A newcomer would wait longer than this."""
    unstaffed: bool = False
    """Nobody of the seats reached so far is at work."""


class Queue(_Strict):
    """A queue and its rules. Durations in seconds."""

    name: str = Field("", max_length=60)
    """Shown on screens."""
    organisation: str = Field("", max_length=40)
    """Owner, of the directory; supervisors see their own and those beneath. Empty: everybody sees it."""
    hours: str = Field("", max_length=40)
    """A calendar: outside its hours new callers go back to the flow with `closed`. Empty: 7×24."""
    strategy: str = Field("longest_idle", json_schema_extra={"enum": list(STRATEGIES)})
    """Which of the free seats: see below."""
    ring_for: PositiveSeconds = 15
    """How long a seat's phone rings before the next one is asked."""
    ring_count: int = Field(1, ge=1, le=20, description="Seats that ring at once for one caller.")
    rona_after: int = Field(2, ge=1, le=10, description="Missed offers in a row that make a seat not ready.")
    wrap_up: NotNegative = 30
    """After a call, before the seat is ready again."""
    wrap_up_ceiling: NotNegative = 120
    """Wrap-up with its one extension never lasts longer."""
    max_waiting: int = Field(500, ge=1, le=100_000)
    """The next caller goes back to the flow with `full`."""
    max_wait: PositiveSeconds | None = 1800
    """Then the caller goes back to the flow with `timeout`; empty: never."""
    unstaffed_exit: NotNegative | None = None
    """Nobody at work for so long: back to the flow with `unstaffed`; empty: callers stay."""
    record: Literal["none", "talk"] = "none"
    """Whether calls that a person of this queue answers are recorded, unless the caller refuses."""
    weight: float = Field(1.0, gt=0, le=100)
    """A second of waiting here counts as so many elsewhere."""
    target: PositiveSeconds = 15
    """Answered within this counts for the service level."""
    announce_first: NotNegative | None = 20
    """When a waiting caller is first told the place; empty: never."""
    announce_every: PositiveSeconds = 60
    """When again."""
    callback_after: NotNegative | None = 60
    """A callback may be offered when the expected wait is longer; empty: never."""
    relaxation: list[Relaxation] = Field(default_factory=list)
    """Ask for less as the wait goes on."""
    tiers: int | None = Field(None, ge=1, le=9)
    """Highest tier of seats that serves from the start; empty: all."""
    overflow: list[Overflow] = Field(default_factory=list)
    """Whose seats help, and when."""


class Waiting(_Strict):
    """Rules for the whole floor. Durations in seconds."""

    priority_step: PositiveSeconds = 60
    """The head start in waiting that one priority level is worth."""
    consult_ring_for: PositiveSeconds = 25
    """How long a colleague's phone rings for a consultation."""
    consult_wrap_up: NotNegative = 30
    """After a consultation."""
    redial_window: NotNegative = 120
    """Who drops and calls again within this gets the place back."""
    sticky_wait: NotNegative = 20
    """How long a caller waits for the seat that is wanted, before any other."""
    retry_same_seat: NotNegative = 20
    """The only seat possible did not answer: it is asked again after this."""
    declines_allowed: int = Field(3, ge=1, le=50)
    """Declined offers in a row that make a seat not ready."""
    phone_lost_in_talk: PositiveSeconds = 5
    """A phone away for so long in a call is given up: the caller gets another person."""
    callback_attempts: int = Field(3, ge=1, le=10)
    """How often a person is dialled for one callback."""
    callback_retry: PositiveSeconds = 600
    """Between two attempts."""
    callback_limit: int = Field(1000, ge=0, le=100_000)
    """Callbacks on file at a time."""


class FloorFile(_Strict):
    """Seats, queues and skills of a site."""

    timezone: str = "Asia/Shanghai"
    """What a day and an hour is here (IANA name)."""
    skills: dict[Name, str] = Field(description="Skill: what it means, for people.")
    rules: Waiting = Waiting()
    queues: dict[Name, Queue] = Field(min_length=1)
    """Where callers wait, by a short name of your own."""
    seats: dict[Name, Seat] = Field(min_length=1)
    """Workplaces, by the name that their phone registers with."""


@dataclass(frozen=True, slots=True)
class SeatAccountPlan:
    """What the phone side needs to know of a seat."""

    seat: SeatId
    name: str
    endpoint: str
    organisation: str


@dataclass(frozen=True, slots=True)
class FloorConfig:
    plan: FloorPlan
    seats: dict[SeatId, SeatAccountPlan]
    timezone: str
    skills: dict[str, str]
    recorded: frozenset[QueueId]
    organisations: dict[QueueId, OrgId]
    """Owners of queues; one without is left out."""
    hours: dict[QueueId, str]
    """Calendars of the queues that are not always open."""
    references: tuple[Reference, ...]
    """Names that the directory and the calendars must know."""
    warnings: tuple[Fault, ...]


def load_floor(path: Path) -> FloorConfig:
    """Read and check a floor plan's file. Raises ConfigError with every fault at once."""
    return read_floor(read_document(path))


def read_floor(document: Document) -> FloorConfig:
    """The floor plan of a document. Raises ConfigError with every fault at once."""
    file = parse(document, FloorFile)
    faults = [*_zone_faults(document, file), *_queue_faults(document, file), *_seat_faults(document, file)]
    if faults:
        raise ConfigError(faults)
    plan = plan_of(file)
    if contradictory := list(contradictions(document, file, plan)):
        raise ConfigError(contradictory)
    return FloorConfig(
        plan=plan,
        seats={
            SeatId(name): SeatAccountPlan(
                SeatId(name), seat.name or name, seat.endpoint or f"PJSIP/{name}", seat.organisation
            )
            for name, seat in file.seats.items()
        },
        timezone=file.timezone,
        skills=dict(file.skills),
        recorded=frozenset(QueueId(name) for name, queue in file.queues.items() if queue.record == "talk"),
        organisations={
            QueueId(name): OrgId(queue.organisation)
            for name, queue in file.queues.items()
            if queue.organisation
        },
        hours={QueueId(name): queue.hours for name, queue in file.queues.items() if queue.hours},
        references=tuple(_references(document, file)),
        warnings=tuple(unused_skills(document, file)),
    )


def _references(document: Document, file: FloorFile) -> Iterator[Reference]:
    def refer(kind: str, name: str, *path: str) -> Iterator[Reference]:
        if name:
            yield Reference(kind, name, document.fault(path, f"no {kind} {name!r}"))

    for name, queue in file.queues.items():
        yield from refer("organisation", queue.organisation, "queues", name, "organisation")
        yield from refer("calendar", queue.hours, "queues", name, "hours")
    for name, seat in file.seats.items():
        yield from refer("organisation", seat.organisation, "seats", name, "organisation")


def plan_of(file: FloorFile) -> FloorPlan:
    """The plan of a floor file, its references taken as they are, its queues always open (`with_hours`)."""
    return FloorPlan(
        seats=tuple(_seat_plan(name, seat) for name, seat in file.seats.items()),
        queues=tuple(_queue_plan(name, queue) for name, queue in file.queues.items()),
        **file.rules.model_dump(),
    )


def _memberships(seat: Seat) -> tuple[Membership, ...]:
    served = (item if isinstance(item, Served) else Served(queue=item) for item in seat.queues)
    return tuple(Membership(queue=QueueId(item.queue), tier=item.tier) for item in served)


def _seat_plan(name: str, seat: Seat) -> SeatPlan:
    return SeatPlan(
        seat=SeatId(name), name=seat.name or name, skills=dict(seat.skills), queues=_memberships(seat)
    )


def _queue_plan(name: str, queue: Queue) -> QueuePlan:
    plain: dict[str, Any] = queue.model_dump(
        exclude={"relaxation", "overflow", "record", "organisation", "hours"}
    )
    known = {field.name for field in fields(QueuePlan)}
    assert set(plain) <= known, set(plain) - known
    return QueuePlan(
        queue=QueueId(name),
        **{**plain, "name": queue.name or name},
        relaxation=tuple(
            RelaxationStep(after=step.after, drop=tuple(step.drop), lower=step.lower, tiers=step.tiers)
            for step in queue.relaxation
        ),
        overflow=tuple(
            OverflowRung(**{**rung.model_dump(), "queue": QueueId(rung.queue)}) for rung in queue.overflow
        ),
    )


def _zone_faults(document: Document, file: FloorFile) -> Iterator[Fault]:
    if file.timezone not in available_timezones():
        hint = did_you_mean(file.timezone, available_timezones())
        yield document.fault(("timezone",), f"no time zone {file.timezone!r}", hint)


def _queue_faults(document: Document, file: FloorFile) -> list[Fault]:
    served = {m.queue for seat in file.seats.values() for m in _memberships(seat)}
    faults = []
    for name, queue in file.queues.items():
        at = ("queues", name)
        if queue.strategy not in STRATEGIES:
            hint = did_you_mean(queue.strategy, STRATEGIES)
            faults.append(document.fault((*at, "strategy"), f"no strategy {queue.strategy!r}", hint))
        if QueueId(name) not in served and not queue.overflow:
            faults.append(
                document.fault(
                    at, f"queue {name!r} has no seat", "Give it to a seat, or add `overflow`", key=True
                )
            )
        if queue.wrap_up > queue.wrap_up_ceiling:
            faults.append(
                document.fault(
                    (*at, "wrap_up"), "wrap_up is above wrap_up_ceiling", "Lower it or raise the ceiling"
                )
            )
        faults += _step_faults(document, file, at, queue)
    return faults


def _step_faults(document: Document, file: FloorFile, at: tuple[str, str], queue: Queue) -> list[Fault]:
    faults, before = [], 0.0
    for index, step in enumerate(queue.relaxation):
        here = (*at, "relaxation", index)
        if step.after <= before:
            faults.append(
                document.fault((*here, "after"), "steps go backwards", f"Use more than {before:g} seconds")
            )
        before = step.after
        if not step.drop and not step.lower and step.tiers is None:
            faults.append(document.fault(here, "this step changes nothing", "Add drop, lower or tiers"))
        faults += [
            document.fault((*here, "drop", i), f"no skill {name!r}", did_you_mean(name, file.skills))
            for i, name in enumerate(step.drop)
            if name not in file.skills
        ]
    for index, rung in enumerate(queue.overflow):
        here = (*at, "overflow", index)
        if rung.queue not in file.queues:
            hint = did_you_mean(rung.queue, file.queues)
            faults.append(document.fault((*here, "queue"), f"no queue {rung.queue!r}", hint))
        elif rung.queue == at[1]:
            faults.append(document.fault((*here, "queue"), "overflow into itself", "Name another queue"))
    return faults


def _seat_faults(document: Document, file: FloorFile) -> list[Fault]:
    faults = []
    for name, seat in file.seats.items():
        at = ("seats", name)
        faults += [
            document.fault((*at, "skills", s), f"no skill {s!r}", did_you_mean(s, file.skills), key=True)
            for s in seat.skills
            if s not in file.skills
        ]
        faults += [
            document.fault((*at, "queues", i), f"no queue {m.queue!r}", did_you_mean(m.queue, file.queues))
            for i, m in enumerate(_memberships(seat))
            if m.queue not in file.queues
        ]
    return faults

"""A load scenario: who calls, who answers, for how long, and what counts as good.

Times in seconds, rates in calls per second, shares from 0 to 1. Everything has a
bound: a run can neither last nor grow beyond `limits`.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from callrouter.config.document import ConfigError, Document, Fault, parse, read_document
from simulators import audio
from simulators.sip_load.crew import Partner, Seats
from simulators.sip_load.people import Callers, Headers, Keys, Name, Number
from simulators.workload import Model, NotNegative, Positive, Replay, Share

LONGEST_RUN: Final = 8 * 3600.0
MOST_CALLS: Final = 500_000
MOST_RATE: Final = 2_000.0
MOST_PHONES: Final = 40


class Limits(Model):
    """What a run may never exceed."""

    calls: Annotated[int, Field(gt=0, le=MOST_CALLS)] = 20_000
    at_once: Annotated[int, Field(gt=0, le=50_000)] = 2_000
    rate: Annotated[float, Field(gt=0, le=MOST_RATE)] = 300.0
    """Calls begun within one second, by plan: chance may bunch them by four standard deviations more."""


class Target(Model):
    """The installation under test. `processes` names process ids whose CPU and memory are watched."""

    sip: str
    """host:port"""
    desk: Annotated[str, StringConstraints(pattern=r"^http://[0-9.:\[\]a-f]+/?$")] | None = None
    """Address of the installation's HTTP API, for seats with a `desk`."""
    asterisk_config: Path | None = None
    """asterisk.conf of a private Asterisk: channels and bridges left behind are counted there."""
    recordings: Path | None = None
    """Folder into which conversations are recorded: new files are counted there."""
    processes: dict[Name, Annotated[int, Field(gt=1)]] = Field(default_factory=dict)


class Probes(Model):
    """A few real phones in the crowd that listen: greeting, both ways, keys, quality."""

    callers: Annotated[int, Field(ge=1, le=40)] = 1
    dial: Number
    every: Positive = 10.0
    """Between the starts of two calls of one probe."""
    talk: Annotated[float, Field(ge=1.5, le=120)] = 4.0
    """How long a probe listens to the seat."""
    patience: Positive = 60.0
    greeting: Path | None = None
    """8 kHz sound that the caller must hear first."""
    keys: Keys | None = None
    """Pressed once a person has answered; a ``softphone`` seat tells what arrived."""
    headers: Headers = Field(default_factory=dict)


class Bounds(Model):
    """What counts as good; a figure beyond its bound becomes a finding."""

    session_establishment_ratio: Share = 0.99
    """RFC 6076 §4.6, of calls to which the installation could say yes."""
    setup_p99: Positive = 1.0
    """INVITE to answer (of calls that the installation itself answers at once) or to the first ring."""
    retransmissions_per_call: NotNegative = 0.01
    answered_in_time: Share = 0.9
    """Share of callers who reach a person within `in_time` of dialling."""
    in_time: Positive = 15.0
    mos: Annotated[float, Field(ge=1, le=4.5)] = 3.6
    loss: Share = 0.01
    jitter_ms: Positive = 30.0
    """Mean of what the probes' phones saw."""
    gap: Positive = 1.0
    """Longest silence of a seat that speaks all the time, as a probe hears it."""
    recorded: Share = 0.99
    """Recordings for each caller who met a person; needs `target.recordings`."""
    wrong_seats: int = 0
    leaks: int = 0


class Scenario(Model):
    """A whole run."""

    name: Name = "load"
    seed: int = 1
    duration: Annotated[float, Field(gt=0, le=LONGEST_RUN)]
    """Arrivals stop after this; calls that live then may end by themselves for `drain` seconds."""
    drain: Annotated[float, Field(ge=0, le=1800)] = 60.0
    limits: Limits = Limits()
    target: Target | None = None
    callers: Annotated[tuple[Callers, ...], Field(min_length=1)]
    seats: tuple[Seats, ...] = ()
    partners: tuple[Partner, ...] = ()
    probes: Probes | None = None
    bounds: Bounds = Bounds()

    @model_validator(mode="after")
    def _names(self) -> Self:
        if sum(group.accounts == "yours" for group in self.seats) > 1:
            raise ValueError("accounts: yours can stand in one group only, for these are the same seats")
        users = [user for group in self.seats for user, _ in group.users]
        for what, names in (
            ("callers", [group.name for group in self.callers]),
            ("seats", [group.name for group in self.seats]),
            ("seat accounts", users),
            ("partners", [partner.line for partner in self.partners]),
        ):
            twice = sorted(name for name, count in Counter(names).items() if count > 1)
            if twice:
                raise ValueError(f"{what}: named twice: {', '.join(twice[:5])}")
        if sum(len(group.users) for group in self.seats if group.kind == "softphone") > MOST_PHONES:
            raise ValueError(f"more than {MOST_PHONES} softphone seats. Use kind: sipp for the crowd")
        return self

    def scaled(self, factor: float) -> "Scenario":
        """The same with `factor` times the callers."""
        callers = tuple(
            group.model_copy(update={"arrivals": group.arrivals.scaled(factor)}) for group in self.callers
        )
        return self.model_copy(update={"callers": callers})


def read_scenario(file: Path) -> Scenario:
    """Read and check a scenario. Relative files in it are relative to it.

    Raises ConfigError with every fault, its line and a hint.
    """
    document = read_document(file)
    scenario = parse(document, Scenario)
    faults = [*_missing_files(scenario, document, file.parent)]
    if faults:
        raise ConfigError(faults)
    return _resolved(scenario, file.parent)


def _missing_files(scenario: Scenario, document: Document, folder: Path) -> Iterator[Fault]:
    for index, group in enumerate(scenario.callers):
        if isinstance(group.arrivals, Replay) and not (folder / group.arrivals.file).is_file():
            yield document.fault(
                ("callers", index, "arrivals", "file"), f"{group.arrivals.file}: no such file"
            )
    probes = scenario.probes
    if probes is not None and probes.greeting is not None:
        try:
            audio.load(folder / probes.greeting)
        except OSError as error:
            yield document.fault(("probes", "greeting"), f"{probes.greeting}: {error.strerror}")
        except ValueError as error:
            yield document.fault(("probes", "greeting"), str(error))


def _resolved(scenario: Scenario, folder: Path) -> Scenario:
    callers = tuple(
        group.model_copy(
            update={"arrivals": group.arrivals.model_copy(update={"file": folder / group.arrivals.file})}
        )
        if isinstance(group.arrivals, Replay)
        else group
        for group in scenario.callers
    )
    probes = scenario.probes
    if probes is not None and probes.greeting is not None:
        probes = probes.model_copy(update={"greeting": folder / probes.greeting})
    target = scenario.target
    if target is not None:
        given = {name: getattr(target, name) for name in ("asterisk_config", "recordings")}
        target = target.model_copy(
            update={name: folder / place for name, place in given.items() if place is not None}
        )
    return scenario.model_copy(update={"callers": callers, "probes": probes, "target": target})

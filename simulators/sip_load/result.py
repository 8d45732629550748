"""What a run yields: live figures while it lasts, all its facts when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.sip_load.crowd import Crowd
from simulators.sip_load.probes import ProbeResult
from simulators.sip_load.scenario import Scenario
from simulators.sip_load.watch import Usage


class RunFailed(Exception):
    """The run could not begin; the text says what was missing and what to do."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is shown while a run goes on."""

    elapsed: float
    duration: float
    planned: int
    begun: int
    live: int
    answered: int
    met: int
    refused: int
    registered: int
    cpu: Mapping[str, float]


@dataclass(slots=True, kw_only=True)
class RunResult:
    """All facts of a run; `metrics` makes figures of them."""

    scenario: Scenario
    sip: str
    began: float
    crowd: Crowd
    ended: float = 0.0
    probes: list[ProbeResult] = field(default_factory=list)
    usage: dict[str, Usage] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    generators: int = 1
    """SIPp processes."""
    watchdog: int = 0
    """Pauses that SIPp noticed in itself."""
    unexpected: int = 0
    """Calls that SIPp broke off because of a message its scenario does not know."""
    broken: list[str] = field(default_factory=list)
    interrupted: bool = False
    left_behind: int | None = None
    """Channels still alive `lingered` seconds after everybody had hung up; None: not looked at."""
    lingered: float = 0.0
    left: list[str] = field(default_factory=list)
    """Some of these channels: name, state, what it does, for how long."""
    unended: int = 0
    """Callers whom the generator could not tell to hang up: their channels are no leak."""
    unheard: int = 0
    """Words to SIPp that were lost and said again."""
    desk_refusals: list[str] = field(default_factory=list)
    """What the API refused an agent during the run."""
    recorded: list[float] | None = None
    """When each recording that was made during the run was closed; None: not looked at."""
    seats: int = 0

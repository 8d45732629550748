"""Whether a line can be reached, from what happened: one circuit breaker for each (line, trunk).

Theory. Two sources speak: OPTIONS tell of a trunk whether anybody answers there,
outcomes of calls tell of a line by that trunk. Only what blames the way counts
as failure: busy, declined and unanswered come from people, who are there.

    CLOSED     calls pass; `threshold` failures in a row open it
    OPEN       no calls for `cool_down` seconds, doubled at each return, up to a ceiling
    HALF_OPEN  cooled down, or OPTIONS are answered again: one call may try
    PROBING    that call is on its way; its outcome decides, and if none ever
               comes (`probe_limit`) another may try

A breaker advises; what is left out of a ladder, and that emergency lines never
are, the router decides (`callrouter.router.lines`). Transitions are the table below;
every pair not in it leaves the state as it is.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from acd.ids import Instant, Seconds


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    PROBING = "probing"


class Input(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    LAST_STRAW = "last_straw"
    """The failure that reaches the threshold."""
    COOLED = "cooled"
    TAKEN = "taken"
    """A call goes this way while half open."""
    DOWN = "down"
    """OPTIONS are no longer answered."""
    UP = "up"


TRANSITIONS: Final[Mapping[tuple[State, Input], State]] = {
    (State.CLOSED, Input.LAST_STRAW): State.OPEN,
    (State.CLOSED, Input.DOWN): State.OPEN,
    (State.OPEN, Input.SUCCESS): State.CLOSED,
    (State.OPEN, Input.COOLED): State.HALF_OPEN,
    (State.OPEN, Input.UP): State.HALF_OPEN,
    (State.HALF_OPEN, Input.SUCCESS): State.CLOSED,
    (State.HALF_OPEN, Input.TAKEN): State.PROBING,
    (State.HALF_OPEN, Input.FAILURE): State.OPEN,
    (State.HALF_OPEN, Input.LAST_STRAW): State.OPEN,
    (State.HALF_OPEN, Input.DOWN): State.OPEN,
    (State.PROBING, Input.SUCCESS): State.CLOSED,
    (State.PROBING, Input.FAILURE): State.OPEN,
    (State.PROBING, Input.LAST_STRAW): State.OPEN,
    (State.PROBING, Input.COOLED): State.HALF_OPEN,
    (State.PROBING, Input.DOWN): State.OPEN,
}


class Outcome(StrEnum):
    """How an attempt to reach a line ended."""

    ANSWERED = "answered"
    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    ABANDONED = "abandoned"
    """We gave up: the caller left, or the seat cancelled."""
    WRONG_NUMBER = "wrong_number"
    UNREACHABLE = "unreachable"
    CONGESTED = "congested"
    FAILED = "failed"


_BY_CAUSE: Final[Mapping[int, Outcome]] = {
    1: Outcome.WRONG_NUMBER,
    2: Outcome.UNREACHABLE,
    3: Outcome.UNREACHABLE,
    16: Outcome.ABANDONED,
    17: Outcome.BUSY,
    18: Outcome.UNREACHABLE,
    19: Outcome.NO_ANSWER,
    20: Outcome.UNREACHABLE,
    21: Outcome.DECLINED,
    22: Outcome.WRONG_NUMBER,
    27: Outcome.UNREACHABLE,
    28: Outcome.WRONG_NUMBER,
    34: Outcome.CONGESTED,
    38: Outcome.UNREACHABLE,
    41: Outcome.CONGESTED,
    42: Outcome.CONGESTED,
    44: Outcome.CONGESTED,
}
FAILURES: Final = frozenset({Outcome.UNREACHABLE, Outcome.CONGESTED, Outcome.FAILED, Outcome.WRONG_NUMBER})
SUCCESSES: Final = frozenset({Outcome.ANSWERED, Outcome.BUSY, Outcome.DECLINED, Outcome.NO_ANSWER})


def outcome_of(cause: int, answered: bool) -> Outcome:
    """What a Q.850 cause says of an attempt; unknown causes blame the way."""
    return Outcome.ANSWERED if answered else _BY_CAUSE.get(cause, Outcome.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """Durations in seconds."""

    threshold: int = 3
    cool_down: Seconds = 30.0
    cool_down_ceiling: Seconds = 600.0
    probe_limit: Seconds = 60.0
    window: Seconds = 3600.0
    """How far back the figures of a view reach."""
    remembered: int = 500
    """Outcomes kept for each way at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayHealth:
    """A line by one trunk, as screens show it. `success` is None without an attempt in the window."""

    line: str
    trunk: str
    state: State
    since: Instant
    until: Instant | None
    """When an open way may be tried again."""
    attempts: int
    success: float | None
    """Partner answered ÷ attempts (`transfer_success`)."""
    outcomes: Mapping[str, int]
    causes: Mapping[int, int]
    """Q.850."""
    ended: tuple[tuple[str, int, int], ...]
    """Since start: outcome, cause, how many."""


@dataclass(slots=True)
class _Breaker:
    since: Instant
    state: State = State.CLOSED
    failures: int = 0
    cool_down: Seconds = 0.0
    recent: deque[tuple[Instant, Outcome, int]] = field(default_factory=deque)
    ended: Counter[tuple[Outcome, int]] = field(default_factory=Counter)


class HealthBoard:
    """Every way's breaker. Time is an argument; nothing happens by itself."""

    def __init__(self, rules: BreakerRules | None = None) -> None:
        self.rules = rules or BreakerRules()
        self._ways: dict[tuple[str, str], _Breaker] = {}
        self._down: set[str] = set()

    def choose(self, line: str, trunks: Sequence[str], now: Instant) -> tuple[str, ...]:
        """The trunks in the order to try them now: usable ones first, as given; all when none is usable."""
        usable = [trunk for trunk in trunks if self.usable(line, trunk, now)]
        return (*usable, *(trunk for trunk in trunks if trunk not in usable))

    def usable(self, line: str, trunk: str, now: Instant) -> bool:
        breaker = self._refreshed(line, trunk, now)
        return breaker.state in (State.CLOSED, State.HALF_OPEN)

    def started(self, line: str, trunk: str, now: Instant) -> None:
        """A call goes this way. While half open it is the probe."""
        self._apply(self._refreshed(line, trunk, now), Input.TAKEN, now)

    def ended(self, line: str, trunk: str, outcome: Outcome, cause: int, now: Instant) -> None:
        """The attempt is over; an abandoned one proves nothing and frees the probe."""
        breaker = self._refreshed(line, trunk, now)
        breaker.recent.append((now, outcome, cause))
        breaker.ended[outcome, cause] += 1
        if len(breaker.recent) > self.rules.remembered:
            breaker.recent.popleft()
        if outcome in FAILURES:
            breaker.failures += 1
            last = breaker.failures >= self.rules.threshold
            self._apply(breaker, Input.LAST_STRAW if last else Input.FAILURE, now)
        elif outcome in SUCCESSES:
            breaker.failures = 0
            self._apply(breaker, Input.SUCCESS, now)
        elif breaker.state is State.PROBING:
            self._apply(breaker, Input.COOLED, now)

    def trunk_down(self, trunk: str, now: Instant) -> None:
        """OPTIONS on the trunk are no longer answered: every line by it."""
        self._down.add(trunk)
        for breaker in self._by(trunk):
            self._apply(breaker, Input.DOWN, now)

    def trunk_up(self, trunk: str, now: Instant) -> None:
        self._down.discard(trunk)
        for breaker in self._by(trunk):
            self._apply(breaker, Input.UP, now)

    def view(self, line: str, trunk: str, now: Instant) -> WayHealth:
        breaker = self._refreshed(line, trunk, now)
        recent = [one for one in breaker.recent if now - one[0] <= self.rules.window]
        answered = sum(outcome is Outcome.ANSWERED for _, outcome, _ in recent)
        opened = breaker.state is State.OPEN
        return WayHealth(
            line=line,
            trunk=trunk,
            state=breaker.state,
            since=breaker.since,
            until=breaker.since + breaker.cool_down if opened and trunk not in self._down else None,
            attempts=len(recent),
            success=answered / len(recent) if recent else None,
            outcomes=Counter(outcome.value for _, outcome, _ in recent),
            causes=Counter(cause for _, _, cause in recent),
            ended=tuple((out.value, cause, count) for (out, cause), count in sorted(breaker.ended.items())),
        )

    def forget(self, ways: Sequence[tuple[str, str]]) -> None:
        """Keep only these ways: the directory has changed."""
        kept = set(ways)
        self._ways = {way: breaker for way, breaker in self._ways.items() if way in kept}
        self._down &= {trunk for _, trunk in kept}

    def _by(self, trunk: str) -> Iterator[_Breaker]:
        return (breaker for (_, one), breaker in self._ways.items() if one == trunk)

    def _refreshed(self, line: str, trunk: str, now: Instant) -> _Breaker:
        breaker = self._ways.get((line, trunk))
        if breaker is None:
            breaker = self._ways[line, trunk] = _Breaker(since=now)
            if trunk in self._down:
                self._apply(breaker, Input.DOWN, now)
        waited = now - breaker.since
        cooled = breaker.state is State.OPEN and trunk not in self._down and waited >= breaker.cool_down
        lost = breaker.state is State.PROBING and waited >= self.rules.probe_limit
        if cooled or lost:
            self._apply(breaker, Input.COOLED, now)
        return breaker

    def _apply(self, breaker: _Breaker, given: Input, now: Instant) -> None:
        following = TRANSITIONS.get((breaker.state, given), breaker.state)
        if following is breaker.state:
            return
        if following is State.OPEN:
            again = breaker.state is not State.CLOSED
            longer = min(2 * breaker.cool_down, self.rules.cool_down_ceiling)
            breaker.cool_down = longer if again else self.rules.cool_down
        elif following is State.CLOSED:
            breaker.failures = 0
        breaker.state, breaker.since = following, now

"""A scenario from the records of a real installation.

Callers and their curve, how long people talk, how long they wait before they give
up, who calls again, how seats answer and wrap up. Numbers of callers are never
kept: a keyed digest of them tells who called again.
"""

import secrets
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import yaml

from acd.ids import Instant
from acd.record import Activity, CallRecord, Role, Segment
from simulators.queue_sim.curve import arrival_curve, covered_slots, local_slots
from simulators.queue_sim.fitting import Fit, fit_duration, fit_patience, rounded
from simulators.queue_sim.world import Floats
from simulators.workload import Duration

REDIAL_WITHIN: Final = 600.0
"""Who calls again so soon after not reaching a person is the same appeal."""
RARE: Final = 0.005
"""Languages of a smaller share are counted with the others."""
_SPEAKING: Final = (Activity.TALK, Activity.CONSULT, Activity.CONFERENCE, Activity.HOLD)


@dataclass(slots=True)
class _Queue:
    """What was seen of one queue's callers."""

    at: "array[float]" = field(default_factory=lambda: array("d"))
    """Ingress of first attempts."""
    flow: "array[float]" = field(default_factory=lambda: array("d"))
    waited: "array[float]" = field(default_factory=lambda: array("d"))
    gave_up: "array[int]" = field(default_factory=lambda: array("b"))
    talk: "array[float]" = field(default_factory=lambda: array("d"))
    languages: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What was found for one queue."""

    queue: str
    calls: int
    per_hour: Floats
    """Calls per hour in each quarter-hour of the day, as on an average day."""
    weekdays: Floats | None
    day_spread: float
    talk: Fit
    patience: Fit
    flow: Fit
    languages: dict[str, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found."""

    queues: tuple[Calibrated, ...]
    answer: Fit | None
    never_answers: float
    wrap_up: Fit | None
    redial_chance: float
    redial_after: Fit | None
    records: int


class NothingSeen(Exception):
    """The records do not hold what a scenario needs; the text says what is missing."""


class Observations:
    """Takes in records in order of ingress; `calibration` makes numbers of them."""

    def __init__(self, since: Instant, until: Instant, zone: tzinfo) -> None:
        self._since, self._until, self._zone = since, until, zone
        self._queues: dict[str, _Queue] = {}
        self._key = secrets.token_bytes(16)
        self._unreached: dict[bytes, Instant] = {}
        """When somebody who did not reach a person hung up."""
        self._missed = self._again = 0
        self._again_after = array("d")
        self._rings = array("d")
        self._unanswered = 0
        self._wraps = array("d")
        self.records = 0

    def add(self, record: CallRecord) -> None:
        """Callers who never reached a queue say nothing about queues."""
        self.records += 1
        if record.queue is None or record.enqueued is None:
            return
        seen = self._queues.setdefault(record.queue, _Queue())
        left = record.outcome in ("abandoned_queue", "abandoned_ringing")
        if not self._calls_again(record, left):
            seen.at.append(record.ingress)
        seen.flow.append(max(0.0, record.enqueued - record.ingress))
        seen.waited.append(max(0.0, (record.answered or record.ended) - record.enqueued))
        seen.gave_up.append(left)
        seen.languages[record.language] = seen.languages.get(record.language, 0) + 1
        self._add_seats(record.segments, seen)

    def _calls_again(self, record: CallRecord, left: bool) -> bool:
        """Whether this visit is another attempt of somebody who did not get through."""
        again = False
        if record.caller:
            person = blake2b(record.caller.encode(), key=self._key, digest_size=16).digest()
            before = self._unreached.pop(person, None)
            again = before is not None and 0 <= record.ingress - before <= REDIAL_WITHIN
            if before is not None and again:
                self._again += 1
                self._again_after.append(record.ingress - before)
            if left:
                self._missed += 1
                self._unreached[person] = record.ended
        return again

    def _add_seats(self, segments: Iterable[Segment], seen: _Queue) -> None:
        tracks: dict[str, list[Segment]] = {}
        for segment in segments:
            if segment.role is Role.SEAT:
                tracks.setdefault(segment.track, []).append(segment)
        for track in tracks.values():
            spoken = sum(one.ended - one.started for one in track if one.activity in _SPEAKING)
            ring = sum(one.ended - one.started for one in track if one.activity is Activity.RING)
            if not spoken:
                self._unanswered += any(one.detail == "no_answer" for one in track)
                continue
            self._rings.append(ring)
            seen.talk.append(spoken)
            wrap = sum(one.ended - one.started for one in track if one.activity is Activity.WRAP_UP)
            if wrap:
                self._wraps.append(wrap)

    def calibration(self) -> Calibration:
        """Raises NothingSeen."""
        found = [self._queue(name, seen) for name, seen in self._queues.items() if seen.talk and len(seen.at)]
        if not found:
            raise NothingSeen(
                f"{self.records} records, and no queue in which somebody was answered: take a longer time"
            )
        rung = len(self._rings) + self._unanswered
        return Calibration(
            queues=tuple(sorted(found, key=lambda one: -one.calls)),
            answer=fit_duration(np.array(self._rings)) if self._rings else None,
            never_answers=rounded(self._unanswered / rung) if rung else 0.0,
            wrap_up=fit_duration(np.array(self._wraps)) if self._wraps else None,
            redial_chance=rounded(self._again / self._missed) if self._missed else 0.0,
            redial_after=fit_duration(np.array(self._again_after)) if self._again_after else None,
            records=self.records,
        )

    def _queue(self, name: str, seen: _Queue) -> Calibrated:
        covered = covered_slots(self._since, self._until, self._zone)
        days, slots = local_slots(np.array(seen.at), self._zone)
        curve, weekdays, spread = arrival_curve(days, slots, covered)
        total = sum(seen.languages.values())
        return Calibrated(
            queue=name,
            calls=len(seen.at),
            per_hour=curve,
            weekdays=weekdays,
            day_spread=spread,
            talk=fit_duration(np.array(seen.talk)),
            patience=fit_patience(np.array(seen.waited), np.array(seen.gave_up, dtype=np.bool_)),
            flow=fit_duration(np.array(seen.flow)),
            languages={
                language: count / total for language, count in seen.languages.items() if count / total >= RARE
            },
        )


# --- as a scenario


def scenario_of(found: Calibration, *, name: str, site: str, language: str = "zh") -> dict[str, Any]:
    """What was found as a scenario's plain data. `language`: of callers who ask for nothing special."""
    manners: dict[str, Any] = {}
    if found.answer is not None:
        manners["answer"] = _plain(found.answer.duration)
    if found.never_answers > 0:
        manners["never_answers"] = found.never_answers
    if found.wrap_up is not None:
        manners["wrap_up"] = _plain(found.wrap_up.duration)
    callers = [_callers(one, found, language) for one in found.queues]
    return {"name": name, "site": site, "days": 7, "replications": 10, "callers": callers, "seats": manners}


def _callers(one: Calibrated, found: Calibration, language: str) -> dict[str, Any]:
    callers: dict[str, Any] = {
        "name": one.queue,
        "queue": one.queue,
        "calls_per_hour": [rounded(rate) for rate in one.per_hour.tolist()],
        "day_spread": rounded(one.day_spread),
        "talk": _plain(one.talk.duration),
        "patience": _plain(one.patience.duration),
        "flow": _plain(one.flow.duration),
    }
    if one.weekdays is not None:
        callers["weekdays"] = [rounded(factor) for factor in one.weekdays.tolist()]
    if found.redial_chance > 0 and found.redial_after is not None:
        callers["redial"] = {"chance": found.redial_chance, "after": _plain(found.redial_after.duration)}
    others = {word: share for word, share in one.languages.items() if word != language}
    if others:
        callers["mix"] = [
            {"name": f"{one.queue} {word}", "share": rounded(share), "language": word}
            for word, share in others.items()
        ]
    return callers


def _plain(duration: Duration) -> dict[str, Any]:
    return duration.model_dump(mode="json", exclude_none=True)


def as_yaml(scenario: dict[str, Any], note: str) -> str:
    """The scenario as a file's text; `note` goes on top as a comment."""
    text = yaml.safe_dump(scenario, allow_unicode=True, sort_keys=False, default_flow_style=None, width=100)
    return "".join(f"# {line}\n" for line in note.splitlines()) + text

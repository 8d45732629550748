"""What the waits should be: the run's own load put into Erlang's formulas, beside what was measured.

Erlang A where callers give up, C where they do not. Both speak of the long run
with exponential times; a short or surging run only comes near.
"""

import math
from collections.abc import Sequence
from typing import Any

from simulators.erlang import ErlangA, answered_within, mean_wait
from simulators.sip_load.facts import Attempt
from simulators.sip_load.result import RunResult


def waits(result: RunResult, attempts: Sequence[Attempt], seconds: float) -> dict[str, Any] | None:
    """Theory and measurement side by side; None when nobody was served, so that nothing is known."""
    met = [one for one in attempts if one.seat_answered_at is not None]
    if not met or not result.seats or seconds <= 0:
        return None
    handling = _handling(result, met)
    announced = _Announcements(met)
    gave_up = [
        stay
        for one in attempts
        if one.answered_at is not None and one.seat_answered_at is None
        # Whoever leaves while the greeting plays, or is refused, never asks for a seat.
        if (stay := (one.bye_at or result.ended) - one.answered_at - announced.before(one)) > 0
    ]
    asked = len(met) + len(gave_up)
    rate = asked / seconds
    load, servers = rate * handling, result.seats
    patience = _patience(result)
    in_time = result.scenario.bounds.in_time
    if math.isfinite(patience) and load > 0:
        model = ErlangA(servers, load, handling, patience)
        expected = {
            "model": "A",
            "mean_wait": model.mean_wait,
            "answered_in_time": model.answered_within(in_time),
        }
    else:
        expected = {
            "model": "C",
            "mean_wait": mean_wait(servers, load, handling) if load < servers else None,
            "answered_in_time": answered_within(servers, load, handling, in_time),
        }
    queued = [_queued(one) - announced.before(one) for one in met]
    return {
        "seats": servers,
        "load_erlang": load,
        "handling": handling,
        "patience": patience if math.isfinite(patience) else None,
        "announcements": announced.usual,
        **expected,
        # Of all who asked, as the formulas' is: those who gave up waited, too.
        "measured_mean_wait": (sum(queued) + sum(gave_up)) / asked,
        "measured_answered_in_time": sum(wait <= in_time for wait in queued) / asked,
    }


class _Announcements:
    """What callers have to hear before they queue: the formulas know no greeting.

    Each way through the installation (number dialled, keys pressed) has its own, and somebody on it
    met a free seat as soon as they were over.
    """

    def __init__(self, met: Sequence[Attempt]) -> None:
        ways: dict[tuple[str, ...], list[float]] = {}
        for one in met:
            ways.setdefault(_way(one), []).append(_queued(one))
        self._shortest = {way: min(queued) for way, queued in ways.items()}
        self.usual = self._shortest[max(ways, key=lambda way: len(ways[way]))]
        """Of the way that most took who met a person."""

    def before(self, attempt: Attempt) -> float:
        return self._shortest.get(_way(attempt), self.usual)


def _way(attempt: Attempt) -> tuple[str, ...]:
    call = attempt.call
    return (
        call.dial,
        call.choice.keys if call.choice is not None else "",
        "hammered" if call.hammered else "",
    )


def _handling(result: RunResult, met: Sequence[Attempt]) -> float:
    """Seconds that a call keeps a seat: ringing, talk, wrap-up."""
    busy = 0.0
    for attempt in met:
        offer = next(one for one in attempt.offers if one.answered_at is not None)
        busy += (attempt.bye_at or result.ended) - offer.offered_at
    wrap_ups = [group.desk.wrap_up.mean for group in result.scenario.seats if group.desk is not None]
    wrap_up = max((mean for mean in wrap_ups if math.isfinite(mean)), default=0.0)
    return busy / len(met) + wrap_up


def _patience(result: RunResult) -> float:
    """Mean patience of all populations, by their numbers; inf when some never give up."""
    plans = [caller.plan.group.patience.mean for caller in result.crowd.callers]
    return sum(plans) / len(plans) if plans else math.inf


def _queued(attempt: Attempt) -> float:
    """From the installation's answer to the offer that was taken: announcements included, ringing not."""
    offer = next(one for one in attempt.offers if one.answered_at is not None)
    return max(0.0, offer.offered_at - (attempt.answered_at or attempt.invite_at))

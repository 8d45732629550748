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
    rate = len(attempts) / seconds
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
    queued = [_queued(one) for one in met]
    # The formulas know no greeting: somebody met a free seat as soon as the announcements were over.
    announcements = min(queued)
    queued = [wait - announcements for wait in queued]
    given_up = [
        max(0.0, (one.bye_at or result.ended) - one.answered_at - announcements)
        for one in attempts
        if one.answered_at is not None and one.seat_answered_at is None
    ]
    return {
        "seats": servers,
        "load_erlang": load,
        "handling": handling,
        "patience": patience if math.isfinite(patience) else None,
        "announcements": announcements,
        **expected,
        # Of all callers, as the formulas' is: those who gave up waited, too.
        "measured_mean_wait": (sum(queued) + sum(given_up)) / (len(queued) + len(given_up)),
        "measured_answered_in_time": sum(wait <= in_time for wait in queued) / len(attempts),
    }


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

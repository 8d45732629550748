"""RFC 6076 (SIP end-to-end) and E.411/E.425 (ASR, NER), E.721 (PDD) of some attempts.

Delays are measured at the caller, from SIPp's own log, successes and failures apart. Ratios are
shares (0 … 1), None when nothing was tried. Percentiles are observations, nearest rank.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from simulators.sip_load.crowd import LOST_SECONDS, Crowd
from simulators.sip_load.facts import Attempt

Figures = dict[str, Any]

PERCENTILES: Final = (50.0, 95.0, 99.0, 99.9)
SEER_EXTRA: Final = frozenset({480, 486, 600, 603})
"""RFC 6076 §4.7: the called party's own answer, as effective as a 200."""
INEFFECTIVE: Final = frozenset({408, 500, 503, 504})
"""RFC 6076 §4.8."""
REGULAR: Final = 2
"""Equal distances between refusals that make a rule."""
NETWORK_EFFECTIVE: Final = frozenset({480, 486, 487, 600, 603})
"""E.425: user busy, no answer, rejected by or given up towards the user; with answers they make NER."""


def spread(values: Iterable[float]) -> Figures:
    """Count, mean, percentiles and maximum of some delays, in seconds."""
    sample = np.sort(np.fromiter(values, dtype=float))
    if not len(sample):
        return {"count": 0}
    # The nearest rank: an observation that was really made.
    ranks = {p: sample[min(len(sample) - 1, int(np.ceil(p / 100 * len(sample))) - 1)] for p in PERCENTILES}
    return {
        "count": len(sample),
        "mean": float(sample.mean()),
        **{f"p{p:g}": float(value) for p, value in ranks.items()},
        "max": float(sample[-1]),
    }


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def sessions(attempts: Sequence[Attempt]) -> Figures:
    """RFC 6076 and E.425 of some attempts; redirections (3xx) are in no base but those of ISA and SCR."""
    finals = Counter(attempt.final or 408 for attempt in attempts if attempt.final or attempt.over)
    requests = sum(finals.values())
    base = requests - sum(count for code, count in finals.items() if 300 <= code < 400)
    answered = finals[200]
    effective = answered + sum(finals[code] for code in SEER_EXTRA)
    by_us = sum(attempt.cancel_at is not None and attempt.final == 487 for attempt in attempts)
    left = [one for one in attempts if one.answered_at is not None and one.bye_at is not None]
    completed = [one for one in left if one.bye_final == 200]
    return {
        "attempts": len(attempts),
        "answered": answered,
        "given_up_before_answer": by_us,
        "unheard": sum(attempt.trying_at is None and not attempt.final for attempt in attempts),
        "SER": share(answered, base),
        "SER_without_given_up": share(answered, base - by_us),
        "SEER": share(effective, base),
        "ISA": share(sum(finals[code] for code in INEFFECTIVE), requests),
        "SCR": share(len(completed), requests),
        "ASR": share(answered, base),
        "NER": share(answered + sum(finals[code] for code in NETWORK_EFFECTIVE), base),
        "causes": {str(code): count for code, count in sorted(finals.items())},
        "refused_every": _regular(attempts),
        "SRD_successful": spread(_indication(one) for one in attempts if _indicated(one) and one.final < 300),
        "SRD_failed": spread(
            (one.final_at or one.ended_at or one.invite_at) - one.invite_at
            for one in attempts
            if (one.final >= 300 or (one.over and not one.final)) and one.cancel_at is None
        ),
        "PDD": spread(_indication(one) for one in attempts if _indicated(one)),
        "setup": spread(one.answered_at - one.invite_at for one in attempts if one.answered_at is not None),
        "SDD": spread(_disconnection(one) for one in completed if one.left_by == "caller"),
        "SDD_failed": spread(
            _disconnection(one) for one in left if one.left_by == "caller" and one.bye_final >= 300
        ),
        "SDT": spread(_duration(one) for one in completed),
        "SDT_failed": spread(_duration(one) for one in left if one.bye_final != 200),
    }


def _regular(attempts: Sequence[Attempt]) -> int | None:
    """n when every n-th call is refused and no other: a trunk or a limit that counts."""
    ordered = sorted(attempts, key=lambda one: one.invite_at)
    places = np.flatnonzero([one.final >= 400 and one.cancel_at is None for one in ordered])
    steps = np.diff(places)
    if len(steps) < REGULAR or steps.min() < 2 or steps.min() != steps.max():
        return None
    return int(steps[0])


def _indicated(attempt: Attempt) -> bool:
    return attempt.ringing_at is not None or attempt.answered_at is not None


def _indication(attempt: Attempt) -> float:
    """Until the first status indication: 18x or 200 (RFC 6076 §4.3.1)."""
    instants = [at for at in (attempt.ringing_at, attempt.answered_at) if at is not None]
    return min(instants) - attempt.invite_at


def _disconnection(attempt: Attempt) -> float:
    """BYE to its final answer."""
    assert attempt.bye_at is not None
    return (attempt.ended_at or attempt.bye_at) - attempt.bye_at


def _duration(attempt: Attempt) -> float:
    """Answer to BYE. A session has failed (§4.5.2) when its BYE is refused or never answered."""
    assert attempt.bye_at is not None
    assert attempt.answered_at is not None
    return attempt.bye_at - attempt.answered_at


def registrations(crowd: Crowd, ended: float) -> Figures:
    """RRD of successful registrations, challenge included, and IRA (RFC 6076 §4.1, §4.2).

    A REGISTER unanswered for `LOST_SECONDS` at the end has failed; a later one may be on its way.
    """
    known = [
        one
        for many in crowd.registrations.values()
        for one in many
        if one.final not in (0, 401) or ended - one.sent_at > LOST_SECONDS
    ]
    good = [one for one in known if one.final == 200]
    return {
        "count": len(known),
        "IRA": share(len(known) - len(good), len(known)),
        "RRD": spread((one.final_at or one.sent_at) - one.sent_at for one in good),
    }

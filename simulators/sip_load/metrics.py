"""Figures of a run. Definitions: RFC 6076 (SIP end-to-end), ITU-T E.411/E.425 (ASR, NER), E.721 (PDD).

Delays are measured at the caller, from SIPp's own log. Ratios are shares (0 … 1),
None when nothing was tried. Percentiles are of all observations, not interpolated
between processes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from simulators.sip_load import theory
from simulators.sip_load.crowd import Crowd, is_wrong_seat
from simulators.sip_load.facts import Attempt, Offer
from simulators.sip_load.probes import ProbeResult
from simulators.sip_load.result import RunResult

Figures = dict[str, Any]

PERCENTILES: Final = (50.0, 95.0, 99.0, 99.9)
SEER_EXTRA: Final = frozenset({480, 486, 600, 603})
"""RFC 6076 §4.7: the called party's own answer, as effective as a 200."""
INEFFECTIVE: Final = frozenset({408, 500, 503, 504})
"""RFC 6076 §4.8."""
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


def figures(result: RunResult) -> Figures:
    """All figures of a run, JSON-ready."""
    crowd = result.crowd
    attempts = [attempt for caller in crowd.callers for attempt in caller.attempts]
    return {
        "volume": volume(result, attempts),
        "sessions": sessions(attempts),
        "registrations": registrations(crowd),
        "by_number": {
            number: sessions([one for one in attempts if one.call.dial == number])
            for number in sorted({one.call.dial for one in attempts})
        },
        "by_population": {
            group.name: population([one for one in attempts if one.call.group is group])
            for group in result.scenario.callers
        },
        "people": people(result, attempts),
        "theory": theory.waits(result, attempts, volume(result, attempts)["seconds"]),
        "seats": seats(crowd),
        "partners": partners(crowd, {partner.line for partner in result.scenario.partners}),
        "transfers": dict(crowd.transfers),
        "retransmissions": {
            "sent": dict(crowd.retransmissions.sent),
            "received": dict(crowd.retransmissions.received),
            "messages": crowd.retransmissions.messages,
        },
        "probes": probes(result.probes),
        "processes": processes(result, len(attempts)),
        "generator": generator(result, attempts),
        "left_behind": result.left_behind,
        "curves": curves(result, attempts),
    }


def volume(result: RunResult, attempts: Sequence[Attempt]) -> Figures:
    """Offered is what was planned to be dialled by the run's end; achieved is what was dialled."""
    seconds = result.scenario.duration
    ran = max(1e-9, min(result.ended, result.began + seconds) - result.began)
    planned = sum(caller.plan.due <= ran for caller in result.crowd.callers)
    first = sum(attempt.number == 1 for attempt in attempts)
    return {
        "seconds": ran,
        "offered": planned,
        "offered_rate": planned / ran,
        "dialled": first,
        "achieved_rate": first / ran,
        "attempts": len(attempts),
        "redials": len(attempts) - first,
        "peak_calls": result.crowd.peak,
        "seats": result.seats,
    }


def sessions(attempts: Sequence[Attempt]) -> Figures:
    """RFC 6076 and E.425 of some attempts; refusals that redirect (3xx) count in no ratio's base."""
    finals = Counter(attempt.final or 408 for attempt in attempts if attempt.final or attempt.over)
    redirected = sum(count for code, count in finals.items() if 300 <= code < 400)
    base = sum(finals.values()) - redirected
    answered = finals[200]
    effective = answered + sum(finals[code] for code in SEER_EXTRA)
    by_us = sum(attempt.cancel_at is not None and attempt.final == 487 for attempt in attempts)
    completed = sum(
        attempt.answered_at is not None and attempt.bye_at is not None and attempt.over
        for attempt in attempts
    )
    return {
        "attempts": len(attempts),
        "answered": answered,
        "given_up_before_answer": by_us,
        "SER": share(answered, base),
        "SER_without_given_up": share(answered, base - by_us),
        "SEER": share(effective, base),
        "ISA": share(sum(finals[code] for code in INEFFECTIVE), base),
        "SCR": share(completed, base),
        "ASR": share(answered, base),
        "NER": share(answered + sum(finals[code] for code in NETWORK_EFFECTIVE), base),
        "causes": {str(code): count for code, count in sorted(finals.items())},
        "SRD_successful": spread(_indication(one) for one in attempts if _indicated(one) and one.final < 300),
        "SRD_failed": spread(
            (one.final_at or 0.0) - one.invite_at
            for one in attempts
            if one.final >= 300 and one.cancel_at is None
        ),
        "PDD": spread(_indication(one) for one in attempts if _indicated(one)),
        "setup": spread(one.answered_at - one.invite_at for one in attempts if one.answered_at is not None),
        "SDD": spread(
            one.ended_at - one.bye_at
            for one in attempts
            if one.left_by == "caller" and one.bye_at is not None and one.ended_at is not None
        ),
        "SDT": spread(
            one.bye_at - one.answered_at
            for one in attempts
            if one.bye_at is not None and one.answered_at is not None
        ),
    }


def _indicated(attempt: Attempt) -> bool:
    return attempt.ringing_at is not None or attempt.answered_at is not None


def _indication(attempt: Attempt) -> float:
    """Until the first status indication: 18x or 200 (RFC 6076 §4.3.1)."""
    instants = [at for at in (attempt.ringing_at, attempt.answered_at) if at is not None]
    return min(instants) - attempt.invite_at


def registrations(crowd: Crowd) -> Figures:
    """RRD of successful registrations, challenge included, and IRA (RFC 6076 §4.1, §4.2)."""
    known = [one for many in crowd.registrations.values() for one in many if one.final not in (0, 401)]
    good = [one for one in known if one.final == 200]
    return {
        "count": len(known),
        "IRA": share(len(known) - len(good), len(known)),
        "RRD": spread((one.final_at or one.sent_at) - one.sent_at for one in good),
    }


def population(attempts: Sequence[Attempt]) -> Figures:
    met = [one for one in attempts if one.seat_answered_at is not None]
    return {
        "attempts": len(attempts),
        "met_a_person": len(met),
        "share_met": share(len(met), len(attempts)),
        "wrong_seat": sum(is_wrong_seat(one.call, one.seat) for one in met),
        "wait": spread(_wait(one) for one in met),
    }


def people(result: RunResult, attempts: Sequence[Attempt]) -> Figures:
    """Callers and persons: who met one, how long it took, who gave up."""
    met = [one for one in attempts if one.seat_answered_at is not None]
    in_time = sum(_wait(one) <= result.scenario.bounds.in_time for one in met)
    gave_up = [one for one in attempts if one.seat_answered_at is None and one.left_by == "caller"]
    return {
        "met_a_person": len(met),
        "share_met": share(len(met), len(attempts)),
        "in_time": share(in_time, len(attempts)),
        "wait": spread(_wait(one) for one in met),
        "gave_up_after_answer": len(gave_up),
        "wrong_seat": sum(is_wrong_seat(one.call, one.seat) for one in met),
        "wrong_seats": sorted(
            {f"{one.call.group.name} -> {one.seat}" for one in met if is_wrong_seat(one.call, one.seat)}
        ),
        "talk": spread((one.bye_at or result.ended) - (one.seat_answered_at or 0.0) for one in met),
    }


def _wait(attempt: Attempt) -> float:
    assert attempt.seat_answered_at is not None
    return attempt.seat_answered_at - attempt.invite_at


def seats(crowd: Crowd) -> Figures:
    """What seats were offered and took; `second_calls` were offered to a seat in a call."""
    by_seat: dict[str, list[Offer]] = {}
    for offer in crowd.offers:
        by_seat.setdefault(offer.seat, []).append(offer)
    answered = [offer for offer in crowd.offers if offer.answered_at is not None]
    loads = [sum(one.answered_at is not None for one in offers) for offers in by_seat.values()]
    return {
        "offers": len(crowd.offers),
        "answered": len(answered),
        "second_calls": sum(offer.second_call for offer in crowd.offers),
        "seats_offered": len(by_seat),
        "never_answered": {
            seat: len(offers)
            for seat, offers in sorted(by_seat.items())
            if not any(offer.answered_at is not None for offer in offers)
        },
        "ringing": spread((one.answered_at or 0.0) - one.offered_at for one in answered),
        "calls_per_seat": spread(float(load) for load in loads),
    }


def partners(crowd: Crowd, lines: set[str]) -> Figures:
    """Per outside line: offers and how long it took to answer."""
    figures: Figures = {}
    for line in sorted(lines):
        offers = [offer for offer in crowd.offers if offer.group == f"partner-{line}"]
        figures[line] = {
            "offers": len(offers),
            "answered": sum(offer.answered_at is not None for offer in offers),
            "answer": spread(
                offer.answered_at - offer.offered_at for offer in offers if offer.answered_at is not None
            ),
        }
    return figures


def probes(results: Sequence[ProbeResult]) -> Figures:
    """What the listening phones heard."""
    heard = [one for one in results if one.hears_seat is not None]
    keyed = [one for one in results if one.keys_sent]
    rated = [one.mos for one in results if one.mos is not None]
    packets = sum(one.rtp.received + one.rtp.lost for one in results if one.rtp is not None)
    missing = sum(one.rtp.lost + one.rtp.discarded for one in results if one.rtp is not None)
    return {
        "calls": len(results),
        "answered": sum(one.setup is not None for one in results),
        "faults": Counter(one.fault for one in results if one.fault),
        "setup": spread(one.setup for one in results if one.setup is not None),
        "first_rtp": spread(one.first_rtp for one in results if one.first_rtp is not None),
        "wait": spread(one.wait for one in results if one.wait is not None),
        "greeting": spread(one.greeting for one in results if one.greeting is not None),
        "greeting_heard": share(
            sum((one.greeting or 0.0) > 0.6 for one in results),
            sum(one.greeting is not None for one in results),
        ),
        "both_ways": share(sum(bool(one.hears_seat and one.seat_hears) for one in heard), len(heard)),
        "caller_deaf": sorted({one.seat for one in heard if not one.hears_seat}),
        "seat_deaf": sorted({one.seat for one in heard if not one.seat_hears}),
        "keys_right": share(sum(one.keys_received == one.keys_sent for one in keyed), len(keyed)),
        "mos": {**spread(rated), "min": min(rated)} if rated else {"count": 0},
        "loss": missing / packets if packets else None,
        "jitter_ms": spread(one.rtp.jitter_ms for one in results if one.rtp is not None and one.rtp.received),
        "longest_gap": max((one.longest_gap for one in results if one.longest_gap is not None), default=None),
    }


def processes(result: RunResult, calls: int) -> Figures:
    """CPU and memory of everything watched, also per call."""
    return {
        name: {
            "cpu_seconds": usage.cpu_seconds,
            "cpu_per_call_ms": 1000 * usage.cpu_seconds / calls if calls else None,
            "peak_cores": max(usage.cpu, default=0.0),
            "peak_memory_mb": usage.peak_memory / 1e6,
            "gone": usage.gone,
        }
        for name, usage in result.usage.items()
    }


def generator(result: RunResult, attempts: Sequence[Attempt]) -> Figures:
    """How well this very tool kept up."""
    late = [attempt.invite_at - attempt.due for attempt in attempts if attempt.number == 1]
    usage = result.usage.get("generator")
    return {
        "lateness": spread(max(0.0, seconds) for seconds in late),
        "own_lateness": spread(max(0.0, seconds) for seconds in result.lateness),
        "peak_cores": max(usage.cpu, default=0.0) if usage is not None else 0.0,
        "processes": result.generators,
        "unexpected": result.unexpected,
        "watchdog": result.watchdog,
    }


def curves(result: RunResult, attempts: Sequence[Attempt]) -> Figures:
    """Per second of the run: calls dialled, live, answered, CPU; for plots."""
    length = max(1, int(np.ceil(result.ended - result.began)))
    edges = np.arange(length + 1)

    def per_second(instants: Iterable[float]) -> list[int]:
        offsets = np.fromiter(instants, dtype=float) - result.began
        return [int(count) for count in np.histogram(offsets, edges)[0]]

    begun = np.sort([attempt.invite_at - result.began for attempt in attempts])
    ended = np.sort([(attempt.ended_at or result.ended) - result.began for attempt in attempts])
    live = np.searchsorted(begun, edges[1:]) - np.searchsorted(ended, edges[1:])
    return {
        "dialled": per_second(one.invite_at for one in attempts),
        "met": per_second(one.seat_answered_at for one in attempts if one.seat_answered_at is not None),
        "refused": per_second(one.final_at or 0.0 for one in attempts if one.final >= 300),
        "live": [int(count) for count in live],
        "setup": [
            [one.invite_at - result.began, one.answered_at - one.invite_at]
            for one in attempts[:: max(1, len(attempts) // 2000)]
            if one.answered_at is not None
        ],
        "wait": sorted(_wait(one) for one in attempts if one.seat_answered_at is not None)[
            :: max(1, len(attempts) // 1000)
        ],
        "cpu": {name: usage.cpu for name, usage in result.usage.items()},
        "memory_mb": {name: [value / 1e6 for value in usage.memory] for name, usage in result.usage.items()},
    }

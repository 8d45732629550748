"""Figures of a run, JSON-ready: volume, people, seats, partners, what probes heard, processes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np

from simulators.sip_load import theory
from simulators.sip_load.crew import PAYLOADS, Answering
from simulators.sip_load.crowd import Crowd, is_wrong_seat
from simulators.sip_load.facts import Attempt, Offer
from simulators.sip_load.hearing import heard
from simulators.sip_load.recorded import Conversation, without_recording
from simulators.sip_load.result import RunResult
from simulators.sip_load.sessions import Figures, registrations, sessions, share, spread

MOSTLY: Final = 0.5
"""Share of a seat's offers from which refusing is its way."""
MOST_NAMED: Final = 20
AT_ONCE: Final = 2.0
"""Seconds: a conversation that ends sooner after its answer was none."""


def figures(result: RunResult) -> Figures:
    """All figures of a run, JSON-ready."""
    crowd = result.crowd
    attempts = [attempt for caller in crowd.callers for attempt in caller.attempts]
    return {
        "volume": volume(result, attempts),
        "sessions": sessions(attempts),
        "registrations": registrations(crowd, result.ended),
        "by_number": {
            number: sessions([one for one in attempts if one.call.dial == number])
            for number in sorted({one.call.dial for one in attempts})
        },
        "by_population": {
            group.name: population([one for one in attempts if one.call.group is group])
            for group in result.scenario.callers
        },
        "by_language": {
            language: population([one for one in attempts if one.call.language == language])
            for language in sorted({one.call.language for one in attempts})
        },
        "people": people(result, attempts),
        "theory": theory.waits(result, attempts, volume(result, attempts)["seconds"]),
        "seats": seats(crowd),
        "codecs": codecs(crowd, {**{g.name: g for g in result.scenario.seats}, **_partner_groups(result)}),
        "partners": partners(crowd, {partner.line for partner in result.scenario.partners}),
        "transfers": transfers(crowd, {partner.line for partner in result.scenario.partners}),
        "recordings": recordings(result, attempts),
        "retransmissions": {
            "sent": dict(crowd.retransmissions.sent),
            "received": dict(crowd.retransmissions.received),
            "messages": crowd.retransmissions.messages,
        },
        "probes": heard(result.probes),
        "processes": processes(result, len(attempts)),
        "generator": generator(result, attempts),
        "left_behind": result.left_behind,
        "left": result.left,
        "lingered": result.lingered,
        "desk_refusals": result.desk_refusals,
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
    """What seats were offered and took; `second_calls` were offered to a seat in a call.

    `cut_off`: conversations that the installation ended at once, though the caller had not left;
    `hung_up`: those that the seat itself ended at once; each with the answers of that seat.
    """
    by_seat: dict[str, list[Offer]] = {}
    ours = crowd.seat_offers()
    for offer in ours:
        by_seat.setdefault(offer.seat, []).append(offer)
    answered = [offer for offer in ours if offer.answered_at is not None]
    loads = [sum(one.answered_at is not None for one in offers) for offers in by_seat.values()]
    return {
        "offers": len(ours),
        "answered": len(answered),
        "declined": sum(bool(offer.refused) for offer in ours),
        "second_calls": sum(offer.second_call for offer in ours),
        "seats_offered": len(by_seat),
        "never_answered": {
            seat: len(offers)
            for seat, offers in sorted(by_seat.items())
            if not any(offer.answered_at is not None for offer in offers)
        },
        "declines": {
            seat: [refused, len(offers)]
            for seat, offers in sorted(by_seat.items())
            if (refused := sum(bool(offer.refused) for offer in offers)) > MOSTLY * len(offers)
        },
        "cut_off": _ended_at_once(by_seat, crowd, "system"),
        "hung_up": _ended_at_once(by_seat, crowd, "seat"),
        "ringing": spread((one.answered_at or 0.0) - one.offered_at for one in answered),
        "calls_per_seat": spread(float(load) for load in loads),
    }


def codecs(crowd: Crowd, groups: Mapping[str, Answering]) -> list[Figures]:
    """Seats and lines whose answers share no codec with what they were offered."""
    found: dict[tuple[str, str], list[Offer]] = {}
    for offer in crowd.offers:
        taken = {PAYLOADS[codec] for codec in groups[offer.group].codecs} if offer.group in groups else set()
        if taken and offer.formats and taken.isdisjoint(offer.formats) and offer.answered_at is not None:
            found.setdefault((offer.group, offer.seat), []).append(offer)
    return [
        {
            "group": group,
            "seat": seat,
            "calls": len(offers),
            "answers_with": list(groups[group].codecs),
            "offered": [_NAMES.get(one, str(one)) for one in sorted(offers[-1].formats)],
        }
        for (group, seat), offers in sorted(found.items())
    ]


_NAMES: Final = {number: name for name, number in PAYLOADS.items()} | {101: "telephone-event"}


def _partner_groups(result: RunResult) -> dict[str, Answering]:
    return {partner.group: partner for partner in result.scenario.partners}


def _ended_at_once(by_seat: dict[str, list[Offer]], crowd: Crowd, by: str) -> dict[str, list[int]]:
    """Seat: [conversations ended at once by this side, answers], where there are any."""
    found = {}
    for seat, offers in sorted(by_seat.items()):
        count = sum(
            one.left_by == by and one.cut_short(AT_ONCE) and not crowd.caller_left_first(one)
            for one in offers
        )
        if count:
            found[seat] = [count, sum(one.answered_at is not None for one in offers)]
    return found


def transfers(crowd: Crowd, lines: set[str]) -> Figures:
    """By line: hand-overs begun (all keys pressed while the call lived), calls that reached the line.

    `lasted`: begun, and the call lived on for 2 s, so that the line should have been reached.
    `arrived` is None for lines that nobody plays here.
    """
    begun, lasted = (
        Counter(
            one.handed_to
            for one in crowd.offers
            if one.handed_at is not None and (one.ended_at is None or one.ended_at > one.handed_at + more)
        )
        for more in (0.0, AT_ONCE)
    )
    return {
        line: {
            "begun": count,
            "lasted": lasted[line],
            "arrived": sum(one.group == f"partner-{line}" for one in crowd.offers) if line in lines else None,
        }
        for line, count in sorted(begun.items())
    }


def recordings(result: RunResult, attempts: Sequence[Attempt]) -> Figures | None:
    """Files that were recorded, conversations, and which of these ended without one; None: not looked at."""
    if result.recorded is None:
        return None
    held = [
        Conversation(one.ended_at or one.bye_at or result.ended, one.call.number, one.seat)
        for one in attempts
        if one.seat_answered_at is not None
    ]
    held += [
        Conversation(one.ended or result.ended, one.number, one.seat) for one in result.probes if one.seat
    ]
    missing = without_recording(held, result.recorded)
    return {
        "files": len(result.recorded),
        "conversations": len(held),
        "missing": [asdict(one) for one in missing[:MOST_NAMED]],
        "missing_by_seat": dict(Counter(one.seat for one in missing).most_common(MOST_NAMED)),
    }


def partners(crowd: Crowd, lines: set[str]) -> Figures:
    """Per outside line: offers and how long it took to answer."""
    figures: Figures = {}
    for line in sorted(lines):
        offers = [offer for offer in crowd.offers if offer.group == f"partner-{line}"]
        figures[line] = {
            "offers": len(offers),
            "answered": sum(offer.answered_at is not None for offer in offers),
            "refused": Counter(str(offer.refused) for offer in offers if offer.refused),
            "hung_up": sum(one.left_by == "seat" and one.cut_short(AT_ONCE) for one in offers),
            "answer": spread(
                offer.answered_at - offer.offered_at for offer in offers if offer.answered_at is not None
            ),
        }
    return figures


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
        "unended": result.unended,
        "unheard": result.unheard,
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

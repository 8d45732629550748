"""What the figures mean: faults named, with seat, line or direction; and when a run is void."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from simulators.sip_load.leaks import LINGER
from simulators.sip_load.scenario import Bounds, Scenario

LATE_P99: Final = 0.1
"""Seconds that a caller may dial late before the generator, not the installation, is what was measured."""
OWN_LATE: Final = 0.5
BUSY_CORES: Final = 0.9
ACHIEVED: Final = 0.98
WATCHDOG: Final = 2
UNEXPECTED: Final = 0.005
NEVER_ANSWERS: Final = 2
"""Unanswered offers, without any answered, that make a seat one that never answers."""
SLOW_FACTOR: Final = 3.0
SLOW_SECONDS: Final = 3.0
NAMED_CALLS: Final = 5
MOSTLY: Final = 0.5
"""Share of a seat's or line's calls from which something is its way rather than chance."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `code` is stable for scripts, `text` for people."""

    code: str
    text: str


def void_reasons(figures: dict[str, Any]) -> list[str]:
    """Why the generator was the bottleneck, so that nothing was measured; [] when it was not."""
    generator, volume = figures["generator"], figures["volume"]
    reasons = []
    late = generator["lateness"].get("p99", 0.0)
    if late > LATE_P99:
        reasons.append(f"one caller in a hundred dialled {late:.2f} s late or more (allowed: {LATE_P99:g} s)")
    if volume["offered"] and volume["dialled"] < ACHIEVED * volume["offered"]:
        reasons.append(f"only {volume['dialled']} of {volume['offered']} planned callers dialled in time")
    if generator["peak_cores"] > BUSY_CORES * max(1, generator["processes"]):
        reasons.append(f"SIPp used {generator['peak_cores']:.2f} cores")
    if generator["unexpected"] > UNEXPECTED * volume["attempts"]:
        reasons.append(f"SIPp broke off {generator['unexpected']} calls because of messages it does not know")
    own = generator["own_lateness"].get("p99", 0.0)
    if own > OWN_LATE:
        reasons.append(f"this program itself was {own:.2f} s behind")
    if generator["unended"]:
        reasons.append(
            f"{generator['unended']} callers could not be made to hang up: SIPp was too far behind "
            "(their channels are no leak of the installation)"
        )
    if generator["watchdog"] > WATCHDOG:
        reasons.append(f"SIPp's watchdog found {generator['watchdog']} pauses of half a second or more")
    return reasons


def findings(figures: dict[str, Any], scenario: Scenario) -> list[Finding]:
    """All that is beyond its bound or plainly wrong, the most telling first."""
    bounds = scenario.bounds
    found = [
        *_audio(figures["probes"], bounds),
        *_codecs(figures["codecs"], {partner.group: partner.line for partner in scenario.partners}),
        *_quality(figures["probes"], bounds, scenario),
        *_seats(figures),
        *_partners(figures),
        *_transfers(figures["transfers"]),
        *_numbers(figures, bounds),
    ]
    found += [
        *_sessions(figures, bounds),
        *_people(figures, bounds, bool(scenario.seats)),
        *_after(figures, bounds),
    ]
    return found


def _audio(probes: dict[str, Any], bounds: Bounds) -> list[Finding]:
    found = []
    deaf_callers, deaf_seats = set(probes["caller_deaf"]), set(probes["seat_deaf"])
    for seat in sorted(deaf_callers & deaf_seats):
        found.append(Finding("no_audio", f"nothing was heard between callers and seat {seat}"))
    for seat in sorted(deaf_callers - deaf_seats):
        found.append(Finding("one_way_audio", f"callers do not hear seat {seat}, though it hears them"))
    for seat in sorted(deaf_seats - deaf_callers):
        found.append(Finding("one_way_audio", f"seat {seat} does not hear callers, though they hear it"))
    for fault, count in probes["faults"].items():
        found.append(Finding("probe", f"{count} probe calls broke off: {fault}"))
    return found


def _codecs(codecs: list[dict[str, Any]], lines: dict[str, str]) -> Iterator[Finding]:
    for one in codecs:
        who = f"line {lines[one['group']]}" if one["group"] in lines else f"seat {one['seat']}"
        yield Finding(
            "wrong_codec",
            f"{who} answered with {', '.join(one['answers_with'])}, though offered "
            f"{', '.join(one['offered'])} ({one['calls']} times): nobody can hear anybody. "
            "Change its `codecs`, or what the installation allows on that endpoint",
        )


def _quality(probes: dict[str, Any], bounds: Bounds, scenario: Scenario) -> list[Finding]:
    found = []
    if probes["loss"] is not None and probes["loss"] > bounds.loss:
        found.append(
            Finding("packet_loss", f"{probes['loss']:.1%} of RTP packets were lost (bound {bounds.loss:.1%})")
        )
    if probes["mos"].get("count") and probes["mos"]["mean"] < bounds.mos:
        found.append(Finding("speech_quality", f"MOS {probes['mos']['mean']:.2f} (bound {bounds.mos:g})"))
    jitter = probes["jitter_ms"].get("mean", 0.0)
    if jitter > bounds.jitter_ms:
        found.append(Finding("jitter", f"jitter {jitter:.0f} ms on average (bound {bounds.jitter_ms:g})"))
    if probes["longest_gap"] is not None and probes["longest_gap"] > bounds.gap:
        found.append(
            Finding(
                "gap",
                f"a seat that spoke all the time was silent for {probes['longest_gap']:.1f} s "
                f"(bound {bounds.gap:g} s)",
            )
        )
    plan = scenario.probes
    if plan is None:
        return found
    if probes["greeting_heard"] is not None and probes["greeting_heard"] < 1:
        found.append(
            Finding(
                "greeting",
                f"{plan.dial}: the greeting was heard in {probes['greeting_heard']:.0%} of probe calls "
                f"(nearest likeness {probes['greeting_best']:.2f} of 1)",
            )
        )
    if probes["keys_right"] is not None and probes["keys_right"] < 1:
        arrived = ", ".join(probes["keys_wrong"][:5])
        found.append(
            Finding(
                "digits",
                f"keys arrived right in {probes['keys_right']:.0%} of probe calls, "
                f"{probes['keys_accuracy']:.0%} of all keys: {plan.keys} became {arrived}",
            )
        )
    return found


def _seats(figures: dict[str, Any]) -> list[Finding]:
    seats, people = figures["seats"], figures["people"]
    found = []
    if seats["answered"]:
        for seat, offers in seats["never_answered"].items():
            if offers >= NEVER_ANSWERS:
                found.append(
                    Finding("seat_never_answers", f"seat {seat} was rung {offers} times and never answered")
                )
    elif seats["offers"]:
        found.append(Finding("no_seat_answers", f"seats were rung {seats['offers']} times and none answered"))
    if seats["second_calls"]:
        found.append(
            Finding("second_call", f"{seats['second_calls']} calls rang a seat that was in another call")
        )
    declined = {seat: of for seat, of in seats["declines"].items() if of[1] >= NEVER_ANSWERS}
    if declined:
        names = ", ".join(f"{seat} ({count} of {offers})" for seat, (count, offers) in declined.items())
        found.append(Finding("seat_declines", f"seats refused calls: {names}"))
    for seat, (count, answers) in seats["cut_off"].items():
        if count >= NEVER_ANSWERS and count >= MOSTLY * answers:
            found.append(
                Finding(
                    "cut_off",
                    f"seat {seat}: {count} of {answers} conversations were ended by the installation "
                    "at once. Compare what its phone answers (SDP, codecs)",
                )
            )
    for seat, (count, answers) in seats["hung_up"].items():
        if count >= NEVER_ANSWERS and count >= MOSTLY * answers:
            found.append(
                Finding(
                    "seat_hangs_up", f"seat {seat} answered and hung up at once in {count} of {answers} calls"
                )
            )
    if people["wrong_seat"]:
        which = ", ".join(people["wrong_seats"][:5])
        found.append(
            Finding("wrong_seat", f"{people['wrong_seat']} callers met a seat not meant for them: {which}")
        )
    return found


def _partners(figures: dict[str, Any]) -> list[Finding]:
    """A partner is slow when it takes seconds, and several times what the others take."""
    found = []
    p95 = {line: one["answer"]["p95"] for line, one in figures["partners"].items() if one["answer"]["count"]}
    for line, one in figures["partners"].items():
        if one["offers"] >= NEVER_ANSWERS and not one["answered"]:
            found.append(
                Finding("partner_never_answers", f"line {line} was called {one['offers']} times in vain")
            )
        if refused := one["refused"]:
            codes = ", ".join(f"{count} × {code}" for code, count in refused.items())
            found.append(
                Finding(
                    "partner_refuses",
                    f"line {line} refused {sum(refused.values())} of {one['offers']} calls ({codes})",
                )
            )
        if one["hung_up"] >= NEVER_ANSWERS and one["hung_up"] >= MOSTLY * one["answered"]:
            found.append(
                Finding(
                    "partner_hangs_up",
                    f"line {line} answered and hung up at once "
                    f"in {one['hung_up']} of {one['answered']} calls",
                )
            )
    for line, seconds in p95.items():
        others = [value for other, value in p95.items() if other != line]
        if seconds > SLOW_SECONDS and (
            not others or seconds > SLOW_FACTOR * sorted(others)[len(others) // 2]
        ):
            found.append(
                Finding("slow_partner", f"line {line} answers after {seconds:.1f} s (95th percentile)")
            )
    return found


def _transfers(transfers: dict[str, Any]) -> list[Finding]:
    return [
        Finding(
            "transfers_lost",
            f"line {line}: of {one['lasted']} hand-overs {one['lasted'] - one['arrived']} never reached it",
        )
        for line, one in transfers.items()
        if one["arrived"] is not None and one["arrived"] < one["lasted"]
    ]


def _numbers(figures: dict[str, Any], bounds: Bounds) -> list[Finding]:
    sessions = figures["sessions"]
    if sessions["attempts"] and sessions["unheard"] == sessions["attempts"]:
        text = (
            f"none of {sessions['attempts']} calls got any reply, not even 100 Trying. "
            "Is the address right, and does the installation run?"
        )
        return [Finding("unreachable", text)]
    found = []
    for number, one in figures["by_number"].items():
        ratio = one["SER_without_given_up"]
        if ratio is not None and ratio < bounds.session_establishment_ratio:
            causes = ", ".join(f"{count} × {code}" for code, count in one["causes"].items() if code != "200")
            text = f"{number}: {ratio:.1%} of calls were established ({causes})"
            if one["refused_every"] is not None:
                text += f"; every {one['refused_every']}th call is refused"
            found.append(Finding("refusals", text))
    return found


def _sessions(figures: dict[str, Any], bounds: Bounds) -> list[Finding]:
    found = []
    sessions, again = figures["sessions"], figures["retransmissions"]
    slow = sessions["PDD"].get("p99", 0.0)
    if slow > bounds.setup_p99:
        found.append(
            Finding(
                "slow_setup",
                f"first ring or answer after {slow:.2f} s (99th percentile, bound {bounds.setup_p99:g})",
            )
        )
    count = sum(again["sent"].values()) + sum(again["received"].values())
    if sessions["attempts"] and count / sessions["attempts"] > bounds.retransmissions_per_call:
        what = ", ".join(
            f"{number} × {name}" for name, number in {**again["sent"], **again["received"]}.items()
        )
        found.append(
            Finding("retransmissions", f"{count} retransmissions in {sessions['attempts']} calls ({what})")
        )
    if not sessions["attempts"]:
        found.append(Finding("no_calls", "nobody dialled"))
    return found


def _people(figures: dict[str, Any], bounds: Bounds, with_seats: bool) -> list[Finding]:
    people = figures["people"]
    if not with_seats or people["in_time"] is None or people["in_time"] >= bounds.answered_in_time:
        return []
    return [
        Finding(
            "waits",
            f"{people['in_time']:.1%} of callers met a person within {bounds.in_time:g} s of dialling "
            f"(bound {bounds.answered_in_time:.0%})",
        )
    ]


def _unrecorded(made: dict[str, Any], bounds: Bounds) -> str:
    text = (
        f"{made['files']} recordings were made in {made['conversations']} conversations "
        f"(bound {bounds.recorded:.0%})"
    )
    if not made["files"]:
        return (
            f"{text}. None at all: is `target.recordings` the folder into which this installation records, "
            "and does the queue say `record: talk`?"
        )
    seats = ", ".join(f"{seat} ({count})" for seat, count in made["missing_by_seat"].items())
    calls = ", ".join(
        f"{one['caller']} with {one['seat']} until {time.strftime('%H:%M:%S', time.localtime(one['ended']))}"
        for one in made["missing"][:NAMED_CALLS]
    )
    return (
        f"{text}. Without one when they ended, by seat: {seats}; for example {calls}. "
        "Look for `not_recorded` in the controller's log, and for room on the disk"
    )


def _after(figures: dict[str, Any], bounds: Bounds) -> list[Finding]:
    found = []
    left = figures["left_behind"]
    if left is not None and left > bounds.leaks and figures["lingered"] >= LINGER:
        found.append(
            Finding(
                "leak",
                f"{left} channels were still alive {LINGER:g} s after everybody had hung up, when SIP's "
                f"timers (32 s) were over: {', '.join(figures['left']) or 'gone when they were looked at'}",
            )
        )
    made = figures["recordings"]
    if made is not None and made["files"] < bounds.recorded * made["conversations"]:
        found.append(Finding("not_recorded", _unrecorded(made, bounds)))
    if refusals := figures["desk_refusals"]:
        found.append(
            Finding("desk_refuses", f"{len(refusals)} deeds of agents were refused, the first: {refusals[0]}")
        )
    for name, one in figures["processes"].items():
        if one["gone"] and name not in ("generator", "phones"):
            found.append(Finding("process_gone", f"{name} ended during the run"))
    return found

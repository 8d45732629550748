"""The crowd: what every caller and seat has lived through, and what each shall do next.

Messages and notes of SIPp go in, instructions come out; nothing is drawn here,
every chance was drawn when the run was planned. Times are Unix seconds.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from simulators.sip_load.crew import Answering
from simulators.sip_load.facts import (
    Attempt,
    MessageCounter,
    Offer,
    Registration,
    fold_attempt,
    fold_offer,
)
from simulators.sip_load.plan import PlannedCall
from simulators.sip_load.scenario import Scenario
from simulators.sipp_log import SipMessage
from simulators.workload import stream

KEY_GAP = 0.25
BREATH = 0.01
"""Seconds after which a call can be told the next thing."""
MOST_EARLY = 10_000
LOST_SECONDS = 33.0
"""An INVITE without any final answer is lost after this (64 × T1, RFC 3261 timer B)."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """Tell a call of a SIPp process to do something."""

    process: str
    call: int | str
    do: str
    key: str = "-"


@dataclass(slots=True)
class Caller:
    """A planned caller and its attempts so far."""

    plan: PlannedCall
    process: str
    place: int
    """Its call number in that process."""
    attempts: list[Attempt]
    done: bool = False

    @property
    def now(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts and not self.attempts[-1].over else None

    @property
    def served(self) -> bool:
        return any(attempt.seat_answered_at is not None for attempt in self.attempts)


class Crowd:
    """All callers and seats of a run; `begin` is the Unix time of the plan's zero."""

    def __init__(
        self,
        scenario: Scenario,
        plans: Sequence[PlannedCall],
        processes: Sequence[str],
        begin: float,
    ) -> None:
        self.begin = begin
        self.seed = scenario.seed
        self.callers = [
            Caller(plan, processes[number % len(processes)], number // len(processes) + 1, [])
            for number, plan in enumerate(plans)
        ]
        self.offers: list[Offer] = []
        self.registrations: dict[str, list[Registration]] = {}
        self.retransmissions = MessageCounter()
        self.taking_redials = True
        self.live = 0
        self.peak = 0
        self._with_people = bool(scenario.seats or scenario.partners)
        self._groups = {group.name: group for group in scenario.seats}
        self._answering: dict[str, Answering] = {
            **self._groups,
            **{partner.group: partner for partner in scenario.partners},
        }
        self._by_place = {(caller.process, caller.place): caller for caller in self.callers}
        self._by_number = {caller.plan.number: caller for caller in self.callers}
        self._offers: dict[str, Offer] = {}
        self._busy: dict[str, Offer] = {}
        self._met: dict[str, Offer] = {}
        self._early: dict[str, list[SipMessage]] = {}
        self._agenda: list[tuple[float, int, Instruction, Attempt | Offer | None]] = []
        self._order = itertools.count()
        self._ready: list[Instruction] = []

    # --- what has happened ------------------------------------------------------------

    def caller_message(self, message: SipMessage) -> None:
        """A line of a callers' process."""
        place, _, process = message.call.partition(".")
        caller = self._by_place.get((process, int(place) if place.isdigit() else 0))
        if caller is None or message.method == "INFO":
            return
        self.retransmissions.messages += 1
        attempt = caller.now
        if attempt is None:
            if message.sent and message.method == "INVITE":
                self._dialled(caller, message.at)
            elif caller.attempts:
                fold_attempt(caller.attempts[-1], message, self.retransmissions)
            return
        answered = attempt.answered_at is not None
        fold_attempt(attempt, message, self.retransmissions)
        if attempt.answered_at is not None and not answered:
            self._answered(caller, attempt)
        if attempt.over:
            self._over(caller, attempt)

    def seat_note(self, group: str, note: str, at: float) -> Offer | None:
        """The note that a seat writes on an INVITE: "Call-ID seat caller", then the RTP formats offered."""
        words = note.split()
        if len(words) < 3:
            return None
        call_id, seat, number, *formats = words
        offer = Offer(seat, group, number, call_id, at, cseq=-1)
        offer.formats = frozenset(int(one) for one in formats if one.isdigit())
        self.offers.append(offer)
        self._offers[call_id] = offer
        caller = self._by_number.get(number)
        if caller is not None and caller.attempts:
            caller.attempts[-1].offers.append(offer)
        for message in self._early.pop(call_id, ()):
            self.seat_message(group, message)
        return offer

    def seat_message(self, group: str, message: SipMessage) -> None:
        """A line of a seats' process."""
        if message.method == "REGISTER":
            self._registration(message)
            return
        offer = self._offers.get(message.call)
        if message.method in ("INFO", "OPTIONS"):
            return
        if offer is None:
            # Its note is not read yet.
            if len(self._early) < MOST_EARLY:
                self._early.setdefault(message.call, []).append(message)
            return
        self.retransmissions.messages += 1
        if offer.cseq < 0 and message.method == "INVITE" and not message.sent:
            offer.cseq, offer.offered_at = message.cseq, message.at
            # Told here, in the log's own order: notes are read ahead of the BYE that came before them.
            offer.second_call = offer.seat in self._busy
        answered = offer.answered_at is not None
        fold_offer(offer, message, self.retransmissions)
        if offer.answered_at is not None and not answered:
            self.seat_answered(offer)
        if offer.over:
            self.seat_left(offer)

    def seat_answered(self, offer: Offer) -> None:
        """A seat has picked up: the caller talks, the seat may hand the caller on."""
        self._busy[offer.seat] = offer
        self._met[offer.caller] = offer
        assert offer.answered_at is not None
        caller = self._by_number.get(offer.caller)
        if caller is None or not caller.attempts:
            return
        attempt = caller.attempts[-1]
        if np.isfinite(caller.plan.talk):
            self._at(offer.answered_at + caller.plan.talk, caller, "hangup", attempt)
        self._plan_leaving(offer, caller)
        self._plan_transfer(offer, caller)

    def answered_for(self, number: str) -> Offer | None:
        """The latest offer of this caller that a seat has answered."""
        return self._met.get(number)

    def seat_offers(self) -> list[Offer]:
        """Offers to seats; those to partners are told apart."""
        return [offer for offer in self.offers if offer.group in self._groups]

    def caller_left_first(self, offer: Offer) -> bool:
        """Whether the caller had hung up, or been handed on, before this conversation ended."""
        caller = self._by_number.get(offer.caller)
        if caller is None or offer.ended_at is None or offer.handed_to:
            return True
        return any(
            attempt.left_by == "caller" and attempt.bye_at is not None and attempt.bye_at <= offer.ended_at
            for attempt in caller.attempts
            if any(one is offer for one in attempt.offers)
        )

    def seat_left(self, offer: Offer) -> None:
        """The seat's part is over: it may be rung again."""
        if self._busy.get(offer.seat) is offer:
            del self._busy[offer.seat]

    # --- what shall happen ------------------------------------------------------------

    def instructions(self, now: float) -> Iterator[Instruction]:
        """What is due by `now`; instructions that have lost their reason are left out."""
        yield from self._ready
        self._ready.clear()
        told: set[tuple[str, int | str]] = set()
        while self._agenda and self._agenda[0][0] <= now:
            _, _, instruction, subject = heapq.heappop(self._agenda)
            if subject is not None and subject.over:
                continue
            if (instruction.process, instruction.call) in told:
                # A second word in one breath finds SIPp still busy with the first, and ends the call.
                heapq.heappush(self._agenda, (now + BREATH, next(self._order), instruction, subject))
                continue
            told.add((instruction.process, instruction.call))
            if instruction.do == "patience":
                if isinstance(subject, Attempt) and subject.seat_answered_at is not None:
                    continue
                instruction = Instruction(instruction.process, instruction.call, "hangup")
            if isinstance(subject, Attempt):
                # SIPp awaits its BYE's answer then: a second word would be one it doesn't know.
                if subject.leaving:
                    continue
                subject.leaving = instruction.do == "hangup"
            yield instruction if instruction.do != "hammer" else self._hammer(instruction, subject, now)

    @property
    def next_due(self) -> float:
        return 0.0 if self._ready else self._agenda[0][0] if self._agenda else float("inf")

    def hang_up_all(self) -> None:
        """Nobody dials again, everybody leaves."""
        self.taking_redials = False
        self._agenda.clear()
        for caller in self.callers:
            attempt = caller.now
            if attempt is not None:
                if not attempt.leaving:
                    attempt.leaving = True
                    self._ready.append(Instruction(caller.process, caller.place, "hangup"))
            elif caller.attempts and not caller.done:
                self._finish(caller)

    def never_left(self) -> int:
        """Callers who are still there and have not even begun to leave."""
        now = [caller.now for caller in self.callers]
        return sum(
            one is not None and one.bye_at is None and one.cancel_at is None and not one.final >= 300
            for one in now
        )

    def lose(self, now: float) -> None:
        """Give up attempts that the installation has never answered at all."""
        for caller in self.callers:
            attempt = caller.now
            if attempt is None or attempt.trying_at is not None or attempt.final:
                continue
            if now - attempt.invite_at > LOST_SECONDS:
                attempt.ended_at = now
                self._over(caller, attempt)

    # --- inside -----------------------------------------------------------------------

    def _dialled(self, caller: Caller, at: float) -> None:
        number = len(caller.attempts) + 1
        due = self.begin + caller.plan.due if number == 1 else at
        attempt = Attempt(caller.plan, number, due, at)
        caller.attempts.append(attempt)
        self.live += 1
        self.peak = max(self.peak, self.live)
        if np.isfinite(caller.plan.patience):
            self._at(at + caller.plan.patience, caller, "patience", attempt)

    def _answered(self, caller: Caller, attempt: Attempt) -> None:
        assert attempt.answered_at is not None
        plan = caller.plan
        if plan.choice is not None:
            for turn, key in enumerate(plan.choice.keys):
                self._at(attempt.answered_at + plan.keys_after + turn * KEY_GAP, caller, "key", attempt, key)
        if plan.hammered:
            self._at(attempt.answered_at + plan.keys_after, caller, "hammer", attempt, plan.hammered)
        if not self._with_people and np.isfinite(plan.talk):
            self._at(attempt.answered_at + plan.talk, caller, "hangup", attempt)

    def _over(self, caller: Caller, attempt: Attempt) -> None:
        self.live -= 1
        served = attempt.seat_answered_at is not None or (
            not self._with_people and attempt.answered_at is not None
        )
        waits = caller.plan.redials
        if served or not self.taking_redials or attempt.number > len(waits):
            self._finish(caller)
        else:
            assert attempt.ended_at is not None
            self._at(attempt.ended_at + waits[attempt.number - 1], caller, "dial", None)

    def _finish(self, caller: Caller) -> None:
        caller.done = True
        self._ready.append(Instruction(caller.process, caller.place, "done"))

    def _hammer(self, due: Instruction, attempt: Attempt | Offer | None, now: float) -> Instruction:
        """The next key of an abusive caller; the one after it is planned."""
        if len(due.key) > 1 and isinstance(attempt, Attempt) and attempt.call.group.hammer is not None:
            rest = Instruction(due.process, due.call, "hammer", due.key[1:])
            at = now + attempt.call.group.hammer.every
            heapq.heappush(self._agenda, (at, next(self._order), rest, attempt))
        return Instruction(due.process, due.call, "key", due.key[0])

    def _plan_leaving(self, offer: Offer, caller: Caller) -> None:
        """Whoever answered hangs up after a while, where the scenario says so."""
        group = self._answering.get(offer.group)
        if group is None or offer.answered_at is None:
            return
        luck = stream(self.seed, "leaves", offer.group, offer.caller, len(caller.attempts))
        after = float(group.leaves.sample(luck, 1)[0])
        if np.isfinite(after):
            leave = Instruction(offer.group, offer.call_id, "hangup")
            heapq.heappush(self._agenda, (offer.answered_at + after, next(self._order), leave, offer))

    def _plan_transfer(self, offer: Offer, caller: Caller) -> None:
        group = self._groups.get(offer.group)
        if group is None or group.transfers is None or offer.answered_at is None:
            return
        plan = group.transfers
        luck = stream(self.seed, "transfers", offer.caller, len(caller.attempts))
        if luck.uniform() >= plan.share:
            return
        line = plan.lines[int(luck.integers(len(plan.lines)))]
        offer.handed_to = line
        at = offer.answered_at + float(plan.after.sample(luck, 1)[0])
        for key in plan.code.format(line=line):
            self._press(at, offer, key)
            offer.handed_at = at
            at += KEY_GAP
        at += float(plan.consult.sample(luck, 1)[0])
        for key in plan.complete:
            self._press(at, offer, key)
            at += KEY_GAP

    def _press(self, at: float, offer: Offer, key: str) -> None:
        instruction = Instruction(offer.group, offer.call_id, "key", key)
        heapq.heappush(self._agenda, (at, next(self._order), instruction, offer))

    def _at(self, at: float, caller: Caller, do: str, subject: Attempt | None, key: str = "-") -> None:
        instruction = Instruction(caller.process, caller.place, do, key)
        heapq.heappush(self._agenda, (at, next(self._order), instruction, subject))

    def _registration(self, message: SipMessage) -> None:
        known = self.registrations.setdefault(message.call, [])
        if message.sent:
            # The request that answers a challenge belongs to the registration that was challenged.
            if not known or known[-1].final not in (0, 401):
                known.append(Registration(message.call, message.at))
        elif known and known[-1].final in (0, 401):
            one = known[-1]
            again = message.status == 401 and one.challenged not in (0, message.cseq)
            one.refused = one.refused or again or (message.status >= 300 and message.status != 401)
            one.final, one.final_at = message.status, message.at
            one.challenged = message.cseq if message.status == 401 else one.challenged


def is_wrong_seat(plan: PlannedCall, seat: str) -> bool:
    """Whether a caller has met a seat that may not take such callers."""
    return bool(plan.seats) and not any(fnmatchcase(seat, pattern) for pattern in plan.seats)

"""What happened to each call, folded from the messages that were really sent and received.

Theory. An attempt is one INVITE transaction with what follows. It moves through
tried → (ringing) → answered → left, or ends refused, given up or unanswered;
every message either advances it or is a retransmission, told by CSeq and method.
An offer is the same seen by the seat that was rung. Times are Unix seconds from
SIPp's own log, to the microsecond.
"""

from collections import Counter
from dataclasses import dataclass, field

from simulators.sip_load.plan import PlannedCall
from simulators.sipp_log import SipMessage


@dataclass(slots=True)
class Attempt:
    """One try of one caller."""

    call: PlannedCall
    number: int
    """1 for the first."""
    due: float
    invite_at: float
    trying_at: float | None = None
    ringing_at: float | None = None
    """First 18x."""
    answered_at: float | None = None
    final: int = 0
    """Final status of the INVITE; 0: none came."""
    final_at: float | None = None
    cancel_at: float | None = None
    bye_at: float | None = None
    bye_final: int = 0
    """Status that answered the BYE; 0: none did."""
    left_by: str = ""
    """``caller`` or ``system``."""
    ended_at: float | None = None
    """BYE's 200, ours or theirs; or the refusal's ACK."""
    leaving: bool = False
    """The caller has been told to hang up."""
    offers: list["Offer"] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def seat_answered_at(self) -> float | None:
        answered = [offer.answered_at for offer in self.offers if offer.answered_at is not None]
        return min(answered) if answered else None

    @property
    def seat(self) -> str:
        """The seat that answered, "" when none did."""
        return next((offer.seat for offer in self.offers if offer.answered_at is not None), "")


@dataclass(slots=True)
class Offer:
    """One ringing of one seat."""

    seat: str
    group: str
    caller: str
    call_id: str
    offered_at: float
    cseq: int
    answered_at: float | None = None
    cancelled_at: float | None = None
    ended_at: float | None = None
    refused: int = 0
    """Status with which the seat's phone refused; 0: it did not."""
    left_by: str = ""
    """``seat`` or ``system``: who said BYE."""
    handed_to: str = ""
    """Line that the seat hands the caller to."""
    handed_at: float | None = None
    """When the last key of that is pressed."""
    formats: frozenset[int] = frozenset()
    """RTP payload types that the INVITE offered; none: not known."""
    second_call: bool = False
    """It rang while the seat was in another call."""

    @property
    def over(self) -> bool:
        return self.ended_at is not None or self.cancelled_at is not None or bool(self.refused)

    def cut_short(self, seconds: float) -> bool:
        """Whether the conversation was over within so many seconds of the answer."""
        if self.answered_at is None or self.ended_at is None:
            return False
        return self.ended_at - self.answered_at < seconds


@dataclass(slots=True)
class Registration:
    """A REGISTER with its challenge, from the first request to the final answer."""

    user: str
    sent_at: float
    final: int = 0
    final_at: float | None = None
    challenged: int = 0
    """CSeq of the request that was challenged last."""
    refused: bool = False
    """Challenged again, though it had brought its password; or refused outright."""


class MessageCounter:
    """Retransmissions by method, ours and theirs; a response counts under ``200 INVITE``."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.messages = 0

    def again(self, message: SipMessage) -> None:
        what = f"{message.status} {message.method}" if message.status else message.method
        (self.sent if message.sent else self.received)[what] += 1


def fold_attempt(attempt: Attempt, message: SipMessage, counter: MessageCounter) -> None:
    """Let a message of the caller's side advance the attempt. Control INFOs are no part of it."""
    method, at = message.method, message.at
    if method == "INVITE":
        _fold_invite(attempt, message, counter)
    elif method == "CANCEL" and message.sent:
        if attempt.cancel_at is not None:
            counter.again(message)
        attempt.cancel_at = attempt.cancel_at or at
    elif method == "BYE":
        _fold_bye(attempt, message, counter)
    elif method == "ACK" and attempt.final >= 300 and attempt.ended_at is None:
        attempt.ended_at = at


def _fold_invite(attempt: Attempt, message: SipMessage, counter: MessageCounter) -> None:
    status, at = message.status, message.at
    if message.sent:
        if at > attempt.invite_at:
            counter.again(message)
    elif status == 100:
        attempt.trying_at = attempt.trying_at or at
    elif status < 200:
        attempt.trying_at = attempt.trying_at or at
        attempt.ringing_at = attempt.ringing_at or at
    elif attempt.final:
        counter.again(message)
    else:
        attempt.final, attempt.final_at = status, at
        if status < 300:
            attempt.answered_at = at


def _fold_bye(attempt: Attempt, message: SipMessage, counter: MessageCounter) -> None:
    if not message.status:
        if attempt.bye_at is not None and (attempt.left_by == "caller") == message.sent:
            counter.again(message)
        if attempt.bye_at is None:
            attempt.bye_at = message.at
            attempt.left_by = "caller" if message.sent else "system"
    elif attempt.ended_at is None and message.status >= 200:
        attempt.ended_at, attempt.bye_final = message.at, message.status


def fold_offer(offer: Offer, message: SipMessage, counter: MessageCounter) -> None:
    """Let a message of the seat's side advance the offer."""
    method, at, status = message.method, message.at, message.status
    if method == "INVITE":
        if not message.sent and not status and message.cseq == offer.cseq and at > offer.offered_at:
            counter.again(message)
        elif message.sent and status == 200 and message.cseq == offer.cseq:
            if offer.answered_at is not None:
                counter.again(message)
            offer.answered_at = offer.answered_at or at
        elif message.sent and status >= 300 and message.cseq == offer.cseq:
            if offer.refused:
                counter.again(message)
            elif offer.cancelled_at is None:
                offer.refused = status
    elif method == "CANCEL" and not message.sent:
        if offer.cancelled_at is not None:
            counter.again(message)
        offer.cancelled_at = offer.cancelled_at or at
    elif method == "BYE":
        if not status and offer.ended_at is not None:
            counter.again(message)
        if not status and not offer.left_by:
            offer.left_by = "seat" if message.sent else "system"
        offer.ended_at = offer.ended_at or at

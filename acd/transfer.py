"""The consult transfer as a table: who may do what, when, and where it leads.

Theory. Three legs: the *customer* (the caller), the *transferor* (the seat that
pressed the key) and the *target* (a partner's line or another seat). A transfer
is live in five states:

    SEEKING     customer on hold, a way to the target is being looked for
    RINGING     the target's phone rings, the customer hears music
    CONSULTING  transferor and target speak, the customer hears music
    CONFERENCE  all three speak
    BLONDE      the transferor has left before the target answered; the customer
                hears ringback and belongs to nobody but us

and terminal in four: RETURNED (customer with the transferor as before),
COMPLETED (customer with the target), REQUEUED (customer first in line for a
person) and ABANDONED (the customer has left). A customer who is still there is
never dropped: each road that does not reach a person leads to REQUEUED.

`TABLE` gives every (state, event) pair a row or a refusal: REJECT is told to the
person who asked, IGNORE is the late echo of something already settled. Actions
are names that the conversation carries out; nothing is decided there.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class TransferState(StrEnum):
    SEEKING = "seeking"
    RINGING = "ringing"
    CONSULTING = "consulting"
    CONFERENCE = "conference"
    BLONDE = "blonde"
    RETURNED = "returned"
    COMPLETED = "completed"
    REQUEUED = "requeued"
    ABANDONED = "abandoned"


class TransferEvent(StrEnum):
    TARGET_RESERVED = "target_reserved"
    SEEK_EXPIRED = "seek_expired"
    TARGET_ANSWERED = "target_answered"
    TARGET_DECLINED = "target_declined"
    RING_EXPIRED = "ring_expired"
    TARGET_LEFT = "target_left"
    TRANSFEROR_LEFT = "transferor_left"
    CUSTOMER_LEFT = "customer_left"
    CONSULT_CANCELLED = "consult_cancelled"
    CONSULT_COMPLETED = "consult_completed"
    THREE_PARTY = "three_party"
    SWAP = "swap"


class Verdict(StrEnum):
    """What becomes of an event that has no row."""

    IGNORE = "ignore"
    REJECT = "reject"


class Action(StrEnum):
    """What the conversation does on a transition."""

    RING_TARGET = "ring_target"
    SEEK_NEXT = "seek_next"
    CONSULT = "consult"
    SWAP = "swap"
    CONFERENCE = "conference"
    COMPLETE = "complete"
    RETURN = "return"
    GO_BLONDE = "go_blonde"
    CONNECT_BLONDE = "connect_blonde"
    REQUEUE = "requeue"
    ABANDON = "abandon"


@dataclass(frozen=True, slots=True)
class Row:
    next: TransferState
    action: Action


S, E, A = TransferState, TransferEvent, Action

LIVE: Final = (S.SEEKING, S.RINGING, S.CONSULTING, S.CONFERENCE, S.BLONDE)
TERMINAL: Final = (S.RETURNED, S.COMPLETED, S.REQUEUED, S.ABANDONED)

ASKED_BY_PEOPLE: Final = (E.CONSULT_CANCELLED, E.CONSULT_COMPLETED, E.THREE_PARTY, E.SWAP)
"""Events that a person asks for; out of place they are REJECTED with a reason, all others IGNORED."""

ROWS: Final[dict[tuple[TransferState, TransferEvent], Row]] = {
    (S.SEEKING, E.TARGET_RESERVED): Row(S.RINGING, A.RING_TARGET),
    (S.SEEKING, E.SEEK_EXPIRED): Row(S.RETURNED, A.RETURN),
    (S.SEEKING, E.CONSULT_CANCELLED): Row(S.RETURNED, A.RETURN),
    (S.SEEKING, E.TRANSFEROR_LEFT): Row(S.REQUEUED, A.REQUEUE),
    (S.RINGING, E.TARGET_ANSWERED): Row(S.CONSULTING, A.CONSULT),
    (S.RINGING, E.TARGET_DECLINED): Row(S.SEEKING, A.SEEK_NEXT),
    (S.RINGING, E.TARGET_LEFT): Row(S.SEEKING, A.SEEK_NEXT),
    (S.RINGING, E.RING_EXPIRED): Row(S.SEEKING, A.SEEK_NEXT),
    (S.RINGING, E.CONSULT_CANCELLED): Row(S.RETURNED, A.RETURN),
    (S.RINGING, E.TRANSFEROR_LEFT): Row(S.BLONDE, A.GO_BLONDE),
    # Completing while it still rings is the blonde transfer, asked for by name.
    (S.RINGING, E.CONSULT_COMPLETED): Row(S.BLONDE, A.GO_BLONDE),
    (S.CONSULTING, E.CONSULT_COMPLETED): Row(S.COMPLETED, A.COMPLETE),
    (S.CONSULTING, E.TRANSFEROR_LEFT): Row(S.COMPLETED, A.COMPLETE),
    (S.CONSULTING, E.THREE_PARTY): Row(S.CONFERENCE, A.CONFERENCE),
    (S.CONSULTING, E.SWAP): Row(S.CONSULTING, A.SWAP),
    (S.CONSULTING, E.CONSULT_CANCELLED): Row(S.RETURNED, A.RETURN),
    (S.CONSULTING, E.TARGET_LEFT): Row(S.RETURNED, A.RETURN),
    (S.CONFERENCE, E.CONSULT_COMPLETED): Row(S.COMPLETED, A.COMPLETE),
    (S.CONFERENCE, E.TRANSFEROR_LEFT): Row(S.COMPLETED, A.COMPLETE),
    (S.CONFERENCE, E.CONSULT_CANCELLED): Row(S.RETURNED, A.RETURN),
    (S.CONFERENCE, E.TARGET_LEFT): Row(S.RETURNED, A.RETURN),
    (S.BLONDE, E.TARGET_ANSWERED): Row(S.COMPLETED, A.CONNECT_BLONDE),
    (S.BLONDE, E.TARGET_DECLINED): Row(S.REQUEUED, A.REQUEUE),
    (S.BLONDE, E.TARGET_LEFT): Row(S.REQUEUED, A.REQUEUE),
    (S.BLONDE, E.RING_EXPIRED): Row(S.REQUEUED, A.REQUEUE),
    **{(state, E.CUSTOMER_LEFT): Row(S.ABANDONED, A.ABANDON) for state in LIVE},
}

TABLE: Final[dict[tuple[TransferState, TransferEvent], Row | Verdict]] = {
    (state, event): ROWS.get((state, event), Verdict.REJECT if event in ASKED_BY_PEOPLE else Verdict.IGNORE)
    for state in TransferState
    for event in TransferEvent
}


def step(state: TransferState, event: TransferEvent) -> Row | Verdict:
    """The table's row for an event, or what becomes of an event without one."""
    return TABLE[(state, event)]

"""A seat and its states.

A seat is a workplace with a phone. At any time it is in exactly one state; the
table below holds every pair of state and trigger. A pair leads to a state
(the move happens), to `LATER` (a wish that is honoured when the contact is
over), to `STAY` (a late or repeated fact that changes nothing) or to a
`Refusal` (the wish is turned down with a reason, nothing changes).

``reserved`` … ``consulting`` belong to a contact; ``reserved`` and ``ringing``
always carry a lease, ``wrap_up`` always a deadline: hence no seat can stay stuck
by a fact that never comes. A phone that vanishes ends ``ready``, ``reserved``
and ``ringing`` at once; a conversation ends by its own leg, or is ended when the
phone stays away for `FloorPlan.phone_lost_in_talk`; a wrap-up by its deadline;
and only then the seat becomes not ready (``phone_lost``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from acd.ids import AgentId, CallId, Instant
from acd.plan import SeatPlan

if TYPE_CHECKING:
    from acd.matching import Group
    from acd.offer import Offer
    from acd.queue import Queue, WaitingClass

State = Literal["logged_out", "ready", "reserved", "ringing", "talking", "consulting", "wrap_up", "not_ready"]

LOGGED_OUT: Final = "logged_out"
READY: Final = "ready"
RESERVED: Final = "reserved"
RINGING: Final = "ringing"
TALKING: Final = "talking"
CONSULTING: Final = "consulting"
WRAP_UP: Final = "wrap_up"
NOT_READY: Final = "not_ready"

STATES: Final[tuple[State, ...]] = (
    LOGGED_OUT,
    READY,
    RESERVED,
    RINGING,
    TALKING,
    CONSULTING,
    WRAP_UP,
    NOT_READY,
)

STATE_INDEX: Final[Mapping[State, int]] = {state: index for index, state in enumerate(STATES)}

LATER: Final = "later"
"""Remember the wish; it is honoured when the contact is over."""
STAY: Final = "stay"
"""Nothing to do."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish cannot be granted, and what the person can do."""

    reason: str
    text: str


Verdict = State | Literal["later", "stay"] | Refusal

_OUT: Final = Refusal("signed_out", "Nobody is signed in at this seat: sign in first.")
_IN: Final = Refusal("already_signed_in", "Somebody is signed in at this seat: sign out first.")
_NO_WRAP_UP: Final = Refusal("not_in_wrap_up", "This seat is not in wrap-up.")
_IS_READY: Final = Refusal("already_ready", "This seat is ready already.")
_ENGAGED: Final = Refusal("seat_busy", "This seat is engaged: try another, or its queue.")
_ABSENT: Final = Refusal("seat_not_ready", "Nobody is ready at this seat: try another, or its queue.")


def _row(default: Verdict, **moves: Verdict) -> Mapping[State, Verdict]:
    return {state: moves.get(state, default) for state in STATES}


TRANSITIONS: Final[Mapping[str, Mapping[State, Verdict]]] = {
    # wishes of people
    "sign_in": _row(_IN, logged_out=NOT_READY),
    "sign_out": _row(LATER, logged_out=_OUT, ready=LOGGED_OUT, not_ready=LOGGED_OUT, wrap_up=LOGGED_OUT),
    "force_out": _row(LOGGED_OUT, logged_out=_OUT, talking=LATER, consulting=LATER),
    "make_ready": _row(LATER, logged_out=_OUT, ready=_IS_READY, not_ready=READY, wrap_up=READY),
    "make_not_ready": _row(LATER, logged_out=_OUT, ready=NOT_READY, not_ready=NOT_READY, wrap_up=NOT_READY),
    "finish_wrap_up": _row(_NO_WRAP_UP, wrap_up=READY),
    "extend_wrap_up": _row(_NO_WRAP_UP, wrap_up=WRAP_UP),
    # decisions of the floor
    "reserve": _row(_ENGAGED, ready=RESERVED, logged_out=_ABSENT, not_ready=_ABSENT),
    "release": _row(STAY, reserved=READY, ringing=READY),
    "wrap_up_over": _row(STAY, wrap_up=READY),
    # facts
    "call_failed": _row(STAY, talking=READY, consulting=READY),
    "ring": _row(STAY, reserved=RINGING),
    "answer": _row(STAY, reserved=TALKING, ringing=TALKING),
    "consult": _row(STAY, talking=CONSULTING),
    "talk": _row(STAY, consulting=TALKING),
    "end_contact": _row(STAY, talking=WRAP_UP, consulting=WRAP_UP),
    "lose_phone": _row(STAY, ready=NOT_READY, reserved=NOT_READY, ringing=NOT_READY),
    "find_phone": _row(STAY, not_ready=READY),
}
"""``TRANSITIONS[trigger][state]``. ``READY`` stands for "ready, or whatever was asked for next"."""


AT_WORK: Final[Mapping[State, bool]] = {state: state not in (LOGGED_OUT, NOT_READY) for state in STATES}
"""Counts as staffed for overflow and estimates."""


class Seat:
    """A seat's moving parts; only `acd.floor` writes them."""

    __slots__ = (
        "agent",
        "answered",
        "busy_level",
        "busy_since",
        "call",
        "deadline",
        "declines",
        "extended",
        "group",
        "id",
        "idle_since",
        "index",
        "last_offer",
        "misses",
        "next_reason",
        "next_state",
        "offer",
        "personal",
        "place",
        "plan",
        "queue",
        "reachable",
        "reason",
        "resume",
        "retired",
        "since",
        "stamp",
        "state",
        "ticket",
    )

    def __init__(self, plan: SeatPlan, index: int, group: "Group", now: Instant) -> None:
        self.plan = plan
        self.id = plan.seat
        self.index = index
        """Place in the plan: breaks ties the same way on every replay."""
        self.group = group
        self.place = 0
        """Place in the group."""
        self.agent: AgentId | None = None
        self.state: State = LOGGED_OUT
        self.reason = ""
        self.since: Instant = now
        self.deadline: Instant | None = None
        """End of the lease while reserved or ringing, end of wrap-up in wrap-up."""
        self.ticket = 0
        self.reachable = False
        self.call: CallId | None = None
        self.offer: Offer | None = None
        self.queue: Queue | None = None
        """The queue of the present contact; None for a consultation."""
        self.answered: Instant = now
        self.next_state: State | None = None
        self.next_reason = ""
        self.extended = False
        self.resume = False
        """The phone was lost while ready: back to ready when it returns."""
        self.misses = 0
        self.declines = 0
        self.stamp = 0
        """Non-zero while idle; unique for each stretch of idleness."""
        self.idle_since: Instant = now
        self.last_offer = 0
        """Number of the last offer made to this seat: the order of round-robin."""
        self.busy_level = 0.0
        self.busy_since: Instant = now
        self.personal: tuple[WaitingClass, ...] = ()
        """Callers who wait for this very seat, by queue."""
        self.retired = False
        """No longer in the plan: gone when the contact is over."""

"""Being called back instead of waiting, and what is remembered of callers who are gone.

A callback keeps the place in the queue: the same entry goes on waiting without a
caller on the line. When its turn comes a seat is offered the callback as any
call; when the seat has answered, the number is dialled.

==========  =============================  ==========================================
state       event                          next
==========  =============================  ==========================================
waiting     a seat answers the offer       dialling
dialling    person reached                 closed ``reached``
dialling    not reached, contact over      paused, or closed ``unreached`` after the
                                           last attempt, or ``called_in``
paused      retry time                     waiting, at the old place
waiting,    the person calls in and joins  closed ``called_in``; the new call has the
paused      the same queue                 place
waiting,    cancelled                      closed ``cancelled``
paused
waiting,    too old                        closed ``expired``
paused
any         its queue is removed           closed ``queue_removed``
==========  =============================  ==========================================

Each callback is closed exactly once. A person (identity, else number) has one
callback at a time.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from acd.fact import Fact
from acd.ids import CallId, Instant, QueueId, Seconds

if TYPE_CHECKING:
    from acd.agent import Seat
    from acd.queue import Entry

WAITING: Final = "waiting"
DIALLING: Final = "dialling"
PAUSED: Final = "paused"
CLOSED: Final = "closed"

CallbackState = Literal["waiting", "dialling", "paused", "closed"]

TRANSITIONS: Final[Mapping[str, Mapping[CallbackState, CallbackState | None]]] = {
    "seat_answered": {WAITING: DIALLING, DIALLING: None, PAUSED: None, CLOSED: None},
    "reached": {WAITING: None, DIALLING: CLOSED, PAUSED: None, CLOSED: None},
    "failed": {WAITING: None, DIALLING: PAUSED, PAUSED: None, CLOSED: None},
    "given_up": {WAITING: None, DIALLING: CLOSED, PAUSED: None, CLOSED: None},
    "retry": {WAITING: None, DIALLING: None, PAUSED: WAITING, CLOSED: None},
    "called_in": {WAITING: CLOSED, DIALLING: None, PAUSED: CLOSED, CLOSED: None},
    "cancelled": {WAITING: CLOSED, DIALLING: None, PAUSED: CLOSED, CLOSED: None},
    "expired": {WAITING: CLOSED, DIALLING: None, PAUSED: CLOSED, CLOSED: None},
    "queue_removed": {WAITING: CLOSED, DIALLING: CLOSED, PAUSED: CLOSED, CLOSED: None},
}
"""``TRANSITIONS[trigger][state]``; None: the trigger does not apply and changes nothing."""


class Callback:
    """A promise to call somebody back."""

    __slots__ = (
        "asked",
        "attempts",
        "call",
        "called_in",
        "deadline",
        "entry",
        "expires",
        "number",
        "origin",
        "person",
        "seat",
        "state",
        "ticket",
    )

    def __init__(
        self,
        call: CallId,
        origin: CallId,
        number: str,
        person: str,
        entry: "Entry",
        asked: Instant,
        expires: Instant,
    ) -> None:
        self.call = call
        self.origin = origin
        """The call in which it was asked for."""
        self.number = number
        self.person = person
        self.entry = entry
        self.asked = asked
        self.expires = expires
        self.state: CallbackState = WAITING
        self.attempts = 0
        self.seat: Seat | None = None
        """The seat that dials."""
        self.called_in = False
        """The person rang us while we were dialling."""
        self.deadline: Instant | None = None
        self.ticket = 0

    def step(self, trigger: str) -> bool:
        """Take a transition of the table; False when it does not apply."""
        state = TRANSITIONS[trigger][self.state]
        if state is None:
            return False
        self.state = state
        return True


class Callbacks:
    """All that are not closed."""

    __slots__ = ("_by_person", "by_call")

    def __init__(self) -> None:
        self.by_call: dict[CallId, Callback] = {}
        self._by_person: dict[str, Callback] = {}

    def __len__(self) -> int:
        return len(self.by_call)

    def add(self, callback: Callback) -> None:
        self.by_call[callback.call] = callback
        self._by_person[callback.person] = callback

    def close(self, callback: Callback) -> None:
        del self.by_call[callback.call], self._by_person[callback.person]

    def of_call(self, call: CallId) -> Callback | None:
        return self.by_call.get(call)

    def of_person(self, person: str) -> Callback | None:
        return self._by_person.get(person)

    def all(self) -> tuple[Callback, ...]:
        return tuple(self.by_call.values())


class MissedCall(Fact):
    """Somebody who hung up while waiting, and has not been spoken to since."""

    call: CallId
    queue: QueueId
    identity: str
    skills: str
    priority: int
    key: float
    enqueued: Instant
    left: Instant


class Departed:
    """Callers who hung up: their place is kept for a while, and they are to be called back.

    Bounded: the oldest go first when more than `limit` are known.
    """

    __slots__ = ("_by_call", "_by_person", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._by_call: dict[CallId, MissedCall] = {}
        self._by_person: dict[tuple[str, QueueId], MissedCall] = {}

    def add(self, missed: MissedCall) -> None:
        if (same := self._by_call.get(missed.call)) is not None:
            self.forget(same)
        if missed.identity:
            earlier = self._by_person.get((missed.identity, missed.queue))
            if earlier is not None:
                self.forget(earlier)
        while len(self._by_call) >= self.limit and self._by_call:
            self.forget(next(iter(self._by_call.values())))
        if self.limit > 0:
            self._by_call[missed.call] = missed
            if missed.identity:
                self._by_person[missed.identity, missed.queue] = missed

    def forget(self, missed: MissedCall) -> None:
        self._by_call.pop(missed.call, None)
        self._by_person.pop((missed.identity, missed.queue), None)

    def of_call(self, call: CallId) -> MissedCall | None:
        return self._by_call.get(call)

    def of_person(self, identity: str, queue: QueueId) -> MissedCall | None:
        return self._by_person.get((identity, queue)) if identity else None

    def place(self, identity: str, queue: QueueId, now: Instant, window: Seconds) -> MissedCall | None:
        """The place to give back to a person who calls again within `window`."""
        missed = self.of_person(identity, queue)
        return missed if missed is not None and now - missed.left <= window else None

    def expire(self, before: Instant) -> None:
        """Forget who left before."""
        while self._by_call:
            oldest = next(iter(self._by_call.values()))
            if oldest.left >= before:
                return
            self.forget(oldest)

    def all(self) -> tuple[MissedCall, ...]:
        """Oldest first."""
        return tuple(self._by_call.values())

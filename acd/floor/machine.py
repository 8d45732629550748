"""`Floor`: the one entrance, and the order in which things happen."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from acd import events
from acd.agent import Seat
from acd.callback import MissedCall
from acd.commands import FloorOutput
from acd.estimate import expected_wait, position
from acd.events import FloorEvent
from acd.floor import callbacks, calls, editing, keeping, offers, reach, seats
from acd.floor.restoring import restore
from acd.floor.snapshot import FloorSnapshot, snapshot
from acd.floor.state import FloorState
from acd.floor.views import (
    CallbackStatus,
    QueueStatus,
    SeatStatus,
    callback_status,
    queue_status,
    seat_status,
)
from acd.ids import CallId, Instant, QueueId, SeatId, Seconds
from acd.kept import FloorResumed
from acd.plan import FloorPlan, Hours
from acd.queue import Entry

_HANDLERS: Final[Mapping[type, Callable[[FloorState, Any, Instant], None]]] = {
    events.SeatReachable: seats.reachable,
    events.SeatUnreachable: seats.unreachable,
    events.SeatSignedIn: seats.signed_in,
    events.SeatSignedOut: seats.signed_out,
    events.SeatReadied: seats.readied,
    events.SeatNotReadied: seats.not_readied,
    events.WrapUpFinished: seats.wrap_up_finished,
    events.WrapUpExtended: seats.wrap_up_extended,
    events.SeatConsulting: seats.consulting,
    events.SeatTalking: seats.talking,
    events.ContactEnded: seats.contact_ended,
    events.Enqueued: calls.enqueued,
    events.CallerLeft: calls.caller_left,
    events.CallersUnreachable: reach.unreachable,
    events.CallersReachable: reach.reachable,
    events.OfferRinging: offers.ringing,
    events.OfferAnswered: offers.answered,
    events.OfferRefused: offers.refused,
    events.SeatTaken: offers.taken,
    events.CallbackAsked: callbacks.asked,
    events.CallbackReached: callbacks.reached,
    events.CallbackFailed: callbacks.failed,
    events.CallbackCancelled: callbacks.cancelled,
    events.MissedForgotten: callbacks.missed_forgotten,
    FloorResumed: keeping.resumed,
}


class Floor:
    """Every decision about seats and queues.

    Outputs are in the order in which they were decided. An event and everything
    that follows from it is one step; nothing is left half done when it returns.
    The same events and ticks at the same instants give the same outputs, always.
    """

    def __init__(self, plan: FloorPlan, now: Instant) -> None:
        """Raises `ValueError` when the plan contradicts itself."""
        editing.check(plan)
        self._state = FloorState(plan)
        editing.install(self._state, plan, now)

    def handle(self, event: FloorEvent, now: Instant) -> list[FloorOutput]:
        """Take in one fact or wish.

        Raises `acd.events.Refused` when a wish is not allowed in the present
        state; then nothing has changed.
        """
        state = self._state
        out: list[FloorOutput] = []
        state.out = out
        _HANDLERS[type(event)](state, event, now)
        if state.left:
            calls.reconsider(state, now)
        return out

    def tick(self, now: Instant) -> list[FloorOutput]:
        """Do all that is due at `now`."""
        state = self._state
        out: list[FloorOutput] = []
        state.out = out
        while (subject := state.agenda.due(now)) is not None:
            if isinstance(subject, Seat):
                if subject.offer is not None:
                    offers.expired(state, subject.offer, now)
                else:
                    seats.due(state, subject, now)
            elif isinstance(subject, Entry):
                calls.due(state, subject, now)
            else:
                callbacks.due(state, subject, now)
            if state.left:
                calls.reconsider(state, now)
        return out

    def next_deadline(self) -> Instant | None:
        """When `tick` is wanted next; None: nothing is due ever."""
        return self._state.agenda.next()

    def change_plan(self, plan: FloorPlan, now: Instant) -> list[FloorOutput]:
        """Put another plan in force while calls run; nobody loses a place.

        Callers of a removed queue leave with ``queue_removed``; a removed seat
        finishes its contact. Raises `ValueError` when the plan contradicts
        itself; then nothing has changed.
        """
        editing.check(plan)
        state = self._state
        out: list[FloorOutput] = []
        state.out = out
        editing.install(state, plan, now)
        calls.reconsider(state, now)
        return out

    def keep(self, now: Instant) -> FloorResumed:
        """What the floor of the next process should be given before anything else; changes nothing."""
        return keeping.keep(self._state, now)

    def snapshot(self) -> FloorSnapshot:
        """All of the floor as plain data; changes nothing. Between two events only."""
        return snapshot(self._state)

    @classmethod
    def restored(cls, taken: FloorSnapshot) -> "Floor":
        """A floor that goes on as the one did of which the snapshot was taken.

        Raises `ValueError` for a snapshot that no floor has made.
        """
        floor = cls(taken.plan, 0.0)
        floor._state = restore(taken)
        return floor

    # --- the read side, for screens

    def seat(self, seat: SeatId) -> SeatStatus:
        """Raises `KeyError` for a seat that the plan does not know."""
        return self._status(self._state.seats[seat])

    def seats(self) -> tuple[SeatStatus, ...]:
        return tuple(self._status(seat) for seat in self._state.seats.values())

    def _status(self, seat: Seat) -> SeatStatus:
        return seat_status(seat, more_time=seats.may_extend(self._state, seat))

    def queue(self, queue: QueueId) -> QueueStatus:
        """Raises `KeyError` for a queue that the plan does not know."""
        state = self._state
        return queue_status(state.queues[queue], state.offers.values(), state.unreachable.values())

    def queues(self) -> tuple[QueueStatus, ...]:
        return tuple(self.queue(queue) for queue in self._state.queues)

    def hours(self, queue: QueueId) -> Hours:
        """When the queue takes new callers. Raises `KeyError` for a queue that the plan does not know."""
        return self._state.queues[queue].plan.hours

    def position(self, call: CallId) -> int | None:
        """1 = next; None when the call is not waiting here."""
        entry = self._state.entries.get(call)
        return position(entry) if entry is not None else None

    def estimate(self, call: CallId) -> Seconds | None:
        """Expected further wait; None when not waiting or when no honest figure exists."""
        entry = self._state.entries.get(call)
        return expected_wait(entry, position(entry)) if entry is not None else None

    def callbacks(self) -> tuple[CallbackStatus, ...]:
        """Promised and not closed, oldest first."""
        return tuple(callback_status(callback) for callback in self._state.callbacks.all())

    def missed(self) -> tuple[MissedCall, ...]:
        """Who hung up while waiting and has not been spoken to since, oldest first."""
        return self._state.departed.all()

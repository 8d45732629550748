"""An offer: one seat is asked to take one caller, under a lease.

``reserved`` → ``ringing`` → ``answered`` | ``declined`` | ``missed`` |
``withdrawn`` (caller left, answered elsewhere, seat lost) | ``expired``. The
lease is given when the offer is made and never prolonged. Whatever comes first
ends the offer: an answer that arrives later finds it closed and is told to hang
up, so one caller never has two seats by accident.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from acd.agent import Seat
from acd.ids import CallId, Instant, OfferId, QueueId, SeatId
from acd.queue import Entry, Queue

REMEMBERED: Final = 4096
"""Closed offers kept so that a late answer can be told to hang up."""

ANSWERED: Final = "answered"
DECLINED: Final = "declined"
MISSED: Final = "missed"
EXPIRED: Final = "expired"
CALLER_LEFT: Final = "caller_left"
ANSWERED_ELSEWHERE: Final = "answered_elsewhere"
SEAT_LOST: Final = "seat_lost"
CALLER_UNREACHABLE: Final = "caller_unreachable"
"""The link to the caller's Asterisk, which rings the seat, is down."""


class Offer(msgspec.Struct, frozen=True, eq=False):
    """An open offer. `entry` is None for a consultation (the router chose the seat)."""

    offer: OfferId
    number: int
    call: CallId
    seat: Seat
    queue: Queue | None
    entry: Entry | None
    made: Instant
    reasons: Mapping[str, object]

    @property
    def queue_id(self) -> QueueId:
        return self.queue.queue if self.queue is not None else QueueId("")


class ClosedOffers:
    """The last `REMEMBERED` offers that ended without an answer."""

    __slots__ = ("_known", "_order")

    def __init__(self) -> None:
        self._known: dict[OfferId, tuple[CallId, SeatId, str]] = {}
        self._order: deque[OfferId] = deque()

    def add(self, offer: OfferId, call: CallId, seat: SeatId, reason: str) -> None:
        if offer not in self._known:
            self._order.append(offer)
            if len(self._order) > REMEMBERED:
                del self._known[self._order.popleft()]
        self._known[offer] = (call, seat, reason)

    def find(self, offer: OfferId) -> tuple[CallId, SeatId, str] | None:
        return self._known.get(offer)

    def all(self) -> tuple[tuple[OfferId, CallId, SeatId, str], ...]:
        """In the order in which they were added."""
        return tuple((offer, *self._known[offer]) for offer in self._order)

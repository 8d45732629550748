"""The feed's seams: what goes out to the broker, what comes in from partners, and who keeps both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from acd.aftercall import WorkOrder
from acd.ids import Instant
from acd.record import CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message for the feed. `id` is chosen before writing: consumers know a repetition by it."""

    id: str
    topic: str
    """Below the feed's root, e.g. ``calls/xining/ended``."""
    payload: bytes
    at: Instant


class Outbox(Protocol):
    """Messages that were written together with what they tell, until the broker has them."""

    async def waiting(self, limit: int) -> Sequence[tuple[int, Outgoing]]:
        """The oldest messages with their places, in order. Raises `callrouter.ports.Unavailable`."""

    async def sent(self, places: Collection[int]) -> int:
        """The broker has confirmed these; returns how many of them were still there.

        Raises `callrouter.ports.Unavailable`.
        """

    async def count(self) -> int:
        """How many messages wait. Raises `callrouter.ports.Unavailable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedMessage:
    """An inbound message that could not be taken, kept for a person to look at."""

    id: str
    """The same for the same message from the same partner."""
    received: Instant
    partner: str
    topic: str
    reason: str
    payload: bytes


class Inbox(Protocol):
    """Where inbound data goes."""

    async def keep(self, entry: CallRecord | WorkOrder | RejectedMessage) -> None:
        """Returns when the entry will survive a crash: in the database, or set aside on disk.

        Raises `callrouter.ports.Unavailable` when it can be kept nowhere: then the message must not be
        acknowledged.
        """

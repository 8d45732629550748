"""Messages that callers have left: what the API may ask of whoever keeps them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from acd.ids import CallId, Instant, OrgId, QueueId


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. `number` is as received: the web masks it unless a right allows."""

    id: str
    mailbox: str
    """``""``: it was left before mailboxes were kept."""
    organisation: OrgId
    call: CallId
    queue: QueueId | None
    number: str
    received: Instant
    seconds: float
    heard: Instant | None
    heard_by: str | None
    erased: Instant | None = None
    """When its sound was erased at the caller's request, and it was."""
    erased_by: str = ""


class SoundStuck(Exception):
    """A message's file can't be removed now, so its row stays too; the text says why."""


class Mailboxes(Protocol):
    """All raise `callrouter.ports.Unavailable` when the store cannot be reached."""

    async def messages(
        self,
        *,
        mailbox: str | None = None,
        heard: bool | None = None,
        organisations: Collection[OrgId] | None = None,
        until: Instant | None = None,
        limit: int = 50,
    ) -> Sequence[MessageView]:
        """Newest first, received before `until`."""

    async def message(self, id: str) -> MessageView | None: ...

    async def sound(self, id: str) -> Path | None:
        """The message's WAV file, if it can be read from this machine.

        Raises `callrouter.recordings.SoundErased`.
        """

    async def mark(self, id: str, heard: Instant | None, by: str | None) -> None:
        """Note when and by whom it was heard; None: not yet."""

    async def delete(self, id: str) -> None:
        """File and row together. Raises `SoundStuck`; then nothing has changed."""

"""The folder of flows and site files that is in force: what the API may ask of whoever keeps it live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from acd.ids import Instant
from acd.record import CallRecord
from callrouter.config.versions import Change, Version


class UnknownFile(LookupError):
    """No file of this name can belong to the site; the text says which can."""


class LiveSite(Protocol):
    """Changes raise OSError when the folder cannot be written."""

    def in_force(self) -> Version: ...

    def kept(self) -> Sequence[tuple[str, Instant]]:
        """Digests of versions that can be gone back to and when each was last taken, newest first."""

    def changes(self) -> Sequence[Change]:
        """Newest first, since the start."""

    def files(self) -> Mapping[str, bytes]:
        """Name → content, of the version in force."""

    async def check_file(self, name: str, content: bytes) -> Sequence[str]:
        """What would be different with this file, in words; nothing changes.

        Raises UnknownFile, ConfigError with all faults.
        """

    async def put_file(self, name: str, content: bytes, by: str) -> Change:
        """Check the folder with this file aside, write it, put it in force. Raises as `check_file` does."""

    async def reload(self, by: str) -> Change | None:
        """Look at the folder now; None: nothing is new. A folder with faults changes nothing."""

    async def go_back(self, version: str, by: str) -> Change | None:
        """Write a kept version's files into the folder and put it in force. Raises LookupError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A version of the site that came into force at `at`."""

    digest: str
    at: Instant
    by: str
    note: str
    """What was different, in words; of a start nothing."""
    flows: str
    """What records of calls name as their flow's version."""


class PastVersions(Protocol):
    """All raise `callrouter.ports.Unavailable` when the store cannot be reached."""

    async def of_call(self, record: CallRecord) -> Taken | None:
        """What was in force when the call came; None: nobody has kept it."""

    async def taken(self, *, until: Instant | None = None, limit: int = 50) -> Sequence[Taken]:
        """What came into force before `until`, the latest first."""

    async def sources(self, digest: str) -> tuple[str, Mapping[str, bytes]] | None:
        """A version by the beginning of its digest, with its files; None: there is none, or several."""

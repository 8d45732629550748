"""The folder of flows and site files that is in force: what the API may ask of whoever keeps it live."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from acd.ids import Instant
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

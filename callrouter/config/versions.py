"""Which version of a folder's configuration is in force, and who changed it when.

    offered ──sound──▶ current (the one before is kept)
       └──faults──▶ refused: nothing changes, and the faults are told

A version is named by the digest of its files. Pure: loading, watching and
keeping on disk are the shell's business (`callrouter.live_folder`).
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from acd.ids import Instant
from callrouter.config.faults import Fault

KEPT: Final = 10
"""Sound versions that can be gone back to."""
KEPT_CHANGES: Final = 200

Loaded = TypeVar("Loaded")
Files = Mapping[str, bytes]
"""Path below the folder → content."""


@dataclass(frozen=True, slots=True)
class Version:
    """A sound state of the folder."""

    digest: str
    files: Files
    at: Instant
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A version that came into force, as the records keep it."""

    digest: str
    at: Instant
    by: str
    note: str
    """What is different, in words."""
    flows: str
    """Version of the flows alone: what records of calls name."""
    files: bytes
    """See `pack`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An audit line. `what` is ``applied``, ``refused``, ``unchanged`` or ``rolled_back``."""

    what: str
    at: Instant
    by: str
    digest: str
    before: str
    words: tuple[str, ...] = ()
    """What is different, in words; of a refused version its faults."""


def digest_of(files: Files) -> str:
    """Names a version: SHA-256 over names and contents, shortened to 16 digits."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()[:16]


def pack(files: Files) -> bytes:
    """A ZIP archive, the same for the same files: any tool opens what the database holds."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            # Without a date of its own an archive tells the time at which it was made.
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpack(packed: bytes) -> Files:
    """Raises ValueError for what `pack` has not made."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"no archive of a site: {error}") from error


class Versions(Generic[Loaded]):
    """The version in force (`current`), those before it, and the changes.

    Whoever holds a `Loaded` of an older version keeps it: nothing here is ever
    changed in place, so a swap is one assignment.
    """

    def __init__(self, loaded: Loaded, files: Files, at: Instant, by: str) -> None:
        self.current = loaded
        self.version = Version(digest_of(files), files, at, by)
        self.history: tuple[Version, ...] = (self.version,)
        """Sound versions, newest first."""
        self.changes: tuple[Change, ...] = ()
        """Newest first."""
        self.refusal: Change | None = None
        """What lies there, when it has faults and is therefore not in force."""

    def is_news(self, files: Files) -> bool:
        """Whether what lies there now is neither in force nor what was refused last."""
        digest = digest_of(files)
        if digest == self.version.digest:
            self.refusal = None
        return digest != self.version.digest and (self.refusal is None or digest != self.refusal.digest)

    def apply(self, loaded: Loaded, files: Files, at: Instant, by: str, words: Sequence[str] = ()) -> Change:
        """Put a sound version in force for everything that begins from now on."""
        version = Version(digest_of(files), files, at, by)
        before = self.version.digest
        if version.digest == before:
            return self._note(Change(what="unchanged", at=at, by=by, digest=before, before=before))
        known = any(version.digest == old.digest for old in self.history)
        self.current, self.version, self.refusal = loaded, version, None
        others = tuple(old for old in self.history if old.digest != version.digest)
        self.history = (version, *others)[:KEPT]
        what = "rolled_back" if known else "applied"
        return self._note(
            Change(what=what, at=at, by=by, digest=version.digest, before=before, words=tuple(words))
        )

    def refuse(self, faults: Sequence[Fault], files: Files, at: Instant, by: str) -> Change:
        """Record a version with faults. What is in force stays in force."""
        digest, words = digest_of(files), tuple(str(fault) for fault in faults)
        self.refusal = Change(
            what="refused", at=at, by=by, digest=digest, before=self.version.digest, words=words
        )
        return self._note(self.refusal)

    def before(self) -> Version | None:
        """The sound version before the present one."""
        return self.history[1] if len(self.history) > 1 else None

    def find(self, digest: str) -> Version | None:
        """A kept version by the beginning of its digest, None when there is none or more than one."""
        found = [version for version in self.history if digest and version.digest.startswith(digest)]
        return found[0] if len(found) == 1 else None

    def _note(self, change: Change) -> Change:
        self.changes = (change, *self.changes)[:KEPT_CHANGES]
        return change

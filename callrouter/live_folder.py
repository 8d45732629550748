"""Changes of a folder go live by themselves: watched, checked aside, swapped in one step, kept, audited.

Reading and checking happen in a thread that steps aside, so calls are not held up; calls that
are under way keep what they began with. A version with faults changes nothing.
The last sound versions lie in an archive; going back to one writes its files
into the folder again, so that what runs is always what lies there.
"""

import asyncio
import contextlib
import gc
import getpass
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, Generic, TypeVar

from watchfiles import Change as FileChange
from watchfiles import awatch

from acd.ids import Instant
from callrouter.config.faults import ConfigError, Fault
from callrouter.config.versions import KEPT, Change, Files, Version, Versions
from callrouter.live_site import UnknownFile

Loaded = TypeVar("Loaded")
Load = Callable[[Path], Loaded]
Describe = Callable[[Path, Path], Sequence[str]]
"""(folder of the old version, folder of the new one) → differences in words."""

QUIET_MS: Final = 300
"""Editors write in several steps: a change is read when the folder has been quiet for so long."""
PATTERNS: Final = ("*.yaml", "site/*.yaml", "prompts/catalogue.yaml", "prompts/rendered.json")
LARGEST: Final = 4_000_000
_BY_FILE: Final = "(file)"
SWITCH: Final = 0.001
"""Seconds."""


class LiveFolder(Generic[Loaded]):
    """Keeps `versions` up to date with a folder while `run` runs.

    `on_change` is called in the loop, after the swap, with the audit line and
    what is in force.
    """

    def __init__(
        self,
        folder: Path,
        load: Load[Loaded],
        archive: "Archive",
        now: Callable[[], Instant],
        on_change: Callable[[Change, Loaded], None],
        describe: Describe | None = None,
    ) -> None:
        """Loads the folder. Raises ConfigError: a service does not start on faults."""
        self.folder = folder
        self.archive = archive
        self._load = load
        self._now = now
        self._on_change = on_change
        self._describe = describe
        files = read_files(folder)
        loaded = load(folder)
        self.versions = Versions(loaded, files, now(), "start")
        archive.keep(self.versions.version)
        self._changing = asyncio.Lock()

    async def run(self) -> None:
        """Follow the folder until cancelled."""
        async for seen in awatch(self.folder, watch_filter=_matters(self.folder), debounce=QUIET_MS, step=50):
            async with self._changing:
                await self.refresh(await asyncio.to_thread(_writers, [path for _, path in seen]))

    async def refresh(self, by: str) -> Change | None:
        """Look at the folder now; None when nothing is new."""
        with _stepping_aside():
            return await self._refresh(by)

    async def _refresh(self, by: str) -> Change | None:
        files = await asyncio.to_thread(read_files, self.folder)
        if not self.versions.is_news(files):
            return None
        try:
            loaded = await asyncio.to_thread(self._loaded, self.folder)
            # What was written while we read is the next round's business: then the digests differ.
            if await asyncio.to_thread(read_files, self.folder) != files:
                return await self._refresh(by)
            words = await asyncio.to_thread(self._words, self.folder)
        except ConfigError as error:
            change = self.versions.refuse(error.faults, files, self._now(), by)
        else:
            change = self.versions.apply(loaded, files, self._now(), by, words)
            await asyncio.to_thread(self.archive.keep, self.versions.version)
        await asyncio.to_thread(self.archive.write_down, change)
        self._on_change(change, self.versions.current)
        return change

    @property
    def problem(self) -> str:
        """Why what lies in the folder is not what is in force; ``""`` when it is."""
        refusal = self.versions.refusal
        if refusal is None:
            return ""
        more = f" and {len(refusal.words) - 1} more" if len(refusal.words) > 1 else ""
        first = refusal.words[0] if refusal.words else "unreadable"
        return f"the site's last change is not in force, because it has faults: {first}{more}"

    # --- by the API (`callrouter.live_site.LiveSite`) ---

    def in_force(self) -> Version:
        return self.versions.version

    def kept(self) -> Sequence[tuple[str, Instant]]:
        return [(name, self.archive.folder_of(name).stat().st_mtime) for name in self.archive.versions()]

    def changes(self) -> Sequence[Change]:
        return self.versions.changes

    def files(self) -> Files:
        return self.versions.version.files

    async def check_file(self, name: str, content: bytes) -> Sequence[str]:
        with _stepping_aside():
            return (await asyncio.to_thread(self._tried, name, content))[1]

    async def put_file(self, name: str, content: bytes, by: str) -> Change:
        async with self._changing:
            with _stepping_aside():
                await asyncio.to_thread(self._tried, name, content)
            await asyncio.to_thread(_replace, self.folder / name, content)
            return await self.refresh(by) or self._unchanged(by)

    async def reload(self, by: str) -> Change | None:
        async with self._changing:
            return await self.refresh(by)

    async def go_back(self, version: str, by: str) -> Change | None:
        async with self._changing:
            await asyncio.to_thread(self.archive.restore, version, self.folder)
            return await self.refresh(by)

    def _unchanged(self, by: str) -> Change:
        digest = self.versions.version.digest
        return Change(what="unchanged", at=self._now(), by=by, digest=digest, before=digest)

    def _tried(self, name: str, content: bytes) -> tuple[Loaded, Sequence[str]]:
        """The folder as it would be with this file, read beside it. Raises UnknownFile, ConfigError."""
        if not belongs(name):
            raise UnknownFile(f"{name!r} is no file of a site: {', '.join(PATTERNS)} are")
        with tempfile.TemporaryDirectory(prefix="callrouter-site-") as scratch:
            draft = Path(scratch)
            copy_beside(self.folder, draft, {**read_files(self.folder), name: content})
            try:
                loaded = self._loaded(draft)
                return loaded, self._words(draft)
            except ConfigError as error:
                raise ConfigError(
                    replace(fault, file=fault.file.replace(str(draft), str(self.folder)))
                    for fault in error.faults
                ) from None

    def _loaded(self, folder: Path) -> Loaded:
        """What a folder holds, kept out of the collector's sight.

        It would look through all that is new at once, a tenth of a second for a large site, in which
        every call waits. Nothing of it is a cycle: what is given up later goes without the collector.
        """
        was_on = gc.isenabled()
        gc.disable()
        try:
            return self._load(folder)
        finally:
            gc.freeze()
            if was_on:
                gc.enable()

    def _words(self, new: Path) -> Sequence[str]:
        old = self.archive.folder_of(self.versions.version.digest)
        if self._describe is None or not old.is_dir():
            return ()
        return self._describe(old, new)


class Archive:
    """The last sound versions on disk, and the audit: who changed what when."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def folder_of(self, digest: str) -> Path:
        return self.folder / digest

    def keep(self, version: Version) -> None:
        """Store a version; the oldest beyond `KEPT` go. Raises OSError."""
        target = self.folder_of(version.digest)
        if not target.is_dir():
            draft = self.folder / f".{version.digest}.new"
            shutil.rmtree(draft, ignore_errors=True)
            for name, content in version.files.items():
                path = draft / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            draft.rename(target)
        os.utime(target, (version.at, version.at))
        for old in self.versions()[KEPT:]:
            shutil.rmtree(self.folder_of(old))

    def versions(self) -> list[str]:
        """Digests, the one last in force first."""
        if not self.folder.is_dir():
            return []
        kept = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        return [path.name for path in sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True)]

    def write_down(self, change: Change) -> None:
        """Append to the audit. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "changes.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(change), ensure_ascii=False) + "\n")

    def changes(self, limit: int = 50) -> list[dict[str, Any]]:
        """Audit lines, newest first; a line cut off by a crash is left out."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / "changes.jsonl").read_text(encoding="utf-8").splitlines()
            return [row for line in reversed(lines[-limit:]) if (row := _row(line)) is not None]
        return []

    def restore(self, digest: str, folder: Path) -> list[str]:
        """Write a kept version's files into the folder; the names written or removed.

        Files that the version did not have are removed. Each file is replaced in
        one step. Raises LookupError when there is no such version, OSError.
        """
        found = [name for name in self.versions() if digest and name.startswith(digest)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} kept versions begin with {digest!r}")
        kept, present = read_files(self.folder_of(found[0])), read_files(folder)
        changed = [name for name, content in kept.items() if present.get(name) != content]
        for name in changed:
            _replace(folder / name, kept[name])
        removed = [name for name in present if name not in kept]
        for name in removed:
            (folder / name).unlink()
        return [*changed, *removed]


def belongs(name: str) -> bool:
    """Whether a file of this name, relative to the folder, is part of a version."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and not any(part.startswith(".") for part in path.parts)
    return plain and path.as_posix() == name and any(_fits(path, pattern) for pattern in PATTERNS)


def _fits(path: PurePosixPath, pattern: str) -> bool:
    return len(path.parts) == len(PurePosixPath(pattern).parts) and path.match(pattern)


def copy_beside(folder: Path, draft: Path, files: Files) -> None:
    """Make `draft` look like the folder with these files; sounds and the like are linked, not copied."""
    for name, content in files.items():
        path = draft / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for inner in (".", *(one.name for one in draft.iterdir() if one.is_dir())):
        for other in (folder / inner).iterdir() if (folder / inner).is_dir() else ():
            link = draft / inner / other.name
            if not link.exists() and not other.name.startswith("."):
                link.symlink_to(other.absolute())


def _replace(path: Path, content: bytes) -> None:
    """Write in one step: whoever reads sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)


def read_files(folder: Path) -> Files:
    """The files that make a version. Raises ConfigError when one cannot be read."""
    found: dict[str, bytes] = {}
    for path in _paths(folder):
        try:
            if path.stat().st_size > LARGEST:
                raise ConfigError([Fault(str(path), 0, 0, f"larger than {LARGEST // 1_000_000} MB")])
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
        except FileNotFoundError:
            continue  # an editor was just replacing it
        except OSError as error:
            raise ConfigError([Fault(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    return found


def who() -> str:
    """The person at the command line, for the audit."""
    with contextlib.suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return "unknown"


@contextlib.contextmanager
def _stepping_aside() -> Iterator[None]:
    """A thread that reads and checks gives the interpreter back to the loop within a millisecond, not five.

    A turn of the loop asks for it several times.
    """
    usual = sys.getswitchinterval()
    # Of several at once the first to come sets it and resets it; the rest find it set.
    mine = usual > SWITCH
    sys.setswitchinterval(min(usual, SWITCH))
    try:
        yield
    finally:
        if mine:
            sys.setswitchinterval(usual)


def _paths(folder: Path) -> Iterable[Path]:
    for pattern in PATTERNS:
        yield from (path for path in sorted(folder.glob(pattern)) if not path.name.startswith("."))


def by_file(by: str) -> bool:
    """Whether a change came by the files themselves, not by somebody who asked for it."""
    return by.endswith(_BY_FILE)


def _writers(paths: Iterable[str]) -> str:
    """Whose files these are, for the audit: ``li (file)``; ``(file)`` when that cannot be told."""
    owners: set[str] = set()
    for path in paths:
        # Gone again, or of a user that this machine has no name for.
        with contextlib.suppress(OSError, KeyError):
            owners.add(Path(path).owner())
    return f"{', '.join(sorted(owners))} {_BY_FILE}" if owners else _BY_FILE


def _matters(folder: Path) -> Callable[[FileChange, str], bool]:
    def matters(kind: FileChange, path: str) -> bool:
        changed = Path(path)
        with contextlib.suppress(ValueError):
            inside = changed.resolve().relative_to(folder.resolve())
            return not changed.name.startswith(".") and any(inside.match(pattern) for pattern in PATTERNS)
        return False

    return matters


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None

"""Installs groups of tools: plan, fetch, unpack aside, prove that everything starts, then give it its name.

Until the last step nothing under a group's `current` link has changed, so an interrupted or failed
installation leaves what was there before; what was already fetched is kept for the next attempt.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from callrouter.toolchain import extract, sources, wheels
from callrouter.toolchain import prefix as prefixes
from callrouter.toolchain.apt import PrivateApt
from callrouter.toolchain.errors import MAKE_ROOM, ToolchainError
from callrouter.toolchain.groups import ASTERISK, DEFAULT, MACHINE_RELEASE, OPTIONAL, Group
from callrouter.toolchain.locate import (
    CURRENT,
    EXTERNAL_ASTERISK,
    Program,
    check_asterisk_version,
    external_asterisk,
    installed_prefix,
    machine_asterisk,
    probe,
    program_in,
)
from callrouter.toolchain.lock import Reporter, disk_errors, exclusive
from callrouter.toolchain.manifest import Manifest, Package
from callrouter.toolchain.paths import Architecture, machine_architecture, tools_home
from callrouter.toolchain.softphone import is_superfluous

_STAGING: Final = ".staging"
_APT: Final = ".apt"
_SPARE_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """What to install besides the default groups, and how.

    `mirror` None means this machine's own; `upgrade` replaces what is there by the mirror's newest;
    `asterisk` is an installed Asterisk to be used from now on, `private_asterisk` undoes that.
    """

    extra: Sequence[str] = ()
    mirror: str | None = None
    upgrade: bool = False
    asterisk: Path | None = None
    private_asterisk: bool = False

    def groups(self) -> list[Group]:
        """The groups to install. Raises ToolchainError for a name of no group."""
        optional = {group.name: group for group in OPTIONAL}
        for name in self.extra:
            if name not in optional:
                raise ToolchainError(f"--with {name}: no such group; there are {', '.join(optional)}")
        remembered = not self.private_asterisk and self.asterisk is None and external_asterisk() is not None
        machine = self.asterisk is not None or remembered
        chosen = [group for group in DEFAULT if not (machine and group is ASTERISK)]
        chosen += [group for name, group in optional.items() if name in self.extra]
        return [group for group in chosen if not is_superfluous(group)]


def install(request: Request, reporter: Reporter) -> list[Manifest]:
    """Install what is missing of the request. Raises ToolchainError; then nothing has changed.

    Returns the markers of all requested groups. Needs no network when all of them are there already.
    """
    if request.asterisk is not None and request.private_asterisk:
        raise ToolchainError("--asterisk and --private-asterisk contradict each other: name one of them")
    external = None if request.asterisk is None else machine_asterisk(request.asterisk.absolute())
    groups = request.groups()
    pending = [group for group in groups if request.upgrade or not _complete(group)]
    if pending:
        architecture = machine_architecture()
        for group in pending:
            if architecture.name not in group.architectures:
                raise ToolchainError(f"{group.name} is not to be had for {architecture.name}")
        keyring = sources.debian_keyring()
        mirror = request.mirror or sources.machine_mirror()
        with exclusive(reporter) as home, disk_errors():
            _sweep(home)
            indexes: dict[str, PrivateApt] = {}
            for group in pending:
                if not request.upgrade and _complete(group):
                    continue  # another process did it while this one waited for the lock
                suite = sources.machine_release() if group.suite == MACHINE_RELEASE else group.suite
                if suite not in indexes:
                    reporter.stage(f"reading Debian's index of {suite}", 0)
                    apt = PrivateApt(home / _APT, mirror.rstrip("/"), suite, keyring, architecture)
                    apt.update()
                    indexes[suite] = apt
                _Installation(group, architecture, indexes[suite], mirror, reporter).run()
            shutil.rmtree(home / _APT, ignore_errors=True)
    if external is not None or request.private_asterisk:
        _remember_asterisk(external, reporter)
    found = [installed_prefix(group) for group in groups]
    return [entry[1] for entry in found if entry is not None]


def _complete(group: Group) -> bool:
    """Whether a group is installed as now defined, and none of its programs has been removed."""
    found = installed_prefix(group)
    if found is None:
        return False
    prefix, marker = found
    try:
        for name in group.programs:
            program_in(prefix, group, name, marker)
    except ToolchainError:
        return False
    return True


def _sweep(home: Path) -> None:
    """Remove what killed installations left behind (the lock is held, so none of it is in use)."""
    for folder in home.glob(f"{_STAGING}*"):
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class _Installation:
    group: Group
    architecture: Architecture
    apt: PrivateApt
    mirror: str
    reporter: Reporter

    def run(self) -> None:
        self.reporter.stage(f"{self.group.name}: choosing packages", 0)
        plan = self.apt.plan(self.group)
        final = self._final(plan)
        if final == (tools_home() / self.group.name / CURRENT).resolve() and _complete(self.group):
            self.reporter.note(f"{self.group.name}: the mirror has nothing newer")
            return
        self._check_plan(plan)
        self._fetch(plan)
        self._build(plan, final)
        self._activate(final)

    def _final(self, plan: Sequence[Package]) -> Path:
        """The prefix's own path: another one for other packages or another definition of the group."""
        key = hashlib.sha256("".join(package.sha256 for package in plan).encode())
        key.update(self.group.digest(self.architecture.name).encode())
        return tools_home() / self.group.name / key.hexdigest()[:16]

    def _check_plan(self, plan: Sequence[Package]) -> None:
        """Refuse before the download what could not work after it."""
        for package in plan:
            if package.name == "asterisk":
                upstream = package.version.partition(":")[2] or package.version
                check_asterisk_version(
                    upstream.partition("+")[0].partition("-")[0], f"the newest of {self.mirror}"
                )
        home = tools_home()
        needed = sum(package.size + package.unpacked for package in plan) + _SPARE_BYTES
        free = shutil.disk_usage(home).free
        if free < needed:
            raise ToolchainError(
                f"the disk is full: {home} has {free >> 20} MB free and {self.group.name} needs "
                f"{needed >> 20} MB; {MAKE_ROOM}"
            )

    def _fetch(self, plan: Sequence[Package]) -> None:
        total = sum(package.size for package in plan)
        self.reporter.stage(f"{self.group.name}: fetching {len(plan)} packages", total)
        self.apt.fetch(self.group, lambda percent: self.reporter.advance(int(total * percent / 100)))
        self.reporter.advance(total)
        for package in plan:
            with self.apt.archive(package).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != package.sha256:
                    raise ToolchainError(
                        f"{package.name} on this disk differs from what Debian signed; run the command again"
                    )

    def _build(self, plan: Sequence[Package], final: Path) -> None:
        staging = tools_home() / f"{_STAGING}-{self.group.name}"
        staging.mkdir()
        try:
            self._unpack(plan, staging)
            for wheel in self.group.wheels:
                self.reporter.stage(f"{self.group.name}: fetching {wheel.requirement}", 0)
                wheels.add(wheel, staging)
            prefixes.finish(staging, final, self.group, self.architecture)
            prefixes.check_libraries(staging, self.group, self.architecture)
            self._promote(plan, staging, final)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise

    def _unpack(self, plan: Sequence[Package], staging: Path) -> None:
        self.reporter.stage(f"{self.group.name}: unpacking", sum(package.size for package in plan))
        done = 0

        def advance(size: int) -> None:
            nonlocal done
            done += size
            self.reporter.advance(done)

        extract.unpack_all([self.apt.archive(package) for package in plan], staging, advance)

    def _promote(self, plan: Sequence[Package], staging: Path, final: Path) -> None:
        """Rename, start every program, and only then write the marker."""
        if final.exists():
            shutil.rmtree(final)
        final.parent.mkdir(exist_ok=True)
        staging.rename(final)
        try:
            self.reporter.stage(f"{self.group.name}: starting each program", 0)
            marker = Manifest(
                group=self.group.name,
                digest=self.group.digest(self.architecture.name),
                architecture=self.architecture.name,
                mirror=self.mirror,
                suite=self.apt.suite,
                installed_at=time.time(),
                packages=tuple(plan),
                versions={},
            )
            versions = {
                name: probe(program_in(final, self.group, name, marker), spec)
                for name, spec in self.group.programs.items()
            }
            if "asterisk" in versions:
                check_asterisk_version(versions["asterisk"], f"the newest of {self.mirror}")
            replace(marker, versions=versions).write(final)
        except BaseException:
            shutil.rmtree(final, ignore_errors=True)
            raise

    def _activate(self, final: Path) -> None:
        """Point `current` at the new prefix in one step, then remove older ones that no program runs from."""
        link = final.parent / CURRENT
        fresh = final.parent / f".{CURRENT}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(final.name)
        fresh.replace(link)
        for folder in final.parent.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder != final and not _in_use(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _in_use(prefix: Path) -> bool:
    """Whether a running program has a file of a prefix mapped (it may open more of them later)."""
    needle = f"{prefix}/".encode()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            if needle in maps.read_bytes():
                return True
        except OSError:
            continue  # it has ended, or is another user's, who has a cache of his own
    return False


def _remember_asterisk(program: Program | None, reporter: Reporter) -> None:
    """Use an installed Asterisk from now on, or (None) the private one again."""
    with exclusive(reporter) as home, disk_errors():
        file = home / EXTERNAL_ASTERISK
        if program is None:
            file.unlink(missing_ok=True)
            return
        fresh = file.with_suffix(".new")
        fresh.write_text(
            json.dumps({"path": str(program.path), "version": program.version}), encoding="utf-8"
        )
        fresh.replace(file)

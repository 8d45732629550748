"""Unpacks verified Debian packages into a folder, without running anything of theirs."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from callrouter.toolchain import elf
from callrouter.toolchain.errors import MAKE_ROOM, ToolchainError
from callrouter.toolchain.groups import Group
from callrouter.toolchain.paths import Architecture, system_program

# Licences (…/copyright) stay.
_NEEDLESS: Final = (
    "./usr/share/man",
    "./usr/share/info",
    "./usr/share/locale",
    "./usr/share/lintian",
    "./usr/share/bug",
    "./usr/share/doc-base",
    "./usr/share/doc/*/changelog*",
    "./usr/share/doc/*/NEWS*",
    "./usr/share/doc/*/examples",
    "./etc/init.d",
    "./usr/lib/systemd",
)
_TAR_OPTIONS: Final = ("--no-same-owner", "--no-same-permissions", "--keep-directory-symlink")
_MERGED: Final = ("bin", "lib", "lib64", "sbin")
"""Folders that a Debian system links into usr/, where its packages may still ship files by the old path."""

_WORKERS: Final = 4
_DISK_FULL: Final = ("No space left", "Disk quota", "File too large", "Wrote only")
"""How tar complains of it; it says the last when the disk fills up in the middle of a block."""

_WRAPPER: Final = """#!/bin/sh
# Started by a sibling: runs beside the prefix's own loader and libraries.
exec "{loader}" --library-path "{libraries}" --argv0 "{path}" "{path}.bin" "$@"
"""


def _tool(name: str) -> str:
    found = system_program(name)
    if found is None:
        raise ToolchainError(f"{name} was not found: install the package {name.partition('-')[0]} of Debian")
    return found


def failed(what: str, output: str) -> ToolchainError:
    """One sentence for an extraction that failed."""
    if any(sign in output for sign in _DISK_FULL):
        return ToolchainError(f"the disk is full: {MAKE_ROOM}")
    last = output.strip().splitlines()[-1] if output.strip() else "no reason given"
    return ToolchainError(f"cannot unpack {what}: {last[:300]}")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack one package's files into a folder. Raises ToolchainError.

    Ownership and set-user-id bits of the archive are not taken over: everything belongs to the caller.
    """
    options = [*_TAR_OPTIONS, *(f"--exclude={name}" for name in _NEEDLESS)]
    read = subprocess.Popen(
        [_tool("dpkg-deb"), "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    write = subprocess.run(
        [_tool("tar"), "-x", "-C", str(folder), *options], stdin=read.stdout, capture_output=True, check=False
    )
    _, complaint = read.communicate()
    if write.returncode != 0:
        raise failed(archive.name, write.stderr.decode(errors="replace"))
    if read.returncode != 0:
        raise failed(archive.name, complaint.decode(errors="replace"))


def unpack_all(archives: Sequence[Path], folder: Path, progress: Callable[[int], None]) -> None:
    """Unpack packages side by side; `progress` gets each one's size in bytes when it is done."""
    for name in _MERGED:
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    pool = ThreadPoolExecutor(_WORKERS)
    try:
        # Shared folders are made by whichever comes first; no two packages hold the same file.
        for archive, _ in zip(archives, pool.map(lambda one: unpack(one, folder), archives), strict=True):
            progress(archive.stat().st_size)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def library_folders(prefix: Path, architecture: Architecture) -> Iterator[Path]:
    """Folders of a prefix that hold shared libraries: the multi-arch folder and those named in its
    ld.so.conf.d.
    """
    main = prefix / architecture.library_folder
    yield main
    for name in ("systemd", "pulseaudio"):
        if (main / name).is_dir():
            yield main / name


def finish(staging: Path, final: Path, group: Group, architecture: Architecture) -> None:
    """What the packages' set-up scripts would have done, as far as it is needed: sonames, links, wrappers.

    `final` is the folder's later name: wrappers hold it.
    """
    for pattern in group.removed:
        for file in staging.glob(pattern):
            file.unlink()
    for folder in library_folders(staging, architecture):
        elf.add_soname_links(folder)
    for link, target in group.links.items():
        path = staging / link
        if not path.is_symlink() and not path.exists():
            path.symlink_to(target)
    for name in group.wrapped:
        for path in staging.glob(name):
            _wrap(path, staging, final, architecture)


def _wrap(path: Path, staging: Path, final: Path, architecture: Architecture) -> None:
    target = final / path.relative_to(staging)
    shutil.move(path, path.with_name(path.name + ".bin"))
    libraries = ":".join(
        str(final / folder.relative_to(staging)) for folder in library_folders(staging, architecture)
    )
    text = _WRAPPER.format(loader=final / architecture.loader, libraries=libraries, path=target)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def check_libraries(prefix: Path, group: Group, architecture: Architecture) -> None:
    """Raise ToolchainError when a program or plug-in of the group lacks a shared library."""
    roots = [prefix / spec.path.format(triplet=architecture.triplet) for spec in group.programs.values()]
    for pattern in group.plugins:
        roots += prefix.glob(pattern)
    missing = elf.unresolved(roots, library_folders(prefix, architecture), architecture.elf_machine)
    if missing:
        soname, user = next(iter(sorted(missing.items())))
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ToolchainError(
            f"the packages of {group.name} are incomplete: {user} needs {soname}{more}; "
            "the mirror may be in the middle of an update, try again later or use another --mirror"
        )

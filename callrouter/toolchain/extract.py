"""Unpacks verified Debian packages into a folder, without running anything of theirs."""

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from callrouter.toolchain.errors import MAKE_ROOM, ToolchainError
from callrouter.toolchain.paths import system_program

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

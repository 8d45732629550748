"""Where the private tools live, and how a Debian architecture names its parts."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callrouter.toolchain.errors import NEEDS_DEBIAN, ToolchainError


@dataclass(frozen=True, slots=True)
class Architecture:
    """A Debian architecture: its name, multi-arch folder, loader (relative to a prefix) and wheel
    platforms.
    """

    name: str
    triplet: str
    loader: str
    elf_machine: int

    @property
    def library_folder(self) -> str:
        """Folder of the shared libraries, relative to a prefix."""
        return f"usr/lib/{self.triplet}"


# elf_machine: EM_X86_64 and EM_AARCH64 of the ELF specification.
ARCHITECTURES: Final = {
    "amd64": Architecture(
        "amd64", "x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", elf_machine=62
    ),
    "arm64": Architecture(
        "arm64", "aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1", elf_machine=183
    ),
}
ADMIN_FOLDERS: Final = ("/usr/sbin", "/sbin")
"""Debian leaves these out of an ordinary user's PATH, yet ldconfig lives there."""


def library_folders(prefix: Path, architecture: Architecture) -> list[Path]:
    """Folders of a prefix that hold shared libraries: the multi-arch one and those its packages add."""
    main = prefix / architecture.library_folder
    return [main, *(main / name for name in ("systemd", "pulseaudio") if (main / name).is_dir())]


def cache_home() -> Path:
    """The product's own cache: CALLROUTER_CACHE, else callrouter/ under XDG_CACHE_HOME, else under
    ~/.cache.
    """
    own = os.environ.get("CALLROUTER_CACHE")
    if own:
        return Path(own).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore a relative path.
    base = Path(xdg) if xdg.startswith("/") else Path.home() / ".cache"
    return base / "callrouter"


def tools_home() -> Path:
    """Folder that holds one sub-folder for each installed group of tools."""
    return cache_home() / "tools"


def system_program(name: str) -> str | None:
    """Full path of a program of this machine, or None."""
    found = shutil.which(name)
    if found is None:
        found = shutil.which(name, path=os.pathsep.join(ADMIN_FOLDERS))
    return found


def machine_architecture() -> Architecture:
    """This machine's Debian architecture.

    Raises ToolchainError when there is no dpkg or the architecture is none of ours.
    """
    dpkg = shutil.which("dpkg")
    if dpkg is None:
        raise ToolchainError(f"dpkg was not found: {NEEDS_DEBIAN}")
    answer = subprocess.run([dpkg, "--print-architecture"], capture_output=True, text=True, check=False)
    name = answer.stdout.strip()
    if name not in ARCHITECTURES:
        raise ToolchainError(
            f"this machine is {name or 'of an unknown architecture'}: the private tools run on "
            f"{' and '.join(ARCHITECTURES)} only; use an installed Asterisk with --asterisk PATH"
        )
    return ARCHITECTURES[name]

"""Makes a folder of unpacked packages into a prefix to run programs from, and proves that it is complete."""

from pathlib import Path
from typing import Final

from callrouter.toolchain import elf
from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.groups import Group
from callrouter.toolchain.paths import Architecture, library_folders

WRAPPED: Final = ".bin"
"""Suffix of a binary whose name a wrapper script took."""

_WRAPPER: Final = """#!/bin/sh
# Whoever starts this by its path gets it beside the prefix's own loader and libraries.
exec "{loader}" --library-path "{libraries}" --argv0 "{path}" "{path}{suffix}" "$@"
"""
_NATIVE_WRAPPER: Final = """#!/bin/sh
# Runs on this machine's own C library; everything else comes from the prefix.
LD_LIBRARY_PATH="{libraries}" exec "{path}{suffix}" "$@"
"""


def finish(staging: Path, final: Path, group: Group, architecture: Architecture) -> None:
    """What the packages' set-up scripts would have done, as far as it is needed: sonames, links,
    wrappers, texts.

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
            _wrap(path, staging, final, group, architecture)
    for name, text in group.texts.items():
        (staging / name).write_text(text.replace("{prefix}", str(final)), encoding="utf-8")


def _wrap(path: Path, staging: Path, final: Path, group: Group, architecture: Architecture) -> None:
    path.rename(path.with_name(path.name + WRAPPED))
    folders = (final / folder.relative_to(staging) for folder in library_folders(staging, architecture))
    template = _NATIVE_WRAPPER if group.native else _WRAPPER
    text = template.format(
        loader=final / architecture.loader,
        libraries=":".join(map(str, folders)),
        path=final / path.relative_to(staging),
        suffix=WRAPPED,
    )
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def check_libraries(prefix: Path, group: Group, architecture: Architecture) -> None:
    """Raise ToolchainError when a program or plug-in of the group lacks a shared library."""
    roots = []
    for spec in group.programs.values():
        path = prefix / spec.path.format(triplet=architecture.triplet)
        binary = path.with_name(path.name + WRAPPED)
        roots.append(binary if binary.exists() else path)
    for pattern in group.plugins:
        roots += prefix.glob(pattern)
    folders = library_folders(prefix, architecture)
    if group.native:
        folders += library_folders(Path("/"), architecture)
    missing = elf.unresolved(roots, folders, architecture.elf_machine)
    if missing:
        soname, user = next(iter(sorted(missing.items())))
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ToolchainError(
            f"the packages of {group.name} are incomplete: {user} needs {soname}{more}; "
            "the mirror may be in the middle of an update, try again later or use another --mirror"
        )

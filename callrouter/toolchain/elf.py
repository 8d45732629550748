"""Reads which shared libraries an ELF file needs, to prove that a prefix is complete before it is used.

Follows the System V ABI, chapter 5: in the segment PT_DYNAMIC, DT_NEEDED, DT_SONAME and DT_RUNPATH index the
string table DT_STRTAB, whose address a PT_LOAD segment maps to a file offset. 64-bit little-endian only.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 14, 15, 29
_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER: Final = struct.Struct("<IIQQQQQQ")
_DYNAMIC: Final = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Dynamic:
    """What an ELF file says of itself.

    Its machine, its soname ("" for a program), the sonames it needs and the folders where it looks first.
    """

    machine: int
    soname: str
    needed: tuple[str, ...]
    run_path: tuple[str, ...]

    def folders(self, path: Path) -> list[Path]:
        """Where the file at `path` looks by itself; only what it gives relative to its own place counts."""
        origin = str(path.parent)
        return [
            Path(entry.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))
            for entry in self.run_path
            if entry.startswith(("$ORIGIN", "${ORIGIN}"))
        ]


def read(path: Path) -> Dynamic | None:
    """The dynamic section of a file, or None when it is no 64-bit little-endian ELF file or is damaged."""
    with path.open("rb") as file:
        if file.read(6) != b"\x7fELF\x02\x01":
            return None
        file.seek(0)
        data = file.read()
    try:
        return _parse(data)
    except (struct.error, ValueError, StopIteration, OverflowError):
        return None


def _parse(data: bytes) -> Dynamic:
    header = _HEADER.unpack_from(data)
    machine, table, entry_size, count = header[2], header[5], header[9], header[10]
    loads: list[tuple[int, int, int]] = []
    dynamic: tuple[int, int] | None = None
    for index in range(count):
        kind, _, offset, address, _, size, _, _ = _PROGRAM_HEADER.unpack_from(
            data, table + index * entry_size
        )
        if kind == _PT_LOAD:
            loads.append((address, size, offset))
        elif kind == _PT_DYNAMIC:
            dynamic = offset, size
    if dynamic is None:
        return Dynamic(machine, "", (), ())
    strings, soname, needed, run_path = 0, 0, [], 0
    for position in range(dynamic[0], dynamic[0] + dynamic[1], _DYNAMIC.size):
        tag, value = _DYNAMIC.unpack_from(data, position)
        if tag == _DT_NULL:
            break
        if tag == _DT_NEEDED:
            needed.append(value)
        elif tag == _DT_STRTAB:
            strings = next(
                value - start + offset for start, size, offset in loads if start <= value < start + size
            )
        elif tag == _DT_SONAME:
            soname = value
        elif tag in (_DT_RPATH, _DT_RUNPATH):
            run_path = value

    def text(offset: int) -> str:
        start = strings + offset
        return data[start : data.index(b"\0", start)].decode("ascii", "replace")

    return Dynamic(
        machine,
        text(soname) if soname else "",
        tuple(text(offset) for offset in needed),
        tuple(text(run_path).split(":")) if run_path else (),
    )


def add_soname_links(folder: Path) -> None:
    """Make the link soname → file for each library of a folder that lacks one, as ldconfig does after a
    package is set up.
    """
    for file in sorted(folder.glob("*.so*")):
        if file.is_symlink() or not file.is_file():
            continue
        found = read(file)
        if found is not None and found.soname and "/" not in found.soname:
            link = folder / found.soname
            if not link.exists() and not link.is_symlink():
                link.symlink_to(file.name)


def unresolved(roots: Iterable[Path], folders: Iterable[Path], machine: int) -> Mapping[str, str]:
    """Libraries that the roots need, directly or not, and that no folder holds: soname → the file that needs
    it.
    """
    places = tuple(folders)
    missing: dict[str, str] = {}
    present: set[str] = set()
    # A DT_RPATH also serves the libraries that its file brings in.
    pending: list[tuple[Path, tuple[Path, ...]]] = [(root, ()) for root in roots]
    while pending:
        path, inherited = pending.pop()
        found = read(path)
        if found is None or found.machine != machine:
            continue
        own = (*inherited, *found.folders(path))
        for soname in found.needed:
            if soname in present:
                continue
            candidates = (place / soname for place in (*own, *places))
            library = next((candidate for candidate in candidates if candidate.is_file()), None)
            if library is None:
                missing[soname] = path.name
            else:
                present.add(soname)
                pending.append((library, own))
    return {soname: user for soname, user in missing.items() if soname not in present}

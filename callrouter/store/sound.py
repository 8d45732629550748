"""Files of recordings and messages, by the names that rows give them, below Asterisk's spool folders."""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from acd.ids import Instant

RECORDINGS: Final = "monitor"
MESSAGES: Final = "recording"
"""Asterisk's names for the two folders in its spool."""
OURS: Final = "cr-*"
"""What this program lets Asterisk write begins so."""
_OF_CALLBACK: Final = re.compile(r"c\d+-")


def find(name: str, spools: Sequence[Path]) -> Path | None:
    """The file, if one of the folders holds it."""
    return next((file for file in _places(name, spools) if file is not None and file.is_file()), None)


def remove(name: str, spools: Sequence[Path]) -> str:
    """Why such a file may still lie under one of the folders; ``""``: none does.

    Without folders nobody knows.
    """
    if not spools:
        return (
            "no spool folder can be reached from this machine: set `spool` of each Asterisk in the settings"
        )
    for file in _places(name, spools):
        if file is None:
            return "its name leads out of the spool folder"
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            return f"{file.name}: {error.strerror}"
    return ""


def of_call(call: str, spools: Sequence[Path]) -> Iterator[Path]:
    """All files of ours that belong to a call, whether a row names them or not."""
    begin = f"cr-{call}-"
    for spool in spools:
        for folder in (RECORDINGS, MESSAGES):
            # Names are compared, not matched: an id from outside may hold the signs of a pattern.
            yield from (file for file in sorted((spool / folder).glob(OURS)) if _is_of(file.name, begin))


def _is_of(name: str, begin: str) -> bool:
    # A callback's id is that of the call in which it was promised, and a little more.
    return name.startswith(begin) and not _OF_CALLBACK.match(name, len(begin))


def remove_older(
    folder: str, than: Instant, spools: Sequence[Path], held: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Files of ours last written before `than`, but for those `held`, removed; and those that could not be.

    Such a file has no row any more, or never had one: its controller ended before it was noted.
    """
    removed: list[str] = []
    left: list[str] = []
    for spool in spools:
        for file in sorted((spool / folder).glob(OURS)):
            name = f"{folder}/{file.name}"
            try:
                if name not in held and file.lstat().st_mtime < than:
                    file.unlink()
                    removed.append(name)
            except FileNotFoundError:
                continue
            except OSError:
                left.append(name)
    return removed, left


def _places(name: str, spools: Sequence[Path]) -> Iterator[Path | None]:
    """Where the file may be; None where its name leads elsewhere: rows are no reason to leave the spool."""
    for spool in spools:
        root = spool.resolve()
        file = (root / name).resolve()
        yield file if file.is_relative_to(root) else None

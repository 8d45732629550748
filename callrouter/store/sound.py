"""Files of recordings and messages, by the names that rows give them, below Asterisk's spool folders."""

from collections.abc import Iterator, Sequence
from pathlib import Path


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


def _places(name: str, spools: Sequence[Path]) -> Iterator[Path | None]:
    """Where the file may be; None where its name leads elsewhere: rows are no reason to leave the spool."""
    for spool in spools:
        root = spool.resolve()
        file = (root / name).resolve()
        yield file if file.is_relative_to(root) else None

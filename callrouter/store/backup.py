"""A copy of a SQLite database in use."""

import contextlib
import os
import sqlite3
from pathlib import Path

from callrouter.store.database import StoreError


def backup_sqlite(source: Path, target: Path) -> int:
    """Copy `source` to `target`, check the copy, return its size in bytes.

    The copy is written beside the target under another name and renamed at the
    end, so that a target that exists is always whole. Blocks; call it in a
    thread. Raises `StoreError` when the target exists or the copy is damaged,
    `OSError` when the disk refuses.
    """
    if target.exists():
        raise StoreError(f"{target} exists already: choose another name or remove it")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        _copy(source, partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        os.link(partial, target)
    except sqlite3.Error as error:
        raise StoreError(f"copying {source} failed: {error}") from error
    except FileExistsError as error:
        raise StoreError(f"{target} exists already: choose another name or remove it") from error
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: Path, partial: Path) -> None:
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    with contextlib.closing(reading), contextlib.closing(sqlite3.connect(partial)) as writing:
        reading.backup(writing)
        # A journal mode other than WAL: the copy is one file, complete in itself.
        writing.execute("PRAGMA journal_mode=DELETE")
        verdict = writing.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            raise StoreError(f"the copy is damaged ({verdict}): check the disk and the database itself")

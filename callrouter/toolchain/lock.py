"""What surrounds an installation: who is told how it goes, the lock, and a disk that fails."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from callrouter.toolchain.errors import MAKE_ROOM, ToolchainError
from callrouter.toolchain.paths import tools_home

_LOCK: Final = ".lock"


class Reporter(Protocol):
    """Tells a person how an installation goes. Sizes are in bytes."""

    def stage(self, text: str, total: int) -> None:
        """A new stage begins, `total` bytes of work (0: unknown)."""

    def advance(self, done: int) -> None:
        """So many bytes of the stage are done in all."""

    def note(self, text: str) -> None:
        """One line worth telling."""


@contextmanager
def exclusive(reporter: Reporter) -> Iterator[Path]:
    """Hold the lock of the tools' folder: installations of one user follow each other."""
    home = tools_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ToolchainError(
            f"cannot write to {home}: {error.strerror}; set CALLROUTER_CACHE to a folder of yours"
        ) from error
    try:
        # Programs that another user could replace must not be trusted, least of all by root.
        if home.stat().st_uid != os.geteuid():
            raise ToolchainError(f"{home} belongs to another user: set CALLROUTER_CACHE to a folder of yours")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reporter.note("another installation is running: waiting for it to end")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield home
    finally:
        os.close(handle)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Tell a failing disk in one sentence."""
    try:
        yield
    except OSError as error:
        raise ToolchainError(
            f"cannot write {error.filename or tools_home()}: {error.strerror}; {MAKE_ROOM}"
        ) from error

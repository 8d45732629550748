"""Asking a controller to drop what it holds of one person; or doing so for one that does not run.

    shell                         controller
    STATE/forget/ID.json   ──▶   callbacks cancelled, missed calls dropped, kept.json written
    STATE/forget/ID.done   ◀──   what was dropped, and what could not be

The state directory belongs to the service's user alone, hence whoever can write
there may ask. Without a controller, known by its lock, `kept.json` is written
anew while that lock is held, so that none can start meanwhile.
"""

import asyncio
import fcntl
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import structlog
from watchfiles import awatch

from acd.kept import KeptCallback
from callrouter.keeper import FILE, Unreadable, read, write
from callrouter.ports import Forgotten
from callrouter.privacy import SHORT_CODE_DIGITS
from callrouter.router.kept import without

LOCK: Final = "controller.lock"
"""In the state directory; held by a controller for as long as it lives."""
FOLDER: Final = "forget"
LARGEST: Final = 4096
ANSWERED_WITHIN: Final = 10.0
"""Seconds a shell waits for the controller."""
_LOOK_EVERY: Final = 0.05
_WAIT_FOR_LOCK: Final = 0.2
_RETRY: Final = 30.0
_LOOK_AGAIN_MS: Final = 2000

log = structlog.get_logger(__name__)


class Unforgotten(Exception):
    """The controller's part could not be done; the text says why and what to do."""


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    digits: str


class Forgetting:
    """The controller's side: `run` until cancelled.

    `forget` drops; `keep` writes down what is left, before the answer goes out.
    """

    def __init__(
        self,
        state_dir: Path,
        forget: Callable[[str], Forgotten],
        keep: Callable[[], Awaitable[None]],
    ) -> None:
        self._folder = state_dir / FOLDER
        self._forget = forget
        self._keep = keep

    async def run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._folder.mkdir, mode=0o700, exist_ok=True)
                await self._look()
                # Now and then without a reason: what came before the watch began, or over a network disk.
                watch = awatch(
                    self._folder, debounce=50, step=20, rust_timeout=_LOOK_AGAIN_MS, yield_on_timeout=True
                )
                async for _ in watch:
                    await self._look()
            except OSError as error:
                # No reason to stop taking calls: a full disk, or no more files can be watched.
                log.error("nobody can be forgotten now", folder=str(self._folder), reason=str(error))
            await asyncio.sleep(_RETRY)

    async def _look(self) -> None:
        for file in await asyncio.to_thread(lambda: sorted(self._folder.glob("*.json"))):
            try:
                wish = msgspec.json.decode(await asyncio.to_thread(_start_of, file), type=_Wish)
                if not (wish.digits.isdecimal() and len(wish.digits) > SHORT_CODE_DIGITS):
                    raise msgspec.ValidationError("no person's number")
                forgotten = self._forget(wish.digits)
                await self._keep()
                await asyncio.to_thread(_put, file.with_suffix(".done"), msgspec.json.encode(forgotten))
                await asyncio.to_thread(file.unlink)
            except FileNotFoundError:
                continue  # the shell has given up
            except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                log.error("a wish to be forgotten cannot be read", file=file.name, reason=str(error))


def forget(state_dir: Path, digits: str, closed: Callable[[KeptCallback], None]) -> Forgotten:
    """Have everything dropped that a controller of this state directory holds of a person.

    `closed` is told of callbacks that no controller is there to close. Raises `Unforgotten`.
    """
    try:
        with _alone(state_dir) as alone:
            if alone:
                return _without_controller(state_dir / FILE, digits, closed)
        return _by_controller(state_dir / FOLDER, digits)
    except OSError as error:
        raise Unforgotten(f"{error.filename or state_dir}: {error.strerror}") from error


@contextmanager
def _alone(state_dir: Path) -> Iterator[bool]:
    """Whether no controller runs; then none can start within."""
    try:
        lock = (state_dir / LOCK).open("r+")
    except FileNotFoundError:
        yield True
        return
    with lock:
        end = time.monotonic() + _WAIT_FOR_LOCK
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    yield False
                    return
                time.sleep(_LOOK_EVERY)
        yield True


def _without_controller(file: Path, digits: str, closed: Callable[[KeptCallback], None]) -> Forgotten:
    try:
        kept = read(file)
    except Unreadable as error:
        raise Unforgotten(f"{error}: it may hold the number; look, and remove it by hand") from error
    if kept is None:
        return Forgotten()
    left, callbacks, missed = without(kept, digits)
    if left == kept:
        return Forgotten()
    owner = file.stat()
    write(file, left)
    if os.geteuid() == 0:
        os.chown(file, owner.st_uid, owner.st_gid)
    for one in callbacks:
        closed(one)
    return Forgotten(callbacks=len(callbacks), missed=missed)


def _by_controller(folder: Path, digits: str) -> Forgotten:
    if not folder.is_dir():
        raise Unforgotten(
            f"a controller runs, but it does not look into {folder}: restart it, then erase again"
        )
    wish = folder / f"{uuid.uuid4().hex}.json"
    answer = wish.with_suffix(".done")
    _put(wish, msgspec.json.encode(_Wish(digits)))
    try:
        end = time.monotonic() + ANSWERED_WITHIN
        while not answer.exists():
            if time.monotonic() > end:
                raise Unforgotten(
                    f"the controller has not answered within {ANSWERED_WITHIN:g} s: "
                    "see its log, and erase again when it is well"
                )
            time.sleep(_LOOK_EVERY)
        return msgspec.json.decode(_start_of(answer), type=Forgotten)
    except msgspec.DecodeError as error:
        raise Unforgotten(f"the controller's answer cannot be read: {error}") from error
    finally:
        wish.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)


def _start_of(file: Path) -> bytes:
    with file.open("rb") as source:
        return source.read(LARGEST)


def _put(file: Path, content: bytes) -> None:
    """Whole at once, private, and of the folder's owner: the shell may be root's, the service is not."""
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        if os.geteuid() == 0:
            owner = file.parent.stat()
            os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
    os.replace(draft, file)

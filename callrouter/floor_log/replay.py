"""Replaying a floor's log: the same steps into a fresh floor, answer against answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acd.commands import FloorOutput
from acd.events import FloorEvent
from acd.floor import Floor
from acd.floor.snapshot import FloorSnapshot
from acd.floor.views import QueueStatus
from acd.floor.watched import Asked
from acd.ids import Instant
from acd.plan import FloorPlan
from callrouter.floor_log.lines import (
    Head,
    Step,
    Unreadable,
    answered,
    digest_of,
    read_head,
    read_snapshot,
    read_step,
    write_snapshot,
)
from callrouter.floor_log.recorder import part_name


class LogFault(Exception):
    """The log cannot be replayed; the text says which file, which line, and what to do."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first step whose answer is another one now."""

    file: Path
    line: int
    at: Instant
    given: str
    fields: str
    then: tuple[str, ...]
    now: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """`torn`: the last line was cut off (a crash) and left out."""

    run: str
    files: int
    steps: int
    first: Instant | None
    last: Instant | None
    torn: bool
    difference: Difference | None
    queues: tuple[QueueStatus, ...] = ()
    """As the screens showed them after the last step: counters recomputed from the log alone."""


def replay(file: Path) -> Replayed:
    """Replay `file`, and the parts of its run before it as far as they are there without a gap.

    The first of them begins with the floor's plan or with a snapshot of the
    floor. A snapshot that is met on the way must be what the replay has come to
    as well. Raises `LogFault`, OSError.
    """
    parts = _parts(file)
    floor: Floor | None = None
    steps, torn = 0, False
    first = last = None
    brief: tuple[str, ...]
    for path, number, line in _lines(parts):
        if not line.endswith(b"\n") and path == parts[-1]:
            torn = True
            break
        try:
            found, asked = read_step(line)
        except Unreadable as error:
            raise LogFault(f"{path}:{number}: {error}") from error
        if floor is None and not isinstance(asked, FloorPlan | FloorSnapshot):
            cut = "the floor's plan, or a snapshot, must come first: the log was cut or mixed up"
            raise LogFault(f"{path}:{number}: {cut}")
        if isinstance(asked, FloorSnapshot):
            floor = floor or _restored(asked, f"{path}:{number}")
            # Read back, so that a plan's 15 and 15.0 are the same.
            same = read_snapshot(write_snapshot(floor.snapshot(), _shown)) == asked
            brief = (_CHANGED,) if same else (_ANOTHER_FLOOR,)
            digest = digest_of(bytes(found.fields)) if same else ""
        else:
            floor, answer = _take(floor, asked, found.at, f"{path}:{number}")
            brief, digest = answered(answer, _shown)
        if digest != found.digest:
            given = b"" if isinstance(asked, FloorPlan | FloorSnapshot) else found.fields
            difference = Difference(
                path, number, found.at, found.given, bytes(given).decode(), found.answer, brief
            )
            return Replayed(_head(parts[0]).run, len(parts), steps, first, found.at, False, difference)
        steps += 1
        first, last = found.at if first is None else first, found.at
    queues = floor.queues() if floor is not None else ()
    return Replayed(_head(parts[0]).run, len(parts), steps, first, last, torn, None, queues)


_CHANGED: Final = "the snapshot is not as it was written"
_ANOTHER_FLOOR: Final = "the floor that the steps before lead to is another one"


def _restored(snapshot: FloorSnapshot, where: str) -> Floor:
    try:
        return Floor.restored(snapshot)
    except ValueError as error:
        raise LogFault(f"{where}: no floor can be made of it: {error}") from error


def _take(
    floor: Floor | None, asked: Asked, at: Instant, where: str
) -> tuple[Floor, Sequence[FloorOutput] | Exception]:
    if floor is None:
        assert isinstance(asked, FloorPlan)
        try:
            return Floor(asked, at), ()
        except ValueError as error:
            raise LogFault(f"{where}: no floor can be made of this plan: {error}") from error
    try:
        return floor, _answer(floor, asked, at)
    except Exception as error:  # noqa: BLE001
        # What the floor raised then it must raise now: it is part of the answer.
        return floor, error


def _answer(floor: Floor, asked: FloorEvent | FloorPlan | None, at: Instant) -> Sequence[FloorOutput]:
    if asked is None:
        return floor.tick(at)
    if isinstance(asked, FloorPlan):
        return floor.change_plan(asked, at)
    return floor.handle(asked, at)


def _shown(number: str) -> str:
    """The numbers of a log are pseudonyms already."""
    return number


def _parts(file: Path) -> list[Path]:
    """The parts of the run up to `file`, without a gap."""
    found = _head(file)
    parts = [file]
    for number in range(found.part - 1, 0, -1):
        part = file.with_name(part_name(found.run, number))
        if not part.is_file():
            break
        if _head(part) != Head(found.floor_log, found.run, number):
            raise LogFault(f"{part}: it is not part {number} of run {found.run}")
        parts.insert(0, part)
    return parts


def _head(file: Path) -> Head:
    with file.open("rb") as source:
        line = source.readline(4096)
    try:
        return read_head(line)
    except Unreadable as error:
        raise LogFault(f"{file}: no floor log: {error}") from error


def _lines(parts: Sequence[Path]) -> Iterator[tuple[Path, int, bytes]]:
    for path in parts:
        with path.open("rb") as source:
            for number, line in enumerate(source, 1):
                if number > 1:
                    yield path, number, line


__all__ = ["Difference", "LogFault", "Replayed", "Step", "replay"]

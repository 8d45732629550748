"""Replaying a floor's log: the same steps into a fresh floor, answer against answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acd.commands import FloorOutput
from acd.events import FloorEvent
from acd.floor import Floor
from acd.floor.views import QueueStatus
from acd.ids import Instant
from acd.plan import FloorPlan
from callrouter.floor_log.lines import Head, Step, Unreadable, answered, read_head, read_step
from callrouter.floor_log.recorder import part_name
from callrouter.router.watched import Asked


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
    """Replay the run that `file` is a part of, from its first part up to `file`.

    Raises `LogFault`, OSError.
    """
    parts = _parts(file)
    floor: Floor | None = None
    steps, torn = 0, False
    first = last = None
    for path, number, line in _lines(parts):
        if not line.endswith(b"\n") and path == parts[-1]:
            torn = True
            break
        try:
            found, asked = read_step(line)
        except Unreadable as error:
            raise LogFault(f"{path}:{number}: {error}") from error
        if floor is None and not isinstance(asked, FloorPlan):
            raise LogFault(f"{path}:{number}: the floor's plan must come first: the log was cut or mixed up")
        floor, answer = _take(floor, asked, found.at, f"{path}:{number}")
        brief, digest = answered(answer, _shown)
        if digest != found.digest:
            given = found.fields if asked is None or not isinstance(asked, FloorPlan) else b""
            difference = Difference(
                path, number, found.at, found.given, bytes(given).decode(), found.answer, brief
            )
            return Replayed(_head(parts[0]).run, len(parts), steps, first, found.at, False, difference)
        steps += 1
        first, last = found.at if first is None else first, found.at
    queues = floor.queues() if floor is not None else ()
    return Replayed(_head(parts[0]).run, len(parts), steps, first, last, torn, None, queues)


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
    """All parts of the run up to `file`."""
    found = _head(file)
    parts = [file.with_name(part_name(found.run, number)) for number in range(1, found.part)]
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise LogFault(
            f"{file}: part {found.part} of run {found.run} needs the parts before it, "
            f"{missing[0]} is gone: old files are removed when their number reaches its limit"
        )
    for number, part in enumerate(parts, 1):
        if _head(part) != Head(found.floor_log, found.run, number):
            raise LogFault(f"{part}: it is not part {number} of run {found.run}")
    return [*parts, file]


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

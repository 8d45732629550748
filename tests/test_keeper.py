"""The file of what must survive a restart: whole, private, prompt, and never in the way."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from acd.commands import CallbackOpened, QueueChanged
from acd.ids import CallId, QueueId
from acd.kept import FloorResumed
from callrouter import keeper
from callrouter.keeper import Keeper, Unreadable, read, take_up, write
from callrouter.router.kept import Kept
from tests.router.test_callback import busy_world, offered, promise

OPENED = CallbackOpened(call=CallId("b"), origin=CallId("c"), queue=QueueId("q"), number="1", at=1.0)


def empty(at: float = 1.0) -> Kept:
    return Kept(at=at, floor=FloorResumed(), promised={}, missed={}, made=0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept.json"


def test_what_is_written_is_read(file: Path) -> None:
    world = busy_world()
    promise(world, offered(world))
    kept = world.router.keep(world.now)
    assert kept.floor.callbacks
    assert kept.floor.seats
    assert kept.promised
    write(file, kept)
    write(file, kept)
    assert read(file) == kept
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_nothing_is_left_before_the_first_start(file: Path) -> None:
    assert read(file) is None
    assert take_up(file) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b'{"format": 1, "kept": {}}', "missing required field"),
        (b'{"format": 99, "kept": null}', "Expected `object`"),
        (b'{"format": 1, "x": ' + b"[" * 100_000, "recursion"),
        (b"\xff\xfe", "malformed"),
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(Unreadable, match=f"(?i)kept.json.*{said}"):
        read(file)
    assert take_up(file) is None
    assert file.with_suffix(".unreadable").read_bytes() == content
    assert not file.exists()


def test_a_later_format_is_not_guessed_at(file: Path) -> None:
    write(file, empty())
    file.write_bytes(file.read_bytes().replace(b'"format":1', b'"format":2'))
    with pytest.raises(Unreadable, match="format 2, this version reads 1"):
        read(file)


def test_a_file_without_end_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LARGEST", 10)
    write(file, empty())
    with pytest.raises(Unreadable, match="larger than 10 bytes"):
        read(file)


async def until(test: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not test():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_a_promise_is_written_at_once_other_things_soon_and_all_at_the_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PAUSE", 3600.0)
    stirred, at = asyncio.Event(), 1.0
    running = Keeper(file, lambda: empty(at), stirred)
    task = asyncio.create_task(running.run())
    stirred.set()
    await until(file.exists)
    at = 2.0
    stirred.set()
    running.noticed(QueueChanged(queue=QueueId("q"), waiting=1, at=2.0))
    await asyncio.sleep(0)
    assert read(file) == empty(1.0), "there is time for it"
    at = 3.0
    running.noticed(OPENED)
    await until(lambda: read(file) == empty(3.0))
    at = 4.0
    task.cancel()
    await asyncio.wait({task})
    assert read(file) == replace(empty(4.0), orderly=True)
    assert running.ended == 4.0


async def test_a_disk_that_refuses_is_told_and_tried_again(file: Path) -> None:
    stirred = asyncio.Event()
    running = Keeper(file.parent / "gone" / "kept.json", empty, stirred)
    task = asyncio.create_task(running.run())
    stirred.set()
    await until(lambda: running.problem)
    assert "gone/kept.json cannot be written: No such file or directory" in running.problem
    (file.parent / "gone").mkdir()
    stirred.set()
    running.noticed(OPENED)
    await until(lambda: not running.problem)
    task.cancel()
    await asyncio.wait({task})

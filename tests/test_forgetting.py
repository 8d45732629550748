"""A person forgotten by a controller that runs, and in what one that does not run has left."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from acd.ids import CallId
from acd.kept import KeptCallback
from callrouter import forgetting
from callrouter.forgetting import FOLDER, LOCK, Forgetting, Unforgotten
from callrouter.keeper import FILE, read, write
from callrouter.ports import Forgotten
from callrouter.router.kept import keep
from tests.router.test_callback import busy_world, offered, promise

CALLER = "13800001111"
"""Of `offered`."""


def unheard(_: KeptCallback) -> None:
    raise AssertionError("no callback was open")


def promised(state_dir: Path) -> CallId:
    """What a controller leaves that has promised to call back; the callback's id."""
    world = busy_world()
    promise(world, offered(world))
    state_dir.mkdir(exist_ok=True)
    kept = keep(world.router, world.now)
    write(state_dir / FILE, kept)
    return kept.floor.callbacks[0].call


def test_without_a_controller_the_file_is_written_anew(tmp_path: Path) -> None:
    promised(tmp_path)
    assert CALLER in (tmp_path / FILE).read_text()
    closed: list[KeptCallback] = []
    done = forgetting.forget(tmp_path, CALLER, closed.append)
    assert (done.callbacks, len(closed), closed[0].queue) == (1, 1, "province")
    assert CALLER not in (tmp_path / FILE).read_text()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    left = read(tmp_path / FILE)
    assert left is not None
    assert left.floor.seats
    assert forgetting.forget(tmp_path, CALLER, unheard) == Forgotten()


def test_who_is_not_known_changes_nothing(tmp_path: Path) -> None:
    assert forgetting.forget(tmp_path / "never", CALLER, unheard) == Forgotten()
    promised(tmp_path)
    before = (tmp_path / FILE).stat()
    assert forgetting.forget(tmp_path, "13999999999", unheard) == Forgotten()
    assert (tmp_path / FILE).stat().st_ino == before.st_ino


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    with pytest.raises(Unforgotten, match="remove it by hand"):
        forgetting.forget(tmp_path, CALLER, unheard)


class Controller:
    """What a process has been asked that holds the lock and looks into the folder."""

    def __init__(self, answer: Forgotten) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.kept = asyncio.Event()

    def forget(self, digits: str) -> Forgotten:
        self.asked.append(digits)
        return self.answer

    async def keep(self) -> None:
        self.kept.set()

    @asynccontextmanager
    async def running(self, state_dir: Path) -> AsyncIterator[None]:
        (state_dir / FOLDER).mkdir(exist_ok=True)
        with (state_dir / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            task = asyncio.create_task(Forgetting(state_dir, self.forget, self.keep).run())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait({task})


async def test_a_controller_is_asked_and_answers_when_all_is_on_disk(tmp_path: Path) -> None:
    controller = Controller(Forgotten(callbacks=2, missed=1, dialling=1, on_the_line=3))
    async with controller.running(tmp_path):
        done = await asyncio.to_thread(forgetting.forget, tmp_path, CALLER, unheard)
    assert done == controller.answer
    assert controller.asked == [CALLER]
    assert controller.kept.is_set()
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_a_wish_from_before_the_start_is_done_and_rubbish_is_not(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    for name, content in (
        ("a", b"{"),
        ("b", b'{"digits": "12315"}'),
        ("c", b'{"digits": "%"}'),
        ("d", b'{"digits": 5}'),
        ("e", b"[" * 5000),
        ("f", b"\xff"),
        ("g", b'{"digits": "13812345678"}'),
    ):
        (tmp_path / FOLDER / f"{name}.json").write_bytes(content)
    controller = Controller(Forgotten())
    async with controller.running(tmp_path), asyncio.timeout(10):
        await controller.kept.wait()
    assert controller.asked == ["13812345678"]


def test_a_controller_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "ANSWERED_WITHIN", 0.1)
    with (tmp_path / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unforgotten, match="does not look into"):
            forgetting.forget(tmp_path, CALLER, unheard)
        (tmp_path / FOLDER).mkdir()
        with pytest.raises(Unforgotten, match="has not answered"):
            forgetting.forget(tmp_path, CALLER, unheard)
    assert list((tmp_path / FOLDER).iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_told(tmp_path: Path) -> None:
    promised(tmp_path)
    tmp_path.chmod(0o500)
    with pytest.raises(Unforgotten, match="denied"):
        forgetting.forget(tmp_path, CALLER, unheard)
    tmp_path.chmod(0o700)

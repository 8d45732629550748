"""The log beside the loop: what is in it, what is not, and what happens when the disk refuses."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from acd.events import CallbackAsked, Enqueued, SeatReadied, WrapUpFinished
from acd.ids import CallId, QueueId, SeatId
from acd.kept import FloorResumed
from callrouter.floor_log.lines import Head, Step, snapshot_line
from callrouter.floor_log.recorder import FloorRecorder
from tests.acd.floors import enqueue, small_floor, small_plan

T0 = 1_795_000_000.25
SNAPSHOT = small_floor().snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "floor-log"
    assert not [one for one in threading.enumerate() if one.name == "floor-log"], "a thread was left behind"


def steps(folder: Path) -> list[Step]:
    lines = [line for file in sorted(folder.iterdir()) for line in file.read_bytes().splitlines()[1:]]
    return [msgspec.json.decode(line, type=Step) for line in lines]


def test_steps_in_order_with_exact_instants(folder: Path) -> None:
    recorder = FloorRecorder(folder, T0)
    recorder(small_plan(), T0, (), SNAPSHOT)
    recorder(SeatReadied(seat=SeatId("s1")), T0 + 0.1, (), SNAPSHOT)
    recorder(None, T0 + 1 / 3, (), SNAPSHOT)
    recorder.stop()
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    head = msgspec.json.decode(file.read_bytes().splitlines()[0], type=Head)
    assert (head.run, head.part) == (recorder.run, 1)
    found = steps(folder)
    assert [one.given for one in found] == ["plan", "SeatReadied", "tick"]
    assert [one.at for one in found] == [T0, T0 + 0.1, T0 + 1 / 3]


def left_by_another(number: str) -> FloorResumed:
    """One callback and one missed call of the same person."""
    floor = small_floor()
    enqueue(floor, 1, 0.0, identity=number)
    floor.handle(CallbackAsked(call=CallId("c1"), callback=CallId("b1"), number=number), 1.0)
    enqueue(floor, 2, 2.0, identity="", first_in_line=True)
    enqueue(floor, 3, 3.0, identity=number + "1")
    kept = floor.keep(4.0)
    return replace(kept, missed=(replace(kept.missed[0], identity=number),))


def test_numbers_and_notes_stay_out(folder: Path) -> None:
    recorder = FloorRecorder(folder, T0)
    call, number = CallId("c1"), "13812345678"
    recorder(Enqueued(call=call, queue=QueueId("q"), identity=number), T0, (), SNAPSHOT)
    recorder(CallbackAsked(call=call, callback=CallId("b1"), number=number), T0, (), SNAPSHOT)
    recorder(Enqueued(call=call, queue=QueueId("q"), identity=""), T0, (), SNAPSHOT)
    recorder(left_by_another(number), T0, (), SNAPSHOT)
    recorder(WrapUpFinished(seat=SeatId("s1"), disposition="张三, 13812345678"), T0, (), SNAPSHOT)
    recorder.stop()
    (file,) = folder.iterdir()
    assert number not in file.read_text()
    assert "张三" not in file.read_text()
    fields = [msgspec.json.decode(one.fields) for one in steps(folder)]
    assert fields[0]["identity"] == fields[1]["number"] != ""
    assert fields[2]["identity"] == ""
    kept = fields[3]
    assert kept["callbacks"][0]["number"] == kept["missed"][0]["identity"] == fields[0]["identity"]


def test_files_are_rolled_and_bounded(folder: Path) -> None:
    recorder = FloorRecorder(folder, T0, roll_bytes=2000, most_files=3)
    for number in range(1000):
        recorder(SeatReadied(seat=SeatId(f"s{number}")), T0 + number, (), SNAPSHOT)
    recorder.stop()
    files = sorted(folder.iterdir())
    assert len(files) == 3
    assert all(file.stat().st_size <= 8 * len(snapshot_line(SNAPSHOT(), T0, str)) + 500 for file in files)
    assert [one.given for one in steps(folder)].count("snapshot") == 3
    assert steps(folder)[-1].at == T0 + 999
    assert recorder.ended == ""


def test_a_full_queue_ends_the_log_and_nothing_else(folder: Path) -> None:
    recorder = FloorRecorder(folder, T0, waiting=1)
    gate = threading.Event()
    recorder._append = lambda line: gate.wait(10)  # type: ignore[method-assign,assignment]
    for number in range(4):
        recorder(None, T0 + number, (), SNAPSHOT)
    assert "behind by 1 steps" in recorder.ended
    gate.set()
    recorder.stop()


def test_a_disk_that_refuses_ends_the_log(folder: Path) -> None:
    recorder = FloorRecorder(folder, T0)
    folder.rmdir()
    recorder(None, T0, (), SNAPSHOT)
    recorder.stop()
    assert "No such file" in recorder.ended
    recorder(None, T0 + 1, (), SNAPSHOT)


def test_a_full_disk_ends_the_log_with_a_warning_and_no_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open
    # Every byte that is flushed there meets ENOSPC, at `close` once more.
    monkeypatch.setattr(os, "open", lambda path, flags, mode=0o777: real("/dev/full", os.O_WRONLY))
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    recorder = FloorRecorder(folder, T0)
    recorder(None, T0, (), SNAPSHOT)
    recorder.stop()
    assert not raised
    assert "No space left on device" in recorder.ended
    assert recorder.ended in recorder.problem
    recorder(None, T0 + 1, (), SNAPSHOT)


def test_a_disk_that_fills_up_at_the_very_end_is_said_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, mode=0o777: real("/dev/full", os.O_WRONLY))
    recorder = FloorRecorder(folder, T0)
    recorder(None, T0, (), SNAPSHOT)
    recorder.stop()  # within WRITE_EVERY: nothing is flushed before the end
    assert "No space left on device" in recorder.problem

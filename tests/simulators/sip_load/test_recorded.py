"""Conversations and recordings, paired by their ends."""

import os
from pathlib import Path

from simulators.sip_load.recorded import SOUND_BYTES, Conversation, recorded_since, without_recording


def ended(*times: float) -> list[Conversation]:
    return [Conversation(at, f"139{number}", f"a{number}") for number, at in enumerate(times)]


def test_each_file_is_of_one_conversation() -> None:
    held = ended(10.0, 10.1, 50.0)
    assert without_recording(held, [10.2, 10.3, 50.4]) == []
    assert [one.seat for one in without_recording(held, [10.2, 50.4])] == ["a1"]
    assert [one.seat for one in without_recording(held, [10.2, 10.3])] == ["a2"]
    assert [one.seat for one in without_recording(held, [])] == ["a0", "a1", "a2"]


def test_a_file_of_another_time_is_nobodys() -> None:
    assert len(without_recording(ended(10.0), [20.0])) == 1
    assert without_recording(ended(10.0, 30.0), [5.0, 11.0, 29.0]) == []


def test_only_files_with_sound_of_this_run_count(tmp_path: Path) -> None:
    for name, size, at in (("old.wav", 900, 5), ("new.wav", 900, 20), ("empty.wav", SOUND_BYTES, 20)):
        (tmp_path / name).write_bytes(bytes(size))
        os.utime(tmp_path / name, (at, at))
    (tmp_path / "notes.txt").write_bytes(bytes(900))
    assert recorded_since(tmp_path, 10.0) == [20.0]

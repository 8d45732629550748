import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callrouter.store import spill as spill_module
from callrouter.store.spill import Spill

LINES = st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), min_size=1, max_size=30)


def drain(spill: Spill, count: int = 7) -> tuple[list[bytes], int]:
    found: list[bytes] = []
    damaged = 0
    while (chunk := spill.peek(count)) is not None:
        found += chunk.payloads
        damaged += chunk.damaged
        spill.taken(chunk)
    return found, damaged


@settings(deadline=None)  # a sync may take long
@given(batches=st.lists(LINES, max_size=6), count=st.integers(1, 40))
def test_what_went_in_comes_out_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], count: int
) -> None:
    spill = Spill(tmp_path_factory.mktemp("spill"))
    for batch in batches:
        spill.append(batch)
    assert drain(spill, count) == ([line for batch in batches for line in batch], 0)
    assert spill.empty
    assert spill.bytes_waiting() == 0


def test_a_new_process_finds_what_the_old_one_left(tmp_path: Path) -> None:
    old = Spill(tmp_path)
    old.append([b"one", b"two"])
    new = Spill(tmp_path)
    new.append([b"three"])
    assert drain(new) == ([b"one", b"two", b"three"], 0)
    assert list(tmp_path.glob("spill-*")) == []


def test_what_is_not_taken_comes_again(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    spill.append([b"one", b"two"])
    first = spill.peek(1)
    assert first is not None
    assert spill.peek(1) == first


def test_appending_during_a_replay_loses_nothing(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    spill.append([b"one", b"two"])
    first = spill.peek(1)
    spill.append([b"three"])
    assert first is not None
    spill.taken(first)
    assert drain(spill) == ([b"two", b"three"], 0)


def test_a_torn_line_is_set_aside_and_the_rest_is_read(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    spill.append([b"one", b"two", b"three"])
    file = next(tmp_path.glob("spill-*"))
    data = file.read_bytes().replace(b" two\n", b" tw0\n")[:-3]
    file.write_bytes(data)
    assert drain(Spill(tmp_path)) == ([b"one"], 2)
    assert (tmp_path / "damaged.jsonl").read_bytes().count(b"\n") == 2


def test_files_roll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill_module, "ROLL_BYTES", 100)
    spill = Spill(tmp_path)
    for number in range(20):
        spill.append([b"%040d" % number])
    assert len(list(tmp_path.glob("spill-*"))) > 3
    assert drain(spill) == ([b"%040d" % number for number in range(20)], 0)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spill = Spill(tmp_path)
    spill.append([b"one"])

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            spill.append([b"two"])
    spill.append([b"three"])
    assert drain(spill) == ([b"one", b"three"], 0)


def test_the_folder_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill_module, "LIMIT_BYTES", 50)
    spill = Spill(tmp_path)
    spill.append([b"x" * 60])
    with pytest.raises(OSError, match="exceed"):
        spill.append([b"y"])


def test_a_folder_that_is_gone_for_a_while(tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    spill = Spill(folder)
    folder.rmdir()
    with pytest.raises(OSError, match="No such file"):
        spill.append([b"one"])
    assert spill.empty
    folder.mkdir()
    spill.append([b"two"])
    assert drain(spill) == ([b"two"], 0)

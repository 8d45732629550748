"""The log: masked, private, and never the end of what it tells of."""

import errno
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from callrouter.logs import Patient, set_up_logs


@pytest.fixture
def configured() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class Disk(io.BytesIO):
    """Takes `room` bytes, then refuses, as a file without a buffer does: a last line may be cut."""

    room = 10**6

    def write(self, line: Any) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(line)[: self.room]
        self.room -= len(part)
        return super().write(part)


@pytest.mark.usefixtures("configured")
def test_the_file_is_its_owners_only_even_if_it_was_not(tmp_path: Path) -> None:
    file = tmp_path / "callrouter.log"
    file.touch(mode=0o644)
    set_up_logs("info", file)
    structlog.get_logger("x").info("hello", caller="13812345678")
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_bytes())["caller"] == "138****5678"


@pytest.mark.usefixtures("configured")
def test_versions_and_ids_survive_the_mask_and_free_text_does_not(tmp_path: Path) -> None:
    file = tmp_path / "callrouter.log"
    set_up_logs("info", file)
    version, call = "22.10.1+dfsg+~cs6.17.1652341", "20261123T065717914-0-main"
    structlog.get_logger("x").info(
        "ari.connected", version=version, call=call, reason=f"13812345678 {version}"
    )
    line = json.loads(file.read_bytes())
    assert (line["version"], line["call"]) == (version, call)
    assert "13812345678" not in line["reason"]


@pytest.mark.usefixtures("configured")
def test_a_full_disk_raises_nothing() -> None:
    set_up_logs("info", Path("/dev/full"))
    structlog.get_logger("x").error("nobody reads this")


def test_what_found_no_room_is_counted_and_lines_stay_whole() -> None:
    disk = Disk()
    patient = Patient(disk)
    patient.write(b'{"n":1}\n')
    disk.room = 3
    for number in (2, 3, 4):
        patient.write(b'{"n":%d}\n' % number)
    assert patient.lost == 3
    disk.room = 10**6
    patient.write(b'{"n":5}\n')
    first, torn, gap, last = disk.getvalue().splitlines()
    assert (first, torn, last) == (b'{"n":1}', b'{"n', b'{"n":5}')
    assert json.loads(gap) == {"event": "log.gap", "level": "error", "lost": 3}
    assert patient.lost == 0

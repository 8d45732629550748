import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from acd.aftercall import Recording
from acd.ids import CallId
from callrouter.ports import AuditEntry
from callrouter.store.database import Database
from callrouter.store.housekeeper import Housekeeper
from callrouter.store.housekeeping import keep_house
from callrouter.store.inserting import insert
from callrouter.store.retention import Retention
from tests.store.samples import T0, record

pytestmark = pytest.mark.slow

SHANGHAI = ZoneInfo("Asia/Shanghai")
LATER = T0 + 200 * 86400


class Watch:
    at = LATER

    def now(self) -> float:
        return self.at


class Trail:
    def __init__(self) -> None:
        self.found: list[AuditEntry] = []

    def note(self, entry: AuditEntry) -> None:
        self.found.append(entry)


def recording(file: str) -> Recording:
    return Recording(id=file, call=CallId("c1"), started=T0, ended=T0 + 1, file=file, size=1, sha256="")


async def files_in(database: Database) -> list[str]:
    async with database.read() as connection:
        return sorted((await connection.execute(text("SELECT file FROM recordings"))).scalars())


def keeper(
    database: Database, spools: list[Path], trail: Trail, retention: Mapping[str, int] | None = None
) -> Housekeeper:
    url = database.url.render_as_string(hide_password=False)
    wanted = asdict(Retention()) if retention is None else retention
    return Housekeeper(url, wanted, lambda: spools, clock=Watch(), audit=trail, zone=SHANGHAI)


async def test_a_night(database: Database, tmp_path: Path) -> None:
    (tmp_path / "monitor").mkdir()
    (tmp_path / "monitor" / "r.wav").write_bytes(b"RIFF")
    async with database.write() as connection:
        await insert(
            connection, (record(), recording("monitor/r.wav"), recording("monitor/gone-already.wav"))
        )
    trail = Trail()
    house = keeper(database, [tmp_path], trail)
    await house.once()
    assert house.problem == ""
    assert not (tmp_path / "monitor" / "r.wav").exists()
    assert await files_in(database) == []
    assert [(entry.action, entry.detail) for entry in trail.found] == [
        ("purge", "numbers of calls 1, recordings 2")
    ]


async def test_a_file_that_stays_keeps_its_row_and_is_told(database: Database, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("keep me")
    (tmp_path / "spool" / "monitor" / "folder.wav").mkdir(parents=True)
    async with database.write() as connection:
        await insert(connection, (recording("../secret"), recording("monitor/folder.wav")))
    house = keeper(database, [tmp_path / "spool"], Trail())
    await house.once()
    assert outside.exists()
    assert await files_in(database) == ["../secret", "monitor/folder.wav"]
    assert "folder.wav" in house.problem


async def test_files_that_nobody_can_see_are_told(database: Database) -> None:
    async with database.write() as connection:
        await insert(connection, (recording("monitor/r.wav"),))
    done = await keep_house(database, Retention(), LATER, [])
    assert done.files_left == ["monitor/r.wav"]
    assert await files_in(database) == ["monitor/r.wav"]


@pytest.mark.parametrize("retention", [{"audit": 1}, {"unknown": 5}])
async def test_senseless_retention_is_a_problem_not_a_crash(
    database: Database, retention: dict[str, int]
) -> None:
    house = keeper(database, [], Trail(), retention)
    await house.once()
    assert "old data is not being removed" in house.problem


def test_when_it_is_due(tmp_path: Path) -> None:
    clock = Watch()
    house = Housekeeper("", {}, list, clock=clock, audit=Trail(), zone=SHANGHAI)
    clock.at = 1_795_017_600.0  # midnight in Shanghai
    assert house.seconds_until_due() == 3 * 3600
    clock.at += 3 * 3600
    assert house.seconds_until_due() == 24 * 3600


def test_the_process_refuses_nonsense_in_words() -> None:
    command = (sys.executable, "-m", "callrouter.store.housekeeping")
    for task in ("nonsense", json.dumps({"url": "mysql://x", "now": 1, "retention": {}, "spools": []})):
        done = subprocess.run(command, input=task, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.stage import command, fill, run
from tests.store.samples import record

APP = command("db", "calls")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path / "state", record("c1"), record("c2"))
    return tmp_path / "state"


def test_status_counts(state_dir: Path) -> None:
    result = run(APP, "db", "status", "--state-dir", state_dir, "--json")
    assert result.exit_code == 0
    found = json.loads(result.output)
    assert found["revision"] == found["needed"]
    assert (found["calls"], found["segments"]) == (2, 24)


def test_an_old_database_is_a_fault_until_upgraded(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "callrouter.sqlite").execute("VACUUM").connection.close()
    (tmp_path / "callrouter.sqlite").touch()
    assert run(APP, "db", "status", "--state-dir", tmp_path).exit_code == 1
    refused = run(APP, "calls", "list", "--state-dir", tmp_path)
    assert refused.exit_code == 2
    assert "callrouter db upgrade" in refused.stderr
    assert "upgraded from nothing" in run(APP, "db", "upgrade", "--state-dir", tmp_path).output
    assert "nothing to do" in run(APP, "db", "upgrade", "--state-dir", tmp_path).output
    assert run(APP, "db", "status", "--state-dir", tmp_path).exit_code == 0


def test_a_backup_is_whole_and_never_overwrites(state_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "backups" / "monday.sqlite"
    assert run(APP, "db", "backup", target, "--state-dir", state_dir).exit_code == 0
    with sqlite3.connect(target) as copy:
        assert copy.execute("SELECT count(*) FROM calls").fetchone() == (2,)
    assert target.stat().st_mode & 0o077 == 0
    again = run(APP, "db", "backup", target, "--state-dir", state_dir)
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert [file.name for file in target.parent.iterdir()] == ["monday.sqlite"]


def test_a_backup_of_a_damaged_database_is_refused(state_dir: Path, tmp_path: Path) -> None:
    file = state_dir / "callrouter.sqlite"
    with sqlite3.connect(file) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(file.read_bytes())
    data[8192 : len(data) - 4096] = b"\xa5" * (len(data) - 4096 - 8192)
    file.write_bytes(data)
    result = run(APP, "db", "backup", tmp_path / "b.sqlite", "--state-dir", state_dir)
    assert result.exit_code == 2
    assert not (tmp_path / "b.sqlite").exists()

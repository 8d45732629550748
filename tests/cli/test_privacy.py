import json
from pathlib import Path

import pytest

from tests.cli.stage import ask, command, fill, run
from tests.store.samples import record

APP = command("privacy", "db")
NUMBER = "13812345678"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path / "state", record("c1"), record("c2", caller="13900000000"))
    return tmp_path / "state"


def test_export_then_erase(state_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "request.json"
    exported = run(APP, "privacy", "export", NUMBER, "-o", target, "--state-dir", state_dir)
    assert exported.exit_code == 0, exported.output
    assert target.stat().st_mode & 0o077 == 0
    assert [call["call"] for call in json.loads(target.read_text())["calls"]] == ["c1"]
    erased = run(APP, "privacy", "erase", NUMBER, "--yes", "--state-dir", state_dir)
    assert erased.exit_code == 0
    assert "calls.caller: 1" in erased.output
    assert ask(state_dir, "SELECT caller FROM calls ORDER BY call") == [("erased",), ("13900000000",)]
    audit = ask(state_dir, "SELECT action, subject FROM audit ORDER BY at")
    assert audit == [("export_person", "138****5678"), ("erase_person", "138****5678")]


def test_nothing_kept_wrong_number_existing_file_and_no(state_dir: Path, tmp_path: Path) -> None:
    place = ("--state-dir", state_dir)
    none = run(APP, "privacy", "export", "13700000000", "-o", tmp_path / "x.json", *place)
    assert (none.exit_code, "nothing is kept" in none.stderr) == (1, True)
    service = run(APP, "privacy", "erase", "12315", "--yes", *place)
    assert (service.exit_code, "no person's number" in service.stderr) == (2, True)
    (tmp_path / "there.json").touch()
    there = run(APP, "privacy", "export", NUMBER, "-o", tmp_path / "there.json", *place)
    assert (there.exit_code, "cannot write" in there.stderr) == (2, True)
    assert run(APP, "privacy", "erase", NUMBER, *place, stdin="n\n").exit_code == 1
    assert ask(state_dir, "SELECT count(*) FROM calls WHERE caller = 'erased'") == [(0,)]


def test_waiting_records_are_told(state_dir: Path) -> None:
    (state_dir / "spill").mkdir()
    (state_dir / "spill" / "spill-00000001.jsonl").write_text("x")
    result = run(APP, "privacy", "erase", NUMBER, "--yes", "--state-dir", state_dir)
    assert (result.exit_code, "erase again" in result.stderr) == (1, True)


def test_purge_tells_and_proves(state_dir: Path) -> None:
    dry = run(APP, "db", "purge", "--dry-run", "--json", "--state-dir", state_dir)
    assert dry.exit_code == 0, dry.output
    assert {row["kind"]: row["found"] for row in json.loads(dry.output)["purged"]}["calls"] == 0
    done = run(APP, "db", "purge", "--state-dir", state_dir)
    assert done.exit_code == 0
    assert "numbers of calls: older than 183 days: 0, left: 0" in done.output

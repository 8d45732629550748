"""The demo's command line, before anything is started."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from callrouter.cli import state
from tests.cli.stage import command, run

APP = command("demo")


@pytest.fixture(autouse=True)
def _same_umask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state.os, "umask", lambda mask: 0)


def test_a_full_disk_is_named_with_its_path_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_000))
    folder = tmp_path / "state"
    result = run(APP, "demo", "--state-dir", folder)
    assert result.exit_code == 2
    assert f"{folder}: 3 MB are free, the demo needs 16" in result.stderr
    assert "--state-dir" in result.stderr


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(APP, "demo", "--state-dir", tmp_path / "file" / "state")
    assert result.exit_code == 2
    assert "file/state can't be used: Not a directory: give another with --state-dir" in result.stderr


def test_one_missing_folder_is_one_fault(tmp_path: Path) -> None:
    refused = run(APP, "demo", "--site", tmp_path / "gone", "--state-dir", tmp_path / "state")
    assert refused.exit_code == 2
    assert "gone is not a folder: give the folder" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "state").exists()


def test_ctrl_c_before_anything_runs_is_a_good_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("callrouter.logs.set_up_logs", pressed)
    ended = run(APP, "demo", "--state-dir", tmp_path / "state")
    assert (ended.exit_code, ended.output) == (0, "")

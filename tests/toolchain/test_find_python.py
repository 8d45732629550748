"""Which interpreter `make setup` builds the environment with, on machines that have odd ones."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci/find-python"


def interpreter(folder: Path, name: str, *, new: bool = True, venv: bool = True) -> Path:
    """A stand-in that answers the two questions: new enough? has venv?"""
    folder.mkdir(exist_ok=True)
    path = folder / name
    answers = f"*version_info*) exit {int(not new)};; *ensurepip*) exit {int(not venv)};;"
    path.write_text(f'#!/bin/sh\ncase "$2" in {answers} esac\n')
    path.chmod(0o755)
    return path


def find(folder: Path, *named: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *named],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_usual_one(tmp_path: Path) -> None:
    usual = interpreter(tmp_path / "bin", "python3")
    assert find(tmp_path / "bin").stdout.strip() == str(usual)


def test_a_newer_one_beside_an_old_default(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin", "python3", new=False)
    newer = interpreter(tmp_path / "bin", "python3.12")
    assert find(tmp_path / "bin").stdout.strip() == str(newer)


def test_the_one_that_was_named_comes_first(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin", "python3")
    named = interpreter(tmp_path / "own", "python")
    assert find(tmp_path / "bin", str(named)).stdout.strip() == str(named)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"new": False}, "Python 3.11 or newer is needed"), ({"venv": False}, "python3 lacks the module venv")],
)
def test_none_that_serves(tmp_path: Path, options: dict[str, bool], said: str) -> None:
    interpreter(tmp_path / "bin", "python3", **options)
    done = find(tmp_path / "bin")
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr


def test_no_python_at_all(tmp_path: Path) -> None:
    done = find(tmp_path / "bin")
    assert done.returncode == 2
    assert "python3-venv" in done.stderr

import json
from pathlib import Path

import pytest

from tests.cli.stage import command, run
from tests.floor_log.test_replay import recorded

APP = command("floor")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return recorded(tmp_path / "floor-log", 11)[1][0]


def test_the_same_again(log: Path) -> None:
    result = run(APP, "floor", "replay", log)
    assert result.exit_code == 0, result.output
    assert "every answer is the same, byte for byte" in result.output
    found = json.loads(run(APP, "floor", "replay", log, "--json").output)
    assert found["same"] is True
    assert found["steps"] > 1500


def test_a_difference_ends_with_1(log: Path) -> None:
    text = log.read_text().replace('"rona_after":2', '"rona_after":1', 1)
    log.write_text(text)
    result = run(APP, "floor", "replay", log)
    assert result.exit_code == 1
    assert "the answer differs" in result.output
    assert "then:" in result.output
    assert json.loads(run(APP, "floor", "replay", log, "--json").output)["difference"]["line"] > 1


def test_no_log_ends_with_2(tmp_path: Path) -> None:
    result = run(APP, "floor", "replay", tmp_path / "nothing")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_logs_are_listed(log: Path) -> None:
    result = run(APP, "floor", "logs", "--state-dir", log.parent.parent)
    assert log.name in result.output
    assert run(APP, "floor", "logs", "--state-dir", log.parent).exit_code == 1

import json
from pathlib import Path

import pytest

from tests.cli.stage import ask, command, fill, run

APP = command("users")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path


def test_add_list_disable_enable(state_dir: Path) -> None:
    place = ("--state-dir", state_dir)
    added = run(
        APP, "users", "add", "卓玛", "--role", "agent", "--seat", "1001", *place, stdin="a long password\n"
    )
    assert added.exit_code == 0, added.output
    found = json.loads(run(APP, "users", "list", "--json", *place).output)
    assert [(one["user"], one["agent"], one["seats"]) for one in found] == [("卓玛", "卓玛", ["1001"])]
    assert run(APP, "users", "disable", "卓玛", *place).exit_code == 0
    assert "disabled" in run(APP, "users", "list", *place).output
    assert run(APP, "users", "enable", "卓玛", *place).exit_code == 0
    assert "disabled" not in run(APP, "users", "list", *place).output


def test_faults(state_dir: Path) -> None:
    place = ("--state-dir", state_dir)
    short = run(APP, "users", "add", "a", "--role", "agent", *place, stdin="short\n")
    assert (short.exit_code, "8 to 128" in short.stderr) == (2, True)
    role = run(APP, "users", "add", "a", "--role", "king", *place, stdin="a long password\n")
    assert (role.exit_code, "'king' is no role" in role.stderr) == (2, True)
    nobody = run(APP, "users", "disable", "nobody", *place)
    assert (nobody.exit_code, "there is no user" in nobody.stderr) == (1, True)
    assert ask(state_dir, "SELECT count(*) FROM users") == [(0,)]

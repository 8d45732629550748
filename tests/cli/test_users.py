import json
from pathlib import Path

import pytest

from callrouter.toolchain.share import share_folder
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


@pytest.fixture
def config(state_dir: Path) -> Path:
    file = state_dir / "callrouter.yaml"
    site = share_folder("ivr_flows")
    file.write_text(f"site: {site}\nstate_dir: .\nasterisk: [{{ari_password: a, ami_password: b}}]\n")
    return file


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (("--seat", "a1oo1"), "no seat 'a1oo1' in"),
        (("--seat", "a1oo1"), "Did you mean 'a1001'?"),
        (("--seat", "a1001", "--organisation", "provinces"), "Did you mean 'province'?"),
        (("--organisation", "mars"), "no organisation 'mars' in"),
    ],
)
def test_names_that_the_site_does_not_have(config: Path, wish: tuple[str, ...], words: str) -> None:
    refused = run(
        APP, "users", "add", "a", "--role", "agent", *wish, "--config", config, stdin="a long password\n"
    )
    assert (refused.exit_code, words in refused.stderr) == (2, True), refused.output
    assert ask(config.parent, "SELECT count(*) FROM users") == [(0,)]


def test_a_site_that_cannot_be_read_is_said_and_stops_nobody(config: Path) -> None:
    config.write_text(config.read_text().replace("site: ", "site: /nowhere"))
    added = run(
        APP, "users", "add", "a", "--role", "agent", "--seat", "x", "--config", config, stdin="long enough\n"
    )
    assert (added.exit_code, "taken as given" in added.stderr) == (0, True)


def test_a_replaced_user_is_named_and_the_list_has_headings(config: Path) -> None:
    who = ("users", "add", "zhuoma", "--role", "agent", "--config", config)
    first = run(APP, *who, "--seat", "a1001", stdin="a long password\n")
    assert "replaces" not in first.output
    again = run(APP, *who, "--seat", "a1002", "--organisation", "xining", stdin="a long password\n")
    assert "replaces the zhuoma there was (agent, seats a1001)" in " ".join(again.output.split())
    listed = run(APP, "users", "list", "--config", config).output
    heading, row = (line for line in listed.splitlines() if "user " in line or "zhuoma" in line)
    assert heading.index("organisation") == row.index("xining")
    assert heading.index("seats") == row.index("a1002")

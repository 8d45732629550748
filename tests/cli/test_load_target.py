"""Where a load run goes: options, a demo's ready file, accounts that are the demo's."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from callrouter.cli.load_target import Given, aim
from simulators.sip_load.scenario import Scenario

READY = {
    "sip": "127.0.0.1:5070",
    "http": "http://127.0.0.1:8345",
    "processes": {"asterisk": 4711, "controller": 4712},
    "logins": {
        "agent": [
            {"user": "a1001", "password": "one", "seat": "a1001", "phone": "simulated"},
            {"user": "a1002", "password": "two", "seat": "a1002", "phone": "yours"},
        ]
    },
}


def plan(**more: Any) -> Scenario:
    people = {
        "name": "people",
        "dial": "12345",
        "arrivals": {"process": "poisson", "rate": 1},
        "talk": {"constant": 1},
    }
    return Scenario.model_validate({"duration": 5, "callers": [people], **more})


def given(demo: Path | None = None, sip: str | None = None, processes: tuple[str, ...] = ()) -> Given:
    return Given(sip, None, None, processes, demo)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    (config := tmp_path / "asterisk.conf").touch()
    (tmp_path / "demo.json").write_text(json.dumps({**READY, "asterisk_config": str(config)}))
    return tmp_path


def test_a_demo_gives_target_desk_processes_and_its_free_seats(demo: Path) -> None:
    seats = [{"accounts": "yours", "desk": {}}]
    aimed, sip, watched = aim(plan(seats=seats), given(demo, processes=("asterisk=99", "db=5")), ())
    assert sip == "127.0.0.1:5070"
    assert aimed.target is not None
    assert aimed.target.desk == "http://127.0.0.1:8345"
    assert aimed.target.asterisk_config == demo / "asterisk.conf"
    assert watched == {"asterisk": 99, "controller": 4712, "db": 5}
    assert aimed.seats[0].users == (("a1002", "two"),)


def test_what_an_option_says_goes_before_the_demo(demo: Path) -> None:
    _, sip, _ = aim(plan(), given(demo, sip="127.0.0.1:5999"), ())
    assert sip == "127.0.0.1:5999"


@pytest.mark.parametrize(
    ("more", "option", "words"),
    [
        ({"seats": [{"accounts": "yours"}]}, {"sip": "127.0.0.1:5060"}, "say which with --demo"),
        ({"partners": [{"line": "1", "listen": "198.51.100.1:5060"}]}, {"sip": "127.0.0.1:1"}, "not this"),
        ({}, {"processes": ("asterisk=x",), "sip": "127.0.0.1:1"}, "write NAME=PID"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    more: dict[str, Any], option: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        aim(plan(**more), given(**option), ())
    assert ended.value.exit_code == 2
    assert words in capsys.readouterr().err


def test_a_demo_without_free_seats_is_told_how_to_have_some(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = {**READY, "logins": {"agent": READY["logins"]["agent"][:1]}}  # type: ignore[index]
    (demo / "demo.json").write_text(json.dumps(taken))
    with pytest.raises(typer.Exit):
        aim(plan(seats=[{"accounts": "yours"}]), given(demo), ())
    assert "--phones 0" in capsys.readouterr().err


def test_a_folder_without_a_demo_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        aim(plan(), given(tmp_path), ())
    assert str(tmp_path) in capsys.readouterr().err

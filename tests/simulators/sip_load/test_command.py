"""`callrouter load`, where it refuses: nothing is started, one line says why, exit code 2."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from callrouter.cli import load
from simulators.sip_load.engine import Run

PLAN = {
    "duration": 5,
    "callers": [
        {
            "name": "people",
            "dial": "12345",
            "arrivals": {"process": "poisson", "rate": 2},
            "talk": {"constant": 1},
        }
    ],
}


def run(*arguments: object) -> Result:
    app = typer.Typer()
    load.register(app)
    return CliRunner().invoke(app, ["load", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "plan.yaml"
    written.write_text(yaml.safe_dump(PLAN))
    return written


def test_check_says_what_a_run_would_do(file: Path) -> None:
    result = run("check", file)
    assert result.exit_code == 0
    assert "callers in 5 s, 0 seats" in result.output


def test_a_wrong_field_is_shown_with_its_place(file: Path) -> None:
    file.write_text(yaml.safe_dump({**PLAN, "durations": 3}))
    result = run("run", file, "--target", "127.0.0.1:5060")
    assert result.exit_code == 2
    assert "plan.yaml:" in result.output
    assert "Did you mean 'duration'?" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no target"),
        (["--target", "198.51.100.7:5060"], "--allow-target 198.51.100.7"),
        (["--target", "pbx.example:5060"], "write an IP address"),
        (["--target", "127.0.0.1:5060", "--desk", "http://198.51.100.7:80"], "not this machine"),
        (["--target", "127.0.0.1:5060", "--desk", "ftp://127.0.0.1"], "desk"),
        (["--target", "127.0.0.1:5060", "--process", "asterisk"], "write NAME=PID"),
        (["--target", "127.0.0.1:5060", "--scale", "9000"], "1000"),
        (["--target", "127.0.0.1:5060", "--scale", "1000"], "limits.rate"),
        (["--target", "127.0.0.1:5060", "--process", "asterisk=4194301"], "no process"),
    ],
)
def test_unfit_wishes_are_refused(file: Path, arguments: list[str], words: str) -> None:
    result = run("run", file, "--report", file.with_name("report"), *arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert not file.with_name("report.json").exists()


def test_ctrl_c_before_anybody_dials_is_one_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    monkeypatch.setattr(Run, "go", interrupted)
    result = run("run", file, "--target", "127.0.0.1:5060", "--report", file.with_name("report"))
    assert result.exit_code == 2
    assert "interrupted before the run was over" in result.output


@pytest.mark.parametrize("option", ["--report", "--logs"])
def test_a_place_that_cannot_be_written_is_said_before_the_run(file: Path, option: str) -> None:
    place = file / "report" if option == "--report" else file
    result = run("run", file, "--target", "127.0.0.1:5060", option, place)
    assert result.exit_code == 2
    assert f"Give another with {option}" in result.output


def test_logs_go_into_an_empty_folder_only(file: Path) -> None:
    result = run("run", file, "--target", "127.0.0.1:5060", "--logs", file.parent)
    assert result.exit_code == 2
    assert "is not empty" in result.output


def test_an_earlier_report_must_be_one(file: Path) -> None:
    result = run("run", file, "--target", "127.0.0.1:5060", "--compare", file)
    assert result.exit_code == 2
    assert "plan.yaml" in result.output

"""`callrouter load`, where it refuses: nothing is started, one line says why, exit code 2."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from callrouter.cli import load
from simulators import workload
from simulators.sip_load import report
from simulators.sip_load.crowd import Crowd
from simulators.sip_load.engine import Run
from simulators.sip_load.result import RunResult

PLAN: dict[str, Any] = {
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


def test_check_tells_a_script_what_a_run_would_do_or_what_is_wrong(file: Path) -> None:
    found = run("check", file, "--json")
    told = json.loads(found.stdout)
    assert (found.exit_code, told["faults"]) == (0, [])
    assert told["callers"] == told["by_population"]["people"] > 0
    assert 0 < told["busiest_second"] <= told["callers"]
    file.write_text(yaml.safe_dump({**PLAN, "limits": {"calls": 1}}))
    found = run("check", file, "--json")
    assert found.exit_code == 1
    assert "limits.calls" in json.loads(found.stdout)["faults"][0]["message"]
    file.write_text(yaml.safe_dump({**PLAN, "durations": 3}))
    found = run("check", file, "--json")
    (fault,) = json.loads(found.stdout)["faults"]
    assert (found.exit_code, fault["line"] > 0) == (2, True)


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
        (["--target", "255.255.255.255:5060", "--allow-target", "255.255.255.255"], "no address of an inst"),
        (["--target", "127.0.0.1:5060", "--asterisk-config", "gone.conf"], "gone.conf: no such file"),
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file"),
        ("name: plan", "no JSON, hence no earlier report"),
        ("[" * 100_000, "no JSON, hence no earlier report"),
        ("[]", "not a report of this tool"),
        ('{"format": "callrouter-load/1"}', "not a report of this tool"),
        ('{"format": "callrouter-load/1", "figures": 3}', "not a report of this tool"),
    ],
)
def test_an_earlier_report_must_be_one(file: Path, text: str | None, words: str) -> None:
    earlier = file.with_name("earlier.json")
    if text is not None:
        earlier.write_text(text)
    result = run("run", file, "--target", "127.0.0.1:5060", "--compare", earlier)
    assert result.exit_code == 2
    assert "earlier.json" in result.output
    assert words in result.output


@pytest.mark.parametrize("command", [["check"], ["run", "--target", "127.0.0.1:5060"]])
@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        ({"process": "constant", "rate": 1e-9}, "nobody would call within 5 s"),
        ({"process": "replay", "file": "calls.csv"}, "calls.csv:2: 'broken'"),
    ],
)
def test_arrivals_that_are_none_are_said_before_the_run(
    file: Path, command: list[str], arrivals: dict[str, object], words: str
) -> None:
    file.with_name("calls.csv").write_text("time\nbroken\n")
    file.write_text(yaml.safe_dump({**PLAN, "callers": [{**PLAN["callers"][0], "arrivals": arrivals}]}))
    result = run(command[0], file, *command[1:])
    assert result.exit_code == 2
    assert words in result.output


def test_a_recording_that_may_not_be_read_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> object:
        raise PermissionError(13, "Permission denied", "calls.csv")

    monkeypatch.setattr(workload, "read_times", refused)
    file.with_name("calls.csv").write_text("time\n1\n")
    arrivals = {"process": "replay", "file": "calls.csv"}
    file.write_text(yaml.safe_dump({**PLAN, "callers": [{**PLAN["callers"][0], "arrivals": arrivals}]}))
    result = run("check", file)
    assert result.exit_code == 2
    assert "calls.csv: Permission denied" in result.output


def test_more_callers_than_the_limits_allow_is_a_fault_of_the_scenario(file: Path) -> None:
    file.write_text(yaml.safe_dump({**PLAN, "limits": {"calls": 1}}))
    assert run("check", file).exit_code == 1


def test_a_demos_seats_are_not_said_to_be_none(file: Path) -> None:
    file.write_text(yaml.safe_dump({**PLAN, "seats": [{"accounts": "yours"}]}))
    assert "0 seats and a demo's own" in run("check", file).output


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_was_measured_is_shown_though_the_disk_has_become_full(
    file: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    async def gone(run: Run, *_: object) -> RunResult:
        crowd = Crowd(run._scenario, run._plans, ["callers0"], 0.0)
        return RunResult(scenario=run._scenario, sip="x", began=0.0, crowd=crowd, ended=5.0)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "go", gone)
    monkeypatch.setattr(report, "write_report", full)
    base = file.with_name("report")
    result = run("run", file, "--target", "127.0.0.1:5060", "--report", base, *options)
    assert result.exit_code == 2
    assert "the report cannot be written: [Errno 28] No space left" in result.stderr
    assert "attempts" in result.stdout
    assert "report: " not in result.stdout

"""`callrouter simulate`, as people use it."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.cli.stage import command, fill, run
from tests.simulators.queue_sim.test_calibrate import MONDAY, history
from tests.simulators.queue_sim.test_reading import GOOD

APP = command("simulate", "tools")


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "winter.yaml"
    file.write_text(GOOD.replace("days: 2", "days: 1\nreplications: 2"), encoding="utf-8")
    return file


def test_policies_side_by_side(scenario: Path) -> None:
    page = scenario.with_suffix(".html")
    done = run(APP, "simulate", scenario, "--processes", "1", "--html", page)
    assert done.exit_code == 0, done.output
    assert "2 replications of 1 days" in done.output
    for told in ("as it is", "other", "answer_rate", "province", "Erlang C"):
        assert told in done.output
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert html.count("<svg") > 8
    assert "http://" not in html
    assert "https://" not in html
    assert "<script" not in html


def report(scenario: Path, *options: str) -> dict[str, Any]:
    done = run(APP, "simulate", "run", scenario, "--processes", "1", "--json", *options)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_json_holds_every_figure_with_its_interval(scenario: Path) -> None:
    found = report(scenario)
    first, second = found["policies"]
    rate = first["figures"]["all"]["answer_rate"]
    assert rate["low"] <= rate["mean"] <= rate["high"]
    assert second["against_first"]["asa"].keys() == {"mean", "low", "high", "telling"}
    assert len(first["curves"]["all"]["calls_per_hour"]) == 96
    assert len(found["staffing"]["queues"]["province"]["quarter_hours"]) == 96
    assert "15 s" in found["formulas"]["T"]
    assert found["stopped"] is False


def test_the_same_seed_gives_the_same_report(scenario: Path) -> None:
    one, two, other = report(scenario), report(scenario), report(scenario, "--seed", "7")
    assert one["policies"] == two["policies"] != other["policies"]


def test_options_replace_the_scenarios_numbers(scenario: Path) -> None:
    found = report(scenario, "--days", "2", "--replications", "1")
    assert (found["days"], found["replications"]) == (2, 1)
    assert found["policies"][0]["figures"]["all"]["asa"]["low"] is None


def test_every_fault_has_its_line(scenario: Path) -> None:
    text = scenario.read_text(encoding="utf-8")
    scenario.write_text(text.replace("skills: zh>=3", "skills: en").replace("a*", "b*"), encoding="utf-8")
    done = run(APP, "simulate", scenario)
    assert done.exit_code == 2
    assert "winter.yaml:14:13: no seat has 'en'" in done.stderr
    assert "winter.yaml:19:" in done.stderr


def test_a_missing_file_and_a_page_that_cannot_be_written(scenario: Path) -> None:
    assert run(APP, "simulate", scenario.parent / "none.yaml").exit_code == 2
    done = run(APP, "simulate", scenario, "--processes", "1", "--html", scenario / "x.html")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


@pytest.mark.slow
def test_ctrl_c_reports_what_is_there(scenario: Path) -> None:
    arguments = ["simulate", str(scenario), "--days", "366", "--replications", "50", "--json"]
    script = "import sys; from callrouter.cli.main import run; run()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _wait_for_workers(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    found = json.loads(out)
    assert found["stopped"] is True, err
    assert found["replications_wanted"] == 50
    assert 0 < found["policies"][0]["covered"] <= 1
    assert found["policies"][0]["figures"]["all"]["answer_rate"]["mean"] > 0
    assert process.returncode == 0


def _wait_for_workers(parent: int) -> None:
    """Until a child of the command has worked for half a second."""
    import psutil

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        busy = [
            child
            for child in psutil.Process(parent).children(recursive=True)
            if sum(child.cpu_times()[:2]) > 2.0
        ]
        if busy:
            return
        time.sleep(0.1)
    raise AssertionError("no worker has begun")


@pytest.mark.slow
def test_workers_do_not_outlive_the_command(scenario: Path) -> None:
    import psutil

    script = "import sys; from callrouter.cli.main import run; run()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "simulate", str(scenario), "--days", "366", "--replications", "50"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _wait_for_workers(process.pid)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


@pytest.mark.slow
def test_a_terminal_sees_a_progress_bar(scenario: Path) -> None:
    ours, theirs = pty.openpty()
    script = "import sys; from callrouter.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", script, "simulate", str(scenario), "--processes", "1"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "2 policies × 2" in seen
    assert b"answer_rate" in done.stdout


# --- staffing


@pytest.mark.parametrize(("calls", "seats"), [(150, 15), (300, 25), (900, 64)])
def test_seats_of_the_plan(calls: int, seats: int) -> None:
    done = run(
        APP,
        "simulate",
        "staffing",
        "--calls-per-hour",
        str(calls),
        "--aht",
        "210",
        "--target",
        "95/15",
        "--json",
    )
    found = json.loads(done.stdout)
    assert found["seats"] == {"erlang_c": seats}
    assert [row["seats"] for row in found["around"]] == list(range(seats - 3, seats + 4))


def test_patience_and_shrinkage() -> None:
    done = run(
        APP, "simulate", "staffing", "--calls-per-hour", "300", "--patience", "120", "--shrinkage", "0.3"
    )
    assert "25 seats by Erlang C" in done.output
    assert "24 seats by Erlang A, 35 to pay" in done.output


def test_seats_by_the_quarter_hour(scenario: Path) -> None:
    page = scenario.with_suffix(".html")
    done = run(APP, "simulate", "staffing", scenario, "--target", "80/20", "--html", page)
    assert done.exit_code == 0, done.output
    assert "80% within 20 s" in done.output
    assert "23:00" in done.output
    assert "<svg" in page.read_text(encoding="utf-8")


def test_seats_by_trial(scenario: Path) -> None:
    done = run(
        APP, "simulate", "staffing", scenario, "--target", "80/20", "--simulated", "--days", "1", "--json"
    )
    rows = json.loads(done.stdout)["staffing"]["queues"]["province"]["quarter_hours"]
    assert all(row["simulated"] >= 1 for row in rows)
    assert done.exit_code == (0 if all(row["kept"] for row in rows) else 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "either a scenario or --calls-per-hour"),
        (("--calls-per-hour", "300", "--html", "x.html"), "--html goes with a scenario only"),
        (("--calls-per-hour", "300", "--queue", "night"), "--queue goes with a scenario only"),
        (("--calls-per-hour", "300", "--simulated"), "--simulated goes with a scenario only"),
        (("winter.yaml", "--patience", "60"), "--patience goes with --calls-per-hour"),
        (("winter.yaml", "--days", "3"), "--days goes with --simulated only"),
        (("--calls-per-hour", "300", "--target", "95"), "no target"),
        (("--calls-per-hour", "10000000", "--aht", "86400"), "number of servers"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], told: str) -> None:
    done = run(APP, "simulate", "staffing", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_queue_that_nobody_calls(scenario: Path) -> None:
    done = run(APP, "simulate", "staffing", scenario, "--queue", "night")
    assert done.exit_code == 2
    assert "known are province" in done.stderr


def test_trunk_channels() -> None:
    done = run(APP, "simulate", "trunks", "--calls-per-hour", "900", "--aht", "230", "--json")
    found = json.loads(done.stdout)
    assert found["load"] == pytest.approx(57.5)
    assert found["loss"] <= 0.001
    assert found["room_to"] >= 900
    assert found["channels"] == 80
    done = run(APP, "simulate", "trunks", "--calls-per-hour", "900", "--aht", "230")
    assert done.stdout.startswith("80 channels carry 57.5 erlang")
    assert run(APP, "simulate", "trunks", "--calls-per-hour", "1e7", "--aht", "86400").exit_code == 2


# --- calibration


def test_a_scenario_from_records(tmp_path: Path) -> None:
    fill(tmp_path, *history(1))
    file = tmp_path / "ours.yaml"
    times = ("--since", "2026-11-02", "--until", "2026-11-03")
    done = run(APP, "simulate", "calibrate", "--state-dir", tmp_path, *times, "--write", file)
    assert done.exit_code == 0, done.output
    assert "patience" in done.output
    assert "name: main" in file.read_text(encoding="utf-8")
    assert "1390000" not in file.read_text(encoding="utf-8")
    done = run(APP, "simulate", "calibrate", "--state-dir", tmp_path, *times, "--json")
    assert json.loads(done.stdout)["callers"][0]["queue"] == "main"
    assert MONDAY > 0


def test_the_time_before_the_first_record_is_no_time_without_calls(tmp_path: Path) -> None:
    """An installation in its second week asks for the usual four."""
    fill(tmp_path, *history(1))
    file = tmp_path / "ours.yaml"
    times = ("--since", "2026-10-06", "--until", "2026-11-03")
    done = run(APP, "simulate", "calibrate", "--state-dir", tmp_path, *times, "--write", file)
    assert done.exit_code == 0, done.output
    text = file.read_text(encoding="utf-8")
    assert "2026-11-02 00:00 – 2026-11-03 00:00" in text
    (callers,) = yaml.safe_load(text)["callers"]
    assert np.mean(callers["calls_per_hour"]) == pytest.approx(30.0, rel=0.15)
    assert "weekdays" not in callers


def test_no_records(tmp_path: Path) -> None:
    fill(tmp_path)
    done = run(APP, "simulate", "calibrate", "--state-dir", tmp_path)
    assert done.exit_code == 1
    assert "take a longer time" in done.stderr
    assert run(APP, "simulate", "calibrate", "--state-dir", tmp_path / "none").exit_code == 2


def test_the_table_in_the_documentation_is_what_is_printed() -> None:
    page = Path(__file__).parents[2] / "docs" / "howto" / "load-testers.md"
    written = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("│")]
    done = run(APP, "simulate", "staffing", "--calls-per-hour", "300", "--aht", "210", "--target", "95/15")
    printed = {tuple(line.strip("│┃ ").replace("┃", "│").split()) for line in done.output.splitlines()}
    assert len(written) == 4
    assert [line for line in written if tuple(line.strip("│ ").split()) not in printed] == []

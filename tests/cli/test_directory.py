import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callrouter.cli import directory

SITE = Path("ivr_flows")


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    directory.register(made)
    return made


def test_a_day_as_json(app: typer.Typer) -> None:
    result = CliRunner().invoke(
        app, ["directory", "show", "--json", "--on", "2024-12-31", "--site", str(SITE)]
    )
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["on"] == "2024-12-31"
    assert {"12356", "12345"} <= {one["number"] for one in shown["ingress"]}
    lines = {one["number"]: one for one in shown["lines"]}
    assert lines["12315"]["endpoints"] == ["PJSIP/12315@departments"]
    assert len(lines) == 27


def test_a_day_for_people(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["directory", "show", "--site", str(SITE)])
    assert result.exit_code == 0
    for expected in ("097112345", "DUAL_NUMBER", "emergency", "carrier"):
        assert expected in result.stdout


def test_a_name_with_brackets_is_shown_as_it_is(app: typer.Typer, tmp_path: Path) -> None:
    text = (SITE / "site/directory.yaml").read_text(encoding="utf-8")
    (tmp_path / "site").mkdir()
    named = text.replace("name: 报警,", 'name: "报警 [/b] [red]x",', 1)
    assert named != text
    (tmp_path / "site/directory.yaml").write_text(named, encoding="utf-8")
    result = CliRunner().invoke(app, ["directory", "show", "--site", str(tmp_path)], env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    assert "报警 [/b] [red]x" in result.stdout


def test_no_such_day(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["directory", "show", "--on", "2026-02-30", "--site", str(SITE)])
    assert result.exit_code == 2
    assert "'2026-02-30' is no date" in result.stderr


def test_no_such_file(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["directory", "show", "--site", str(tmp_path)])
    assert result.exit_code == 2
    assert "--site" in result.stderr


def test_faults_have_their_lines(app: typer.Typer, tmp_path: Path) -> None:
    text = (SITE / "site/directory.yaml").read_text(encoding="utf-8")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/directory.yaml").write_text(
        text.replace("parent: province", "parent: nowhere", 1), encoding="utf-8"
    )
    result = CliRunner().invoke(app, ["directory", "show", "--site", str(tmp_path)])
    assert result.exit_code == 1
    assert "directory.yaml:7:" in result.stderr
    assert "no organisation 'nowhere'" in result.stderr


WHOLE = """
organisations: {province: {name: 青海省}, golog: {name: 果洛, parent: province, areas: ["0975"]}}
trunks:
  carrier: {name: 中继, proxy: "192.0.2.1:5060", user: u12345, numbers: e164, prefix: "9", capacity: 30,
            options: 0}
  second: {name: 备用, transport: tcp, user_phone: true, history: false}
ingress: [{numbers: ["12345"], organisation: province, flow: province, trunks: [carrier]}]
lines:
  12315:
    name: 消费者
    topics: [退款]
    entries:
      - {mode: DUAL_NUMBER, until: 2026-12-31, trunks: [second, carrier], dial: "12399", ring_for: 20,
         capacity: 4, hours: day_shift, backup: "12333", headers: {X-Line: a}}
      - {mode: FULL_MERGE, from: 2027-01-01, organisation: province, flow: merged}
  12333: {name: 社保, entries: [{mode: DUAL_NUMBER, trunks: [carrier], backup: "12348"}]}
  12348: {name: 法律, entries: [{mode: DUAL_NUMBER, trunks: [carrier]}]}
"""


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/directory.yaml").write_text(WHOLE, encoding="utf-8")
    return tmp_path


def test_nothing_that_is_written_is_left_out(app: typer.Typer, whole: Path) -> None:
    asked = ["directory", "show", "--json", "--site", str(whole), "--on"]
    shown = json.loads(CliRunner().invoke(app, [*asked, "2026-12-31"]).stdout)
    assert shown["lines"][0] == {
        "number": "12315",
        "name": "消费者",
        "kind": "hotline",
        "mode": "DUAL_NUMBER",
        "topics": ["退款"],
        "trunks": ["second", "carrier"],
        "dial": "12399",
        "endpoints": ["PJSIP/12399@second", "PJSIP/912399@carrier"],
        "ring_for": 20,
        "capacity": 4,
        "hours": "day_shift",
        "backup": "12333",
        "headers": {"X-Line": "a"},
    }
    assert {key: shown["trunks"][0][key] for key in ("user", "numbers", "prefix", "capacity", "options")} == {
        "user": "u12345",
        "numbers": "e164",
        "prefix": "9",
        "capacity": 30,
        "options": None,
    }
    retired = json.loads(CliRunner().invoke(app, [*asked, "2027-01-01"]).stdout)
    assert [line["number"] for line in retired["lines"]] == ["12333", "12348"]
    assert retired["ingress"][-1] == {
        "number": "12315",
        "trunks": [],
        "organisation": "province",
        "flow": "merged",
        "merged": "消费者",
    }


def test_people_see_the_ladder_the_tree_and_how_a_trunk_dials(
    app: typer.Typer, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "180")
    shown = CliRunner().invoke(app, ["directory", "show", "--site", str(whole), "--on", "2026-12-31"])
    assert shown.exit_code == 0
    for expected in (
        "second, carrier as 12399",
        "12333 → 12348",
        "192.0.2.1:5060 as u12345 (udp)",
        "9…e164",
        "national, user=phone",
        "  golog",
    ):
        assert expected in shown.stdout, expected

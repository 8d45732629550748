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

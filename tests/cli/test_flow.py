"""`callrouter flow …`: exit codes, JSON, and what a person reads."""

import asyncio
import json
import shutil
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callrouter.cli.flow import register
from callrouter.config.versions import Change
from callrouter.flow.difference import words_between
from callrouter.flow.loader import load_flows
from callrouter.flow.program import FlowSet
from callrouter.live_folder import Archive, LiveFolder

SHIPPED = Path(__file__).parents[2] / "ivr_flows"


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    register(made)
    made.command("other")(lambda: None)  # with one command alone typer would drop its name
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in [*SHIPPED.glob("*.yaml"), *SHIPPED.glob("tests/*.yaml"), *SHIPPED.glob("site/calendar*.yaml"),
                 *SHIPPED.glob("prompts/*.*")]:  # fmt: skip
        target = tmp_path / path.relative_to(SHIPPED)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def call(app: typer.Typer, *words: object, keys: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["flow", *map(str, words)], input=keys)
    return result.exit_code, result.output


def test_check_tells_place_and_remedy(app: typer.Typer, folder: Path) -> None:
    path = folder / "province.yaml"
    path.write_text(path.read_text().replace("silence: shift", "silence: shfit"))
    code, text = call(app, "check", folder)
    assert code == 1
    assert "no node is called 'shfit'" in text
    assert "Did you mean 'shift'?" in text
    code, text = call(app, "check", folder, "--json")
    assert code == 1
    assert any(row["message"] == "no node is called 'shfit'" for row in json.loads(text)["errors"])


def test_no_such_folder(app: typer.Typer, tmp_path: Path) -> None:
    for command in ("check", "test"):
        assert call(app, command, tmp_path / "gone")[0] == 2
    for command in ("try", "graph"):
        assert call(app, command, tmp_path / "gone.yaml")[0] == 2


def test_cases(app: typer.Typer, folder: Path) -> None:
    code, text = call(app, "test", folder)
    assert code == 0
    assert "all passed" in text
    assert call(app, "test", folder, "--at-least", "100")[0] == 1
    code, text = call(app, "test", folder, "-k", "藏语", "--json")
    report = json.loads(text)
    assert code == 0
    assert all("藏语" in case["name"] for case in report["cases"])
    broken = folder / "tests" / "province.yaml"
    broken.write_text(broken.read_text().replace("ends: queue night", "ends: queue day"))
    code, text = call(app, "test", folder, broken)
    assert code == 1
    assert "expected 'queue day', found 'queue night'" in text


def test_cases_need_sound_flows_and_something_to_run(app: typer.Typer, folder: Path) -> None:
    shutil.rmtree(folder / "tests")
    assert call(app, "test", folder)[0] == 2
    (folder / "odd.yaml").write_text("flow: odd")
    assert call(app, "test", folder)[0] == 1


def test_try_walks(app: typer.Typer, folder: Path) -> None:
    said = ('answer orders {"state": "done"}', "5", "2026110001#1", "listen", "listen", "vars", "trace")
    keys = "\n".join([*said, "back", "", "0", "talked", "5", "", ""])
    code, text = call(app, "try", folder / "one_layer.yaml", "--at", "2026-11-20T10:00", keys=keys)
    assert code == 0
    for words in (
        "您的工单",
        "已经办结",
        "order='2026110001'",
        "You are in no queue",
        "queue province",
        "rate → graded",
    ):
        assert words in text
    assert "10:00:0" in text


@pytest.mark.parametrize("line", ["wait x", "recorded x", "answer orders {", "unknown words"])
def test_try_survives_odd_lines(app: typer.Typer, folder: Path, line: str) -> None:
    assert call(app, "try", folder / "province.yaml", keys=f"{line}\nquit\n")[0] == 0


def test_try_refuses_what_it_cannot_do(app: typer.Typer, folder: Path) -> None:
    assert call(app, "try", folder / "tibetan.yaml")[0] == 2
    assert call(app, "try", folder / "province.yaml", "--at", "noon")[0] == 2
    assert call(app, "try", folder / "province.yaml", "--answers", "[]")[0] == 2


def test_graph(app: typer.Typer, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "picture.svg"
    assert call(app, "graph", folder / "province.yaml", "-o", target)[0] == 0
    assert target.read_text().startswith("<svg")
    assert "flowchart TD" in call(app, "graph", folder / "province.yaml", "--mermaid")[1]
    record = tmp_path / "call.json"
    record.write_text(
        json.dumps({"trace": [{"at": 1.0, "flow": "province", "node": "greeting", "line": 10}]})
    )
    assert "this call" in call(app, "graph", folder / "province.yaml", "--trace", record)[1]
    record.write_text("{}")
    assert call(app, "graph", folder / "province.yaml", "--trace", record)[0] == 2
    (folder / "odd.yaml").write_text("flow: odd")
    assert call(app, "graph", folder / "odd.yaml")[0] == 1


@pytest.mark.parametrize(
    ("place", "more", "words"),
    [
        ("missing/flow.svg", (), "No such file or directory; give another -o"),
        ("flow.xyz", (), "ends in .svg; --mermaid draws as text"),
        ("flow.svg", ("--mermaid",), "ends in .mmd or .mermaid or .txt"),
    ],
)
def test_where_a_picture_cannot_go(
    app: typer.Typer, folder: Path, tmp_path: Path, place: str, more: tuple[str, ...], words: str
) -> None:
    code, text = call(app, "graph", folder / "province.yaml", "-o", tmp_path / place, *more)
    assert code == 2
    assert words in " ".join(text.split())
    assert not (tmp_path / place).exists()


def test_diff(app: typer.Typer, folder: Path) -> None:
    assert call(app, "diff", SHIPPED, folder) == (0, "No difference that a caller could notice.\n")
    path = folder / "province.yaml"
    path.write_text(path.read_text().replace("2: tibetan", "4: tibetan"))
    code, text = call(app, "diff", SHIPPED, folder)
    assert code == 1
    assert "greeting: key 4 now leads to tibetan" in text
    assert (
        json.loads(call(app, "diff", SHIPPED / "province.yaml", path, "--json")[1])[0]["flow"] == "province"
    )
    assert call(app, "diff", folder / "gone.yaml", path)[0] == 2


def test_versions_and_rollback(app: typer.Typer, folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert call(app, "versions", "--state-dir", state)[0] == 2
    archive = Archive(state / "site-versions")

    def noted(change: Change, flows: FlowSet) -> None:
        assert change.by == "li"

    live: LiveFolder[FlowSet] = LiveFolder(folder, load_flows, archive, time.time, noted, words_between)
    first = live.versions.version.digest
    path = folder / "province.yaml"
    before = path.read_text()
    assert call(app, "rollback", folder, "--state-dir", state)[0] == 2
    path.write_text(before.replace("2: tibetan", "4: tibetan"))
    asyncio.run(live.refresh("li"))
    code, text = call(app, "versions", "--state-dir", state)
    assert code == 0
    assert "province: greeting: key 4 now leads to tibetan" in text
    assert json.loads(call(app, "versions", "--state-dir", state, "--json")[1])["versions"][1] == first
    assert call(app, "rollback", folder, "--to", "nothing", "--state-dir", state)[0] == 2
    code, text = call(app, "rollback", folder, "--state-dir", state)
    assert code == 0
    assert f"went back to {first}: 1 files changed" in text
    assert path.read_text() == before
    assert call(app, "rollback", folder, "--to", first, "--state-dir", state)[0] == 1


def test_rollback_of_a_refused_change_leads_to_what_is_in_force(
    app: typer.Typer, folder: Path, tmp_path: Path
) -> None:
    archive = Archive(tmp_path / "state" / "site-versions")
    told: list[Change] = []
    live: LiveFolder[FlowSet] = LiveFolder(
        folder, load_flows, archive, time.time, lambda change, _: told.append(change), words_between
    )
    path = folder / "province.yaml"
    path.write_text(path.read_text().replace("2: tibetan", "4: tibetan"))
    asyncio.run(live.refresh("li"))
    good = path.read_text()
    path.write_text(good.replace("silence: shift", "silence: shfit"))
    asyncio.run(live.refresh("li"))
    assert [change.what for change in told] == ["applied", "refused"]
    assert "no node is called 'shfit'" in live.problem
    code, text = call(app, "rollback", folder, "--state-dir", tmp_path / "state")
    assert (code, path.read_text()) == (0, good)
    assert f"went back to {live.versions.version.digest}" in text
    assert asyncio.run(live.refresh("li")) is None
    assert live.problem == ""


def test_written_schemas_and_pages_are_those_of_the_sources(app: typer.Typer, tmp_path: Path) -> None:
    assert call(app, "schema", "--write", tmp_path)[0] == 0
    assert call(app, "schema", "--docs", tmp_path / "docs")[0] == 0
    for name in ("flow", "cases", "calendar"):
        fresh = (tmp_path / f"{name}.schema.json").read_text()
        assert fresh == (SHIPPED / f"{name}.schema.json").read_text(), (
            "run: callrouter flow schema --write ivr_flows"
        )
    pages = SHIPPED.parent / "docs" / "reference" / "flow"
    for page in (tmp_path / "docs").iterdir():
        assert page.read_text() == (pages / page.name).read_text(), "run: callrouter flow schema --docs …"
    for option in ([], ["--cases"], ["--calendar"]):
        assert json.loads(call(app, "schema", *option)[1])["$schema"]

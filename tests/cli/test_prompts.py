"""`callrouter prompts` as an engineer meets it: outcomes, refusals, exit codes."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from callrouter.cli import prompts
from callrouter.flow.loader import read_catalogue
from callrouter.flow.prompts import Status
from tests.speech.folders import CATALOGUE, SHIPPED, Humming, burst, folder_in, studio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_in(tmp_path / "prompts")


@pytest.fixture
def hummed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Humming:
    """The neural voice replaced by one that hums at once."""
    voice = Humming(refuses="见")
    monkeypatch.setattr(prompts, "_voice", lambda draft: voice)
    return voice


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    prompts.register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["prompts", *map(str, arguments)])


def test_list_shows_every_prompt_and_what_is_missing(folder: Path) -> None:
    result = run("list", "--folder", folder, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["prompts"]
    assert len(rows) == 3 * 2
    assert rows[0] == {
        "prompt_id": "greeting_province",
        "language": "zh",
        "status": "missing",
        "seconds": 0.0,
        "text": "您好，请按1。",
        "reference": "您好，请按1。",
        "media": None,
    }


def test_the_shipped_prompts_are_listed_for_people() -> None:
    result = run("list", "--language", "zh")
    assert result.exit_code == 0
    assert "greeting_province" in result.stdout
    assert "zh 普通话: " in result.stdout


def test_a_recording_script_holds_the_mandarin_words(folder: Path) -> None:
    result = run("list", "--folder", folder, "-l", "bo-amdo", "--missing", "--markdown")
    assert "| `goodbye` |  | missing | *再见。* |" in result.stdout
    assert "native speaker needed" in result.stdout


def test_the_page_in_the_docs_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "prompts.md"
    result = run("list", "--language", "zh", "--markdown")
    assert page.read_text(encoding="utf-8") == result.stdout, (
        "run `callrouter prompts list --language zh --markdown > docs/reference/prompts.md`"
    )


def test_rendering_goes_on_after_a_failure_and_exits_with_one(folder: Path, hummed: Humming) -> None:
    result = run("render", "--folder", folder)
    assert result.exit_code == 1
    assert "callrouter prompts render: goodbye: cannot read 再见。" in result.stderr
    assert "2 rendered, 1 failed" in result.stdout
    catalogue = read_catalogue(folder)
    assert catalogue.status("greeting_province", "zh") is Status.SYNTHESISED
    assert catalogue.status("goodbye", "zh") is Status.MISSING


def test_rendering_one_prompt_as_json(folder: Path, hummed: Humming) -> None:
    result = run("render", "greeting_province", "--folder", folder, "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)["rendered"]
    assert (row["id"], row["language"]) == ("greeting_province", "zh")
    assert "Everything is up to date" in run("render", "greeting_province", "--folder", folder).stdout


def test_import_of_a_file_and_of_a_folder(folder: Path, tmp_path: Path) -> None:
    take = studio(tmp_path / "take 1.wav", burst(1.0, rate=48_000))
    result = run("import", take, "--id", "goodbye", "--language", "bo-amdo", "--folder", folder)
    assert result.exit_code == 0, result.stderr
    assert "bo-amdo/goodbye" in result.stdout
    place = tmp_path / "studio"
    studio(place / "goodbye.flac", burst(1.0, rate=48_000))
    studio(place / "greeting_province.wav", burst(1.5, rate=48_000))
    result = run("import", place, "--language", "bo-amdo", "--folder", folder, "--json")
    assert result.exit_code == 0, result.stderr
    imported = json.loads(result.stdout)["imported"]
    assert [row["id"] for row in imported] == ["goodbye", "greeting_province"]
    assert all(row["level"] == pytest.approx(-20, abs=0.5) for row in imported)


def test_one_bad_take_does_not_cost_the_others(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "studio"
    studio(place / "goodbye.wav", np.zeros(48_000))
    studio(place / "greeting_province.wav", burst(1.5, rate=48_000))
    result = run("import", place, "--language", "bo-amdo", "--folder", folder)
    assert result.exit_code == 1
    assert "goodbye.wav: the audio is silent" in result.stderr
    assert read_catalogue(folder).status("greeting_province", "bo-amdo") is Status.RECORDED


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("list", "--language", "bo-ambo"), "unknown language 'bo-ambo'. Did you mean 'bo-amdo'?"),
        (("render", "godbye"), "no such prompt: 'godbye' (Did you mean 'goodbye'?)"),
        (("import", "x.wav", "-l", "zh"), "no such prompt: 'x'"),
        (("import", "x.wav", "-l", "tibetan", "--id", "goodbye"), "unknown language 'tibetan'"),
        (("import", "{empty}", "-l", "zh"), "holds no file"),
        (("import", "{empty}", "-l", "zh", "--id", "goodbye"), "--id names one prompt"),
    ],
)
def test_wrong_usage_exits_with_two(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [argument.replace("{empty}", str(tmp_path / "empty")) for argument in arguments]
    result = run(*given, "--folder", folder)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert result.stderr.startswith("callrouter prompts ")


def test_two_takes_of_one_prompt_are_refused(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "studio"
    studio(place / "goodbye.wav", burst(1.0))
    studio(place / "goodbye.flac", burst(1.0))
    result = run("import", place, "--language", "zh", "--folder", folder)
    assert result.exit_code == 2
    assert "goodbye.flac and goodbye.wav are for the same prompt" in result.stderr


def test_an_unusable_folder_exits_with_two(tmp_path: Path, folder: Path) -> None:
    result = run("list", "--folder", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "catalogue.yaml: cannot be read" in result.stderr
    folder_in(folder, CATALOGUE.replace("prompts:", "promts:"))
    result = run("list", "--folder", folder)
    assert result.exit_code == 2
    assert "unknown key 'promts'. Did you mean 'prompts'?" in result.stderr


def test_prune_names_what_it_removes(folder: Path, hummed: Humming) -> None:
    run("render", "greeting_province", "--folder", folder)
    folder_in(
        folder,
        CATALOGUE.replace("  greeting_province: {zh: 您好，请按1。}\n", "").replace("greeting_*", "g*"),
    )
    result = run("prune", "--folder", folder)
    assert result.exit_code == 0
    assert "removed" in result.stdout
    assert "greeting_province.wav" in result.stdout


def test_the_shipped_folder_is_the_one_beside_the_sources() -> None:
    assert prompts._folder(None) == SHIPPED

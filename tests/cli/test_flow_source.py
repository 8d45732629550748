import json
from dataclasses import replace
from pathlib import Path

import pytest

from callrouter.store.database import DATABASE_NAME
from tests.cli.stage import command, fill, run
from tests.store.samples import T0, record
from tests.store.test_versions import FILES, taken

APP = command("flow", "calls")


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, Path]:
    call = record("c1", flow_version="v1")
    fill(tmp_path, taken("aaaa1111", T0 - 60), taken("bbbb1111", T0 + 60, note="province: a word"), call)
    return "--state-dir", tmp_path


def test_what_was_in_force(place: tuple[str, Path]) -> None:
    lines = run(APP, "flow", "source", *place).output.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "bbbb1111  by li (file): province: a word",
        "aaaa1111  by li (file)",
    ]
    found = json.loads(run(APP, "flow", "source", "--json", "--limit", "1", *place).output)
    assert [one["digest"] for one in found] == ["bbbb1111"]


def test_its_files(place: tuple[str, Path], tmp_path: Path) -> None:
    listed = run(APP, "flow", "source", "aaaa", *place)
    assert listed.output.splitlines()[0] == "version aaaa1111"
    assert "province.yaml" in listed.output
    as_json = json.loads(run(APP, "flow", "source", "aaaa", "--json", *place).output)
    assert {one["name"]: one["size"] for one in as_json["files"]} == {
        name: len(content) for name, content in FILES.items()
    }
    text = run(APP, "flow", "source", "aaaa", "province.yaml", *place)
    assert text.output == FILES["province.yaml"].decode()
    done = run(APP, "flow", "source", "aaaa", "-o", tmp_path / "out", *place)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "site" / "floor.yaml").read_bytes() == FILES["site/floor.yaml"]
    again = run(APP, "flow", "source", "aaaa", "-o", tmp_path / "out", *place)
    assert (again.exit_code, "File exists" in again.stderr) == (2, True)


def test_what_is_not_there(place: tuple[str, Path], tmp_path: Path) -> None:
    for arguments, words in ((("cccc",), "no version"), (("aaaa", "x.yaml"), "has no file 'x.yaml'")):
        missing = run(APP, "flow", "source", *arguments, *place)
        assert (missing.exit_code, words in missing.stderr) == (1, True)
    fill(tmp_path / "other", replace(taken("eeee", T0), files=b"rubbish"))
    broken = run(APP, "flow", "source", "eeee", "--state-dir", tmp_path / "other")
    assert (broken.exit_code, "cannot be read" in broken.stderr) == (1, True)
    fill(tmp_path / "empty")
    assert (tmp_path / "empty" / DATABASE_NAME).exists()
    assert "no version has come" in run(APP, "flow", "source", "--state-dir", tmp_path / "empty").output


def test_a_calls_story_names_its_version(place: tuple[str, Path]) -> None:
    for story in ("show", "explain"):
        told = run(APP, "calls", story, "c1", *place)
        assert "site version aaaa1111, in force since" in told.output, told.output
        assert (
            json.loads(run(APP, "calls", story, "c1", "--json", *place).output)["site_version"] == "aaaa1111"
        )

"""Reading a folder: what is broken, hostile or gone is told, never raised past ConfigError."""

import shutil
from pathlib import Path

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.check import check
from callrouter.flow.loader import load_flows, read_flows
from callrouter.flow.prompts import Status

SHIPPED = Path(__file__).parents[2] / "ivr_flows"

BOMB = b"a: &a0 [x]\n" + b"".join(
    b"b%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "flows"
    shutil.copytree(SHIPPED, target, ignore=shutil.ignore_patterns("*.wav", "tests"))
    return target


def test_the_shipped_flows_load() -> None:
    flows = load_flows(SHIPPED)
    assert {"province", "prefecture", "one_layer", "merged_line", "tibetan", "order_progress"} <= set(
        flows.flows
    )


def test_every_change_of_content_is_a_new_version(folder: Path) -> None:
    versions = {load_flows(folder).version}
    for name in ("province.yaml", "site/calendar.yaml"):
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
        versions.add(load_flows(folder).version)
    assert len(versions) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bomb.yaml", BOMB, "aliases"),
        ("huge.yaml", b"# padding\n" * 1_100_000, "larger than"),
        ("gbk.yaml", "flow: 青海".encode("gbk"), "UTF-8"),
        ("utf16.yaml", "flow: x".encode("utf-16"), "UTF-8"),
        ("tab.yaml", b"flow:\n\tx: 1", "a tab"),
        ("cycle.yaml", b"flow: &a [*a]", "contains itself"),
        ("twice.yaml", b"flow: a\nflow: b", "given twice"),
        ("list.yaml", b"- flow", "must be a mapping"),
        ("empty.yaml", b"", "the file is empty"),
        ("binary.yaml", bytes(range(256)), "UTF-8"),
        ("nul.yaml", b"flow: \x00", "control character"),
        ("nodes.yaml", b"flow: nodes\nperson: a\nstart: a\nnodes: {a: [1]}", "must be a mapping"),
        ("verbs.yaml", b"flow: v\nperson: a\nstart: a\nnodes: {a: {play: {}, menu: {}}}", "exactly one verb"),
        ("noverb.yaml", b"flow: noverb\nperson: a\nstart: a\nnodes: {a: {}}", "exactly one verb"),
        ("deep.yaml", b"flow: " + b"[" * 500, "levels deep"),
    ],
)  # fmt: skip
def test_bad_files_are_told_and_the_others_read(folder: Path, name: str, content: bytes, words: str) -> None:
    (folder / name).write_bytes(content)
    reading = read_flows(folder)
    mine = [str(fault) for fault in reading.faults if Path(fault.file).name == name]
    assert any(words in fault for fault in mine), mine
    assert "province" in reading.flows
    with pytest.raises(ConfigError):
        load_flows(folder)


def test_files_with_another_ending_are_told(folder: Path) -> None:
    for name in ("extra.yml", "site/calendar-more.yml"):
        (folder / name).write_text("flow: extra")
    findings = check(read_flows(folder))
    told = [str(fault) for fault in findings.warnings if "is not read" in fault.message]
    assert [line.partition(": ")[2] for line in told] == [
        "is not read, because of its name. Rename it to extra.yaml",
        "is not read, because of its name. Rename it to calendar-more.yaml",
    ]


def test_unreadable_files(folder: Path) -> None:
    (folder / "folder.yaml").mkdir()
    (folder / "nowhere.yaml").symlink_to(folder / "gone")
    told = "\n".join(map(str, read_flows(folder).faults))
    assert "folder.yaml: cannot be read" in told
    assert "nowhere.yaml: cannot be read" in told


def test_no_catalogue_and_a_damaged_ledger(folder: Path) -> None:
    (folder / "prompts" / "rendered.json").write_text("{")
    with pytest.raises(ConfigError, match="not a ledger"):
        load_flows(folder)
    shutil.rmtree(folder / "prompts")
    with pytest.raises(ConfigError, match="catalogue"):
        load_flows(folder)


def test_audio_that_is_not_there(folder: Path) -> None:
    catalogue = read_flows(folder).catalogue
    assert catalogue is not None
    assert catalogue.status("greeting_province", "zh") in (Status.DAMAGED, Status.MISSING)
    assert load_flows(folder).voice.media("greeting_province", "zh") == ()


def test_the_same_calendar_in_two_files(folder: Path) -> None:
    (folder / "site" / "calendar-more.yaml").write_text("calendars: {office: {week: {}}}")
    assert any("also in" in fault.message for fault in read_flows(folder).faults)

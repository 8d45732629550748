import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from acd.commands import CallbackOpened
from acd.ids import CallId, QueueId
from tests.cli.stage import ask, command, fill, run
from tests.store.samples import T0, record
from tests.store.test_voice import message, recording
from tests.test_forgetting import CALLER, promised

APP = command("privacy", "db")
NUMBER = "13812345678"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path / "state", record("c1"), record("c2", caller="13900000000"))
    return tmp_path / "state"


def test_export_then_erase(state_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "request.json"
    exported = run(APP, "privacy", "export", NUMBER, "-o", target, "--state-dir", state_dir)
    assert exported.exit_code == 0, exported.output
    assert target.stat().st_mode & 0o077 == 0
    assert [call["call"] for call in json.loads(target.read_text())["calls"]] == ["c1"]
    erased = run(APP, "privacy", "erase", NUMBER, "--yes", "--state-dir", state_dir)
    assert erased.exit_code == 0
    assert "calls.caller: 1" in erased.output
    assert ask(state_dir, "SELECT caller FROM calls ORDER BY call") == [("erased",), ("13900000000",)]
    audit = ask(state_dir, "SELECT action, subject FROM audit ORDER BY at")
    assert audit == [("export_person", "138****5678"), ("erase_person", "138****5678")]


def test_nothing_kept_wrong_number_existing_file_and_no(state_dir: Path, tmp_path: Path) -> None:
    place = ("--state-dir", state_dir)
    none = run(APP, "privacy", "export", "13700000000", "-o", tmp_path / "x.json", *place)
    assert (none.exit_code, "nothing is kept" in none.stderr) == (1, True)
    service = run(APP, "privacy", "erase", "12315", "--yes", *place)
    assert (service.exit_code, "no person's number" in service.stderr) == (2, True)
    (tmp_path / "there.json").touch()
    there = run(APP, "privacy", "export", NUMBER, "-o", tmp_path / "there.json", *place)
    assert (there.exit_code, "cannot write" in there.stderr) == (2, True)
    assert run(APP, "privacy", "erase", NUMBER, *place, stdin="n\n").exit_code == 1
    assert ask(state_dir, "SELECT count(*) FROM calls WHERE caller = 'erased'") == [(0,)]


def test_waiting_records_are_told(state_dir: Path) -> None:
    (state_dir / "spill").mkdir()
    (state_dir / "spill" / "spill-00000001.jsonl").write_text("x")
    (state_dir / "spill" / "rejected.jsonl").write_text(f'{{"caller": "{NUMBER}"}}\t{NUMBER}: why\n')
    (state_dir / "spill" / "damaged.jsonl").write_text("")
    result = run(APP, "privacy", "erase", NUMBER, "--yes", "--state-dir", state_dir)
    assert (result.exit_code, "erase again" in result.stderr) == (1, True)
    blotted = "*" * len(NUMBER)
    rejected = (state_dir / "spill" / "rejected.jsonl").read_text()
    assert rejected == f'{{"caller": "{blotted}"}}\t{blotted}: why\n'


def spoken(state_dir: Path) -> Path:
    """A recording and a message of the person, where the demo's Asterisk leaves them."""
    spool = state_dir / "asterisk" / "var" / "spool"
    fill(state_dir, recording("monitor/cr-c1-talk1.wav"), recording("monitor/cr-c1-consult1.wav"))
    fill(state_dir, message("recording/cr-c1-r2.wav", NUMBER))
    for name in ("monitor/cr-c1-talk1.wav", "monitor/cr-c1-consult1.wav", "recording/cr-c1-r2.wav"):
        (spool / name).parent.mkdir(parents=True, exist_ok=True)
        (spool / name).write_bytes(b"RIFF " + name.encode())
    return spool


def test_the_export_holds_what_the_person_said(state_dir: Path, tmp_path: Path) -> None:
    spool = spoken(state_dir)
    place = ("--state-dir", state_dir)
    done = run(APP, "privacy", "export", NUMBER, "-o", tmp_path / "a.json", *place)
    assert done.exit_code == 0, done.output
    assert "2 sounds" in done.output
    folder = tmp_path / "a-sound"
    assert {file.name for file in folder.iterdir()} == {"cr-c1-talk1.wav", "cr-c1-r2.wav"}
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
    done = run(APP, "privacy", "export", NUMBER, "-o", tmp_path / "a.zip", *place)
    assert done.exit_code == 0, done.output
    with ZipFile(tmp_path / "a.zip") as archive:
        names = ["data.json", "sound/cr-c1-r2.wav", "sound/cr-c1-talk1.wav"]
        assert sorted(archive.namelist()) == names
        assert archive.read("sound/cr-c1-talk1.wav") == b"RIFF monitor/cr-c1-talk1.wav"
        assert len(json.loads(archive.read("data.json"))["recordings"]) == 2
    (spool / "monitor/cr-c1-talk1.wav").unlink()
    short = run(APP, "privacy", "export", NUMBER, "-o", tmp_path / "b.zip", *place)
    assert (short.exit_code, "not to be found from this machine: cr-c1-talk1" in short.stderr) == (1, True)


def test_erasing_takes_the_voice_and_what_the_controller_has_left(state_dir: Path) -> None:
    spool = spoken(state_dir)
    call = promised(state_dir)
    promise = CallbackOpened(call=call, origin=CallId("C1"), queue=QueueId("q"), number=CALLER, at=T0)
    fill(state_dir, promise)
    done = run(APP, "privacy", "erase", NUMBER, "--yes", "--state-dir", state_dir)
    assert (done.exit_code, "sounds removed: 3" in done.output) == (0, True), done.output
    assert list(spool.glob("*/*.wav")) == []
    done = run(APP, "privacy", "erase", CALLER, "--yes", "--state-dir", state_dir)
    assert "callbacks dropped: 1" in done.output
    assert CALLER not in (state_dir / "kept.json").read_text()
    assert ask(state_dir, "SELECT number, outcome FROM callbacks") == [("erased", "cancelled")]
    trail = ask(state_dir, "SELECT action, detail FROM audit ORDER BY at")
    assert trail == [("erase_person", "3 sounds removed"), ("erase_person", "0 sounds removed")]


def test_a_hold_is_noted_listed_and_released(state_dir: Path) -> None:
    spool = spoken(state_dir)
    place = ("--state-dir", state_dir)
    assert "nothing is held" in run(APP, "privacy", "holds", *place).output
    no_reason = run(APP, "privacy", "erase", NUMBER, "--yes", "--keep-recordings", " ", *place)
    assert (no_reason.exit_code, "needs a reason" in no_reason.stderr) == (2, True)
    done = run(APP, "privacy", "erase", NUMBER, "--yes", "--keep-recordings", "case  7", *place)
    assert done.exit_code == 0, done.output
    assert len(list(spool.glob("*/*.wav"))) == 3
    assert "case 7: 1 calls, since " in run(APP, "privacy", "holds", *place).output
    other = run(APP, "privacy", "release", "case 8", "--yes", *place)
    assert (other.exit_code, "nothing is held" in other.stderr) == (1, True)
    done = run(APP, "privacy", "release", "case 7", "--yes", *place)
    assert (done.exit_code, done.output) == (0, "1 calls released, 3 sounds removed\n")
    assert list(spool.glob("*/*.wav")) == []
    trail = ask(state_dir, "SELECT action, detail FROM audit ORDER BY at")
    assert trail == [
        ("erase_person", "voice held: case 7"),
        ("release_hold", "case 7: 1 calls, 3 sounds removed"),
    ]


def test_sounds_out_of_reach_stop_it(state_dir: Path) -> None:
    fill(state_dir, recording("monitor/cr-c1-talk1.wav"))
    done = run(APP, "privacy", "erase", NUMBER, "--yes", "--state-dir", state_dir)
    assert done.exit_code == 1
    assert "not all is erased" in done.output
    assert "set `spool` of each Asterisk" in done.stderr
    assert ask(state_dir, "SELECT count(*) FROM calls WHERE caller = 'erased'") == [(0,)]


def test_purge_tells_and_proves(state_dir: Path) -> None:
    dry = run(APP, "db", "purge", "--dry-run", "--json", "--state-dir", state_dir)
    assert dry.exit_code == 0, dry.output
    assert {row["kind"]: row["found"] for row in json.loads(dry.output)["purged"]}["calls"] == 0
    done = run(APP, "db", "purge", "--state-dir", state_dir)
    assert done.exit_code == 0
    assert "numbers of calls: older than 183 days: 0, left: 0" in done.output

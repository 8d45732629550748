import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stage import command, run, serving
from tests.web.conftest import World
from tests.web.fakes import T0, message_view

pytestmark = pytest.mark.slow  # together seconds: not in `make check`

APP = command("voicemail")
SOUND = b"RIFF0000WAVE" + bytes(100)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World()
    for view in (message_view("m1"), message_view("m2", received=T0, heard=T0 + 9, heard_by="chief")):
        world.mailboxes.found[view.id] = view
        world.mailboxes.sounds[view.id] = tmp_path / f"{view.id}.wav"
        world.mailboxes.sounds[view.id].write_bytes(SOUND + view.id.encode())
    return world


@pytest.fixture
def server(world: World) -> Iterator[str]:
    with serving(world) as url:
        yield url


def player(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The only player of this machine."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "aplay"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}")


def boss(server: str) -> tuple[str, ...]:
    return ("--url", server, "--token", "token-boss")


def test_the_list(server: str) -> None:
    result = run(APP, "voicemail", "list", *boss(server))
    assert result.exit_code == 0, result.output
    for words in ("m1", "m2", "complaints", "138****5678", "12.5 s", "new", "chief"):
        assert words in result.output, words
    assert "13812345678" not in result.output


def test_narrowed_as_json(server: str) -> None:
    for arguments, wanted in ((("--new",), ["m1"]), (("--mailbox", "night"), []), (("--limit", "1"), ["m2"])):
        result = run(APP, "voicemail", "list", "--json", *arguments, *boss(server))
        assert [one["id"] for one in json.loads(result.output)] == wanted


def test_playing_marks_as_heard(
    server: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player(tmp_path, monkeypatch, f'while read -r line; do :; done < "$2"; /bin/cat "$2" > {tmp_path}/heard')
    result = run(APP, "voicemail", "play", "m1", *boss(server))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "heard").read_bytes() == SOUND + b"m1"
    assert world.mailboxes.found["m1"].heard_by == "boss"
    assert [action for _, action, _ in world.audit.actions()] == ["hear_voicemail", "mark_voicemail_heard"]


def test_an_auditor_leaves_no_mark(
    server: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player(tmp_path, monkeypatch, "exit 0")
    result = run(APP, "voicemail", "play", "m1", "--url", server, "--token", "token-auditor")
    assert result.exit_code == 0, result.output
    assert world.mailboxes.found["m1"].heard is None


def test_a_player_that_fails_marks_nothing(
    server: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player(tmp_path, monkeypatch, "echo 'no sound card' >&2; exit 3")
    result = run(APP, "voicemail", "play", "m1", *boss(server))
    assert (result.exit_code, "no sound card" in result.stderr) == (1, True)
    assert world.mailboxes.found["m1"].heard is None


def test_without_a_player_there_is_export(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run(APP, "voicemail", "play", "m1", *boss(server))
    assert (result.exit_code, "voicemail export" in result.stderr) == (2, True)


def test_export_is_for_my_eyes_only_and_never_overwrites(server: str, world: World, tmp_path: Path) -> None:
    file = tmp_path / "out.wav"
    result = run(APP, "voicemail", "export", "last", "-o", file, *boss(server))
    assert result.exit_code == 0, result.output
    assert file.read_bytes() == SOUND + b"m2"
    assert os.stat(file).st_mode & 0o777 == 0o600
    again = run(APP, "voicemail", "export", "m1", "-o", file, *boss(server))
    assert (again.exit_code, file.read_bytes()) == (2, SOUND + b"m2")
    assert world.mailboxes.found["m1"].heard is None


def test_marks(server: str, world: World) -> None:
    assert "m1: heard" in run(APP, "voicemail", "mark", "m1", *boss(server)).output
    assert world.mailboxes.found["m1"].heard_by == "boss"
    assert "m1: new" in run(APP, "voicemail", "mark", "m1", "--new", *boss(server)).output
    assert world.mailboxes.found["m1"].heard is None


def test_delete_asks(server: str, world: World) -> None:
    refused = run(APP, "voicemail", "delete", "m1", *boss(server), stdin="n\n")
    assert (refused.exit_code, set(world.mailboxes.found)) == (1, {"m1", "m2"})
    done = run(APP, "voicemail", "delete", "m1", "--yes", *boss(server))
    assert (done.exit_code, set(world.mailboxes.found)) == (0, {"m2"})
    assert "m1: deleted" in done.output


@pytest.mark.parametrize("what", [("export", "-o", "x.wav"), ("mark",), ("delete", "--yes")])
def test_what_is_not_there_is_told(server: str, what: tuple[str, ...]) -> None:
    result = run(APP, "voicemail", what[0], "m9", *what[1:], *boss(server))
    assert result.exit_code == 2
    assert "there is no such message" in result.stderr
    assert not Path("x.wav").exists()


def test_no_messages_at_all(server: str, world: World) -> None:
    world.mailboxes.found.clear()
    result = run(APP, "voicemail", "mark", "last", *boss(server))
    assert (result.exit_code, "no messages" in result.stderr) == (1, True)


def test_an_agent_is_told_that_it_is_not_for_agents(server: str) -> None:
    result = run(APP, "voicemail", "list", "--url", server, "--token", "token-agent1")
    assert (result.exit_code, "only supervisors see messages" in result.stderr) == (2, True)

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callrouter.cli.recordings import NONE
from tests.cli.stage import command, run, serving
from tests.store.samples import record
from tests.web.conftest import World
from tests.web.test_recordings import SOUND, view

APP = command("recordings")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World()
    world.records.found = [record("c1"), record("c2")]
    world.recordings.found = [view("cr-c1-consult1", consult=True), view("cr-c1-talk1")]
    for one in world.recordings.found:
        world.recordings.sounds[one.id] = tmp_path / f"{one.id}.wav"
        world.recordings.sounds[one.id].write_bytes(SOUND + one.id.encode())
    return world


@pytest.fixture
def server(world: World) -> Iterator[str]:
    with serving(world) as url:
        yield url


def boss(server: str) -> tuple[str, ...]:
    return ("--url", server, "--token", "token-boss")


def test_the_list(server: str) -> None:
    result = run(APP, "recordings", "list", "c1", *boss(server))
    assert result.exit_code == 0, result.output
    for words in ("cr-c1-talk1", "cr-c1-consult1", "the caller", "seat and target only", "1:24", "abab"):
        assert words in result.output, words
    found = json.loads(run(APP, "recordings", "list", "c1", "--json", *boss(server)).output)
    assert [one["id"] for one in found] == ["cr-c1-consult1", "cr-c1-talk1"]


def test_a_call_that_was_not_recorded_says_why(server: str) -> None:
    result = run(APP, "recordings", "list", "c2", *boss(server))
    assert (result.exit_code, result.output) == (0, f"{NONE}\n")


def test_what_the_caller_heard_comes_first_and_consultations_by_name(server: str, tmp_path: Path) -> None:
    result = run(APP, "recordings", "export", "c1", "-o", tmp_path / "a.wav", *boss(server))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.wav").read_bytes() == SOUND + b"cr-c1-talk1"
    assert os.stat(tmp_path / "a.wav").st_mode & 0o777 == 0o600
    run(APP, "recordings", "export", "c1", "cr-c1-consult1", "-o", tmp_path / "b.wav", *boss(server))
    assert (tmp_path / "b.wav").read_bytes() == SOUND + b"cr-c1-consult1"
    again = run(APP, "recordings", "export", "c1", "-o", tmp_path / "a.wav", *boss(server))
    assert (again.exit_code, "exists" in again.stderr) == (2, True)


def test_playing(server: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "aplay"
    program.write_text(f'#!/bin/sh\n/bin/cat "$2" > {tmp_path}/heard\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    assert run(APP, "recordings", "play", "c1", *boss(server)).exit_code == 0
    assert (tmp_path / "heard").read_bytes() == SOUND + b"cr-c1-talk1"
    assert world.audit.actions() == [("boss", "hear_recording", "cr-c1-talk1")]


def test_faults_say_what_to_do(server: str, world: World, tmp_path: Path) -> None:
    none = run(APP, "recordings", "export", "c2", "-o", tmp_path / "c.wav", *boss(server))
    assert (none.exit_code, "see `record` of its queue" in none.stderr) == (1, True)
    unknown = run(APP, "recordings", "list", "c9", *boss(server))
    assert (unknown.exit_code, "no finished call 'c9'" in unknown.stderr) == (2, True)
    agent = run(APP, "recordings", "list", "c1", "--url", server, "--token", "token-agent1")
    assert (agent.exit_code, "only supervisors and auditors" in agent.stderr) == (2, True)
    world.recordings.altered = "1 bytes, 412 were recorded"
    altered = run(APP, "recordings", "export", "c1", "-o", tmp_path / "c.wav", *boss(server))
    assert (altered.exit_code, "not what was recorded" in altered.stderr) == (2, True)
    assert not (tmp_path / "c.wav").exists()


def test_what_was_erased_on_request_says_so(world: World, server: str, tmp_path: Path) -> None:
    world.recordings.found = [
        replace(one, erased=1_795_000_500.0, erased_by="shell:li") for one in world.recordings.found
    ]
    listed = run(APP, "recordings", "list", "c1", *boss(server))
    assert "erased on request" in listed.output
    assert "by shell:li" in listed.output
    asked = run(APP, "recordings", "export", "c1", "-o", tmp_path / "a.wav", *boss(server))
    assert asked.exit_code == 2
    assert "erased on request" in asked.stderr

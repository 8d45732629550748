import json
from collections.abc import Iterator

import pytest

from tests.cli.stage import command, run, serving
from tests.web.conftest import World
from tests.web.fakes import callback_view, missed_view

APP = command("callbacks")


@pytest.fixture
def server() -> Iterator[str]:
    world = World()
    world.engine.promised = {view.callback: view for view in (callback_view("b1"),)}
    world.engine.gone = {view.call: view for view in (missed_view("m1"),)}
    with serving(world) as url:
        yield url


def test_both_lists_masked(server: str) -> None:
    result = run(APP, "callbacks", "list", "--url", server, "--token", "token-boss")
    assert result.exit_code == 0, result.output
    for words in ("Open callbacks", "b1", "waiting", "Missed calls", "m1", "138****5678", "1:00"):
        assert words in result.output, words
    assert "13812345678" not in result.output


def test_as_json_with_a_password(server: str) -> None:
    arguments = ("callbacks", "list", "--url", server, "--user", "boss", "--json")
    found = json.loads(run(APP, *arguments, stdin="secret-boss\n").output)
    assert [one["callback"] for one in found["open"]] == ["b1"]
    assert [one["call"] for one in found["missed"]] == ["m1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--token", "token-agent1"), "only supervisors see callbacks"),
        (("--token", "wrong"), "sign in again"),
        ((), "give --token"),
    ],
)
def test_who_may_not_is_told(server: str, arguments: tuple[str, ...], words: str) -> None:
    result = run(APP, "callbacks", "list", "--url", server, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_no_server_is_told() -> None:
    result = run(APP, "callbacks", "list", "--url", "http://127.0.0.1:1", "--token", "x")
    assert result.exit_code == 2
    assert "does not answer" in result.stderr

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from acd.ids import AgentId
from callrouter.cli.live_client import LiveClient, Login, NotAllowed, Unreachable
from callrouter.web.server import WebServer
from tests.cli.stage import command, run
from tests.web.conftest import World

pytestmark = pytest.mark.slow

APP = command("watch")
WATCH = (
    "import typer, callrouter.cli.watch as w; a=typer.Typer(); a.callback()(lambda: None); w.register(a); a()"
)


@pytest.fixture
async def served() -> AsyncIterator[tuple[World, WebServer]]:
    world = World()
    server = WebServer(world.app())
    await server.start()
    yield world, server
    await server.stop()


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WATCH,
        "watch",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def output(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_once_shows_the_state(served: tuple[World, WebServer]) -> None:
    _, server = served
    process = await start("--once", "--url", server.url, "--token", "token-boss")
    code, out, _ = await output(process)
    assert code == 0
    assert "综合受理" in out
    assert "座席 s1" in out


async def test_once_as_json_by_the_demos_ready_line(served: tuple[World, WebServer], tmp_path: Path) -> None:
    _, server = served
    logins = {"supervisor": {"user": "boss", "password": "secret-boss"}}
    (tmp_path / "demo.json").write_text(json.dumps({"http": server.url, "logins": logins}))
    code, out, err = await output(await start("--once", "--json", "--state-dir", str(tmp_path)))
    assert code == 0, err
    assert [seat["seat"] for seat in json.loads(out)["seats"]] == ["s1", "s2", "s3"]


async def test_what_the_operator_ought_to_know_is_on_top() -> None:
    world = World()
    away = "database is away, records wait on disk: no such host"
    world.settings = replace(world.settings, warnings=lambda: (away,))
    server = WebServer(world.app())
    await server.start()
    try:
        for more in ((), ("--json",)):
            process = await start("--once", *more, "--url", server.url, "--token", "token-boss")
            code, out, _ = await output(process)
            assert code == 0
            assert "records wait on disk" in out
    finally:
        await server.stop()


async def test_json_lines_until_interrupted(served: tuple[World, WebServer]) -> None:
    world, server = served
    process = await start("--json", "--url", server.url, "--token", "token-boss")
    assert process.stdout is not None
    async with asyncio.timeout(20):
        first = json.loads(await process.stdout.readline())
        world.engine.change_seat("s1", state="ready", agent=AgentId("a"))
        second = json.loads(await process.stdout.readline())
    assert (first["type"], second["type"], second["seats"][0]["state"]) == ("snapshot", "change", "ready")
    process.send_signal(signal.SIGINT)
    code, _, err = await output(process)
    assert (code, err) == (0, "")


async def test_a_password_by_standard_input(served: tuple[World, WebServer]) -> None:
    _, server = served
    process = await start("--once", "--json", "--url", server.url, "--user", "boss")
    async with asyncio.timeout(20):
        out, _ = await process.communicate(b"secret-boss\n")
    assert process.returncode == 0
    assert json.loads(out)["queues"]


async def test_wrong_token_and_no_server_are_said(served: tuple[World, WebServer]) -> None:
    _, server = served
    code, _, err = await output(await start("--url", server.url, "--token", "forged"))
    assert (code, "get a new one" in err) == (2, True)
    await server.stop()
    code, _, err = await output(await start("--once", "--url", server.url, "--token", "token-boss"))
    assert (code, "does not answer" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--url", "127.0.0.1:80"), "is no address"),
        (("--url", "http://127.0.0.1:1"), "give --token"),
        (("--state-dir", "/nonexistent"), "start `callrouter demo`"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    result = run(APP, "watch", *arguments)
    assert (result.exit_code, words in result.stderr) == (2, True)


@pytest.mark.parametrize("content", ["nonsense", "[]", '{"http": "http://x", "logins": {}}'])
def test_a_ready_line_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "demo.json").write_text(content)
    assert run(APP, "watch", "--state-dir", tmp_path).exit_code == 2


async def test_the_client_connects_again_and_starts_from_a_snapshot(served: tuple[World, WebServer]) -> None:
    world, server = served
    losses: list[str] = []
    kinds: list[str] = []
    client = LiveClient(server.url, Login(user="boss", password="secret-boss"))
    messages = client.forever(lambda reason, _: losses.append(reason))
    async with asyncio.timeout(20):
        kinds.append((await anext(messages))["type"])
        port = int(server.url.rpartition(":")[2])
        await server.stop()
        again = WebServer(world.app(), port=port)
        await again.start()
        kinds.append((await anext(messages))["type"])
        await messages.aclose()
        await again.stop()
    assert kinds == ["snapshot", "snapshot"]
    assert losses


async def test_an_ended_token_is_renewed_with_the_password(served: tuple[World, WebServer]) -> None:
    world, server = served
    client = LiveClient(server.url, Login(user="boss", password="secret-boss"))
    messages = client.forever(lambda *_: None)
    async with asyncio.timeout(20):
        await anext(messages)
        await world.accounts.sign_out("token-boss")
        assert (await anext(messages))["type"] == "snapshot"
    await messages.aclose()


async def test_a_wrong_password_is_not_tried_again(served: tuple[World, WebServer]) -> None:
    _, server = served
    client = LiveClient(server.url, Login(user="boss", password="guess"))
    with pytest.raises(NotAllowed, match="does not let 'boss' in"):
        await anext(client.forever(lambda *_: None))


async def test_something_else_at_the_port(tmp_path: Path) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SIP/2.0 400 Bad\r\n\r\n")
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    with pytest.raises(Unreachable):
        await anext(LiveClient(f"http://127.0.0.1:{port}", Login(token="t")).messages())
    other.close()

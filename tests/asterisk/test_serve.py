"""`callrouter serve` beside another controller: who comes second leaves the first one alone."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from acd.ids import NodeId
from simulators.softphone import SoftphonePool
from tests.asterisk.hotline import Hotline, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

PROGRAM = (sys.executable, "-c", "from callrouter.cli.main import run; run()", "serve", "--config")


@pytest.fixture(scope="module")
async def hotline(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("serve"), phone_pool) as running:
        yield running


def settings(folder: Path, hotline: Hotline, *, state_dir: Path, port: int) -> Path:
    rendered = hotline.province.asterisk.rendered
    for name, secret in (("ari", rendered.ari_password), ("ami", rendered.ami_password)):
        (folder / name).write_text(secret)
    file = folder / "settings.yaml"
    file.write_text(
        f"site: {hotline.province.wishes.site}\nstate_dir: {state_dir}\nhttp: {{port: {port}}}\n"
        f"asterisk:\n  - ari_url: {rendered.ari_url}\n    ari_password_file: ari\n"
        f"    ami_port: {rendered.ami_port}\n    ami_password_file: ami\n"
    )
    return file


@asynccontextmanager
async def serving(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*PROGRAM, str(config), stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def refused(config: Path, hotline: Hotline) -> str:
    """What a controller says that must not start; the first one is still in charge afterwards."""
    connections = hotline.province.app.ami[NodeId("main")].connections
    async with serving(config) as process, asyncio.timeout(40):
        _, said = await process.communicate()
    assert process.returncode == 2
    app = hotline.province.app
    assert app.health().ready
    assert app.ami[NodeId("main")].connections == connections
    caller = await hotline.caller("13897110098")
    await hotline.call(caller)
    await caller.hangup()
    return said.decode()


async def test_the_same_state_directory(tmp_path: Path, hotline: Hotline) -> None:
    state_dir = hotline.province.app.settings.state_dir
    said = await refused(settings(tmp_path, hotline, state_dir=state_dir, port=0), hotline)
    assert f"another controller runs with the state directory {state_dir}" in said
    assert "Traceback" not in said


async def test_a_port_that_is_taken(tmp_path: Path, hotline: Hotline) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = settings(tmp_path, hotline, state_dir=tmp_path / "state", port=port)
        said = await refused(config, hotline)
    assert f"HTTP port {port} on 127.0.0.1 is in use" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_before_asterisk_is_there(
    tmp_path: Path, hotline: Hotline, sign: signal.Signals
) -> None:
    """Nothing listens where ARI and AMI should be."""
    config = settings(tmp_path, hotline, state_dir=tmp_path / "state", port=0)
    rendered = hotline.province.asterisk.rendered
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = str(deaf.getsockname()[1])
        text = config.read_text().replace(f":{rendered.ari_url.rsplit(':', 1)[1]}", f":{port}/ari")
        config.write_text(text.replace(f"ami_port: {rendered.ami_port}", f"ami_port: {port}"))
        async with serving(config) as process, asyncio.timeout(40):
            loop = asyncio.get_running_loop()
            # The lock is the first thing that a starting controller makes.
            lock = tmp_path / "state" / "controller.lock"
            while not await loop.run_in_executor(None, lock.exists):
                assert process.returncode is None
                await asyncio.sleep(0.05)
            process.send_signal(sign)
            _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "Traceback" not in said.decode()

"""The process that writes: what it says, and that it neither outlives its controller nor hangs it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from msgspec.structs import replace
from sqlalchemy import text

from callrouter.feed.messages import published
from callrouter.ports import AuditEntry, Unavailable
from callrouter.store import migrate
from callrouter.store import scribe as scribe_module
from callrouter.store.database import Database, Unfit
from callrouter.store.entries import encode
from callrouter.store.inserting import silent
from callrouter.store.scribe import Scribe
from tests.store.conftest import Locked
from tests.store.samples import T0, record

pytestmark = pytest.mark.slow

SECONDS = 10.0


@pytest.fixture
async def scribe(database: Database, place: str) -> AsyncIterator[Scribe]:
    found = Scribe(database.url.render_as_string(hide_password=False), published)
    yield found
    await found.close()


async def count(database: Database, table: str) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


def lives(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while lives(pid):  # noqa: ASYNC110 - another process ends
            await asyncio.sleep(0.02)


async def test_calls_and_their_messages_are_written_once(scribe: Scribe, database: Database) -> None:
    calls = [encode(record(f"c{number}")) for number in range(30)]
    assert await scribe.insert(calls, SECONDS) == 30
    first = scribe.pid
    assert await scribe.insert([*calls, encode(record("c30"))], SECONDS) == 1
    assert scribe.pid == first
    assert (await count(database, "calls"), await count(database, "segments")) == (31, 31 * 12)
    # The end of the call, its transfer, and the transfer once more for the line.
    assert await count(database, "outbox") == 31 * 3


async def test_what_is_refused_is_named_and_the_next_goes_on(scribe: Scribe, database: Database) -> None:
    with pytest.raises(Unfit, match=r"int|range|large"):
        await scribe.insert([encode(record("c1")), encode(record("c2", cause=2**70))], SECONDS)
    with pytest.raises(Unfit, match="hologram"):
        await scribe.insert([b'{"kind":"hologram","entry":{}}'], SECONDS)
    with pytest.raises(Unfit):
        await scribe.insert([b"not JSON"], SECONDS)
    assert await count(database, "calls") == 0
    assert await scribe.insert([encode(record("c1"))], SECONDS) == 1


async def test_a_database_that_is_held_is_told_in_time(scribe: Scribe, locked: Locked) -> None:
    await scribe.insert([encode(record("c0"))], SECONDS)
    async with locked():
        with pytest.raises(Unavailable, match=r"0\.3 s"):
            await scribe.insert([encode(record("c1"))], 0.3)
    assert await scribe.insert([encode(record("c2"))], SECONDS) == 1


async def test_it_is_begun_again_when_it_was_killed(scribe: Scribe, database: Database) -> None:
    await scribe.insert([encode(record("c0"))], SECONDS)
    pid = scribe.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await gone(pid)
    with pytest.raises(Unavailable, match="the process that writes records"):
        await scribe.insert([encode(record("c1"))], SECONDS)
    assert await scribe.insert([encode(record("c1"))], SECONDS) == 1
    assert scribe.pid != pid
    assert await count(database, "calls") == 2


def test_it_may_be_killed_at_any_time_in_the_loop_of_service(tmp_path: Path) -> None:
    """uvloop says otherwise than asyncio that a pipe is closed."""

    async def kill_and_write() -> int:
        database = Database(tmp_path / "callrouter.sqlite")
        await migrate.upgrade(database)
        scribe = Scribe(database.url.render_as_string(hide_password=False), silent)
        for number, pause in enumerate((0.0, 0.001, 0.3)):
            await scribe.insert([encode(record(f"a{number}"))], SECONDS)
            assert scribe.pid is not None
            os.kill(scribe.pid, signal.SIGKILL)
            await asyncio.sleep(pause)
            with pytest.raises(Unavailable, match="the process that writes records"):
                await scribe.insert([encode(record(f"b{number}"))], SECONDS)
            assert await scribe.insert([encode(record(f"b{number}"))], SECONDS) == 1
        await scribe.close()
        found = await count(database, "calls")
        await database.close()
        return found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(kill_and_write()) == 6


@pytest.mark.parametrize("count", [1, 2000])
async def test_one_that_hangs_is_ended_though_its_pipe_be_full(
    scribe: Scribe, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    await scribe.insert([encode(record("c0"))], SECONDS)
    pid = scribe.pid
    assert pid is not None
    monkeypatch.setattr(scribe_module, "GRACE", 0.2)
    os.kill(pid, signal.SIGSTOP)
    found = [encode(record(f"h{number}")) for number in range(count)]
    with pytest.raises(Unavailable, match="does not answer"):
        await scribe.insert(found, 0.1)
    await gone(pid)
    assert await scribe.insert(found[:1], SECONDS) == 1


async def test_ctrl_c_and_a_services_stop_are_the_controllers(scribe: Scribe) -> None:
    await scribe.insert([encode(record("c0"))], SECONDS)
    pid = scribe.pid
    assert pid is not None
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, one)
    assert await scribe.insert([encode(record("c1"))], SECONDS) == 1
    assert scribe.pid == pid
    assert os.getsid(pid) == pid, "a terminal's Ctrl-C does not reach it while it starts, either"
    await scribe.close()
    await gone(pid)


CONTROLLER = """
import asyncio, sys
from callrouter.store.inserting import silent
from callrouter.store.scribe import Scribe

async def main():
    one = Scribe(sys.argv[1], silent)
    await one.start()
    print(one.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def begin_and_kill(url: str) -> int:
    """A controller that is killed; returns the process that it had begun."""
    program = [sys.executable, "-c", CONTROLLER, url]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None
        pid = int(controller.stdout.readline())
        assert lives(pid)
        controller.kill()
    return pid


async def test_it_ends_with_a_controller_that_is_killed(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    await gone(await asyncio.to_thread(begin_and_kill, url))


async def test_a_database_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    scribe = Scribe("sqlite+aiosqlite:////proc/none/x.sqlite", silent)
    with pytest.raises(Unavailable, match="/proc/none"):
        await scribe.insert([encode(AuditEntry(id="1", at=T0, who="a", action="b", subject="c"))], SECONDS)
    await scribe.close()


async def test_a_program_that_cannot_be_started_is_told(
    scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe_module.sys, "executable", "/nonexistent/python")
    with pytest.raises(Unavailable, match="can't be started"):
        await scribe.insert([encode(record())], SECONDS)
    monkeypatch.undo()
    assert await scribe.insert([encode(replace(record(), caller="您\x00"))], SECONDS) == 1

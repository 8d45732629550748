"""The command itself, in a process of its own: exit codes, errors in one line, interruption, a full disk."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.toolchain.conftest import Machine, MirrorServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def argv(machine: Machine, *arguments: str) -> list[str]:
    keyring = machine.repository.root.parent / "keyring.gpg"
    return [sys.executable, "-m", "tests.toolchain.drive", str(keyring), "tools", *arguments]


def run(machine: Machine, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(machine, *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def started(machine: Machine, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A running command; when the block is left it and its children have ended."""
    process = subprocess.Popen(
        argv(machine, *arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)


def await_line(process: subprocess.Popen[str], text: str) -> None:
    """Read standard error until a line holds the text."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the command ended without saying {text!r}")


def test_installs_and_shows_the_outcome(machine: Machine) -> None:
    done = run(machine, "install", "--mirror", machine.repository.address)
    assert done.returncode == 0
    assert done.stdout.startswith("small: greeter ")
    assert "small: fetching 2 packages" in done.stderr
    shown = run(machine, "status", "--check")
    assert shown.returncode == 0
    assert [line.split()[:3] for line in shown.stdout.splitlines()[1:]] == [["small", "installed", "greeter"]]


def test_json_for_scripts(machine: Machine) -> None:
    absent = run(machine, "status", "--json")
    assert absent.returncode == 1
    assert json.loads(absent.stdout)[0]["state"] == "absent"
    done = run(machine, "install", "--json", "--mirror", machine.repository.address)
    assert list(json.loads(done.stdout)[0]["versions"]) == ["greeter"]
    assert done.stderr == ""
    (group,) = json.loads(run(machine, "status", "--json", "--check").stdout)
    assert group["state"] == "installed"
    assert Path(group["programs"][0]["path"]).is_file()


def test_status_tells_a_program_that_no_longer_starts(machine: Machine) -> None:
    machine.install()
    program = machine.tools / "small/current/usr/bin/greeter"
    program.write_bytes(b"\x7fELF, once")
    assert run(machine, "status").returncode == 0
    checked = run(machine, "status", "--check")
    assert checked.returncode == 1
    assert "broken" in checked.stdout
    assert "does not start" in checked.stdout


def test_second_run_costs_under_a_second(machine: Machine) -> None:
    machine.install()
    before = os.times()
    assert run(machine, "install", PATH="/nonexistent").returncode == 0
    after = os.times()
    # Processor time: the clock on the wall also counts what else runs on this machine.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mirror", "http://127.0.0.1:1/debian"), "cannot reach the mirror"),
        (("--mirror", "file:///nonexistent"), "--mirror"),
        (("--asterisk", "/nonexistent"), "--asterisk /nonexistent: no such program"),
        (("--asterisk", "/bin/true"), "asterisk does not start"),
        (("--asterisk", "/bin/true", "--private-asterisk"), "contradict"),
        (("--with", "unheard-of"), "no such group"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(machine: Machine, arguments: tuple[str, ...], said: str) -> None:
    done = run(machine, "install", "--json", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("callrouter tools install: ")
    assert said in done.stderr
    assert machine.leftovers == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_download_leaves_nothing_and_goes_on_later(
    machine: Machine, server: MirrorServer, sign: signal.Signals
) -> None:
    server.hold = threading.Event()
    with started(machine, "install", "--mirror", server.address) as process:
        await_line(process, "fetching")
        os.killpg(process.pid, sign)
        assert process.wait(timeout=30) != 0
    assert machine.leftovers == []
    server.hold.set()
    assert run(machine, "install", "--mirror", server.address).returncode == 0


def test_two_at_once_follow_each_other(machine: Machine, server: MirrorServer) -> None:
    server.hold = threading.Event()
    with started(machine, "install", "--mirror", server.address) as first:
        await_line(first, "fetching")
        with started(machine, "install", "--mirror", server.address) as second:
            await_line(second, "another installation is running")
            server.hold.set()
            assert first.wait(timeout=30) == 0
            assert second.wait(timeout=30) == 0
    assert sorted(server.packages()) == ["greeter", "libc-small"]


def test_disk_that_fills_up_while_unpacking(machine: Machine, tmp_path: Path) -> None:
    zeros = {"usr/share/greeter/zeros": bytes(100 << 20)}
    # The index claims less than is true: only the file system itself can tell.
    machine.repository.add("greeter", "1.0-2", files=zeros, depends="libc-small", claimed_kilobytes=1)
    machine.repository.publish()
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        'mount -t tmpfs -o size=90m tmpfs "$1" && shift && "$@"; code=$?; find "$0" -name current; exit $code'
    )
    names = ["unshare", "--mount"] + (["--user", "--map-root-user"] if os.geteuid() else [])
    if subprocess.run([*names, "mount", "-t", "tmpfs", "tmpfs", str(disk)], check=False).returncode != 0:
        pytest.skip("this machine gives no private file system to its users")
    command = argv(machine, "install", "--json", "--mirror", machine.repository.address)
    done = subprocess.run(
        [*names, "sh", "-c", script, disk, disk, *command],
        cwd=ROOT,
        env={**os.environ, "CALLROUTER_CACHE": str(disk / "cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("callrouter tools install: the disk is full: make room")
    assert done.stdout == ""

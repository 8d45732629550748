"""`tools install` against a signed repository, by this machine's apt: only the trusted key is a test's."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from callrouter.toolchain import ToolchainError, locate, manifest
from callrouter.toolchain.groups import Group, ProgramSpec
from tests.toolchain.conftest import Machine, MirrorServer, locator
from tests.toolchain.openpgp import Key
from tests.toolchain.small import GREETER, SMALL

pytestmark = pytest.mark.slow  # together seconds: not in `make check`


def current(machine: Machine) -> Path:
    return (machine.tools / "small/current").resolve()


def refused(machine: Machine, pattern: str, mirror: str | None = None, **options: object) -> None:
    """The installation fails with one line that matches, and leaves nothing behind."""
    with pytest.raises(ToolchainError, match=pattern) as caught:
        machine.install(mirror, **options)
    assert "\n" not in str(caught.value)
    assert machine.leftovers == []
    with pytest.raises(ToolchainError, match="tools install"):
        locate("greeter")


def test_installs_a_program_that_runs_from_its_own_prefix(machine: Machine) -> None:
    (marker,) = machine.install()
    program = locate("greeter")
    done = subprocess.run(
        program.command(), input=b"hello", env=program.environment(), capture_output=True, check=True
    )
    assert done.stdout == b"hello"
    assert program.prefix == current(machine)
    assert re.fullmatch(r"\d+\.\d+", marker.versions["greeter"])


def test_marker_names_every_package_with_its_digest(machine: Machine) -> None:
    (marker,) = machine.install()
    pool = machine.repository.root / "pool"
    on_mirror = {hashlib.sha256(deb.read_bytes()).hexdigest(): deb.name for deb in pool.iterdir()}
    assert {package.name for package in marker.packages} == {"greeter", "libc-small"}
    assert all(on_mirror[package.sha256].startswith(package.name) for package in marker.packages)
    assert manifest.read(current(machine)) == marker


def test_what_never_runs_is_not_even_fetched(machine: Machine, server: MirrorServer) -> None:
    machine.install(server.address)
    assert sorted(server.packages()) == ["greeter", "libc-small"]


def test_second_run_needs_neither_network_nor_apt(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = machine.install()
    shutil.rmtree(machine.repository.root)
    monkeypatch.setenv("PATH", "/nonexistent")
    (second,) = machine.install()
    assert second == first
    assert machine.listener.stages == []


def test_progress_is_told_in_bytes_of_the_plan(machine: Machine) -> None:
    (marker,) = machine.install()
    total = sum(package.size for package in marker.packages)
    fetched, unpacked = machine.listener.done[2:4]
    assert machine.listener.stages[2] == "small: fetching 2 packages"
    assert fetched == unpacked == total


def test_everything_belongs_to_the_caller_and_nothing_is_set_user_id(machine: Machine) -> None:
    stage = machine.repository.root / "work/greeter/usr/bin/greeter"
    stage.chmod(0o4755)
    machine.repository.add("greeter", "1.0-2", depends="libc-small")
    machine.repository.publish()
    machine.install()
    found = current(machine) / "usr/bin/greeter"
    assert found.stat().st_uid == os.geteuid()
    assert found.stat().st_mode & 0o6000 == 0


def test_unsigned_mirror_is_refused(machine: Machine) -> None:
    (machine.repository.root / "dists/testing/Release.gpg").unlink()
    refused(machine, "not signed by Debian's keyring")


def test_mirror_signed_by_a_stranger_is_refused(machine: Machine) -> None:
    machine.repository.publish(signer=Key(os.urandom(32), machine.repository.key.created))
    refused(machine, "not signed by Debian's keyring")


def test_index_changed_after_signing_is_refused(machine: Machine) -> None:
    release = machine.repository.root / "dists/testing/Release"
    release.write_bytes(release.read_bytes().replace(b"Origin: Test", b"Origin: Trap"))
    refused(machine, "not signed by Debian's keyring")


@pytest.mark.parametrize("same_size", [True, False])
def test_tampered_package_is_refused_and_the_honest_one_taken_later(
    machine: Machine, server: MirrorServer, same_size: bool
) -> None:
    deb = next((machine.repository.root / "pool").glob("libc-small*"))
    honest = deb.read_bytes()
    deb.write_bytes(honest[:-1] + bytes([honest[-1] ^ 1]) if same_size else honest + b"!")
    refused(machine, "differ from what Debian signed", server.address)
    deb.write_bytes(honest)
    assert machine.install(server.address)


@pytest.mark.slow
def test_unreachable_mirror(machine: Machine, server: MirrorServer) -> None:
    server.server_close()
    refused(machine, "cannot reach the mirror", server.address)


def test_mirror_without_the_suite(machine: Machine) -> None:
    shutil.rmtree(machine.repository.root / "dists")
    refused(machine, "lacks what is needed|not signed")


def test_mirror_address_that_would_forge_a_source_line(machine: Machine) -> None:
    refused(machine, "is no address", "file:///x testing main\ndeb [trusted=yes] file:///y")


def test_no_apt(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dpkg = shutil.which("dpkg")
    assert dpkg
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/dpkg").symlink_to(dpkg)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    refused(machine, "apt-get was not found.*Debian 12")


def test_no_dpkg(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    refused(machine, "dpkg was not found.*Debian 12")


def test_wrong_architecture(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dpkg = tmp_path / "bin/dpkg"
    dpkg.parent.mkdir()
    dpkg.write_text("#!/bin/sh\necho riscv64\n")
    dpkg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{dpkg.parent}:{os.environ['PATH']}")
    refused(machine, "this machine is riscv64.*amd64 and arm64")


def test_keyring_missing(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("callrouter.toolchain.sources.KEYRINGS", (tmp_path / "absent.gpg",))
    refused(machine, "keyring .*absent.gpg is missing.*debian-archive-keyring")


def test_cache_that_cannot_be_written(machine: Machine) -> None:
    machine.tools.parent.write_text("a file where the folder should be")
    with pytest.raises(ToolchainError, match=r"cannot write to .*CALLROUTER_CACHE"):
        machine.install()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_cache_of_another_user(machine: Machine) -> None:
    machine.tools.mkdir(parents=True)
    os.chown(machine.tools, 65534, 65534)
    with pytest.raises(ToolchainError, match=r"belongs to another user: set CALLROUTER_CACHE"):
        machine.install()


def test_disk_too_small_is_told_before_anything_is_fetched(machine: Machine, server: MirrorServer) -> None:
    machine.repository.add("greeter", "1.0-2", depends="libc-small", claimed_kilobytes=1 << 40)
    machine.repository.publish()
    refused(machine, "the disk is full: .* MB free .* needs .* MB", server.address)
    assert server.packages() == []


def test_asterisk_of_the_mirror_too_old(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Group("small", "", "testing", ("asterisk",), {"asterisk": GREETER})
    monkeypatch.setattr("callrouter.toolchain.install.DEFAULT", (old,))
    machine.repository.add("asterisk", "1:22.9.0+dfsg+~cs6.17-1", depends="libc-small")
    machine.repository.publish()
    with pytest.raises(ToolchainError, match=r"is Asterisk 22\.9\.0, but 22\.10\.1 or newer is needed"):
        machine.install()
    assert machine.leftovers == []


def test_program_that_does_not_start_is_not_installed(machine: Machine) -> None:
    machine.repository.add(
        "greeter", "1.0-2", files={"usr/bin/greeter": b"\x7fELF but no more"}, depends="libc-small"
    )
    machine.repository.publish()
    refused(machine, "greeter does not start")


def test_missing_library_is_found_before_the_program_is_started(machine: Machine) -> None:
    uninvited = Path("/bin/ls")  # needs libraries that the repository does not have
    machine.repository.add("greeter", "1.0-2", files={"usr/bin/greeter": uninvited}, depends="libc-small")
    machine.repository.publish()
    refused(machine, r"greeter needs lib[a-z]+\.so")


def test_plug_in_without_its_library_is_refused_too(machine: Machine) -> None:
    plugin = {"usr/lib/greeter/plugin.so": Path("/bin/ls")}
    machine.repository.add("greeter", "1.0-2", files=plugin, depends="libc-small")
    machine.repository.publish()
    refused(machine, r"plugin\.so needs lib[a-z]+\.so")


@pytest.mark.slow
def test_broken_off_download_goes_on_where_it_stopped(machine: Machine, server: MirrorServer) -> None:
    server.refuse = "/pool/greeter"
    with pytest.raises(ToolchainError):
        machine.install(server.address)
    assert machine.leftovers == []
    assert server.packages() == ["libc-small"]
    server.refuse = ""
    machine.install(server.address)
    assert server.packages() == ["libc-small", "greeter"]


def test_failed_upgrade_keeps_what_was_there(machine: Machine) -> None:
    machine.install()
    before = current(machine)
    machine.repository.add("greeter", "2.0-1", files={"usr/bin/greeter": b"no program"}, depends="libc-small")
    machine.repository.publish()
    with pytest.raises(ToolchainError, match="does not start"):
        machine.install(upgrade=True)
    assert current(machine) == before
    assert subprocess.run(locate("greeter").command("/dev/null"), check=False).returncode == 0


@pytest.mark.slow
def test_upgrade_spares_the_prefix_that_a_program_still_runs_from(machine: Machine) -> None:
    machine.install()
    prefixes = [current(machine)]
    running = subprocess.Popen(locate("greeter").command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        for version in ("2.0-1", "3.0-1"):
            terms = {"usr/share/doc/greeter/copyright": version.encode()}
            machine.repository.add("greeter", version, files=terms, depends="libc-small")
            machine.repository.publish()
            machine.install(upgrade=True)
            prefixes.append(current(machine))
    finally:
        running.communicate(timeout=30)
    assert [prefix.exists() for prefix in prefixes] == [True, False, True]
    assert "3.0-1" in {package.version for package in machine.install()[0].packages}


def test_upgrade_without_anything_newer_touches_nothing(machine: Machine) -> None:
    machine.install()
    before = current(machine).stat().st_ino
    machine.install(upgrade=True)
    assert machine.listener.notes == ["small: the mirror has nothing newer"]
    assert current(machine).stat().st_ino == before


@pytest.mark.parametrize("damage", ["marker", "program", "link"])
@pytest.mark.slow
def test_damaged_installation_is_made_anew(machine: Machine, damage: str) -> None:
    machine.install()
    victim = {
        "marker": current(machine) / manifest.FILE_NAME,
        "program": current(machine) / "usr/bin/greeter",
        "link": machine.tools / "small/current",
    }[damage]
    victim.unlink()
    if damage == "marker":
        victim.write_text('{"format": 1, "packages": [{"name": 3}]}')
    with pytest.raises(ToolchainError, match="callrouter tools install"):
        locate("greeter")
    machine.install()
    assert locate("greeter").path.is_file()


def test_group_defined_anew_counts_as_absent(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.install()
    other = Group(
        "small", "", "testing", ("greeter", "perl"), {"greeter": ProgramSpec("usr/bin/greeter", (), "")}
    )
    monkeypatch.setattr(locator, "GROUPS", {"small": other})
    with pytest.raises(ToolchainError, match="is not installed"):
        locate("greeter")


def test_remains_of_a_killed_installation_are_swept(machine: Machine) -> None:
    remains = machine.tools / ".staging-small/usr"
    remains.mkdir(parents=True)
    machine.install()
    assert machine.leftovers == ["small"]


def test_unknown_group(machine: Machine) -> None:
    refused(machine, "--with freeswitch: no such group; there are postgres", extra=("freeswitch",))


def test_names_of_no_group_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        locate("freeswitch")


def test_small_group_is_what_the_tests_think() -> None:
    assert SMALL.leaves_out("adduser")
    assert SMALL.leaves_out("perl-modules-5.42")
    assert not SMALL.leaves_out("libc6")
    assert SMALL.digest("amd64") != SMALL.digest("arm64")

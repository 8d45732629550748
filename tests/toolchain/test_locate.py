"""An installed Asterisk instead of the private one, and what the rest of the product asks of the tools."""

import stat
from pathlib import Path

import pytest

from callrouter.toolchain import ToolchainError, asterisk_files, cache_home, install, locate
from callrouter.toolchain.install import Request
from tests.toolchain.conftest import Listener


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLROUTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("callrouter.toolchain.install.DEFAULT", ())
    return tmp_path / "cache"


def asterisk(root: Path, version: str = "22.10.1", *, complete: bool = True) -> Path:
    """A program that says that it is Asterisk, in a tree as a source installation makes it."""
    program = root / "usr/sbin/asterisk"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'Asterisk {version}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    if complete:
        (root / "usr/lib/asterisk/modules").mkdir(parents=True)
        (root / "var/lib/asterisk/sounds").mkdir(parents=True)
    return program


def use(path: Path | None) -> None:
    install.install(Request(asterisk=path, private_asterisk=path is None), Listener())


def test_installed_asterisk_is_used_until_undone(cache: Path, tmp_path: Path) -> None:
    path = asterisk(tmp_path)
    use(path)
    program = locate("asterisk")
    assert (program.path, program.argv, program.version) == (path, (str(path),), "22.10.1")
    files = asterisk_files()
    assert files.modules == tmp_path / "usr/lib/asterisk/modules"
    assert files.sounds == tmp_path / "var/lib/asterisk/sounds"
    use(None)
    with pytest.raises(ToolchainError, match="asterisk is not installed: run `callrouter tools install`"):
        locate("asterisk")


@pytest.mark.parametrize("version", ["22.9.0", "20.99.9", "1.8.0", "22.10.0"])
def test_too_old(cache: Path, tmp_path: Path, version: str) -> None:
    with pytest.raises(ToolchainError, match=rf"is Asterisk {version}, but 22\.10\.1 or newer is needed"):
        use(asterisk(tmp_path, version))
    with pytest.raises(ToolchainError, match="is not installed"):
        locate("asterisk")


@pytest.mark.parametrize("version", ["22.10.1", "22.11.0", "23.0.0", "22.10.1~dfsg+~cs6"])
def test_new_enough(cache: Path, tmp_path: Path, version: str) -> None:
    use(asterisk(tmp_path, version))
    assert locate("asterisk").version == version.partition("~")[0]


def test_installed_asterisk_that_went_away(cache: Path, tmp_path: Path) -> None:
    path = asterisk(tmp_path)
    use(path)
    path.unlink()
    with pytest.raises(ToolchainError, match="is gone: run `callrouter tools install`"):
        locate("asterisk")


def test_installed_asterisk_without_its_modules(cache: Path, tmp_path: Path) -> None:
    use(asterisk(tmp_path, complete=False))
    with pytest.raises(ToolchainError, match="has no data folder"):
        asterisk_files()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"path": 3}', '{"path": null, "version": "1"}'])
def test_damaged_note_of_the_installed_asterisk(cache: Path, text: str) -> None:
    (cache / "tools").mkdir(parents=True)
    (cache / "tools/asterisk.json").write_text(text)
    with pytest.raises(ToolchainError, match=r"asterisk\.json is damaged"):
        locate("asterisk")


def test_cache_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CALLROUTER_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_home() == tmp_path / ".cache/callrouter"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert cache_home() == tmp_path / ".cache/callrouter"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_home() == tmp_path / "x/callrouter"
    monkeypatch.setenv("CALLROUTER_CACHE", str(tmp_path / "own"))
    assert cache_home() == tmp_path / "own"

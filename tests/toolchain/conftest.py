"""A machine for `tools install`: an empty cache, a keyring of its own and a small signed repository."""

import http.server
import importlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from callrouter.toolchain import install as installer
from callrouter.toolchain import sources
from callrouter.toolchain.install import Request
from callrouter.toolchain.manifest import Manifest
from callrouter.toolchain.paths import Architecture, machine_architecture
from tests.toolchain.openpgp import Key
from tests.toolchain.repository import Repository
from tests.toolchain.small import SMALL

# The package exports a function of the module's name.
locator = importlib.import_module("callrouter.toolchain.locate")


class Listener:
    """A Reporter that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.notes: list[str] = []
        self.done: list[int] = []

    def stage(self, text: str, total: int) -> None:
        self.stages.append(text)
        self.done.append(0)

    def advance(self, done: int) -> None:
        assert done >= self.done[-1]
        self.done[-1] = done

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(slots=True)
class Machine:
    """What a test needs: the repository, the cache's tools folder, and `install`."""

    repository: Repository
    tools: Path
    listener: Listener = field(default_factory=Listener)

    def install(self, mirror: str | None = None, **options: Any) -> list[Manifest]:
        self.listener = Listener()
        request = Request(mirror=mirror or self.repository.address, **options)
        return installer.install(request, self.listener)

    @property
    def leftovers(self) -> list[str]:
        """Whatever lies in the tools folder but the private apt and the lock."""
        if not self.tools.exists():
            return []
        names = [path.name for path in self.tools.iterdir() if path.name not in (".apt", ".lock")]
        return [
            name for name in names if not (self.tools / name).is_dir() or any((self.tools / name).iterdir())
        ]


def c_library(architecture: Architecture) -> dict[str, bytes | Path]:
    """This machine's own loader and C library, as files of a package."""
    folder = Path("/") / architecture.library_folder
    return {
        architecture.loader: Path("/") / architecture.loader,
        f"{architecture.library_folder}/libc.so.6": folder / "libc.so.6",
    }


@pytest.fixture(scope="session")
def built_repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Holds `greeter`, which needs a C library and (needlessly) `adduser`, which needs `perl`."""
    architecture = machine_architecture()
    root = tmp_path_factory.mktemp("mirror")
    made = Repository(root, Key(os.urandom(32), int(time.time()) - 1000), architecture)
    made.add("libc-small", "2.0-1", files=c_library(architecture))
    made.add("perl", "5.0-1")
    made.add("adduser", "3.1", depends="perl (= 5.0-1)")
    depends = "libc-small, adduser (>= 3), perl (= 5.0-1)"
    made.add("greeter", files={"usr/bin/greeter": Path("/usr/bin/cat")}, depends=depends)
    made.publish()
    return made


@pytest.fixture
def repository(built_repository: Repository, tmp_path: Path) -> Repository:
    """A copy that a test may change."""
    root = tmp_path / "mirror"
    shutil.copytree(built_repository.root, root, symlinks=True)
    return replace(built_repository, root=root, stanzas=dict(built_repository.stanzas))


@pytest.fixture
def machine(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """An empty cache on a machine that trusts the repository's key only and wants the group SMALL only."""
    keyring = tmp_path / "keyring.gpg"
    keyring.write_bytes(repository.key.keyring())
    monkeypatch.setenv("CALLROUTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "KEYRINGS", (keyring,))
    monkeypatch.setattr(installer, "DEFAULT", (SMALL,))
    monkeypatch.setattr(locator, "DEFAULT", (SMALL,))
    monkeypatch.setattr(locator, "GROUPS", {"small": SMALL})
    return Machine(repository, tmp_path / "cache/tools")


class MirrorServer(http.server.ThreadingHTTPServer):
    """Serves a repository on loopback; counts what is fetched and breaks off where a test wants it to."""

    daemon_threads = True
    requests: list[str]
    refuse: str = ""
    hold: threading.Event | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def packages(self) -> list[str]:
        """Names of the packages fetched so far."""
        return [path.rpartition("/")[2].partition("_")[0] for path in self.requests if path.endswith(".deb")]


class _Handler(http.server.SimpleHTTPRequestHandler):
    server: MirrorServer

    def do_GET(self) -> None:
        if self.path.endswith(".deb") and self.server.hold is not None:
            self.server.hold.wait(timeout=30)
        if self.server.refuse and self.server.refuse in self.path:
            self.close_connection = True
            self.connection.close()
            return
        self.server.requests.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *arguments: Any) -> None:
        """A test's output is no access log."""


@pytest.fixture
def server(repository: Repository) -> Iterator[MirrorServer]:
    made = MirrorServer(("127.0.0.1", 0), partial(_Handler, directory=str(repository.root)))
    made.requests = []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()

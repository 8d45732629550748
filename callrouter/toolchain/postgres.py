"""A private PostgreSQL on loopback, from the toolchain: to measure and to test with, never for records."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.locate import locate
from callrouter.toolchain.ports import free_ports

USER: Final = "callrouter"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0
_TOOL_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.05
_TRIES: Final = 3


class PostgresServer:
    """One server with an empty cluster in `folder`, for this machine's users. Blocks: not for a loop.

    `settings`: ``name=value`` pairs of postgresql.conf. The port stays the same over restarts.
    """

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        self._folder = folder
        self._settings = [word for setting in settings for word in ("-c", setting)]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_ports(1)[0]

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> Self:
        data = self._folder / "data"
        data.mkdir(parents=True, mode=0o700)
        how = ("-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self._tool("initdb", "-D", data, "-U", USER, *how)
        for left in reversed(range(_TRIES)):
            try:
                self.start()
                break
            except ToolchainError:
                self.stop()
                if not left:
                    raise
                self.port = free_ports(1)[0]  # somebody else was quicker
            except BaseException:
                self.stop()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it takes connections. Raises `ToolchainError` with what it said when it can't."""
        data = self._folder / "data"
        program = locate("postgres")
        where = ("-D", data, "-p", str(self.port), "-h", "127.0.0.1", "-k", data)
        log = self._folder / "log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                program.command(*where, *self._settings),
                env=program.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._takes_connections():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ToolchainError(f"PostgreSQL did not start: {_why(log)}")
            time.sleep(_POLL_SECONDS)

    def stop(self, *, kill: bool = False) -> None:
        """End it; `kill`: as a power cut would end it."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            # Its children see their parent gone and end by themselves.
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def create(self, database: str) -> str:
        """Make an empty database; returns its URL."""
        self._tool("psql", "-q", "-c", f'CREATE DATABASE "{database}"', self.url())
        return self.url(database)

    def _takes_connections(self) -> bool:
        program = locate("pg_isready")
        ask = program.command("-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-q")
        done = subprocess.run(ask, env=program.environment(), capture_output=True, timeout=_TOOL_SECONDS)
        return done.returncode == 0

    def _tool(self, name: str, *arguments: str | Path) -> None:
        program = locate(name)
        done = subprocess.run(
            program.command(*arguments),
            env=program.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TOOL_SECONDS,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise ToolchainError(f"{name} failed: {said[-1] if said else done.returncode}")


def _why(log: Path) -> str:
    """The first grave line of the log, else its last."""
    said = log.read_text(encoding="utf-8", errors="replace").splitlines()
    grave = (line for line in said if "FATAL" in line or "PANIC" in line)
    return next(grave, said[-1] if said else "it said nothing")

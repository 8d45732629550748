"""Where a running or past installation keeps its things, for commands that look at it."""

import errno
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

if TYPE_CHECKING:
    from callrouter.settings import Settings
    from callrouter.store.database import Database

READY_FILE: Final = "demo.json"
"""The demo's ready line, kept in its state directory while it runs."""

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        envvar="CALLROUTER_STATE_DIR",
        metavar="DIR",
        help="State directory; default: that of `callrouter demo`.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", envvar="CALLROUTER_CONFIG", metavar="FILE", help="Settings of an installation."),
]


def default_state_dir() -> Path:
    """Where `callrouter demo` keeps its state unless told otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "callrouter" / "demo"


def keep_private() -> None:
    """From now on what this process and its children write can be read by their owner only."""
    os.umask(0o077)


_DISK: Final = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOTDIR)
)


def disk_fault(error: OSError, folder: Path, remedy: str) -> str | None:
    """One sentence for a disk that refuses: where, why, what to do; None: it is no disk's fault."""
    if error.errno not in _DISK:
        return None
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{error.filename or folder}: {error.strerror}: {'make room there or ' if full else ''}{remedy}"


def fail(text: str, code: int = 2) -> NoReturn:
    """End the command with one line on standard error."""
    typer.echo(f"callrouter: {text}", err=True)
    raise typer.Exit(code)


def ready_line(state_dir: Path) -> dict[str, Any]:
    """What a running demo said when it was ready; ends the command when there is none."""
    file = state_dir / READY_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fail(f"nothing runs in {state_dir}: start `callrouter demo`, or give --url and --token")
    except (OSError, ValueError) as error:
        fail(f"{file} cannot be read: {error}")
    if not isinstance(found, dict):
        fail(f"{file} is not what `callrouter demo` writes: start it again")
    return found


def database_place(state_dir: Path | None, config: Path | None) -> str | Path:
    """The database of a state directory or of the settings; ends the command when it isn't there."""
    from callrouter.store.database import DATABASE_NAME

    if config is not None and state_dir is not None:
        fail("give --state-dir or --config, not both")
    if config is not None:
        return _database_of_settings(config)
    folder = state_dir or default_state_dir()
    file = folder / DATABASE_NAME
    if not file.is_file():
        fail(f"no database {file}: start `callrouter demo` first, or give --state-dir or --config")
    return file


def state_folder(state_dir: Path | None, config: Path | None) -> Path:
    """The state directory of the settings, the one named, or the demo's."""
    return settings_of(config).state_dir if config is not None else state_dir or default_state_dir()


def sound_folders(state_dir: Path | None, config: Path | None) -> list[Path]:
    """Asterisk's spool folders: those of the settings that can be reached from here, or the demo's."""
    if config is not None:
        return [node.spool for node in settings_of(config).asterisk if node.spool is not None]
    spool = (state_dir or default_state_dir()) / "asterisk" / "var" / "spool"
    return [spool] if spool.is_dir() else []


def _database_of_settings(config: Path) -> str:
    return settings_of(config).database_url()


def settings_of(config: Path) -> "Settings":
    """The settings of a file; ends the command when they can't be used."""
    from callrouter.config.faults import ConfigError
    from callrouter.settings import load_settings

    try:
        return load_settings(config)
    except ConfigError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{config} cannot be read: {error.strerror}")


@asynccontextmanager
async def opened(place: str | Path, *, current: bool = True) -> "AsyncIterator[Database]":
    """The database, open; ends the command when it cannot be used or (if `current`) has an old schema."""
    from callrouter.ports import Unavailable
    from callrouter.store.current import newest, stands_at
    from callrouter.store.database import Database, StoreError

    try:
        database = Database(place)
    except StoreError as error:
        fail(str(error))
    try:
        if current and (found := await stands_at(database)) != newest():
            stands = f"revision {found}" if found else "empty"
            fail(f"the database is {stands}, this version needs {newest()}: run `callrouter db upgrade`")
        yield database
    except Unavailable as error:
        fail(f"the database cannot be used: {error}")
    except StoreError as error:
        fail(str(error))
    finally:
        await database.close()

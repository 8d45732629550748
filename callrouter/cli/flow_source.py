"""`callrouter flow source`: the files of a version that calls ran on, from the records."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from callrouter.cli.state import Config, StateDir, database_place, fail, opened
from callrouter.cli.story import safe


def source_command(
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Its name or the beginning of it.")
    ] = None,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="Print this file.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Write all files into this new folder."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="List at most so many.")] = 20,
    state_dir: StateDir = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Show what was in force when; with a version its files; with a file its text.

    `calls show` and `calls explain` name a call's version; it is kept for as long as calls that ran on it.

    Exit code 1: there is no such version or file.

    Example: callrouter flow source 9f3c1a2b province.yaml
    """
    place = database_place(state_dir, config)
    if version is None:
        _list(place, limit, as_json)
        return
    found, files = _sources(place, version)
    if file is not None:
        if file not in files:
            fail(f"version {found} has no file {file!r}: {', '.join(sorted(files))}", code=1)
        typer.echo(files[file].decode(errors="replace"), nl=False)
    elif output is not None:
        _write(output, files)
        typer.echo(f"{output}: {len(files)} files of version {found}")
    elif as_json:
        listed = [{"name": name, "size": len(content)} for name, content in sorted(files.items())]
        typer.echo(json.dumps({"version": found, "files": listed}))
    else:
        typer.echo(f"version {found}")
        for name, content in sorted(files.items()):
            typer.echo(f"{len(content):>9}  {safe(name).plain}")


def _list(place: str | Path, limit: int, as_json: bool) -> None:
    from dataclasses import asdict
    from datetime import datetime

    from callrouter.live_site import Taken
    from callrouter.store.versions import StoredVersions

    async def run() -> list[Taken]:
        async with opened(place) as database:
            return list(await StoredVersions(database).taken(limit=limit))

    found = asyncio.run(run())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        when = datetime.fromtimestamp(one.at).strftime("%Y-%m-%d %H:%M:%S")
        note = f": {safe(one.note).plain}" if one.note else ""
        typer.echo(f"{when}  {one.digest}  by {safe(one.by).plain}{note}")
    if not found:
        typer.echo("no version has come into force with this database")


def _sources(place: str | Path, version: str) -> tuple[str, Mapping[str, bytes]]:
    from callrouter.store.versions import StoredVersions

    async def run() -> tuple[str, Mapping[str, Any]] | None:
        async with opened(place) as database:
            return await StoredVersions(database).sources(version)

    try:
        found = asyncio.run(run())
    except ValueError as error:
        fail(f"version {version!r} cannot be read: {error}", code=1)
    if found is None:
        fail(f"no version, or several, begin with {version!r}: see `callrouter flow source`", code=1)
    return found


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir()
        for name, content in files.items():
            # Names come from a database: none may lead out of the folder.
            if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
                fail(f"{name!r} is no name of a site's file", code=1)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}")

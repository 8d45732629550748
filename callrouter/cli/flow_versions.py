"""`callrouter flow versions` and `flow rollback`: what went live when, and how to go back."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from callrouter.cli.state import StateDir, default_state_dir
from callrouter.live_folder import Archive

out = Console(soft_wrap=True, highlight=False)
VERSIONS = "site-versions"
"""Folder of the archive within the state directory."""


def versions_command(
    state_dir: StateDir = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many changes to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Show which versions of the flows are kept, and who changed what when.

    Exit code 0: shown; 2: nothing has ever gone live there.

    Example: callrouter flow versions
    """
    archive = _archive(state_dir)
    kept, changes = archive.versions(), archive.changes(limit)
    if as_json:
        typer.echo(json.dumps({"versions": kept, "changes": changes}, ensure_ascii=False))
        return
    out.print("Kept versions, the one last in force first:")
    for number, digest in enumerate(kept):
        out.print(f"  {'●' if number == 0 else '○'} {digest}")
    colours = {"applied": "green", "refused": "red", "rolled_back": "yellow"}
    for change in changes:
        at = datetime.fromtimestamp(float(change["at"])).strftime("%Y-%m-%d %H:%M:%S")
        what = str(change["what"])
        out.print(
            f"{at} [{colours.get(what, 'dim')}]{what}[/] {change['digest']} by {escape(str(change['by']))}"
        )
        for words in change["words"]:
            out.print(f"    {escape(str(words))}")


def rollback_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the flows.")] = Path(
        "ivr_flows"
    ),
    version: Annotated[
        str, typer.Option("--to", metavar="VERSION", help="Beginning of a version, instead.")
    ] = "",
    state_dir: StateDir = None,
) -> None:
    """Write a version that was in force into the folder again; a running controller takes it up by itself.

    Of a change that was refused, or has not been taken up, it is the version in force; else the one before.

    Exit code 0: done; 1: it lies there already; 2: no such version.

    Example: callrouter flow rollback ivr_flows
    """
    from callrouter.cli.flow import unusable
    from callrouter.live_folder import who

    archive = _archive(state_dir)
    kept = archive.versions()
    version = version or _last_but_what_lies_there(archive, folder)
    try:
        changed = archive.restore(version, folder)
    except LookupError as error:
        unusable(f"{error}; see `callrouter flow versions`")
    except OSError as error:
        unusable(f"{error.filename}: {error.strerror}")
    for name in changed:
        out.print(f"  {escape(name)}")
    found = next(digest for digest in kept if digest.startswith(version))
    out.print(f"{escape(who())} went back to {found}: {len(changed)} files changed")
    raise typer.Exit(0 if changed else 1)


def _last_but_what_lies_there(archive: Archive, folder: Path) -> str:
    from callrouter.cli.flow import unusable
    from callrouter.config.faults import ConfigError
    from callrouter.config.versions import digest_of
    from callrouter.live_folder import read_files

    kept = archive.versions()
    try:
        present = digest_of(read_files(folder))
    except ConfigError:
        present = ""
    if present != kept[0]:
        return kept[0]
    if len(kept) < 2:
        unusable("there is no version before the present one")
    return kept[1]


def _archive(state_dir: Path | None) -> Archive:
    from callrouter.cli.flow import unusable

    folder = (state_dir or default_state_dir()) / VERSIONS
    archive = Archive(folder)
    if not archive.versions():
        unusable(f"{folder} holds no versions: none has gone live with this state directory")
    return archive

"""`callrouter floor`: what the floor decided, and whether it would decide the same again."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callrouter.cli import schemas
from callrouter.cli.state import StateDir, default_state_dir, fail

if TYPE_CHECKING:
    from callrouter.floor_log.replay import Replayed


def register(app: typer.Typer) -> None:
    floor = typer.Typer(
        no_args_is_help=True, help="The log of the floor's decisions; the schema of its plan."
    )
    floor.command("replay")(replay_log)
    floor.command("logs")(list_logs)
    floor.command("schema")(schema)
    app.add_typer(floor, name="floor")


def replay_log(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of STATE/floor-log/.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give a fresh floor what the log says, and compare every answer byte for byte.

    Exit code 1: an answer differs; the first one is shown.

    Example: callrouter floor replay state/floor-log/20261123T072001Z-4f0c1a.000001.jsonl
    """
    from callrouter.floor_log.replay import LogFault, replay

    try:
        found = replay(file)
    except LogFault as error:
        fail(str(error))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    if as_json:
        typer.echo(json.dumps(_document(found), ensure_ascii=False))
    else:
        _show(found)
    if found.difference is not None:
        raise typer.Exit(1)


def list_logs(state_dir: StateDir = None) -> None:
    """List the log's files, oldest first.

    Example: callrouter floor logs
    """
    from callrouter.floor_log.recorder import FOLDER

    folder = (state_dir or default_state_dir()) / FOLDER
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        fail(f"no log in {folder}: give --state-dir", code=1)
    for file in files:
        typer.echo(f"{file.stat().st_size:>10}  {file}")


def _document(found: "Replayed") -> dict[str, Any]:
    from msgspec import to_builtins

    document: dict[str, Any] = to_builtins(found, enc_hook=str)
    return {**document, "same": found.difference is None}


def _show(found: "Replayed") -> None:
    from callrouter.cli.story import clock, console, safe

    terminal = console()
    terminal.print(safe(f"run {found.run}: {found.steps} steps in {found.files} file(s)", "bold"))
    if found.first is not None and found.last is not None:
        day = datetime.fromtimestamp(found.first)
        terminal.print(f"{day:%Y-%m-%d} {clock(found.first)} to {clock(found.last)}")
    if found.torn:
        terminal.print(safe("the last line is cut off (the process ended there) and was left out", "yellow"))
    different = found.difference
    if different is None:
        terminal.print(safe("every answer is the same, byte for byte", "green"))
        for one in found.queues:
            if one.offered:
                terminal.print(
                    safe(
                        f"queue {one.queue}, that day: {one.offered} offered, {one.answered} answered "
                        f"({one.answered_in_target} in time), {one.abandoned} abandoned"
                    )
                )
        return
    found_at = f"{different.file}:{different.line}: the answer differs"
    terminal.print(safe(found_at, "bold red"), soft_wrap=True)
    terminal.print(safe(f"{clock(different.at)}  {different.given} {different.fields}"), soft_wrap=True)
    for name, answer in (("then", different.then), ("now", different.now)):
        terminal.print(safe(f"{name}:", "bold"))
        for line in answer or ("nothing",):
            terminal.print(safe(f"  {line}", "red" if name == "now" else ""))
    if different.then == different.now:
        terminal.print(safe("the same decisions; they differ in their details", "yellow"))


def schema(
    write: schemas.Folder = None,
) -> None:
    """Print the JSON Schema that editors complete and explain site/floor.yaml with.

    Example: callrouter floor schema --write ivr_flows
    """
    from callrouter.config.json_schema import schema_of
    from callrouter.site.floor import FloorFile

    schemas.give("floor", schema_of(FloorFile, "The floor plan of callrouter"), write)

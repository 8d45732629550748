"""`callrouter recordings`: what was said in a call, from the running server."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from callrouter.cli.server import Token, Url, User, asked, chosen_server
from callrouter.cli.sounds import found_player, must_be_new, play_sound, write_sound
from callrouter.cli.state import StateDir, fail

if TYPE_CHECKING:
    from rich.table import Table

    from callrouter.cli.live_client import LiveClient

CallArgument = Annotated[str, typer.Argument(metavar="CALL", help="The call's id: `callrouter calls list`.")]
RecordingArgument = Annotated[
    str | None,
    typer.Argument(metavar="[RECORDING]", help="Which one; without it the first that the caller heard."),
]
NONE: Final = "nothing was recorded of this call: see `record` of its queue in site/floor.yaml"


def register(app: typer.Typer) -> None:
    recordings = typer.Typer(no_args_is_help=True, help="Recordings of calls: list, play, export.")
    recordings.command("list")(list_recordings)
    recordings.command("play")(play)
    recordings.command("export")(export)
    app.add_typer(recordings, name="recordings")


def list_recordings(
    call: CallArgument,
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List a finished call's recordings. Without --url: the demo's server.

    Example: callrouter recordings list 20261123T065717914-0-main
    """
    found = asked(lambda client: _of(client, call), chosen_server(url, token, user, state_dir))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found:
        typer.echo(NONE)
        return
    from callrouter.cli.story import console

    console().print(_picture(found))


def play(
    call: CallArgument,
    recording: RecordingArgument = None,
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
) -> None:
    """Play a recording on this machine. Leaves an audit line.

    Exit code 1: nothing was recorded, or the player failed; 2: no player, or you may not.

    Example: callrouter recordings play 20261123T065717914-0-main
    """
    player = found_player("recordings export")

    async def hear(client: "LiveClient") -> None:
        sound = await client.ask("GET", await _sound(client, call, recording))
        await asyncio.to_thread(play_sound, player, sound)

    asked(hear, chosen_server(url, token, user, state_dir))


def export(
    call: CallArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Must not exist.")],
    recording: RecordingArgument = None,
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
) -> None:
    """Write a recording into a WAV file that only you can read. Leaves an audit line.

    Example: callrouter recordings export 20261123T065717914-0-main -o call.wav
    """
    must_be_new(output)

    async def fetch(client: "LiveClient") -> bytes:
        return await client.ask("GET", await _sound(client, call, recording))

    write_sound(output, asked(fetch, chosen_server(url, token, user, state_dir)))


async def _of(client: "LiveClient", call: str) -> list[dict[str, Any]]:
    found = json.loads(await client.ask("GET", f"/calls/{quote(call, safe='')}/recordings"))
    assert isinstance(found, list)
    return found


async def _sound(client: "LiveClient", call: str, recording: str | None) -> str:
    if recording is None:
        found = await _of(client, call)
        recording = next((str(one["id"]) for one in found if not one["consult"]), None)
        if recording is None:
            fail(NONE, code=1)
    return f"/calls/{quote(call, safe='')}/recordings/{quote(recording, safe='')}/sound"


def _picture(found: "Sequence[Mapping[str, Any]]") -> "Table":
    from callrouter.cli.story import safe, sheet, span

    table = sheet("Recordings, earliest first")
    for heading in ("recording", "heard by", "began", "length", "SHA-256"):
        table.add_column(heading, no_wrap=True)
    for one in found:
        table.add_row(
            safe(one["id"]),
            "seat and target only" if one["consult"] else "the caller",
            datetime.fromtimestamp(one["started"]).strftime("%Y-%m-%d %H:%M:%S"),
            span(one["ended"] - one["started"]),
            safe(_proof(one)),
        )
    return table


def _proof(one: Mapping[str, Any]) -> str:
    if one["erased"] is not None:
        when = datetime.fromtimestamp(one["erased"]).strftime("%Y-%m-%d %H:%M")
        return f"erased on request {when} by {one['erased_by']}"
    return str(one["sha256"][:16]) or "its file was not here"

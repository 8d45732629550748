"""`callrouter voicemail`: messages that callers have left, on the running server."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from urllib.parse import quote, urlencode

import typer

from callrouter.cli.server import Token, Url, User, asked, chosen_server
from callrouter.cli.sounds import found_player, must_be_new, play_sound, write_sound
from callrouter.cli.state import StateDir, fail

if TYPE_CHECKING:
    from rich.table import Table

    from callrouter.cli.live_client import LiveClient

T = TypeVar("T")

LAST: Final = "last"
MessageId = Annotated[str, typer.Argument(metavar="ID", help="The message's id, or `last` for the newest.")]


def register(app: typer.Typer) -> None:
    voicemail = typer.Typer(no_args_is_help=True, help="Messages that callers have left.")
    voicemail.command("list")(list_messages)
    voicemail.command("play")(play)
    voicemail.command("export")(export)
    voicemail.command("mark")(mark)
    voicemail.command("delete")(delete)
    app.add_typer(voicemail, name="voicemail")


def list_messages(
    mailbox: Annotated[str | None, typer.Option(metavar="NAME", help="Only this mailbox.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Only those that nobody has heard.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List messages, newest first. Without --url: the demo's server.

    Example: callrouter voicemail list --new
    """
    wanted = {"limit": str(limit)}
    if mailbox:
        wanted["mailbox"] = mailbox
    if new:
        wanted["heard"] = "false"

    async def ask(client: "LiveClient") -> dict[str, Any]:
        return await client.get(f"/voicemails?{urlencode(wanted)}")

    found = asked(ask, chosen_server(url, token, user, state_dir))["messages"]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    from callrouter.cli.story import console

    console().print(_picture(found))


def play(
    message: MessageId,
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
) -> None:
    """Play a message on this machine and mark it as heard. Leaves an audit line.

    Exit code 1: the player failed; 2: no player is installed (then: `voicemail export`).

    Example: callrouter voicemail play last
    """
    player = found_player("voicemail export")

    async def heard(client: "LiveClient") -> None:
        me = await client.get("/me")
        path = await _path(client, message)
        sound = await client.ask("GET", f"{path}/sound")
        await asyncio.to_thread(play_sound, player, sound)
        # Who only audits leaves no mark.
        if "supervisor" in me["roles"]:
            await client.ask("PUT", f"{path}/heard", {"heard": True})

    asked(heard, chosen_server(url, token, user, state_dir))


def export(
    message: MessageId,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Must not exist.")],
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
) -> None:
    """Write a message's sound into a WAV file that only you can read. Leaves an audit line, and no mark.

    Example: callrouter voicemail export last -o message.wav
    """
    must_be_new(output)

    async def fetch(client: "LiveClient") -> bytes:
        return await client.ask("GET", f"{await _path(client, message)}/sound")

    sound = asked(fetch, chosen_server(url, token, user, state_dir))
    write_sound(output, sound)


def mark(
    message: MessageId,
    new: Annotated[bool, typer.Option("--new", help="As not heard yet.")] = False,
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
) -> None:
    """Mark a message as heard by you, or as new again.

    Example: callrouter voicemail mark last --new
    """

    async def put(client: "LiveClient") -> dict[str, Any]:
        path = await _path(client, message)
        marked = json.loads(await client.ask("PUT", f"{path}/heard", {"heard": not new}))
        assert isinstance(marked, dict)
        return marked

    found = asked(put, chosen_server(url, token, user, state_dir))
    typer.echo(f"{found['id']}: {'new' if found['heard'] is None else 'heard'}")


def delete(
    message: MessageId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
) -> None:
    """Delete a message, sound and entry together. Leaves an audit line. Cannot be undone.

    Example: callrouter voicemail delete cr-20261123T065717914-0-main-r1
    """
    server = chosen_server(url, token, user, state_dir)
    if not yes:
        typer.confirm(f"Delete message {message} for ever?", abort=True)

    async def remove(client: "LiveClient") -> str:
        path = await _path(client, message)
        await client.ask("DELETE", path)
        return path.rpartition("/")[2]

    typer.echo(f"{asked(remove, server)}: deleted")


async def _path(client: "LiveClient", message: str) -> str:
    if message == LAST:
        found = (await client.get("/voicemails?limit=1"))["messages"]
        if not found:
            fail("there are no messages", code=1)
        message = found[0]["id"]
    return f"/voicemails/{quote(message, safe='')}"


def _picture(found: "Sequence[Mapping[str, Any]]") -> "Table":
    from callrouter.cli.story import safe, sheet, span

    table = sheet("Messages, newest first" if found else "No messages")
    for heading in ("message", "mailbox", "received", "from", "length", "heard"):
        table.add_column(heading, no_wrap=True)
    for one in found:
        heard = f"{_when(one['heard'])} {one['heard_by'] or ''}" if one["heard"] is not None else "new"
        if one["erased"] is not None:
            heard = f"erased on request {_when(one['erased'])} by {one['erased_by']}"
        table.add_row(
            safe(one["id"], "" if one["heard"] is not None else "bold"),
            safe(one["mailbox"]),
            _when(one["received"]),
            safe(one["number"] or "withheld"),
            span(one["seconds"]),
            safe(heard),
        )
    return table


def _when(instant: float) -> str:
    return datetime.fromtimestamp(instant).strftime("%m-%d %H:%M:%S")

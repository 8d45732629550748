"""`callrouter callbacks`: who is to be called back, as the running server knows it."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callrouter.cli.server import Token, Url, User, chosen_server
from callrouter.cli.state import StateDir, fail

if TYPE_CHECKING:
    from rich.console import RenderableType

    from callrouter.cli.server import Server


def register(app: typer.Typer) -> None:
    callbacks = typer.Typer(no_args_is_help=True, help="Promised callbacks and missed calls.")
    callbacks.command("list")(list_callbacks)
    app.add_typer(callbacks, name="callbacks")


def list_callbacks(
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List open callbacks, and callers who hung up while waiting. Without --url: the demo's server.

    Example: callrouter callbacks list
    """
    found = asyncio.run(_found(chosen_server(url, token, user, state_dir)))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    from callrouter.cli.story import console

    console().print(picture(found, time.time()))


async def _found(server: "Server") -> dict[str, Any]:
    from callrouter.cli.live_client import LiveClient, NotAllowed, Unreachable

    try:
        return await LiveClient(*server).get("/callbacks")
    except (NotAllowed, Unreachable) as error:
        fail(str(error))


def picture(found: Mapping[str, Any], now: float) -> "RenderableType":
    """Two tables: promised, missed."""
    from rich.console import Group
    from rich.text import Text

    from callrouter.cli.story import clock, safe, sheet, span

    promised = sheet("Open callbacks, oldest first")
    for heading in ("callback", "queue", "number", "state", "attempts", "asked", "again at", "seat"):
        promised.add_column(heading, no_wrap=True)
    for one in found["open"]:
        due = clock(one["due"]) if one["due"] is not None else ""
        promised.add_row(
            safe(one["callback"]),
            safe(one["queue"]),
            safe(one["number"]),
            safe(one["state"]),
            str(one["attempts"]),
            clock(one["asked"]),
            due,
            safe(one["seat"] or ""),
        )
    missed = sheet("Missed calls, oldest first")
    for heading in ("call", "queue", "caller", "waited", "hung up", "ago"):
        missed.add_column(heading, no_wrap=True)
    for one in found["missed"]:
        missed.add_row(
            safe(one["call"]),
            safe(one["queue"]),
            safe(one["caller"] or "withheld"),
            span(one["left"] - one["enqueued"]),
            clock(one["left"]),
            span(max(0.0, now - one["left"])),
        )
    nobody = Text("none", "dim")
    return Group(
        promised if found["open"] else Group(Text("Open callbacks", "italic"), nobody),
        missed if found["missed"] else Group(Text("Missed calls", "italic"), nobody),
    )

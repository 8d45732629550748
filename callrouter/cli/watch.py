"""`callrouter watch`: queues, seats and calls, live in the terminal."""

import asyncio
import json
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callrouter.cli.server import Token, Url, User, chosen_server
from callrouter.cli.state import StateDir, fail

if TYPE_CHECKING:
    from callrouter.cli.live_client import LiveClient


TROUBLE_EVERY: Final = 3.0
"""Seconds between two looks at what the server has to complain about."""


def register(app: typer.Typer) -> None:
    app.command("watch")(watch)


def watch(
    url: Url = None,
    token: Token = None,
    user: User = None,
    state_dir: StateDir = None,
    once: Annotated[bool, typer.Option("--once", help="Show the present state and end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print messages as JSON lines; with --once: one document.")
    ] = False,
) -> None:
    """Watch queues, seats and calls live. Ctrl-C ends it. Without --url: the demo's server.

    Example: callrouter watch --once
    """
    from callrouter.cli.live_client import LiveClient, NotAllowed, Unreachable

    client = LiveClient(*chosen_server(url, token, user, state_dir))
    try:
        asyncio.run(_once(client, as_json) if once else _run(client, as_json))
    except (NotAllowed, Unreachable) as error:
        fail(str(error))
    except BrokenPipeError:
        # The reader of our output has seen enough; the interpreter must not try to flush again.
        sys.stderr.close()
        raise typer.Exit(0) from None


async def _once(client: "LiveClient", as_json: bool) -> None:
    from callrouter.cli.live_screen import LiveState, picture
    from callrouter.cli.story import console

    state = LiveState()
    async for message in client.messages():
        state.apply(message)
        break
    state.warnings = await client.warnings()
    if as_json:
        typer.echo(json.dumps(state.document(), ensure_ascii=False))
    else:
        console().print(picture(state, state.at, title=client.url))


async def _run(client: "LiveClient", as_json: bool) -> None:
    task = asyncio.create_task(_print_lines(client) if as_json else _show(client))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _print_lines(client: "LiveClient") -> None:
    def lost(reason: str, pause: float) -> None:
        typer.echo(f"callrouter: {reason}; trying again in {pause:g} s", err=True)

    async for message in client.forever(lost):
        print(json.dumps(message, ensure_ascii=False), flush=True)  # noqa: T201


async def watch_live(url: str, token: str, stop: asyncio.Event) -> None:
    """Watch a server until `stop` is set; for commands that have just started one."""
    from callrouter.cli.live_client import LiveClient, Login

    showing = asyncio.create_task(_show(LiveClient(url, Login(token=token))))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({showing, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (showing, stopped):
        task.cancel()
    await asyncio.wait({showing, stopped})
    if not showing.cancelled():
        showing.result()


async def _show(client: "LiveClient") -> None:
    from rich.live import Live

    from callrouter.cli.live_screen import LiveState, picture
    from callrouter.cli.story import console

    terminal = console()
    state = LiveState()
    ahead = 0.0  # of the server's clock before ours, so that ages are right on any machine

    def lost(reason: str, pause: float) -> None:
        state.lost = f"{reason}; trying again in {pause:g} s"

    async def receive() -> None:
        nonlocal ahead
        async for message in client.forever(lost):
            ahead = message["at"] - time.time()
            state.apply(message)

    async def look_for_trouble() -> None:
        while True:
            state.warnings = await client.warnings()
            await asyncio.sleep(TROUBLE_EVERY)

    receiving = asyncio.create_task(receive())
    looking = asyncio.create_task(look_for_trouble())
    try:
        with Live(console=terminal, screen=terminal.is_terminal, auto_refresh=False) as live:
            while not receiving.done():
                now = time.time() + ahead
                live.update(picture(state, now, title=client.url, rows=terminal.height), refresh=True)
                # Ages count up by themselves: the picture is due even when nothing was received.
                await asyncio.wait({receiving}, timeout=0.25)
    finally:
        receiving.cancel()
        looking.cancel()
        await asyncio.wait({receiving, looking})
    receiving.result()

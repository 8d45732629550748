"""`callrouter calls`: finished calls, from the database."""

import asyncio
import getpass
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from callrouter.cli.explain import explain_call
from callrouter.cli.server import Token, Url, User, chosen_server
from callrouter.cli.state import (
    READY_FILE,
    Config,
    StateDir,
    database_place,
    default_state_dir,
    fail,
    opened,
)

if TYPE_CHECKING:
    from acd.record import CallRecord
    from callrouter.cli.server import Server
    from callrouter.live_site import Taken
    from callrouter.store.database import Database

LAST: Final = "last"
LIVE: Final = "live"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Unmask = Annotated[
    bool, typer.Option("--unmask", help="Show callers' numbers in full; leaves an audit line.")
]


def register(app: typer.Typer) -> None:
    calls = typer.Typer(no_args_is_help=True, help="Finished calls and their stories.")
    calls.command("list")(list_calls)
    calls.command("show")(show_call)
    calls.command("explain")(explain_call)
    app.add_typer(calls, name="calls")


def list_calls(
    state_dir: StateDir = None,
    config: Config = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Local ISO time, e.g. 2026-11-23T08:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Local ISO time, exclusive.")] = None,
    outcome: Annotated[str | None, typer.Option(help="answered, abandoned_queue, rejected …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many, newest first.")] = 20,
    as_json: AsJson = False,
    unmask: Unmask = False,
) -> None:
    """List finished calls, newest first.

    Example: callrouter calls list --outcome abandoned_queue --limit 5
    """
    bounds = _instant("--since", since), _instant("--until", until)
    found = asyncio.run(_listed(database_place(state_dir, config), bounds, outcome, limit, unmask))
    if as_json:
        from callrouter.web.present import call_summary

        typer.echo(
            json.dumps([call_summary(record, masked=not unmask) for record in found], ensure_ascii=False)
        )
        return
    from callrouter.cli.story import WHOLE_WIDTH, calls_table, console

    console(WHOLE_WIDTH if unmask else 0).print(calls_table(found, masked=not unmask), crop=not unmask)


def show_call(
    call: Annotated[
        str,
        typer.Argument(metavar="ID", help="The call's id, `last` (ended) or `live` (the newest going on)."),
    ],
    state_dir: StateDir = None,
    config: Config = None,
    as_json: AsJson = False,
    unmask: Unmask = False,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Tell the whole story of a call: stamps, what each party did when, transfers, its way through the flow.

    What goes on is asked of the running server: that of --url, else the demo's. Numbers are then masked as
    your rights there say. Exit code 1: there is no such call.

    Example: callrouter calls show last
    """
    if url is not None or call == LIVE:
        _show_live(call, _asked(chosen_server(url, token, user, state_dir), call), as_json)
        return
    record, version = asyncio.run(_one(database_place(state_dir, config), call, unmask))
    if record is None and call == LAST:
        fail("no call has finished yet", code=1)
    if record is None:
        if config is None and (found := _going_on(call, state_dir or default_state_dir())):
            _show_live(call, found, as_json)
            return
        fail(f"there is no finished call {call!r}: see `callrouter calls list`; going on: give --url", code=1)
    if as_json:
        from callrouter.web.present import past_call_document

        typer.echo(json.dumps(past_call_document(record, version, masked=not unmask), ensure_ascii=False))
        return
    from callrouter.cli.story import console, story

    terminal = console()
    terminal.print(story(record, version, masked=not unmask, width=terminal.width))


def _show_live(call: str, found: dict[str, Any] | None, as_json: bool) -> None:
    import time

    if found is None:
        fail("no call is going on" if call == LIVE else f"there is no such call {call!r}", code=1)
    if as_json:
        typer.echo(json.dumps(found["live"] or found["past"], ensure_ascii=False))
        return
    if found["live"] is None:
        fail(f"{call} is over: show it with --state-dir or --config instead of --url, or with --json", code=1)
    from callrouter.cli.story import console, live_story

    console().print(live_story(found["live"], time.time()))


def _asked(server: "Server", call: str) -> dict[str, Any] | None:
    """What the server knows of a call; ends the command when it does not answer."""
    from callrouter.cli.live_client import NotAllowed, Unreachable

    try:
        return asyncio.run(_live(server, call))
    except (NotAllowed, Unreachable) as error:
        fail(str(error))


def _going_on(call: str, state_dir: Path) -> dict[str, Any] | None:
    """What the demo, if one runs, knows of a call; None, too, when it has left its ready line behind."""
    from callrouter.cli.live_client import NotAllowed, Unreachable

    if not (state_dir / READY_FILE).exists():
        return None
    try:
        return asyncio.run(_live(chosen_server(None, None, None, state_dir), call))
    except (NotAllowed, Unreachable):
        return None


async def _live(server: "Server", call: str) -> dict[str, Any] | None:
    """The API's document of a call, None when there is none. Raises `NotAllowed` or `Unreachable`."""
    from callrouter.cli.live_client import LiveClient, NotFound

    client = LiveClient(*server)
    try:
        if call == LIVE:
            going_on = (await client.get("/calls?limit=0"))["live"]
            if not going_on:
                return None
            call = max(going_on, key=lambda one: one["ingress"])["call"]
        return await client.get(f"/calls/{quote(call, safe='')}")
    except NotFound:
        return None


def _instant(option: str, text: str | None) -> float | None:
    from datetime import datetime

    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        fail(f"{option} {text!r} is no time: write it like 2026-11-23T08:00")


async def _listed(
    place: str | Path,
    bounds: tuple[float | None, float | None],
    outcome: str | None,
    limit: int,
    unmask: bool,
) -> "list[CallRecord]":
    from callrouter.store.reader import StoredRecords

    async with opened(place) as database:
        since, until = bounds
        found = await StoredRecords(database).calls(since=since, until=until, outcome=outcome, limit=limit)
        if unmask and found:
            await note_numbers_seen(database, "calls", f"{len(found)} calls")
        return list(found)


async def _one(place: str | Path, call: str, unmask: bool) -> "tuple[CallRecord | None, Taken | None]":
    from acd.ids import CallId
    from callrouter.store.reader import StoredRecords
    from callrouter.store.versions import StoredVersions

    async with opened(place) as database:
        records = StoredRecords(database)
        if call == LAST:
            newest = await records.calls(limit=1)
            record = newest[0] if newest else None
        else:
            record = await records.call(CallId(call))
        if unmask and record is not None:
            await note_numbers_seen(database, record.call, "")
        return record, await StoredVersions(database).of_call(record) if record is not None else None


async def note_numbers_seen(database: "Database", subject: str, detail: str) -> None:
    """Leave an audit line before numbers are shown in full: a look that cannot be audited must not happen."""
    import time

    from callrouter.ports import AuditEntry
    from callrouter.store.inserting import insert

    entry = AuditEntry(
        id=uuid.uuid4().hex,
        at=time.time(),
        who=f"shell:{getpass.getuser()}",
        action="see_numbers",
        subject=subject,
        detail=detail,
    )
    async with database.write() as connection:
        await insert(connection, [entry])

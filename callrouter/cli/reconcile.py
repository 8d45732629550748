"""`callrouter report reconcile`: our records against Asterisk's own channel events."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrouter.cli.spans import Span, read_span
from callrouter.cli.state import Config, StateDir, database_place, default_state_dir, fail, opened

if TYPE_CHECKING:
    from acd.service_level import Tally
    from callrouter.store.database import Database
    from callrouter.store.reconcile import Reconciled

EVENTS = Path("asterisk", "log", "cel-custom", "callrouter.csv")
"""Below a demo's state directory."""
SHOWN = 50
ROUNDS = 5
"""How often records that change while they are read are read."""


def reconcile(
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Asterisk's channel events (cel_custom); default: the demo's."),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Beginning; default: today.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="End, exclusive; default: now.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the options.")] = "Asia/Shanghai",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Compare every call with what Asterisk says of it, and the reports' counts with the records'.

    Each difference is named. Exit code 1: there are some.

    Example: callrouter report reconcile --since 2026-11-22 --until 2026-11-23
    """
    span = read_span(since, until, zone, None)
    file = events or (state_dir or default_state_dir()) / EVENTS
    found = asyncio.run(_reconciled(file, span, state_dir, config))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found)))
    else:
        _tell(found, span)
    raise typer.Exit(1 if found.differences or found.miscounts else 0)


async def _reconciled(file: Path, span: Span, state_dir: StateDir, config: Config) -> "Reconciled":
    from acd.service_level import Tally
    from callrouter.store.reader import StoredRecords
    from callrouter.store.reconcile import compare, miscounts, read_events, recounted
    from callrouter.store.writer import PARTNERS_NODE

    try:
        channels, unreadable = await asyncio.to_thread(read_events, file)
    except OSError as error:
        fail(f"{file}: {error.strerror}: switch Asterisk's channel events on (cel.conf, cel_custom.conf)")
    begin, end = span.since / 1e6, span.until / 1e6
    async with opened(database_place(state_dir, config)) as database:
        reported = await _reported(database, span)
        for _ in range(ROUNDS):
            records, total = [], Tally()
            async for record in StoredRecords(database).stream(since=begin, until=end):
                total.add(recounted(record))
                if not record.node.startswith(PARTNERS_NODE):
                    records.append(record)
            before, reported = reported, await _reported(database, span)
            if before == reported:
                break
        else:
            fail("records change faster than they can be added up: let the span end in the past (--until)")
    found = compare(records, channels, since=begin, until=end)
    found.unreadable_lines = unreadable
    found.miscounts = miscounts(reported, total)
    return found


async def _reported(database: "Database", span: Span) -> "Tally":
    from callrouter.store.kpi import kpis

    found = await kpis(database, since=span.since, until=span.until, by="day", now=span.now)
    return found.total


def _tell(found: "Reconciled", span: Span) -> None:
    typer.echo(span.words())
    typer.echo(
        f"{found.channels} callers' channels, {found.records} records, {found.matched} agree, "
        f"{len(found.differences)} differences, {found.still_up} calls going on"
    )
    if not found.miscounts:
        typer.echo("the reports' counts are those of the records, added up one by one")
    for count in found.miscounts:
        typer.echo(f"{count.name}: reports say {count.reported}, the records add up to {count.recounted}")
    if found.unreadable_lines:
        typer.echo(f"{found.unreadable_lines} lines of the event file could not be read")
    for one in found.differences[:SHOWN]:
        ours = "–" if one.ours is None else f"{one.ours:.3f}"
        theirs = "–" if one.asterisk is None else f"{one.asterisk:.3f}"
        typer.echo(
            f"{one.what}: call {one.call or '–'}, channel {one.channel}: ours {ours}, Asterisk {theirs}"
        )
    if len(found.differences) > SHOWN:
        typer.echo(f"… and {len(found.differences) - SHOWN} more: see --json")

"""`callrouter privacy`: one person's data, on request."""

import asyncio
import getpass
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrouter.cli.state import Config, StateDir, database_place, fail, opened, sound_folders, state_folder

if TYPE_CHECKING:
    from acd.kept import KeptCallback
    from callrouter.ports import Forgotten
    from callrouter.store.database import Database
    from callrouter.store.person import Erased

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The person's number, in full.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_LONGEST_REASON = 200


def register(app: typer.Typer) -> None:
    privacy = typer.Typer(no_args_is_help=True, help="One person's data, on request.")
    privacy.command("export")(export)
    privacy.command("erase")(erase)
    privacy.command("holds")(holds)
    privacy.command("release")(release)
    app.add_typer(privacy, name="privacy")


def export(
    number: Number,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="JSON, or `….zip`; must not exist.")
    ],
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Write everything kept about a person, sound included, readable by you only. Leaves an audit line.

    A name that ends in `.zip` gives one archive; else the rows as JSON, and the sounds in a folder beside.
    What seat and transfer target said out of the person's hearing is not theirs, and stays.
    Exit code 1: nothing is kept about that number, or a sound is not to be found.

    Example: callrouter privacy export 13812345678 -o request-17.zip
    """
    from callrouter.cli import person_file
    from callrouter.store import person
    from callrouter.store.voice import Sound

    async def run() -> tuple[dict[str, list[dict[str, object]]], list[Sound]]:
        async with opened(database_place(state_dir, config)) as database:
            await _note(database, "export_person", number)
            return await person.found(database, number)

    rows, sounds = asyncio.run(run())
    if not rows:
        fail("nothing is kept about that number", code=1)
    theirs = [one for one in sounds if not one.consult and not one.erased]
    try:
        missing = person_file.write(output, rows, theirs, sound_folders(state_dir, config))
    except OSError as error:
        fail(f"cannot write {error.filename or output}: {error.strerror}")
    counts = f"{sum(map(len, rows.values()))} rows, {len(theirs) - len(missing)} sounds"
    typer.echo(f"{output}: {counts}; instants are microseconds since 1970 UTC")
    if missing:
        fail(
            f"not to be found from this machine: {', '.join(missing)}: "
            "see `spool` of each Asterisk in the settings, then export again",
            code=1,
        )


def erase(
    number: Number,
    yes: Yes = False,
    keep_recordings: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Keep the person's voice, because a legal hold says so."),
    ] = None,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Erase a person: their voice, their number in every row, callbacks and missed calls. All totals stay.

    A running controller is asked to drop what it holds. Leaves an audit line. Cannot be undone.
    Exit code 1: something is left, and the command says what to do.

    Example: callrouter privacy erase 13812345678
    """
    place = database_place(state_dir, config)
    folder, spools = state_folder(state_dir, config), sound_folders(state_dir, config)
    held = _reason(keep_recordings)
    _digits(number)
    if not yes:
        what = "number" if held else "number and voice"
        typer.confirm(f"Erase this person's {what} from all records?", abort=True)
    forgotten, left = _forget(folder, place, number)
    erased = asyncio.run(_erased(place, number, held, spools))
    for where, count in erased.rows.items():
        typer.echo(f"{where}: {count}")
    for name, count in (
        ("sounds removed", erased.sounds),
        ("callbacks dropped", forgotten.callbacks),
        ("missed calls dropped", forgotten.missed),
    ):
        if count:
            typer.echo(f"{name}: {count}")
    nothing = not erased.rows and not erased.sounds and forgotten.callbacks + forgotten.missed == 0
    left += [
        f"sounds may still be there, hence the rows were left as they are: {one}" for one in erased.stuck
    ]
    left += _left_by_controller(forgotten) + _left_in_spill(folder / "spill", number)
    typer.echo("not all is erased" if left else "nothing was kept about that number" if nothing else "erased")
    if left:
        fail("; ".join(left), code=1)


def holds(state_dir: StateDir = None, config: Config = None) -> None:
    """List why voices of erased persons are kept, since when, and of how many calls.

    Example: callrouter privacy holds
    """
    from datetime import datetime

    from callrouter.store import voice

    async def run() -> list[voice.Hold]:
        async with opened(database_place(state_dir, config)) as database:
            return await voice.holds(database)

    found = asyncio.run(run())
    for one in found:
        since = datetime.fromtimestamp(one.since).strftime("%Y-%m-%d")
        typer.echo(f"{one.reason}: {one.calls} calls, since {since}")
    if not found:
        typer.echo("nothing is held")


def release(
    reason: Annotated[str, typer.Argument(metavar="REASON", help="As `privacy holds` lists it.")],
    yes: Yes = False,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """End a legal hold: the voices that were kept for it are removed. Leaves an audit line. Cannot be undone.

    Exit code 1: nothing is held for that reason, or a file may still be there.

    Example: callrouter privacy release "case 2026-118"
    """
    from callrouter.store import voice

    place, spools = database_place(state_dir, config), sound_folders(state_dir, config)
    if not yes:
        typer.confirm(f"Remove the voices held for {reason!r} for ever?", abort=True)

    async def run() -> tuple[int, int, list[str]]:
        async with opened(place) as database:
            done = await voice.release(database, reason, spools)
            if done[0]:
                await _note(
                    database, "release_hold", "", f"{reason}: {done[0]} calls, {done[1]} sounds removed"
                )
            return done

    calls, gone, stuck = asyncio.run(run())
    if not calls:
        fail(f"nothing is held for {reason!r}: see `callrouter privacy holds`", code=1)
    typer.echo(f"{calls} calls released, {gone} sounds removed")
    if stuck:
        fail(f"sounds may still be there, hence the hold stands: {'; '.join(stuck)}", code=1)


def _reason(text: str | None) -> str:
    if text is None:
        return ""
    found = " ".join(text.split())
    if not found or len(found) > _LONGEST_REASON:
        fail(
            f'--keep-recordings needs a reason of at most {_LONGEST_REASON} characters, e.g. "case 2026-118"'
        )
    return found


def _digits(number: str) -> str:
    from callrouter.store import person
    from callrouter.store.database import StoreError

    try:
        return person.national(number)
    except StoreError as error:
        fail(str(error))


def _forget(folder: Path, place: str | Path, number: str) -> "tuple[Forgotten, list[str]]":
    """Callbacks and missed calls go first: a controller must not make a call of one meanwhile."""
    from callrouter import forgetting
    from callrouter.ports import Forgotten

    open_ones: list[KeptCallback] = []
    try:
        forgotten = forgetting.forget(folder, _digits(number), open_ones.append)
    except forgetting.Unforgotten as error:
        return Forgotten(), [f"callbacks and missed calls: {error}"]
    if open_ones:
        asyncio.run(_close(place, open_ones))
    return forgotten, []


async def _close(place: str | Path, callbacks: "list[KeptCallback]") -> None:
    """No controller is there to say how these promises ended."""
    from acd.commands import CallbackClosed
    from callrouter.store.inserting import insert

    closed = [
        CallbackClosed(
            call=one.call,
            origin=one.origin,
            queue=one.queue,
            outcome="cancelled",
            attempts=one.attempts,
            asked=one.asked,
            ended=time.time(),
        )
        for one in callbacks
    ]
    async with opened(place) as database, database.write() as connection:
        await insert(connection, closed)


async def _erased(place: str | Path, number: str, held: str, spools: list[Path]) -> "Erased":
    from callrouter.store import person

    async with opened(place) as database:
        erased = await person.erase(database, number, at=time.time(), by=_who(), spools=spools, held=held)
        detail = f"voice held: {held}" if held else f"{erased.sounds} sounds removed"
        if erased.stuck:
            detail = f"not done, {len(erased.stuck)} sounds could not be removed"
        await _note(database, "erase_person", number, detail)
        return erased


def _left_by_controller(forgotten: "Forgotten") -> list[str]:
    left = []
    if forgotten.dialling:
        left.append("the person is being called back at this moment: erase again in a minute")
    if forgotten.on_the_line:
        left.append(f"{forgotten.on_the_line} calls of the person go on: erase again when they have ended")
    return left


def _left_in_spill(folder: Path, number: str) -> list[str]:
    from callrouter.store import spill

    left = []
    if any(folder.glob("spill-*.jsonl")):
        left.append(
            "records still wait in the spill folder: let the controller replay them, then erase again"
        )
    for name in spill.blot(folder, _digits(number)):
        left.append(f"{folder / name} holds the number and cannot be written: remove it there by hand")
    return left


def _who() -> str:
    return f"shell:{getpass.getuser()}"


async def _note(database: "Database", action: str, number: str, detail: str = "") -> None:
    from callrouter.ports import AuditEntry
    from callrouter.privacy import mask_number
    from callrouter.store.inserting import insert

    entry = AuditEntry(
        id=uuid.uuid4().hex,
        at=time.time(),
        who=_who(),
        action=action,
        subject=mask_number(number.replace(" ", "")),
        detail=detail,
    )
    async with database.write() as connection:
        await insert(connection, [entry])

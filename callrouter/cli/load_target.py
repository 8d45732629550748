"""Where a load run goes: the scenario's target, what options say instead, a demo's ready file."""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer

from callrouter.cli.state import ready_line

if TYPE_CHECKING:
    from simulators.sip_load.crew import Seats
    from simulators.sip_load.scenario import Scenario

UNUSABLE: Final = 2


@dataclass(frozen=True, slots=True)
class Given:
    """What the command's options say."""

    sip: str | None
    desk: str | None
    asterisk_config: Path | None
    processes: tuple[str, ...]
    demo: Path | None
    """State directory of a demo."""


def aim(plan: "Scenario", given: Given, allowed: tuple[str, ...]) -> tuple["Scenario", str, dict[str, int]]:
    """The scenario with the target and accounts that it shall have, its address, the processes to watch.

    Ends the command when the target may not be loaded or something is missing.
    """
    from pydantic import ValidationError

    from simulators.sip_load.scenario import Target
    from simulators.sip_load.target import TargetRefused, check_target

    ready = ready_line(given.demo) if given.demo is not None else {}
    fields = plan.target.model_dump() if plan.target is not None else {}
    named = {
        "sip": given.sip or ready.get("sip"),
        "desk": given.desk or ready.get("http"),
        "asterisk_config": given.asterisk_config or ready.get("asterisk_config"),
    }
    fields |= {name: value for name, value in named.items() if value is not None}
    if "sip" not in fields:
        fail_load("no target: give --target HOST:PORT or `target: {sip: …}` in the scenario")
    try:
        aimed = Target.model_validate(fields)
        check_target(aimed.sip, allowed)
        if aimed.desk is not None:
            check_target(aimed.desk.removeprefix("http://").rstrip("/"), allowed)
        for partner in plan.partners:
            check_target(partner.listen, allowed)
    except TargetRefused as error:
        fail_load(str(error))
    except ValidationError as error:
        fail_load("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()))
    if aimed.asterisk_config is not None and not aimed.asterisk_config.is_file():
        fail_load(f"{aimed.asterisk_config}: no such file. Give the asterisk.conf of the private Asterisk")
    if aimed.recordings is not None and not aimed.recordings.is_dir():
        fail_load(
            f"{aimed.recordings}: no such folder. target.recordings is where conversations are recorded"
        )
    watched = {**ready.get("processes", {}), **_processes(given.processes)}
    seats = tuple(_staffed(group, ready, given.demo) for group in plan.seats)
    return plan.model_copy(update={"target": aimed, "seats": seats}), aimed.sip, watched


def require_room(folder: Path, option: str) -> None:
    """End the command now when nothing can be written there, not after the run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        fail_load(f"{folder} cannot be written to: {error.strerror}. Give another with {option}")


def _staffed(group: "Seats", ready: Mapping[str, Any], demo: Path | None) -> "Seats":
    """The group with the demo's accounts where it says ``yours``."""
    from simulators.sip_load.crew import Account

    if group.accounts != "yours":
        return group
    if demo is None:
        fail_load(f"seats {group.name}: `accounts: yours` are a demo's: say which with --demo DIR")
    accounts = tuple(
        Account(user=one["seat"], password=one["password"])
        for one in ready["logins"]["agent"]
        if one["phone"] == "yours"
    )
    if not accounts:
        fail_load(f"{demo}: all of this demo's seats have simulated phones. Start it with --phones 0")
    return group.model_copy(update={"accounts": accounts})


def _processes(given: Iterable[str]) -> dict[str, int]:
    return dict(_process(one) for one in given)


def _process(one: str) -> tuple[str, int]:
    name, sign, pid = one.partition("=")
    if not sign or not pid.isdigit() or not name:
        fail_load(f"--process {one!r}: write NAME=PID, for example asterisk=1234")
    return name, int(pid)


def fail_load(message: str, code: int = UNUSABLE) -> NoReturn:
    """End the command with one line."""
    typer.echo(f"callrouter load: {message}", err=True)
    raise typer.Exit(code)

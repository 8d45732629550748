"""`callrouter users`: who may sign in to the desk and the API."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from callrouter.cli.state import Config, StateDir, database_place, fail, opened

if TYPE_CHECKING:
    from callrouter.store.accounts import StoredAccounts

Name = Annotated[str, typer.Argument(help="User name.")]


class _Now:
    def now(self) -> float:
        return time.time()


def register(app: typer.Typer) -> None:
    users = typer.Typer(no_args_is_help=True, help="Who may sign in.")
    users.command("add")(add)
    users.command("list")(list_users)
    users.command("disable")(disable)
    users.command("enable")(enable)
    app.add_typer(users, name="users")


def add(
    name: Name,
    role: Annotated[list[str], typer.Option(help="agent, supervisor, engineer or auditor; may be repeated.")],
    display: Annotated[str, typer.Option(help="Name on screens.")] = "",
    organisation: Annotated[str, typer.Option(help="As the directory names it; empty: all.")] = "",
    agent: Annotated[str, typer.Option(help="Agent id; default for agents: the user name.")] = "",
    seat: Annotated[list[str] | None, typer.Option(help="A seat they may take; may be repeated.")] = None,
    see_numbers: Annotated[bool, typer.Option(help="May read callers' numbers outside own calls.")] = False,
    state_dir: StateDir = None,
    config: Config = None,
) -> None:
    """Add a user, or replace the one of that name. The password is asked for, or read from standard input.

    Seats and organisation must be those of the site, when the settings (or a demo that ran) name one.

    Example: callrouter users add zhuoma --role agent --seat a1001 --seat a1002
    """
    from acd.ids import AgentId, OrgId, SeatId
    from callrouter.ports import Role
    from callrouter.web.present import user_document

    known = {str(one) for one in Role}
    for one in role:
        if one not in known:
            fail(f"{one!r} is no role: choose among {', '.join(sorted(known))}")
    _known_names(organisation, seat or (), state_dir, config)
    password = _password()
    before: list[dict[str, object]] = []

    async def run(accounts: "StoredAccounts") -> None:
        before.extend(user_document(user) for user, _ in await accounts.users() if user.name == name)
        await accounts.create(
            name,
            password,
            roles=[Role(one) for one in role],
            display=display,
            organisation=OrgId(organisation),
            agent=AgentId(agent or name) if Role.AGENT in role else None,
            seats=map(SeatId, seat or ()),
            see_numbers=see_numbers,
        )

    asyncio.run(_with_accounts(state_dir, config, run))
    typer.echo(f"{name}: may sign in as {', '.join(role)}")
    for old in before:
        had = f"{_joined(old['roles'])}, seats {_joined(old['seats']) or 'none'}"
        typer.echo(f"This replaces the {name} there was ({had}), who has to sign in anew.")


def _known_names(organisation: str, seats: Sequence[str], state_dir: StateDir, config: Config) -> None:
    """Ends the command for a name that the site does not have; says so when there is no site to ask."""
    from callrouter.cli.organisations import site_folder
    from callrouter.config.faults import ConfigError
    from callrouter.config.validation import did_you_mean
    from callrouter.directory import load_directory
    from callrouter.site.floor import load_floor

    if (folder := site_folder(state_dir, config)) is None or not (organisation or seats):
        return
    try:
        organisations = list(load_directory(folder / "site" / "directory.yaml").organisations)
        known = list(load_floor(folder / "site" / "floor.yaml").seats)
    except ConfigError as error:
        typer.echo(f"callrouter: seats and organisation are taken as given, for {error.faults[0]}", err=True)
        return
    if organisation and organisation not in organisations:
        fail(f"no organisation {organisation!r} in {folder}. {did_you_mean(organisation, organisations)}")
    for one in seats:
        if one not in known:
            fail(f"no seat {one!r} in {folder}. {did_you_mean(one, known)}")


def _joined(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list) else ""


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def list_users(
    state_dir: StateDir = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List all users.

    Example: callrouter users list
    """
    rows: list[dict[str, object]] = []

    async def run(accounts: "StoredAccounts") -> None:
        from callrouter.web.present import user_document

        rows.extend(
            {**user_document(user), "disabled": disabled} for user, disabled in await accounts.users()
        )

    asyncio.run(_with_accounts(state_dir, config, run))
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    from callrouter.cli.story import console, safe, sheet

    table = sheet("Who may sign in")
    for heading in ("user", "name", "roles", "organisation", "seats", "agent", "sees numbers", ""):
        table.add_column(heading, overflow="fold")
    for row in rows:
        texts = (row["user"], row["display"], _joined(row["roles"]), row["organisation"] or "all",
                 _joined(row["seats"]), row["agent"] or "", "yes" if row["see_numbers"] else "",
                 "disabled" if row["disabled"] else "")  # fmt: skip
        table.add_row(*(safe(str(text)) for text in texts))
    console().print(table)


def disable(name: Name, state_dir: StateDir = None, config: Config = None) -> None:
    """Bar a user; their tokens end within seconds."""
    _set_disabled(name, True, state_dir, config)


def enable(name: Name, state_dir: StateDir = None, config: Config = None) -> None:
    """Let a barred user in again."""
    _set_disabled(name, False, state_dir, config)


def _set_disabled(name: str, disabled: bool, state_dir: StateDir, config: Config) -> None:
    async def run(accounts: "StoredAccounts") -> None:
        if not await accounts.set_disabled(name, disabled):
            fail(f"there is no user {name!r}: see `callrouter users list`", code=1)

    asyncio.run(_with_accounts(state_dir, config, run))
    typer.echo(f"{name}: {'disabled' if disabled else 'enabled'}")


async def _with_accounts(
    state_dir: StateDir, config: Config, run: "Callable[[StoredAccounts], Awaitable[None]]"
) -> None:
    from callrouter.store.accounts import StoredAccounts

    async with opened(database_place(state_dir, config)) as database:
        await run(StoredAccounts(database, _Now()))

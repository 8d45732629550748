"""`callrouter tools`: the private Asterisk and its companions, installed without root."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from callrouter.cli.progress import Display

UNUSABLE: Final = 2


def register(app: typer.Typer) -> None:
    """Hang `tools install` and `tools status` under the command."""
    tools = typer.Typer(
        help="Asterisk, SIPp, mosquitto and others, private to this user.", no_args_is_help=True
    )
    tools.command("install")(install)
    tools.command("status")(status)
    app.add_typer(tools, name="tools")


@contextmanager
def _one_line_errors(command: str) -> Iterator[None]:
    from callrouter.toolchain.errors import ToolchainError

    try:
        yield
    except ToolchainError as error:
        typer.echo(f"callrouter tools {command}: {error}", err=True)
        raise typer.Exit(UNUSABLE) from error


def install(
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="GROUP[,GROUP]", help="Optional groups besides (see `tools status`)."),
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="Debian mirror; left out: that of this machine's apt.")
    ] = None,
    asterisk: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Use this installed Asterisk instead of a private one."),
    ] = None,
    private_asterisk: Annotated[
        bool, typer.Option("--private-asterisk", help="Undo --asterisk: a private one again.")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Replace what is installed by the mirror's newest.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Fetch what is missing from Debian, check its signature, unpack it into this user's cache."""
    from callrouter.toolchain.install import Request
    from callrouter.toolchain.install import install as install_groups

    extra = tuple(name.strip() for entry in with_ or () for name in entry.split(",") if name.strip())
    request = Request(extra, mirror, upgrade, asterisk, private_asterisk)
    with _one_line_errors("install"), _display(quiet=as_json) as display:
        installed = install_groups(request, display)
    if as_json:
        outcome = [{"group": marker.group, "versions": marker.versions} for marker in installed]
        typer.echo(json.dumps(outcome, ensure_ascii=False))
        return
    for marker in installed:
        versions = ", ".join(f"{name} {version}".strip() for name, version in marker.versions.items())
        typer.echo(f"{marker.group}: {versions}")


@contextmanager
def _display(*, quiet: bool) -> "Iterator[Display]":
    from callrouter.cli.progress import Display

    display = Display(quiet=quiet)
    try:
        yield display
    finally:
        display.close()


def status(
    check: Annotated[bool, typer.Option("--check", help="Also start every program.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what is installed and where. Exit code 1 when a default group is missing or broken."""
    from callrouter.toolchain.status import overview

    with _one_line_errors("status"):
        groups = overview(check=check)
    if as_json:
        typer.echo(json.dumps([group.as_dict() for group in groups], ensure_ascii=False))
    else:
        from callrouter.cli.progress import print_table

        rows: list[tuple[str, ...]] = []
        for group in groups:
            if group.state == "absent":
                rows.append((group.name, group.state, group.summary, "", group.how_to_get))
                continue
            for entry in group.programs:
                where = entry.fault or str(entry.path or "")
                rows.append((group.name, group.state, entry.name, entry.version, where))
        print_table(("group", "state", "program", "version", "where"), rows)
    if any(group.needed and group.state != "installed" for group in groups):
        raise typer.Exit(1)

"""The `callrouter` command: one sub-command a file, gathered here.

Exit codes: 0 fine, 1 found faults, 2 wrong usage or unusable environment.
"""

import importlib
from typing import Final

import typer

app = typer.Typer(
    name="callrouter",
    help="Open call-routing engine for a federation of public hotlines.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SUB_COMMANDS: Final = ("tools", "directory", "flow", "watch", "calls", "db", "users", "load")
"""Modules of this package, each with a `register(app)`; imported only here."""


def run() -> None:
    """Entry point of the `callrouter` script."""
    for name in SUB_COMMANDS:
        importlib.import_module(f"callrouter.cli.{name}").register(app)
    app()

"""The `callrouter` command: one sub-command a file, gathered here.

Exit codes: 0 fine, 1 found faults, 2 wrong usage or unusable environment.
"""

import gc
import importlib
import sys
from collections.abc import Sequence
from typing import Final

import typer

app = typer.Typer(
    name="callrouter",
    help="Open call-routing engine for a federation of public hotlines.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SUB_COMMANDS: Final = (
    *(
        "demo",
        "serve",
        "check",
        "flow",
        "prompts",
        "directory",
        "calls",
        "callbacks",
        "recordings",
        "voicemail",
        "floor",
        "watch",
    ),
    *("report", "load", "simulate", "users", "db", "privacy", "tools", "bench"),
)
"""Modules of this package, each with a `register(app)` for the command of its name; imported only here."""


@app.callback()
def _several() -> None:
    """Keeps a command's name on the command line even when only one is registered."""


def wanted(arguments: Sequence[str]) -> Sequence[str]:
    """The modules to import: that of the command named, or all (for help and for mistakes).

    Some take half a second to import; `tools` must answer at once.
    """
    named = next((argument for argument in arguments if not argument.startswith("-")), "")
    return (named,) if named in SUB_COMMANDS else SUB_COMMANDS


def run() -> None:
    """Entry point of the `callrouter` script."""
    if sys.argv[1:2] == ["report"]:
        # Over before the search for cycles would pay: it takes a tenth of a year's report.
        gc.disable()
    for name in wanted(sys.argv[1:]):
        importlib.import_module(f"callrouter.cli.{name}").register(app)
    app()

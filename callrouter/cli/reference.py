"""Writes the reference page of all commands from the commands themselves: `make docs`."""

import importlib
import sys
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from callrouter.cli.main import SUB_COMMANDS, app

_HEAD = "<!-- Written by `make docs` from the commands' own help; change the sources instead. -->\n\n"


def page() -> str:
    """The help of every command as Markdown."""
    for name in SUB_COMMANDS:
        importlib.import_module(f"callrouter.cli.{name}").register(app)
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="callrouter")
    return _HEAD + get_docs_for_click(obj=command, ctx=context, name="callrouter").rstrip() + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")

"""`callrouter serve`: the controller of an installation."""

import asyncio
import signal
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from callrouter.cli.state import disk_fault, keep_private


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="Settings (see docs/reference/settings.md).")
    ],
) -> None:
    """Run the controller against the Asterisk of the settings until SIGINT or SIGTERM.

    Example: callrouter serve --config /etc/callrouter/callrouter.yaml
    """
    from callrouter.lean import give_back, import_structlog_alone, learn_statutory_days

    keep_private()
    import_structlog_alone()
    this_year = date.today().year
    learn_statutory_days(range(this_year - 1, this_year + 3))
    from callrouter.app import App, Unusable
    from callrouter.config.document import ConfigError
    from callrouter.logs import set_up_logs
    from callrouter.settings import load_settings

    try:
        settings = load_settings(config, files=True)
        set_up_logs(settings.log.level, settings.log.file)
        app = App(settings)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"callrouter serve: {_disk(error, config) or error}", err=True)
        raise typer.Exit(2) from None

    async def run() -> None:
        stop, starting = asyncio.Event(), asyncio.current_task()
        assert starting is not None
        loop = asyncio.get_running_loop()

        def ended() -> None:
            stop.set()
            if not started:
                starting.cancel()

        started = False
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended)
        try:
            async with app:
                started = True
                give_back()
                await app.serve_until(stop)
        except asyncio.CancelledError:
            if not stop.is_set():
                raise

    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(run())
    except Unusable as error:
        typer.echo(f"callrouter serve: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        if (text := _disk(error, settings.state_dir)) is None:
            raise
        typer.echo(f"callrouter serve: {text}", err=True)
        raise typer.Exit(2) from None


def _disk(error: OSError, folder: Path) -> str | None:
    return disk_fault(error, folder, "give another `state_dir` in the settings, or the rights to write there")


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()

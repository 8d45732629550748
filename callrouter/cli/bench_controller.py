"""The controller as a benchmark runs it: `callrouter serve`, with an agent at every seat from the start.

It prints one line when every seat is ready, and serves until SIGTERM.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callrouter.app import App

READY_SECONDS = 45.0


def run() -> None:
    """Serve the settings named on the command line."""
    from callrouter.cli.serve import _loop
    from callrouter.lean import give_back, import_structlog_alone

    import_structlog_alone()
    from callrouter.app import App
    from callrouter.logs import set_up_logs
    from callrouter.settings import load_settings

    settings = load_settings(Path(sys.argv[1]))
    set_up_logs(settings.log.level, settings.log.file)
    app = App(settings)

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with app:
            await app.ready(READY_SECONDS)
            async with asyncio.timeout(READY_SECONDS):
                await _everybody_ready(app)
            give_back()
            print("ready", flush=True)  # noqa: T201 - the parent process waits for this line
            await app.serve_until(stop)

    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(serve())


async def _everybody_ready(app: "App") -> None:
    """Agents sign in, and are ready as soon as their phone is there."""
    from acd import events as e
    from acd.ids import AgentId

    engine, changed = app.controller, asyncio.Event()
    end = engine.subscribe(lambda change: changed.set())
    try:
        for view in engine.snapshot().seats:
            if view.agent is None:
                engine.submit(e.SeatSignedIn(seat=view.seat, agent=AgentId(view.seat)))
        while waiting := [view for view in engine.snapshot().seats if view.state != "ready"]:
            changed.clear()
            for view in waiting:
                if view.reachable and view.state == "not_ready":
                    engine.submit(e.SeatReadied(seat=view.seat))
            if any(not view.reachable for view in waiting):
                await changed.wait()
    finally:
        end()

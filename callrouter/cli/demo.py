"""`callrouter demo`: a whole province on loopback, to call, to look at and to test against."""

import asyncio
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callrouter.cli.state import default_state_dir, disk_fault, fail, keep_private

if TYPE_CHECKING:
    from callrouter.cli.province import Province, Wishes


ROOM: Final = 16_000_000
"""Bytes that a start must find free."""


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", metavar="DIR", help="Where everything is kept.")
    ] = None,
    sip_port: Annotated[int, typer.Option("--sip-port", min=0, max=65535, help="0: a free one.")] = 0,
    http_port: Annotated[int, typer.Option("--http-port", min=0, max=65535, help="0: a free one.")] = 0,
    traffic: Annotated[
        float, typer.Option("--traffic", min=0, max=600, metavar="CALLS_PER_MIN", help="Simulated callers.")
    ] = 0,
    seconds: Annotated[
        float | None, typer.Option("--for", min=1, metavar="SECONDS", help="Stop by itself after this.")
    ] = None,
    phones: Annotated[
        int | None,
        typer.Option(
            "--phones",
            min=0,
            metavar="N",
            help="Seats with a simulated phone; default: all but two.",
        ),
    ] = None,
    site: Annotated[
        Path | None, typer.Option("--site", metavar="FOLDER", help="Flows, prompts, directory, floor.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line once calls can be taken, then nothing.")
    ] = False,
) -> None:
    """Start Asterisk, controller, seats, the partner lines and a broker, all on 127.0.0.1.

    Any softphone on this machine can call 12345 at the SIP port shown; Ctrl-C stops everything.

    Examples: callrouter demo --traffic 6    callrouter demo --json --for 60
    """
    if site is not None and not site.is_dir():
        fail(f"--site {site} is not a folder: give the folder with the flows, prompts and site/*.yaml")
    keep_private()
    folder = (state_dir or default_state_dir()).absolute()
    try:
        _open(site, folder, (sip_port, http_port), traffic, phones, seconds, as_json)
    except KeyboardInterrupt:
        # Ctrl-C before there is a loop to take the signal: nothing has been started, so all is stopped.
        return


def _open(
    site: Path | None,
    folder: Path,
    ports: tuple[int, int],
    traffic: float,
    phones: int | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    from callrouter.cli.province import Wishes
    from callrouter.logs import set_up_logs
    from callrouter.toolchain.share import share_folder

    sip_port, http_port = ports
    wishes = Wishes(
        site=(site or share_folder("ivr_flows")).absolute(),
        state_dir=folder,
        sip_port=sip_port,
        http_port=http_port,
        traffic=traffic,
        robots=phones,
    )
    try:
        set_up_logs("info", folder / "callrouter.log")
    except OSError as error:
        fail(f"the state directory {folder} can't be used: {error.strerror}: give another with --state-dir")
    # Programs that find no room at their start say it late, and each in its own way.
    if (free := shutil.disk_usage(folder).free) < ROOM:
        fail(
            f"{folder}: {free / 1e6:.0f} MB are free, the demo needs {ROOM / 1e6:.0f}: "
            "make room there or give another folder with --state-dir"
        )
    _run(wishes, seconds, as_json)


def _run(wishes: "Wishes", seconds: float | None, as_json: bool) -> None:
    import uvloop

    from callrouter.ami.errors import AmiError
    from callrouter.app import Unusable
    from callrouter.ari.errors import AriError
    from callrouter.cli.province import Occupied
    from callrouter.config.document import ConfigError
    from callrouter.toolchain.errors import ToolchainError
    from simulators.softphone import PhonesUnavailable

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_live(wishes, seconds, as_json))
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, OSError):
            fail(_disk(error, wishes.state_dir))
        if not isinstance(error, ToolchainError):
            raise
        fail(str(error))
    except (Unusable, Occupied, ToolchainError, PhonesUnavailable, AriError, AmiError) as error:
        fail(str(error))
    except ConfigError as error:
        fail(str(error))
    except OSError as error:
        fail(_disk(error, wishes.state_dir))


def _disk(error: OSError, folder: Path) -> str:
    return disk_fault(error, folder, "give another folder with --state-dir") or str(error)


async def _live(wishes: "Wishes", seconds: float | None, as_json: bool) -> None:
    from callrouter.cli.province import Province

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    starting = asyncio.current_task()
    watching = loop.create_task(_cancel_on(stop, starting))
    try:
        async with Province(wishes) as province:
            watching.cancel()
            province.write_ready_file()
            _announce(province, as_json)
            if seconds is not None:
                loop.call_later(seconds, stop.set)
            screen = None
            if not as_json and sys.stdout.isatty():
                screen = loop.create_task(_watch(province, stop))
            over = loop.create_task(_watch_over(province, stop))
            try:
                await province.app.serve_until(stop)
                if screen is not None:
                    await screen
                if over.done():
                    fail(over.result())
            finally:
                over.cancel()
                await asyncio.wait({over})
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


async def _watch_over(province: "Province", stop: asyncio.Event) -> str:
    """Ends the demo with its Asterisk; returns why."""
    reason = await province.lost(_warn)
    stop.set()
    return reason


def _warn(text: str) -> None:
    import structlog

    structlog.get_logger(__name__).error("demo.incomplete", reason=text)
    typer.echo(f"callrouter: {text}", err=True)


async def _cancel_on(stop: asyncio.Event, task: "asyncio.Task[object] | None") -> None:
    """A signal while things are still starting: stop what has started."""
    await stop.wait()
    if task is not None:
        task.cancel()


def _announce(province: "Province", as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(province.ready_line(), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    yours = [login for login in province.ready_line()["logins"]["agent"] if login["phone"] == "yours"]
    typer.echo(f"12345 is open. Call sip:12345@{province.sip} from any softphone on this machine.")
    typer.echo(f"Desk: {province.http}/   supervisor / {province.passwords['supervisor']}")
    for login in yours:
        typer.echo(f"A seat for your own phone: {login['user']} / {login['password']} at {province.sip}")
    typer.echo("Ctrl-C stops everything.")


async def _watch(province: "Province", stop: asyncio.Event) -> None:
    from callrouter.cli.watch import watch_live

    signed_in = await province.app.accounts.sign_in("supervisor", province.passwords["supervisor"])
    if signed_in is not None:
        await watch_live(province.http, signed_in.token, stop)

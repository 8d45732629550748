"""`callrouter bench slice`: the figures of one real call's path, on a private province."""

import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from callrouter.cli.state import fail

if TYPE_CHECKING:
    from callrouter.cli.province import Province

WANTED: Final = {"first_rtp": 0.150, "ready_to_invite": 0.015}
"""Seconds that the 99th percentile may reach."""
WANTED_MEBIBYTES: Final = 120.0
SEAT: Final = "a1001"


def slice_(
    calls: Annotated[int, typer.Option(min=1, max=500, help="Calls for each figure.")] = 30,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a wanted figure is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """First RTP after INVITE, free seat to INVITE, and the controller's memory, on a real Asterisk.

    Example: callrouter bench slice --calls 50
    """
    from callrouter.logs import set_up_logs
    from callrouter.toolchain.errors import ToolchainError

    with tempfile.TemporaryDirectory(prefix="callrouter-bench-") as folder:
        set_up_logs("error", Path(folder) / "log")
        try:
            found = asyncio.run(_measure(Path(folder), calls))
        except ToolchainError as error:
            fail(str(error))
    missed = [name for name, most in WANTED.items() if found[name]["p99"] > most]
    if found["resident_mebibytes"] > WANTED_MEBIBYTES:
        missed.append("resident_mebibytes")
    if as_json:
        typer.echo(json.dumps({**found, "missed": missed}))
    else:
        for name, title in (("first_rtp", "INVITE → first RTP"), ("ready_to_invite", "seat ready → INVITE")):
            row = found[name]
            typer.echo(
                f"{title:22s} p50 {row['p50'] * 1e3:7.1f} ms   p99 {row['p99'] * 1e3:7.1f} ms   "
                f"most {row['most'] * 1e3:7.1f} ms   wanted p99 ≤ {WANTED[name] * 1e3:.0f} ms, "
                f"n = {row['count']}"
            )
        typer.echo(
            f"{'controller, memory':22s} {found['resident_mebibytes']:.1f} MiB   "
            f"wanted ≤ {WANTED_MEBIBYTES:.0f} MiB, with the process that writes records"
        )
    raise typer.Exit(1 if check and missed else 0)


async def _measure(folder: Path, calls: int) -> dict[str, Any]:
    from callrouter.cli.province import Province, Wishes
    from callrouter.toolchain.share import share_folder

    wishes = Wishes(site=share_folder("ivr_flows").absolute(), state_dir=folder / "state", robots=0)
    async with Province(wishes) as province:
        figures = await _with_phones(province, calls)
        figures["resident_mebibytes"] = await _resident(province, folder)
        return figures


async def _with_phones(province: "Province", calls: int) -> dict[str, Any]:
    from acd import events as e
    from acd.ids import AgentId, SeatId
    from simulators.bench_slice import first_rtp, ready_to_invite, spread
    from simulators.softphone import SoftphonePool

    engine, seat_id, number = province.app.controller, SeatId(SEAT), f"sip:12345@{province.sip}"

    async def until(test: Any) -> None:
        async with asyncio.timeout(20):
            while not test():
                await engine.changed(0.02)

    def view() -> Any:
        return next(seat for seat in engine.snapshot().seats if seat.seat == SEAT)

    async def rest() -> None:
        if view().state == "wrap_up":
            engine.submit(e.WrapUpFinished(seat=seat_id))
        engine.submit(e.SeatNotReadied(seat=seat_id, reason="bench"))
        await until(lambda: not engine.snapshot().calls)

    async with SoftphonePool() as pool:
        caller = await pool.caller("13800000000", keep_seconds=0)
        rtp = await first_rtp(caller, number, calls)
        seat = await pool.phone(SEAT, province.passwords[SEAT], province.sip, keep_seconds=0)
        await seat.register()
        await until(lambda: view().reachable)
        engine.submit(e.SeatSignedIn(seat=seat_id, agent=AgentId(SEAT)))
        invites = await ready_to_invite(
            caller,
            seat,
            number,
            calls,
            waits=lambda: until(lambda: any(call.owner == "queue" for call in engine.snapshot().calls)),
            ready=lambda: engine.submit(e.SeatReadied(seat=seat_id)),
            rest=rest,
        )
    return {"first_rtp": asdict(spread(rtp)), "ready_to_invite": asdict(spread(invites))}


async def _resident(province: "Province", folder: Path) -> float:
    """A controller in a process of its own takes this Asterisk over, answers calls, and is weighed."""
    import psutil

    from simulators.softphone import SoftphonePool

    rendered = province.asterisk.rendered
    for name, secret in (("ari", rendered.ari_password), ("ami", rendered.ami_password)):
        (folder / name).touch(0o600)
        (folder / name).write_text(secret, encoding="utf-8")
    config = folder / "settings.yaml"
    config.write_text(
        f"site: {province.wishes.site}\nstate_dir: {folder / 'serve'}\nhttp: {{port: 0}}\n"
        f"log: {{file: {folder / 'serve.log'}}}\n"
        f"asterisk:\n  - ari_url: {rendered.ari_url}\n    ari_password_file: ari\n"
        f"    ami_port: {rendered.ami_port}\n    ami_password_file: ami\n",
        encoding="utf-8",
    )
    program = [sys.executable, "-c", "from callrouter.cli.main import run; run()"]
    child = await asyncio.create_subprocess_exec(*program, "serve", "--config", str(config))
    try:
        async with asyncio.timeout(30), SoftphonePool() as pool:
            caller = await pool.caller("13800000001", keep_seconds=0)
            answered = 0
            while answered < 5:
                await caller.dial(f"sip:12345@{province.sip}")
                await caller.first_rtp_after_invite(25)
                await caller.hangup()
                # Until the child has taken over, the province's own controller still answers.
                answered += int(
                    (folder / "serve.log").is_file() and "ari.connected" in (folder / "serve.log").read_text()
                )
        serving = psutil.Process(child.pid)
        # What the processes share counts once.
        shares = [one.memory_full_info().pss for one in (serving, *serving.children(recursive=True))]
        return float(sum(shares)) / 2**20
    finally:
        child.terminate()
        await child.wait()

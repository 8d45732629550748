"""`callrouter bench transfer`: the figures of the warm transfer, on a private province."""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from callrouter.cli.state import fail

if TYPE_CHECKING:
    from callrouter.cli.province import Province
    from simulators.bench_transfer import TransferFigures

WANTED_KEY: Final = 0.015
"""Seconds from the key to the INVITE at the partner, 99th percentile."""
WANTED_GAP: Final = 0.060
"""Seconds without audio when partner and caller are joined, 99th percentile at either end."""
WANTED_REQUESTS: Final = 12
SEAT: Final = "a1001"
SECONDS: Final = 20.0
MISSED: Final = 1


def transfer(
    transfers: Annotated[int, typer.Option(min=2, max=1000, help="Transfers made.")] = 30,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a wanted figure is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Key to INVITE at the partner, gap in the audio at completion, requests to Asterisk, on a real Asterisk.

    The key is pressed in turn at the desk (its API) and on the seat's phone (RFC 4733). Audio is
    judged by the RTP packets at both ends, as the kernel received them.

    Example: callrouter bench transfer --transfers 60 --check
    """
    from callrouter.logs import set_up_logs
    from callrouter.toolchain.errors import ToolchainError
    from simulators.changeover import NothingHeard

    with tempfile.TemporaryDirectory(prefix="callrouter-bench-") as folder:
        set_up_logs("error", Path(folder) / "log")
        try:
            figures = asyncio.run(_measure(Path(folder), transfers))
        except ToolchainError as error:
            fail(str(error))
        except (NothingHeard, TimeoutError) as error:
            fail(f"a transfer did not come about: {error or 'no answer in time'}")
    rows = judged(figures)
    missed = [name for name, row in rows.items() if not row["met"]]
    if as_json:
        typer.echo(json.dumps({"figures": rows, "missed": missed, "load": os.getloadavg()[0]}))
    else:
        for name, row in rows.items():
            typer.echo(_line(name, row))
        typer.echo(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    raise typer.Exit(MISSED if check and missed else 0)


def judged(figures: "TransferFigures") -> dict[str, dict[str, Any]]:
    """Each figure's distribution, what is wanted of it (None: nothing) and whether that is met."""
    from simulators.bench_slice import spread

    ways = figures.key_to_invite
    found = {f"key to INVITE, {way}": (ways[way], WANTED_KEY, "p99") for way in ways if ways[way]} | {
        "gap at the caller": (figures.gap_at_caller, WANTED_GAP, "p99"),
        "gap at the partner": (figures.gap_at_partner, WANTED_GAP, "p99"),
        "key to both voices": (figures.key_to_voice, None, ""),
        "requests": ([float(count) for count in figures.requests], WANTED_REQUESTS, "most"),
    }
    rows = {}
    for name, (values, wanted, of) in found.items():
        row = asdict(spread(values))
        rows[name] = {**row, "wanted": wanted, "of": of, "met": wanted is None or row[of] <= wanted}
    return rows


def _line(name: str, row: dict[str, Any]) -> str:
    unit, factor = ("", 1) if name == "requests" else (" ms", 1e3)
    spread = "   ".join(f"{rank} {row[rank] * factor:5.1f}{unit}" for rank in ("p50", "p99", "most"))
    wanted = "" if row["wanted"] is None else f"   wanted {row['of']} ≤ {row['wanted'] * factor:g}{unit}"
    verdict = "" if row["wanted"] is None else ": met" if row["met"] else ": MISSED"
    return f"{name:24s} {spread}{wanted}, n = {row['count']}{verdict}"


async def _measure(folder: Path, transfers: int) -> "TransferFigures":
    from acd import events as e
    from acd.ids import AgentId, SeatId
    from callrouter.cli.province import Province, Wishes
    from callrouter.toolchain.share import share_folder
    from simulators.bench_transfer import LINE, TransferBench
    from simulators.partners import ADDRESS, Behaviour, Kind
    from simulators.plain_phone import Phone

    wishes = Wishes(site=share_folder("ivr_flows").absolute(), state_dir=folder / "state", robots=0)
    async with Province(wishes) as province:
        host, port = province.sip.split(":")
        switch = (host, int(port))
        caller, seat, partner = (
            await Phone.open(switch),
            await Phone.open(switch),
            await Phone.open(switch, ADDRESS),
        )
        try:
            province.partners.set(LINE, Behaviour(kind=Kind.ELSEWHERE, target=partner.contact))
            await seat.register(SEAT, province.passwords[SEAT], expires=3600)
            async with _House(province) as house:
                await house.reachable()
                province.app.controller.submit(e.SeatSignedIn(seat=SeatId(SEAT), agent=AgentId(SEAT)))
                await house.rest()
                return await TransferBench(house, caller, seat, partner).measure(transfers)
        finally:
            for phone in (caller, seat, partner):
                phone.close()


class _House:
    """`simulators.bench_transfer.House` of a province."""

    def __init__(self, province: "Province") -> None:
        self._province = province
        self._engine = province.app.controller
        (self._link,) = province.app.ari.values()
        self._music = 0

    async def __aenter__(self) -> "_House":
        import aiohttp

        self._session = aiohttp.ClientSession(f"{self._province.http}/api/v1/")
        password = self._province.passwords[SEAT]
        async with self._session.post("sign-in", json={"user": SEAT, "password": password}) as reply:
            reply.raise_for_status()
            self._session.headers["Authorization"] = f"Bearer {(await reply.json())['token']}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    # --- what the bench asks

    async def press(self, wish: str) -> None:
        from simulators.bench_transfer import LINE

        body = {"target": LINE, "kind": "consult"} if wish == "transfer" else None
        async with self._session.post(f"seats/{SEAT}/{wish}", json=body) as reply:
            reply.raise_for_status()

    async def until(self, what: str, state: str) -> None:
        if what == "seat":
            await self._wait(lambda: self._seat().state == state)
            self._music = self._link.metrics.requests["MusicOn"]
        else:
            await self._wait(lambda: any(c.transfer_state == state for c in self._engine.snapshot().calls))

    async def on_hold_with_music(self) -> None:
        await self._wait(lambda: self._link.metrics.requests["MusicOn"] > self._music)

    async def rest(self) -> None:
        from acd import events as e
        from acd.ids import SeatId

        await self._wait(lambda: not self._engine.snapshot().calls)
        if self._seat().state == "wrap_up":
            self._engine.submit(e.WrapUpFinished(seat=SeatId(SEAT)))
        if self._seat().state == "not_ready":
            self._engine.submit(e.SeatReadied(seat=SeatId(SEAT)))
        await self._wait(lambda: self._seat().state == "ready")

    @property
    def requests(self) -> int:
        return self._link.metrics.requests.total()

    # --- inside

    async def reachable(self) -> None:
        """Until the switch has told that the seat's phone is there."""
        await self._wait(lambda: self._seat().reachable)

    def _seat(self) -> Any:
        return next(view for view in self._engine.snapshot().seats if view.seat == SEAT)

    async def _wait(self, test: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not test():
                await self._engine.changed(0.02)

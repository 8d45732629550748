"""A whole province on loopback: Asterisk, controller, partners, broker, phones. For demo and tests."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from acd import events as e
from acd.ids import AgentId, OrgId, SeatId
from callrouter.app import App
from callrouter.cli.state import READY_FILE
from callrouter.ports import Change, Role
from callrouter.settings import Feed, Http, Lookup, Node, Settings
from callrouter.site import load_site
from callrouter.toolchain.asterisk import AsteriskPlan, AsteriskServer, SeatAccount, TrunkAccount, render
from callrouter.toolchain.broker import Broker
from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.locate import asterisk_files
from callrouter.toolchain.ports import free_ports
from simulators.demo_people import DemoPeople, SeatPerson
from simulators.order_service import OrderService, sample_orders
from simulators.partners import ADDRESS, Partners

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 30.0
SPEAKING: Final = ("thanks_for_holding", "please_wait", "still_waiting")
"""Prompts that the demo's people speak with."""


class Occupied(Exception):
    """Another demo runs with this state directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a province shall be. Ports of 0 are chosen free."""

    site: Path
    state_dir: Path
    sip_port: int = 0
    http_port: int = 0
    traffic: float = 0.0
    """Calls a minute by simulated callers."""
    robots: int | None = None
    """How many seats have a simulated phone that registers and picks up; None: all but the last two."""
    seed: int = 12345


@dataclass
class Province:
    """`async with` starts everything; what it started, and only that, it stops."""

    wishes: Wishes
    passwords: dict[str, str] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        await self._stack.__aenter__()
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    # --- starting ------------------------------------------------------------------

    async def _start(self) -> None:
        folder = self.wishes.state_dir
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._stack.enter_context(_sole_user_of(folder))
        self.site = load_site(self.wishes.site)
        self.seats = list(self.site.seats)
        self.passwords = {str(seat): secrets.token_urlsafe(9) for seat in self.seats}
        self.passwords["supervisor"] = secrets.token_urlsafe(9)
        sip, ari, ami, mqtt = free_ports(4)
        sip = self.wishes.sip_port or sip
        files = asterisk_files()
        self.partners = Partners(files, folder / "partners", (HOST, sip))
        self.broker = Broker(folder / "mosquitto", mqtt)
        self._stack.push_async_callback(self.partners.stop)
        self._stack.push_async_callback(self.broker.stop)
        today = datetime.now(ZoneInfo(self.site.timezone)).date()
        self.orders = await self._stack.enter_async_context(OrderService(sample_orders(today), today))
        async with asyncio.TaskGroup() as group:
            group.create_task(self.partners.start())
            group.create_task(self.broker.start())
        self.asterisk = AsteriskServer(render(self._plan(sip, ari, ami), folder / "asterisk"))
        self._stack.push_async_callback(self.asterisk.stop)
        await self.asterisk.start()
        self.app = await self._stack.enter_async_context(App(self._settings()))
        await self._create_users()
        await self.app.ready(READY_SECONDS)
        await self._people()

    def _plan(self, sip: int, ari: int, ami: int) -> AsteriskPlan:
        first = sip // 2 * 2 % 20000 + 40000 if sip < 40000 else 20000  # RTP begins at an even port
        night = [m.seat for m in self.site.floor.seats if any(q.queue == "night" for q in m.queues)]
        return AsteriskPlan(
            asterisk_files(),
            sip_port=sip,
            http_port=ari,
            ami_port=ami,
            rtp_first=first,
            rtp_last=first + 3998,
            seats=tuple(
                SeatAccount(seat, self.passwords[seat], self.site.seats[seat].name) for seat in self.seats
            ),
            trunks=tuple(self._trunk(name) for name in self.site.directory.trunks),
            night_group=tuple(night),
            sounds={"zh": self.wishes.site.resolve() / "prompts" / "zh"},
            apology="technical_trouble",
            cel=True,
        )

    def _trunk(self, name: str) -> TrunkAccount:
        trunk = self.site.directory.trunks[name]
        if name == "carrier":
            # Who is called back is found in the partners' network too.
            return TrunkAccount(name, (HOST,), peer=self.partners.proxy, codecs=trunk.codecs)
        # One address for all partners: it is told by the first trunk, calls go out by each.
        addresses = (ADDRESS,) if name == "departments" else ()
        return TrunkAccount(
            name,
            addresses,
            peer=self.partners.proxy,
            codecs=trunk.codecs,
            qualify=trunk.options,
            allow_transfer=trunk.refer,
        )

    def _settings(self) -> Settings:
        rendered = self.asterisk.rendered
        node = Node(
            ari_url=rendered.ari_url,
            ari_user=rendered.ari_user,
            ari_password=SecretStr(rendered.ari_password),
            ami_host=rendered.ami_host,
            ami_port=rendered.ami_port,
            ami_user=rendered.ami_user,
            ami_password=SecretStr(rendered.ami_password),
            spool=rendered.folder / "var" / "spool",
        )
        return Settings(
            site=self.wishes.site,
            state_dir=self.wishes.state_dir,
            asterisk=(node,),
            http=Http(port=self.wishes.http_port),
            feed=Feed(broker=f"{HOST}:{self.broker.port}"),
            lookups={"orders": Lookup(kind="http", url=self.orders.url)},
        )

    async def _create_users(self) -> None:
        accounts = self.app.accounts
        for seat in self.seats:
            await accounts.create(
                seat,
                self.passwords[seat],
                roles=(Role.AGENT,),
                display=self.site.seats[seat].name,
                organisation=OrgId(self.site.seats[seat].organisation),
                agent=AgentId(seat),
                seats=(seat,),
            )
        await accounts.create(
            "supervisor",
            self.passwords["supervisor"],
            roles=(Role.SUPERVISOR,),
            display="值班长",
            organisation=OrgId("province"),
        )

    # --- people -----------------------------------------------------------------------

    @property
    def robots(self) -> list[SeatId]:
        count = self.wishes.robots
        return self.seats[: max(1, len(self.seats) - 2) if count is None else count]

    async def _people(self) -> None:
        robots = self.robots
        if not robots and not self.wishes.traffic:
            return
        voices = [
            path
            for name in SPEAKING
            if (path := self.wishes.site / "prompts" / "zh" / f"{name}.wav").is_file()
        ]
        self.people = DemoPeople(
            self.sip,
            [SeatPerson(user=seat, password=self.passwords[seat]) for seat in robots],
            calls_per_minute=self.wishes.traffic,
            voices=voices,
            seed=self.wishes.seed,
        )
        running = asyncio.create_task(self.people.run(), name="people")
        self._stack.push_async_callback(_cancelled, running)
        attending = _Attending(self.app, set(robots))
        self._stack.callback(attending.stop)
        attending.begin()
        await _first_of(attending.all_ready.wait(), running, READY_SECONDS)

    # --- what may die ----------------------------------------------------------------------

    async def lost(self, missing: Callable[[str], None]) -> str:
        """Wait until its Asterisk has ended, and say so. What it can do without is told to `missing`."""
        others = {
            "partners' Asterisk": (self.partners.ended, "calls to other lines fail"),
            "broker": (self.broker.wait, "call data waits in the outbox"),
        }

        async def watch(what: str) -> None:
            wait, follows = others[what]
            ending = _ending(await wait())
            missing(f"the demo's {what} has ended ({ending}): {follows} until you restart the demo")

        watching = [asyncio.create_task(watch(what), name=f"watch over the {what}") for what in others]
        try:
            ending = _ending(await self.asterisk.wait())
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)
        log = self.asterisk.rendered.log
        return f"the demo's Asterisk has ended ({ending}): see {log}, then start the demo again"

    # --- what others need ------------------------------------------------------------------

    @property
    def sip(self) -> str:
        return f"{HOST}:{self.asterisk.rendered.sip_port}"

    @property
    def http(self) -> str:
        return self.app.web.url

    def ready_line(self) -> dict[str, Any]:
        """The public face's first line (see docs/reference/demo.md)."""
        return {
            "ready": True,
            "http": self.http,
            "sip": self.sip,
            "mqtt": self.broker.url,
            "asterisk_config": str(self.asterisk.rendered.conf),
            "state_dir": str(self.wishes.state_dir),
            "processes": {"asterisk": self.asterisk.pid, "controller": os.getpid()},
            "logins": {
                "agent": [
                    {
                        "user": str(seat),
                        "password": self.passwords[seat],
                        "seat": str(seat),
                        "phone": "simulated" if seat in self.robots else "yours",
                    }
                    for seat in self.seats
                ],
                "supervisor": {"user": "supervisor", "password": self.passwords["supervisor"]},
            },
        }

    def write_ready_file(self) -> None:
        """Keep the ready line for `callrouter watch` and `calls`; it goes when the province stops."""
        file = self.wishes.state_dir / READY_FILE
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(self.ready_line(), out, ensure_ascii=False)
        self._stack.callback(file.unlink, missing_ok=True)


class _Attending:
    """The demo's agents: sign in, become ready whenever their phone is there and nothing forbids it."""

    def __init__(self, app: App, seats: set[SeatId]) -> None:
        self._engine = app.controller
        self._seats = seats
        self._waiting = set(seats)
        self.all_ready = asyncio.Event()
        if not seats:
            self.all_ready.set()
        self.stop = self._engine.subscribe(self._changed)

    def begin(self) -> None:
        agents = {view.seat: view.agent for view in self._engine.snapshot().seats}
        for seat in self._seats:
            # A demo that was here a moment ago has left its agents signed in.
            if agents[seat] != AgentId(seat):
                self._engine.submit(e.SeatSignedIn(seat=seat, agent=AgentId(seat)))
        for view in self._engine.snapshot().seats:
            self._changed(Change(seat=view))

    def _changed(self, change: Change) -> None:
        view = change.seat
        if view is None or view.seat not in self._seats:
            return
        if view.state == "ready":
            self._waiting.discard(view.seat)
            if not self._waiting:
                self.all_ready.set()
        elif view.state == "not_ready" and view.reason in ("signed_in", "phone_lost", "rona"):
            asyncio.get_running_loop().call_soon(self._make_ready, view.seat)

    def _make_ready(self, seat: SeatId) -> None:
        with contextlib.suppress(e.Refused):
            self._engine.submit(e.SeatReadied(seat=seat))


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"


@contextlib.contextmanager
def _sole_user_of(folder: Path) -> Any:
    lock: IO[str] = os.fdopen(os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Occupied(
            f"another demo runs with state directory {folder}: stop it, or give another --state-dir"
        ) from None
    try:
        yield
    finally:
        lock.close()


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})


async def _first_of(wanted: Any, running: "asyncio.Task[None]", seconds: float) -> None:
    """Wait for `wanted`; raises what ended `running` instead, or `ToolchainError` after `seconds`."""
    waiting = asyncio.ensure_future(wanted)
    try:
        await asyncio.wait({waiting, running}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if not waiting.done():
            raise ToolchainError(f"the demo's phones were not all ready within {seconds:g} s")
    finally:
        waiting.cancel()

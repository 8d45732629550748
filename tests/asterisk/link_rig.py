"""A real Asterisk, our clients on it, and phones of bare bytes: the least that shows what the links do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from acd import commands as c
from acd.events import CallOffered, CommandFailed, NodeUp, SeatReachable, SeatUnreachable, SwitchEvent
from acd.ids import BridgeId, CallId, ChannelId, NodeId, SeatId
from callrouter.ami.client import AmiClient, AmiSettings
from callrouter.ari.client import AriClient, AriSettings
from callrouter.toolchain import asterisk_files
from callrouter.toolchain.asterisk import (
    AsteriskPlan,
    AsteriskServer,
    RenderedAsterisk,
    SeatAccount,
    TrunkAccount,
    render,
)
from tests.asterisk.raw_sip import Phone, free_port

NODE, CALL = NodeId("n1"), CallId("k")
PASSWORD = "seat-password"
SEATS = ("a1001", "a1002", "a1003")
Fact = SwitchEvent | SeatReachable | SeatUnreachable
T = TypeVar("T")


@contextlib.asynccontextmanager
async def run_asterisk(folder: Path) -> AsyncIterator[AsteriskServer]:
    first = 20000 + free_port() % 10000
    plan = AsteriskPlan(
        asterisk=asterisk_files(),
        sip_port=free_port(),
        http_port=free_port(),
        ami_port=free_port(),
        rtp_first=first,
        rtp_last=first + 400,
        seats=tuple(SeatAccount(user, PASSWORD, f"Seat {user}") for user in SEATS),
        trunks=(TrunkAccount("carrier", ("127.0.0.1",)),),
    )
    server = AsteriskServer(render(plan, folder))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def ari_settings(rendered: RenderedAsterisk, **more: Any) -> AriSettings:
    known = {"url": rendered.ari_url, "user": rendered.ari_user, "password": rendered.ari_password}
    return AriSettings(**{**known, "backoff_first": 0.05, "backoff_last": 0.2, **more})


def ami_settings(rendered: RenderedAsterisk, **more: Any) -> AmiSettings:
    known = {"host": rendered.ami_host, "port": rendered.ami_port}
    login = {"user": rendered.ami_user, "password": rendered.ami_password}
    return AmiSettings(**{**known, **login, "backoff_first": 0.05, "backoff_last": 0.2, **more})


@dataclass
class Rig:
    """`facts` keeps all in order; `fact` waits for one and remembers how far it has looked."""

    server: AsteriskServer
    client: AriClient
    ami: AmiClient
    facts: list[Fact] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def sink(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._arrived.set()

    async def fact(
        self, kind: type[T], test: Callable[[T], bool] = lambda _: True, *, since: int = 0, seconds: float = 8
    ) -> T:
        """The first fact of that kind from index `since` on that passes `test`, past or to come."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for fact in self.facts[since:]:
                        if isinstance(fact, kind) and test(fact):
                            return fact
                    await self.more()
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} in {seconds} s; came: {self.facts[since:]}") from None

    async def more(self) -> None:
        """Until another fact has come."""
        self._arrived.clear()
        await self._arrived.wait()

    async def of(self, kind: type[T], channel: str, *, since: int = 0, seconds: float = 8) -> T:
        return await self.fact(kind, lambda f: f.channel == channel, since=since, seconds=seconds)  # type: ignore[attr-defined]

    def count(self, kind: type, channel: str) -> int:
        return sum(isinstance(fact, kind) and fact.channel == channel for fact in self.facts)  # type: ignore[attr-defined]

    def do(self, kind: type[c.Command], **fields: object) -> None:
        self.client.send(kind(node=NODE, call=CALL, **fields))

    async def settled(self, call: CallId = CALL) -> None:
        """All that the call has sent has been answered: a request that is bound to fail comes back."""
        since, ghost = len(self.facts), ChannelId("nobody")
        self.client.send(c.Answer(node=NODE, call=call, channel=ghost))
        await self.fact(CommandFailed, lambda f: f.subject == ghost, since=since)

    async def phone(self, seat: str = "", kind: type[Phone] = Phone) -> Phone:
        """A phone; with `seat` registered for it."""
        phone = await kind.open(("127.0.0.1", self.server.rendered.sip_port))
        self.phones.append(phone)
        if seat:
            since = len(self.facts)
            assert await phone.register(seat, PASSWORD) == 200
            if not self.reachable(seat):
                await self.fact(SeatReachable, lambda f: f.seat == seat, since=since)
        return phone

    def reachable(self, seat: str) -> bool:
        told = [f for f in self.facts if isinstance(f, SeatReachable | SeatUnreachable) and f.seat == seat]
        return bool(told) and isinstance(told[-1], SeatReachable)

    async def caller(
        self, *, answered: bool = True, number: str = "12345", **invite: str
    ) -> tuple[Phone, ChannelId]:
        """Somebody on the trunk."""
        phone, since = await self.phone(), len(self.facts)
        phone.invite(number, **invite)
        offered = await self.fact(CallOffered, since=since)
        if answered:
            self.do(c.Answer, channel=offered.channel)
            phone.settle(await phone.response(above=199))
            phone.media.speak(0)
        return phone, offered.channel

    def dial(self, channel: str, seat: str, *, ring_for: float = 20.0, **more: Any) -> None:
        decent = {"caller_number": "13909710001", "caller_name": "", "endpoint": f"PJSIP/{seat}"}
        self.do(c.Originate, channel=ChannelId(channel), ring_for=ring_for, **{**decent, **more})

    async def clean(self) -> None:
        """End what a test left, so that the next one starts from nothing."""
        for phone in self.phones:
            phone.close()
        for channel in (await self.server.command("core show channels concise")).splitlines():
            if channel.count("!") > 5:
                await self.server.command(f"channel request hangup {channel.split('!')[0]}")
        for bridge in (await self.server.command("bridge show all")).splitlines()[1:]:
            if self.client.connected:
                self.do(c.DestroyBridge, bridge=BridgeId(bridge.split()[0]))


@contextlib.asynccontextmanager
async def run_rig(server: AsteriskServer, *, tidy: bool = True, **ari: Any) -> AsyncIterator[Rig]:
    """Connected clients; without `tidy` the calls go on afterwards, as when a controller is killed."""
    ami = AmiClient(ami_settings(server.rendered), {seat: SeatId(seat) for seat in SEATS})
    client = AriClient(NODE, ari_settings(server.rendered, **ari), answer_phone=ami.answer_phone)
    rig = Rig(server, client, ami)
    tasks = [asyncio.create_task(client.run(rig.sink)), asyncio.create_task(ami.run(rig.sink))]
    try:
        await rig.fact(NodeUp)
        for seat in SEATS:
            await rig.fact((SeatReachable, SeatUnreachable), lambda f, seat=seat: f.seat == seat)  # type: ignore[arg-type]
        yield rig
        if tidy:
            await rig.clean()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

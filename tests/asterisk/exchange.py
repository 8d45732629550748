"""A plain Asterisk with a dialplan of its own: phones, callers and load are tried on it, no controller there.

| number | what it does |
|---|---|
| ``echo`` | answers and sends back what it hears |
| ``music`` | answers and plays music on hold |
| ``prompt`` | answers, plays the core sound ``tt-weasels``, hangs up |
| ``read`` | answers, takes seven keys, keys them back, hangs up |
| ``busy`` ``gone`` ``slow`` | 486; 404; 200 after two seconds of ringing |
| ``12345`` | answers, plays a word, then rings every seat at once with music |
| ``a1001`` … | that seat |
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from callrouter.toolchain import asterisk_files
from callrouter.toolchain.asterisk import AsteriskPlan, AsteriskServer, SeatAccount, TrunkAccount, render
from simulators.audio import Samples, load
from tests.asterisk.raw_sip import free_port

PASSWORD = "exchange-password"
MODULES = ("app_echo.so", "app_read.so", "app_senddtmf.so", "app_queue.so", "res_mutestream.so")

DIALPLAN = """
[from-trunk]
exten => echo,1,Answer()
 same => n,Echo()
exten => music,1,Answer()
 same => n,MusicOnHold()
exten => prompt,1,Answer()
 same => n,Playback(tt-weasels)
 same => n,Hangup()
exten => read,1,Answer()
 same => n,Read(KEYS,,7,,1,8)
 same => n,SendDTMF(${{KEYS}})
 same => n,Wait(1)
 same => n,Hangup()
exten => busy,1,Hangup(17)
exten => gone,1,Hangup(1)
exten => slow,1,Ringing()
 same => n,Wait(2)
 same => n,Answer()
 same => n,Echo()
exten => 12345,1,Answer()
 same => n,Playback(beep)
 same => n,Dial({everybody},60,m)
 same => n,Hangup()
{more}
exten => _a.,1,Dial(PJSIP/${{EXTEN}},30,m)
 same => n,Hangup(${{HANGUPCAUSE}})

[from-seat]
exten => _X!,1,Goto(from-trunk,${{EXTEN}},1)
exten => _[a-z].,1,Goto(from-trunk,${{EXTEN}},1)
"""


@dataclass(frozen=True)
class Exchange:
    server: AsteriskServer
    seats: tuple[str, ...]

    @property
    def sip(self) -> str:
        """Where it takes calls and registrations, "host:port"."""
        return f"{self.server.rendered.address}:{self.server.rendered.sip_port}"

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self.sip}"

    async def channels(self) -> list[str]:
        output = await self.server.command("core show channels concise")
        return [line.split("!")[0] for line in output.splitlines() if line.count("!") > 5]

    async def is_idle(self) -> bool:
        return await self.channels() == []

    def sound(self, name: str) -> Samples:
        return load(self.server.rendered.folder / "data" / "sounds" / "en" / f"{name}.wav")

    def music(self) -> dict[str, Samples]:
        return {file.stem: load(file) for file in (self.server.rendered.folder / "data/moh").glob("*.alaw")}


async def eventually(condition: Callable[[], bool | Awaitable[bool]], within: float = 15.0) -> None:
    """Wait until `condition` holds, looked at every 50 ms. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def run_exchange(
    folder: Path, seats: Sequence[str], *, more: str = "", trunks: Mapping[str, str] | None = None
) -> AsyncIterator[Exchange]:
    """Start it; `more` is further dialplan of the callers' context, `trunks` names peers ("host:port")."""
    plan = AsteriskPlan(
        asterisk=asterisk_files(),
        sip_port=free_port(),
        http_port=free_port(),
        ami_port=free_port(),
        rtp_first=10000,
        rtp_last=19999,
        language="en",
        seats=tuple(SeatAccount(user, PASSWORD, f"Seat {user}") for user in seats),
        trunks=(
            TrunkAccount("carrier", ("127.0.0.1",)),
            *(TrunkAccount(name, (), peer) for name, peer in (trunks or {}).items()),
        ),
        more_modules=MODULES,
        max_calls=10_000,
    )
    rendered = render(plan, folder)
    everybody = "&".join(f"PJSIP/{seat}" for seat in seats) or "Local/nobody"
    dialplan = re.sub(r"\n +same", "\n same", DIALPLAN.format(everybody=everybody, more=more))
    (rendered.conf.parent / "extensions.conf").write_text(dialplan)
    server = AsteriskServer(rendered)
    await server.start()
    try:
        yield Exchange(server, tuple(seats))
    finally:
        await server.stop()

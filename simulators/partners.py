"""The partners: a second private Asterisk that plays every line one key away from 12345.

Fourteen hotlines, the prefectures' 12345 and the emergency numbers, each with a
tone of its own (`tone`), so that a test knows by ear who has answered, and a
behaviour that can be changed at any time (`Partners.set`). What arrived is kept
in `calls`, with every header.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callrouter.toolchain.asterisk import AsteriskPlan, AsteriskServer, RenderedAsterisk, TrunkAccount, render
from callrouter.toolchain.locate import AsteriskFiles
from callrouter.toolchain.ports import free_ports
from simulators.partners_front import CALLS_KEPT, Behaviour, Front, FrontProtocol, Kind, Received
from simulators.partners_lines import EMERGENCY, HOTLINES, LINES, PREFECTURES, TONES, PartnerCall, tone
from simulators.partners_link import Event, PartnersLink

__all__ = [
    "EMERGENCY",
    "HOTLINES",
    "LINES",
    "PREFECTURES",
    "Behaviour",
    "Kind",
    "PartnerCall",
    "Partners",
    "tone",
]

ADDRESS: Final = "127.0.0.3"
"""Where the partners live: an address of their own, so that a trunk is told by it."""


class Partners:
    """Start, steer and ask the partner lines.

    `router` is the SIP address of the Asterisk under test. Calls to a partner go to `proxy` (``host:port``).
    """

    def __init__(
        self,
        asterisk: AsteriskFiles,
        folder: Path,
        router: tuple[str, int],
        *,
        address: str = ADDRESS,
        rtp: tuple[int, int] = (36000, 37999),
    ) -> None:
        self._folder, self.router, self._address = folder, router, address
        sip_port, http_port, ami_port = free_ports(3, sorted({"127.0.0.1", address}))
        self._plan = AsteriskPlan(
            asterisk,
            sip_port=sip_port,
            http_port=http_port,
            ami_port=ami_port,
            rtp_first=rtp[0],
            rtp_last=rtp[1],
            address=address,
            language="en",
            trunks=(
                TrunkAccount(
                    "callrouter",
                    (router[0], address),
                    peer=f"{router[0]}:{router[1]}",
                    context="partners",
                ),
            ),
            templates="partners",
            more_modules=("app_userevent.so", "app_senddtmf.so", "app_transfer.so"),
        )
        self._front = Front((address, sip_port), TONES)
        self._link = PartnersLink(self._happened)
        self._server: AsteriskServer | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._protocol = FrontProtocol(self._front)
        self._changed = asyncio.Condition()
        self._serial = itertools.count(1)
        self._wakers: set[asyncio.Task[None]] = set()
        self.calls: dict[str, PartnerCall] = {}
        """Calls that reached a partner's Asterisk, by name, oldest first; the last ten thousand."""
        self._live: dict[str, PartnerCall] = {}

    # --- life

    async def start(self, seconds: float = 30.0) -> None:
        """Run the Asterisk and the front; raises `AsteriskError` when one can't run."""
        rendered = render(self._plan, self._folder)
        self._server = AsteriskServer(rendered)
        await self._server.start(seconds)
        try:
            await self._link.open(
                rendered.ami_host, rendered.ami_port, rendered.ami_user, rendered.ami_password
            )
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: self._protocol, local_addr=(self._address, 0)
            )
        except BaseException:
            await self.stop()
            raise

    async def ended(self) -> int:
        """Wait for the end of the Asterisk, whoever causes it; returns its exit status."""
        if self._server is None:
            raise RuntimeError("the partners have not been started")
        return await self._server.wait()

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        await self._link.close()
        if self._server is not None:
            await self._server.stop()
            self._server = None

    @property
    def proxy(self) -> str:
        """``host:port`` that the router's trunks to the partners send to."""
        if self._transport is None:
            raise RuntimeError("the partners have not been started")
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    @property
    def pid(self) -> int | None:
        return self._server.pid if self._server is not None else None

    @property
    def rendered(self) -> RenderedAsterisk:
        if self._server is None:
            raise RuntimeError("the partners have not been started")
        return self._server.rendered

    def log_faults(self) -> list[str]:
        """ERROR and WARNING lines of the partners' Asterisk."""
        return self._server.log_faults() if self._server is not None else []

    # --- behaviour

    def set(self, number: str, behaviour: Behaviour, *, caller: str = "") -> None:
        """From now on calls to `number` meet this (with `caller`: those of that caller's number).

        Raises KeyError for a number that is no line.
        """
        if number not in TONES:
            raise KeyError(number)
        if caller:
            self._front.for_callers[number, caller] = behaviour
        else:
            self._front.behaviours[number] = behaviour

    def silence(self, silent: bool) -> None:
        """Cut (or restore) the partners' network: nothing that is sent to `proxy` is answered."""
        self._front.silent = silent

    def reset(self) -> None:
        """Every line answers at once again."""
        self._front.behaviours.clear()
        self._front.for_callers.clear()
        self._front.silent = False

    # --- what happened

    @property
    def received(self) -> tuple[Received, ...]:
        """Every INVITE, refused and ignored ones included, oldest first."""
        return tuple(self._front.received)

    def invite_of(self, caller: str) -> Received | None:
        """The newest INVITE that told this caller's number."""
        return self._front.newest.get(caller)

    async def wait(self, test: Callable[[], bool], seconds: float = 10.0) -> None:
        """Until `test` holds; it is asked again after each thing that happens. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(test)

    async def call_of(
        self, number: str, *, seconds: float = 10.0, answered: bool = True, caller: str = ""
    ) -> PartnerCall:
        """The newest live call of a line, once it is answered (or has arrived). Raises TimeoutError.

        `caller`: only one of that caller's number.
        """

        def find() -> PartnerCall | None:
            live = (
                one
                for one in reversed(self.calls.values())
                if one.number == number and one.ended is None and caller in ("", one.caller)
            )
            return next((one for one in live if one.answered is not None or not answered), None)

        await self.wait(lambda: find() is not None, seconds)
        found = find()
        assert found is not None
        return found

    async def heard(self, call: PartnerCall, seconds: float = 3.0) -> NDArray[np.int16]:
        """All that the partner heard in an ended call (8 kHz), when its behaviour says `record`.

        Raises TimeoutError when the call or its recording has not ended within `seconds`.
        """
        file = self._folder / "var/spool/monitor" / f"{call.call}.sln"
        await self.wait(lambda: call.ended is not None, seconds)
        async with asyncio.timeout(seconds):
            # Asterisk closes the file a moment after the call and tells nobody.
            while self.pid is not None and _has_open(self.pid, file):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return np.frombuffer(file.read_bytes(), dtype="<i2") if file.exists() else np.zeros(0, dtype=np.int16)

    # --- what a partner does

    async def hang_up(self, call: PartnerCall) -> None:
        await self._link.act("Hangup", Channel=call.channel, Cause="16")

    async def press(self, call: PartnerCall, digits: str) -> None:
        """Send digits (RFC 4733), 250 ms each."""
        for digit in digits:
            await self._link.act("PlayDTMF", Channel=call.channel, Digit=digit, Duration="120")
            await asyncio.sleep(0.25)

    async def refer(self, call: PartnerCall, number: str = "12345") -> None:
        """Hand the caller on by REFER to `number` at the router. The outcome is the call's last state."""
        target = f"sip:{number}@{self.router[0]}:{self.router[1]}"
        await self._link.act("Setvar", Channel=call.channel, Variable="TARGET", Value=target)
        await self._link.act("Redirect", Channel=call.channel, Context="refer", Exten="s", Priority="1")

    async def dial(
        self, line: str, number: str = "12345", *, caller: str = "", headers: Mapping[str, str] | None = None
    ) -> PartnerCall:
        """A partner calls the router with its own tone; `caller` is the number that it passes on.

        `headers` may hold ``User-to-User`` and ``Diversion`` (a number). Returns when the router answers.
        """
        name = f"o{next(self._serial)}"
        call = PartnerCall(name, line)
        self._keep(call)
        wanted = headers or {}
        variables = {
            "CALL": name,
            "TONE": str(tone(line)),
            "__UUI": wanted.get("User-to-User", ""),
            "__DIVERTED": wanted.get("Diversion", ""),
        }
        await self._link.act(
            "Originate",
            Channel=f"Local/{number}@call-out/n",
            Context="talk",
            Exten="s",
            Priority="1",
            CallerID=f"<{caller or line}>",
            Async="true",
            Timeout="60000",
            Variables="\n".join(f"{key}={value}" for key, value in variables.items()),
        )
        await self.wait(lambda: call.answered is not None, 60.0)
        return call

    # --- inside

    def _happened(self, event: Event) -> None:
        now = time.monotonic()
        kind = event.get("Event")
        if kind == "UserEvent" and event.get("UserEvent") == "Partner":
            self._stated(event, now)
        elif kind == "DTMFEnd" and event.get("Direction") == "Received":
            if (call := self._live.get(event.get("Channel", ""))) is not None:
                call.digits += event.get("Digit", "")
        elif kind == "Hangup" and (call := self._live.pop(event.get("Channel", ""), None)) is not None:
            call.ended = now
            call.cause = int(event.get("Cause", "0") or 0)
        waker = asyncio.create_task(self._wake())
        self._wakers.add(waker)
        waker.add_done_callback(self._wakers.discard)

    def _stated(self, event: Event, now: float) -> None:
        name, state = event.get("Call", ""), event.get("State", "")
        call = self.calls.get(name)
        if call is None:
            received = next((one for one in reversed(self._front.received) if one.call == name), None)
            if received is None:
                return
            call = PartnerCall(name, received.number, received, arrived=received.at)
            self._keep(call)
        call.states.append(state)
        call.channel = event.get("Channel", call.channel)
        self._live[call.channel] = call
        if state == "answered" and call.answered is None:
            call.answered = now

    def _keep(self, call: PartnerCall) -> None:
        self.calls[call.call] = call
        if len(self.calls) > CALLS_KEPT:
            del self.calls[next(iter(self.calls))]

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _has_open(pid: int, file: Path) -> bool:
    folder, wanted = f"/proc/{pid}/fd", str(file.resolve())
    for link in os.listdir(folder):
        try:
            if os.readlink(f"{folder}/{link}") == wanted:
                return True
        except FileNotFoundError:
            continue  # closed in the meantime
    return False

"""The load tool against peers that Asterisk never is: strict about CSeq, refusing BYE, silent, elsewhere."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from simulators.sip_load import engine
from simulators.sip_load.engine import Run
from simulators.sip_load.report import document
from simulators.sip_load.result import RunFailed
from simulators.sip_load.scenario import Scenario

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]

SDP = "v=0\r\no=p 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
HIGH = 5000
"""CSeq of the peer's own requests: the caller's numbers have to rise, whatever these do to them."""


@dataclass
class Peer(asyncio.DatagramProtocol):
    """Answers calls at once, presses a key towards the caller, and refuses a CSeq that does not rise."""

    host: str
    bye: int = 200
    answers: bool = True
    last: dict[str, int] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    callers: set[str] = field(default_factory=set)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        text = data.decode()
        if not self.answers or text.startswith("SIP/2.0"):
            return
        headers = {
            name: re.findall(rf"^{name}: *(.*?)\r$", text, re.M)
            for name in ("Via", "From", "To", "Call-ID", "CSeq")
        }
        call = headers["Call-ID"][0]
        number, method = headers["CSeq"][0].split()
        self.callers.add(address[0])
        if method == "ACK":
            self._press(call, headers, address, HIGH)
            return
        status = 200
        if method != "OPTIONS":
            if int(number) <= self.last.get(call, 0):
                status = 500
                self.stale.append(f"{method} {number} after {self.last[call]}")
            self.last[call] = max(int(number), self.last.get(call, 0))
        if method == "BYE" and status == 200:
            status = self.bye
            self._press(call, headers, address, HIGH + 1)
        self._transport.sendto(self._answer(status, headers, method).encode(), address)

    def _answer(self, status: int, headers: dict[str, list[str]], method: str) -> str:
        body = ""
        if method == "INVITE":
            body = SDP.format(family="IP6" if ":" in self.host else "IP4", host=self.host)
        to = headers["To"][0] + ("" if "tag=" in headers["To"][0] else ";tag=peer")
        lines = [f"SIP/2.0 {status} So", *(f"Via: {via}" for via in headers["Via"])]
        lines += [f"From: {headers['From'][0]}", f"To: {to}", f"Call-ID: {headers['Call-ID'][0]}"]
        lines += [f"CSeq: {headers['CSeq'][0]}", f"Contact: <sip:peer@{self.place}>"]
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}", "", body]
        return "\r\n".join(lines)

    def _press(self, call: str, headers: dict[str, list[str]], address: Any, number: int) -> None:
        caller = re.findall(r"<(sip:[^>]*)>", headers["From"][0])[0]
        info = [f"INFO {caller} SIP/2.0", f"Via: SIP/2.0/UDP {self.place};branch=z9hG4bK-{call[:8]}-{number}"]
        info += [f"From: {headers['To'][0]}", f"To: {headers['From'][0]}", f"Call-ID: {call}"]
        info += [f"CSeq: {number} INFO", "Max-Forwards: 70", "Content-Length: 0", "", ""]
        self._transport.sendto("\r\n".join(info).encode(), address)

    @property
    def place(self) -> str:
        port = self._transport.get_extra_info("sockname")[1]
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


@asynccontextmanager
async def peer(host: str = "127.0.0.1", **how: Any) -> AsyncIterator[tuple[Peer, str]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Peer(host, **how), local_addr=(host, 0)
    )
    try:
        yield protocol, protocol.place
    finally:
        transport.close()


def people(**more: Any) -> dict[str, Any]:
    return {
        "name": "people",
        "dial": "12345",
        "arrivals": {"process": "constant", "rate": 3},
        "talk": {"constant": 1.2},
        "choices": [{"keys": "12", "share": 1, "after": {"constant": 0.3}}],
        **more,
    }


async def report_of(sip: str, folder: Path, **plan: Any) -> dict[str, Any]:
    scenario = Scenario.model_validate({"duration": 2, "drain": 4, "callers": [people()], **plan})
    return document(await Run(scenario, sip).go(lambda _live: None, folder))


async def test_keys_from_the_other_side_do_not_spoil_the_callers_sequence(tmp_path: Path) -> None:
    async with peer() as (strict, sip):
        report = await report_of(sip, tmp_path)
    assert strict.stale == []
    assert len(strict.last) == report["figures"]["sessions"]["attempts"] >= 5
    assert report["figures"]["sessions"]["SCR"] == 1
    assert report["figures"]["generator"]["unexpected"] == 0


async def test_a_refused_bye_is_the_installations_doing_and_not_the_generators(tmp_path: Path) -> None:
    async with peer(bye=503) as (_, sip):
        report = await report_of(sip, tmp_path)
    figures = report["figures"]
    assert figures["generator"]["unexpected"] == 0
    assert report["void"] == []
    assert figures["sessions"]["SCR"] == 0
    assert figures["sessions"]["SDD_failed"]["count"] == figures["sessions"]["attempts"] >= 5


async def test_a_port_that_nobody_has_is_said_before_anybody_dials(tmp_path: Path) -> None:
    async with peer() as (_, sip):
        pass
    with pytest.raises(RunFailed, match=f"nothing listens at {sip}"):
        await report_of(sip, tmp_path)


async def test_an_installation_that_never_replies_is_found_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "END_SECONDS", 0.5)
    async with peer(answers=False) as (_, sip):
        report = await report_of(sip, tmp_path, drain=0)
    assert [one["code"] for one in report["findings"]][:1] == ["unreachable"]
    assert "refusals" not in [one["code"] for one in report["findings"]]


async def test_an_address_of_the_other_family_is_reached_from_its_own_side(tmp_path: Path) -> None:
    async with peer("::1") as (far, sip):
        report = await report_of(sip, tmp_path)
    assert far.callers == {"::1"}
    assert far.stale == []
    assert report["figures"]["sessions"]["SCR"] == 1

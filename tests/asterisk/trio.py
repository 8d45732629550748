"""A caller, a seat and a partner of bare packets: the partner says what no decent stack would say.

Each trio has a line and a seat of its own, so that many stories run side by side. Who hears whom
is judged by the tone in each RTP packet.
"""

import asyncio
import itertools
import re
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import yaml

from acd import events as e
from acd.ids import AgentId, CallId, SeatId
from acd.record import CallRecord
from callrouter.cli.province import Wishes
from simulators.audio import FRAME, RATE, SILENCE_DBFS, Samples, level, load
from simulators.partners import ADDRESS, Behaviour, Kind
from simulators.plain_phone import Message, Phone
from simulators.rtp_port import Packet, RtpPort
from tests.asterisk.transfer_proof.town import QUEUE, ProofProvince, make_site

CALLER, SEAT, PARTNER, OTHER, TONE, OURS = 700, 1100, 1500, 1900, 450, 0
"""Tones, Hz: the people's, and the ringing tone; `OURS` is any other sound (words, music)."""
TONES: Final = (CALLER, SEAT, PARTNER, OTHER, TONE)
A_VOICE: Final = 0.15
"""Share of a packet's power from which a tone counts as heard: three may speak at once."""
TONE_PAUSE: Final = 4.0
"""Seconds; the ringing tone's own, no silence."""
LINES: Final = ("12315", "12333", "12328", "12348", "12316", "12329", "12350", "12317", "12320", "12366")
EMERGENCIES: Final = ("120", "119", "110", "122")
PATIENCE: Final = 20.0
"""Seconds for whatever has to come; a busy machine is slow."""
SDP: Final = "Content-Type: application/sdp\r\n"


class Partner(Phone):
    """Answers nothing by itself: the story does, `invite` is what it answers."""

    def __init__(self, server: tuple[str, int], address: str = "127.0.0.1") -> None:
        super().__init__(server, address)
        self.statuses = ()
        self.tag = ""
        """In place of the phone's own; a forked call has several."""
        self.on_cancel: Callable[[], None] | None = None
        """What it does in place of 487."""
        self.on_ack: Callable[[], None] | None = None
        self.on_bye: Callable[[], None] | None = None
        """What it does just before it answers."""

    def _invited(self, request: Message) -> None:
        known = self.dialog is not None and request.get("Call-ID") == self.dialog.call_id
        if known and "tag=" not in request.get("To") and not request.get("Authorization"):
            return  # a copy: the story answers in its own time
        super()._invited(request)

    @property
    def invite(self) -> Message:
        """The newest INVITE that began a call."""
        return next(x for x in reversed(self.requests) if x.method == "INVITE" and "tag=" not in x.get("To"))

    def say(
        self, status: int, *, sdp: bool = False, extra: str = "", tag: str = "", direction: str = "sendrecv"
    ) -> None:
        """One response to the INVITE."""
        self.tag = tag
        if self.dialog is not None:
            self.dialog.local = f"{self.invite.get('To')};tag={tag or f'p{self.port}'}"
        body = self.sdp(direction) if sdp else ""
        self.reply(self.invite, status, (SDP if sdp else "") + extra, body)

    async def offer(self, method: str, sdp: str) -> int:
        """INVITE or UPDATE within the call; its final status."""
        self._in_dialog(method, sdp, SDP)
        status = (await self.response(above=199)).status
        if method == "INVITE":
            self._in_dialog("ACK", "")
        return status

    def hang_up(self) -> None:
        """BYE, without waiting for what becomes of it."""
        self._in_dialog("BYE", "")
        self.media.quiet()

    def early(self, hertz: float = PARTNER, status: int = 183) -> None:
        """183 with a description of media, and a tone (0: packets of silence)."""
        self.say(status, sdp=True)
        self.media.speak(hertz)

    def answer(self) -> None:
        self.say(200, sdp=True)
        self.media.speak(PARTNER)

    def reply(self, request: Message, status: int, extra: str = "", body: str = "") -> None:
        if self.tag and "tag=" not in request.get("To"):
            headers = [(k, f"{v};tag={self.tag}" if k == "to" else v) for k, v in request.headers]
            request = Message(request.start, headers, request.body, request.at)
        super().reply(request, status, extra, body)

    def received(self, data: bytes, sender: tuple[str, int], at: float) -> None:
        super().received(data, sender, at)
        if data.startswith(b"ACK ") and self.on_ack is not None:
            self.on_ack()

    def _ended(self, request: Message) -> None:
        if request.method == "BYE" and self.on_bye is not None:
            self.on_bye()
        super()._ended(request)
        if request.method == "CANCEL" and self.on_cancel is not None:
            self.on_cancel()
        elif request.method == "CANCEL":
            number = re.sub(r"\D", "", request.get("CSeq"))
            invite = [(k, f"{number} INVITE" if k == "cseq" else v) for k, v in request.headers]
            self.reply(Message("", invite, ""), 487)

    def asked(self, method: str) -> int:
        """How often, copies included."""
        return sum(request.method == method for request in self.requests)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a phone has heard: seconds by tone, and the longest time without any sound."""

    seconds: dict[int, float]
    gap: float
    first: dict[int, float]
    """When each tone was first heard, `time.monotonic()`."""


def judge(packets: Iterable[Packet], since: float, until: float) -> Heard:
    """By the packets that came between two instants. After a ringing tone its own pause is no gap."""
    seconds: Counter[int] = Counter()
    first: dict[int, float] = {}
    gap, last, before = 0.0, since, OURS
    for packet in packets:
        if level(packet.samples) <= SILENCE_DBFS:
            continue
        kinds = [hertz for hertz in TONES if _share(packet.samples, hertz) > A_VOICE] or [OURS]
        for kind in kinds:
            seconds[kind] += FRAME / RATE
            first.setdefault(kind, packet.at)
        pause = packet.at - last - (TONE_PAUSE if before == TONE else 0.0)
        gap, last, before = max(gap, pause), packet.at, kinds[-1]
    gap = max(gap, until - last - (TONE_PAUSE if before == TONE else 0.0))
    return Heard(dict(seconds), gap, first)


def _share(samples: Samples, hertz: float) -> float:
    """How much of the power is in this tone; several may sound at once."""
    signal = samples.astype(np.float64)
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(signal)) / RATE)
    power = 2 * np.abs(np.dot(signal, wave) / len(signal)) ** 2
    return float(power / np.mean(np.square(signal)))


class Trio:
    """One story's people. `open` leaves caller and seat in talk."""

    def __init__(self, house: "House", line: str, seat: str, number: str) -> None:
        self.house, self.line, self.seat_name, self.number = house, line, SeatId(seat), number
        self.call = CallId("")
        self.began = 0.0

    @classmethod
    async def open(cls, house: "House", line: str, seat_answers: str = "sendrecv") -> Self:
        serial = next(house.serial)
        trio = cls(house, line, f"t{serial:03d}", f"1390000{serial:04d}")
        trio.caller, trio.seat = await Phone.open(house.server), await Phone.open(house.server)
        trio.partner = await Partner.open(house.server, ADDRESS)
        house.open_phones += [trio.caller, trio.seat, trio.partner]
        trio.reached_at(line)
        trio.seat.direction = seat_answers
        async with house.one_at_a_time:
            await trio._connected()
        trio.caller.media.speak(CALLER)
        if seat_answers == "sendrecv":
            trio.seat.media.speak(SEAT)
            await trio.together()
        return trio

    caller: Phone
    seat: Phone
    partner: Partner

    async def _connected(self) -> None:
        house, password = self.house, self.house.province.passwords[self.seat_name]
        assert await self.seat.register(self.seat_name, password) == 200
        await house.until(lambda: house.desk(self.seat_name).reachable, "seat reachable")
        house.engine.submit(e.SeatSignedIn(seat=self.seat_name, agent=AgentId(self.seat_name)))
        house.engine.submit(e.SeatReadied(seat=self.seat_name))
        status = await self.caller.call("12345", caller=f"<sip:{self.number}@carrier.invalid>")
        assert status == 200, status
        await house.until(lambda: house.desk(self.seat_name).state == "talking", "talk")
        view = next(view for view in house.engine.snapshot().calls if view.caller == self.number)
        self.call = view.call
        # From the end of this call on it would take another story's caller.
        house.engine.submit(e.SeatNotReadied(seat=self.seat_name, reason="break"))

    async def together(self) -> None:
        """Caller and seat hear each other."""
        await asyncio.gather(self.hears(self.caller, SEAT), self.hears(self.seat, CALLER))

    async def completed(self) -> None:
        """Caller and partner hear each other."""
        await asyncio.gather(self.hears(self.caller, PARTNER), self.hears(self.partner, CALLER))

    def reached_at(self, line: str, partner: Partner | None = None) -> None:
        """Our partner, or another one, is who calls of this caller to the line meet."""
        contact = (partner or self.partner).contact
        elsewhere = Behaviour(kind=Kind.ELSEWHERE, target=contact)
        self.house.province.partners.set(line, elsewhere, caller=self.number)

    async def further(self, line: str) -> Partner:
        """Somebody else, at another line."""
        partner = await Partner.open(self.house.server, ADDRESS)
        self.house.open_phones.append(partner)
        self.reached_at(line, partner)
        return partner

    # --- deeds

    def ask(self, code: str) -> None:
        """What a feature code stands for, asked at the desk: that keys arrive is tried elsewhere."""
        seat, kind = self.seat_name, "blind" if code.startswith("*7") else "consult"
        wish: e.Intent
        match code[:2]:
            case "*0":
                wish = e.TransferCancelled(seat=seat)
            case "*1":
                wish = e.TransferCompleted(seat=seat)
            case "*3":
                wish = e.ThreePartyAsked(seat=seat)
            case _:
                wish = e.TransferAsked(seat=seat, target=code[2:], kind=kind)
        self.house.engine.submit(wish)

    async def press(self, prefix: str = "*2", line: str = "") -> Message:
        """Ask for the line; returns the partner's INVITE. From here on is listened to."""
        self.partner.requests.clear()
        self.began = time.monotonic()
        self.ask(prefix + (line or self.line))
        invite = await self.partner.got("INVITE", since=self.began, seconds=PATIENCE)
        self.began = time.monotonic()
        return invite

    # --- what is heard and seen

    def heard(self, phone: Phone, since: float = 0.0) -> Heard:
        """By `phone` since the INVITE went out, or another instant."""
        since = since or self.began
        return judge(phone.media.since(since), since, time.monotonic())

    async def hears(self, phone: Phone, hertz: int, seconds: float = 0.3, within: float = PATIENCE) -> float:
        """Until it hears this tone for so long from now on; returns when the tone first came."""
        since = time.monotonic()
        while True:
            await asyncio.sleep(0.05)
            heard = judge(phone.media.since(since), since, time.monotonic())
            if heard.seconds.get(hertz, 0.0) >= seconds:
                return heard.first[hertz]
            assert time.monotonic() - since < within, f"no {hertz} Hz, but {heard}"

    @property
    def state(self) -> str:
        view = self.house.live(self.call)
        return view.transfer_state if view is not None else "over"

    async def until(self, state: str, seconds: float = PATIENCE) -> None:
        await self.house.until(lambda: self.state == state, f"{self.line} {state}", seconds)

    async def end(self) -> CallRecord:
        """The caller hangs up; the record, once it is written."""
        if not self.caller.ended.is_set():
            await self.caller.bye()
        return await self.record()

    async def recordings(self) -> dict[str, Samples]:
        """What was recorded of the ended call, by kind: ``talk``, ``consult``."""
        app = self.house.province.app
        await app.after_call.finish()
        await app.writer.flush()
        with closing(sqlite3.connect(app.settings.state_dir / "callrouter.sqlite")) as store:
            rows = store.execute("SELECT id, file FROM recordings WHERE call = ?", (self.call,)).fetchall()
        spool = Path(self.house.province.asterisk.rendered.folder) / "var" / "spool"
        kinds = {"consult" if "consult" in name else "talk": load(spool / file) for name, file in rows}
        assert len(kinds) == len(rows), f"one file of each kind, not {rows}"
        return kinds

    async def record(self, seconds: float = PATIENCE) -> CallRecord:
        house = self.house
        await house.until(lambda: house.live(self.call) is None, f"the end of {self.line}", seconds)
        await house.province.app.writer.flush()
        record = await house.province.app.records.call(self.call)
        assert record is not None
        return record


class House:
    """A province for trios."""

    def __init__(self, province: ProofProvince) -> None:
        self.province = province
        self.engine = province.app.controller
        host, port = province.sip.split(":")
        self.server = (host, int(port))
        self.serial = itertools.count()
        self.one_at_a_time = asyncio.Lock()
        """Callers and seats meet one by one: who meets whom is known then."""
        self.open_phones: list[Phone] = []
        self.open_ports: list[RtpPort] = []
        """Ports that phones have moved away from."""

    def desk(self, seat: SeatId) -> Any:
        return next(view for view in self.engine.snapshot().seats if view.seat == seat)

    def live(self, call: CallId) -> Any:
        return next((view for view in self.engine.snapshot().calls if view.call == call), None)

    async def until(self, test: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := test()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}")
            await self.engine.changed(0.05)
        return found

    async def clear(self) -> None:
        """Everybody leaves; nothing is left behind in Asterisk."""
        for phone in self.open_phones:
            if phone.dialog is not None and not phone.ended.is_set() and phone.media.peer is not None:
                phone._in_dialog("BYE", "")
        await self.until(lambda: not self.engine.snapshot().calls, "no live call", 20)
        for phone in self.open_phones:
            phone.close()
        for port in self.open_ports:
            port.close()
        self.open_phones.clear()
        self.open_ports.clear()
        for view in self.engine.snapshot().seats:
            if view.state != "logged_out":
                self.engine.submit(e.SeatSignedOut(seat=view.seat, forced=True))
        self.province.partners.reset()
        show = self.province.asterisk.command

        async def idle() -> bool:
            both = await show("core show channels concise") + await show("bridge show all")
            return not re.search(r"!|stasis", both)

        async with asyncio.timeout(5):
            while not await idle():  # noqa: ASYNC110 - Asterisk tells nobody
                await asyncio.sleep(0.1)


@asynccontextmanager
async def open_house(
    folder: Path, seats: int, more: dict[str, dict[str, Any]] | None = None, *, recorded: bool = False
) -> AsyncIterator[House]:
    """Lines with one trunk each (`more`: further entries of the directory), ring limit 12 s.

    Calls that are `recorded` are mixed by Asterisk, others pass from leg to leg.
    """
    entry = {"trunks": ["departments"], "ring_for": 12}
    lines: dict[str, dict[str, Any]] = {line: {**entry, "mode": "DUAL_NUMBER"} for line in LINES}
    lines |= {line: {**entry, "trunks": ["emergency"]} for line in EMERGENCIES}
    site = make_site(folder, [f"t{index:03d}" for index in range(seats)], lines | (more or {}))
    file = site / "site" / "directory.yaml"
    directory = yaml.safe_load(file.read_text(encoding="utf-8"))
    for line in EMERGENCIES:
        directory["lines"][line]["kind"] = "emergency"
    file.write_text(yaml.safe_dump(directory, allow_unicode=True, sort_keys=False), encoding="utf-8")
    if recorded:
        plan = site / "site" / "floor.yaml"
        floor = yaml.safe_load(plan.read_text(encoding="utf-8"))
        floor["queues"][QUEUE]["record"] = "talk"
        plan.write_text(yaml.safe_dump(floor, allow_unicode=True, sort_keys=False), encoding="utf-8")
    async with ProofProvince(Wishes(site=site, state_dir=folder / "state", robots=0)) as province:
        yield House(province)
        # The last one: a busy machine still loads modules when the first OPTIONS are due.
        expected = ("Playback failed", "no auth ids available", "registered during operation")
        faults = [x for x in province.asterisk.log_faults() if not any(one in x for one in expected)]
        assert not faults, "\n".join(faults)

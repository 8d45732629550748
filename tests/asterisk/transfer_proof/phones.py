"""Phones by the hundred: `raw_sip.Phone` that repeats what may be lost; audio is elsewhere."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final, Self

from simulators.plain_phone import Message, Phone
from simulators.timed_udp import Address
from tests.asterisk.transfer_proof.sound import Ear, SoundProcess

REPEATS: Final = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)
"""Waits between retransmissions, seconds (RFC 3261 13.3.1.4: doubled from T1 up to T2, for 64 T1)."""


class SteadyPhone(Phone):
    """Repeats requests until they are answered and its 200 until it is acknowledged."""

    media: Ear  # type: ignore[assignment]

    def __init__(self, server: Address, sound: SoundProcess, address: str = "127.0.0.1") -> None:
        super().__init__(server, address)
        self.media = Ear(sound)
        self._answers: dict[tuple[str, str], asyncio.Future[Message]] = {}
        self._unacknowledged: dict[str, asyncio.TimerHandle] = {}
        self._closed = False
        self._rung: Message | None = None
        self.answer_after = 0.0
        """Seconds for which it rings before it answers; 0: `statuses` at once."""
        self.answer_with = 200
        """The final response to a new call."""
        self.on_invite: Callable[[Message], None] | None = None
        """Told after the phone has reacted to a new call."""

    @classmethod
    async def at(cls, server: Address, sound: SoundProcess, address: str = "127.0.0.1") -> Self:
        phone = cls(server, sound, address)
        phone._udp.open(address)
        phone.media.open(address)
        return phone

    def close(self) -> None:
        self._closed = True
        for timer in self._unacknowledged.values():
            timer.cancel()
        super().close()

    # --- requests of ours

    def request(
        self, method: str, uri: str, headers: Mapping[str, str], extra: str = "", body: str = ""
    ) -> tuple[bytes, Address]:
        data, to = super().request(method, uri, headers, extra, body)
        if method != "ACK":
            key = (headers["Call-ID"], headers["CSeq"])
            answer = self._answers[key] = asyncio.get_running_loop().create_future()
            self._repeat(data, to, answer, REPEATS)
        return data, to

    def _repeat(
        self,
        data: bytes,
        to: Address,
        answer: "asyncio.Future[Message]",
        waits: tuple[float, ...],
    ) -> None:
        def again() -> None:
            if not answer.done() and not self._closed:
                self.raw(data, to)
                self._repeat(data, to, answer, waits[1:])

        if waits:
            asyncio.get_running_loop().call_later(waits[0], again)

    async def final(self, seconds: float = 20.0) -> Message:
        """The final response to the newest INVITE, acknowledged."""
        answer = await self.response(above=199, seconds=seconds)
        while "INVITE" not in answer.get("CSeq"):
            answer = await self.response(above=199, seconds=seconds)
        self.settle(answer)
        return answer

    async def bye(self) -> int:
        """Hang up and wait for the answer; 481 when the other side was faster."""
        self.media.quiet()
        dialog = self.dialog
        if dialog is None or self.ended.is_set():
            return 481
        self._in_dialog("BYE", "")
        self.ended.set()
        async with asyncio.timeout(30):
            return (await self._answers[dialog.call_id, f"{dialog.cseq} BYE"]).status

    async def hold(self, held: bool) -> int:
        """re-INVITE that stops listening (sendonly), or takes it back."""
        dialog = self.dialog
        assert dialog is not None
        sdp = self.sdp().replace("sendrecv", "sendonly") if held else self.sdp()
        self._in_dialog("INVITE", sdp, "Content-Type: application/sdp\r\n")
        return (await self.final()).status

    def pick_up(self) -> None:
        """Answer the call that rings, before `answer_after` is over."""
        assert self._rung is not None, "nobody rings"
        self._answer(self._rung)

    async def refer(self, target: str, more: str = "") -> int:
        """Ask for a transfer to a URI; how it goes comes by NOTIFY (`told`)."""
        dialog = self.dialog
        assert dialog is not None
        self._in_dialog("REFER", "", f"Refer-To: <{target}{more}>\r\n")
        async with asyncio.timeout(30):
            return (await self._answers[dialog.call_id, f"{dialog.cseq} REFER"]).status

    def told(self, status: int) -> bool:
        """A NOTIFY has said so of a REFER."""
        return any(one.method == "NOTIFY" and f"SIP/2.0 {status}" in one.body for one in self.requests)

    # --- what arrives

    def received(self, data: bytes, sender: Address, at: float) -> None:
        message = Message.parse(data)
        if message.status:
            answer = self._answers.get((message.get("Call-ID"), message.get("CSeq")))
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message.method == "ACK" and (timer := self._unacknowledged.pop(message.get("Call-ID"), None)):
            timer.cancel()
        super().received(data, sender, at)

    def _invited(self, request: Message) -> None:
        if "tag=" in request.get("To"):  # a re-INVITE
            super()._invited(request)
            self._until_acknowledged(request, REPEATS)
            return
        if self.dialog is not None and request.get("Call-ID") == self.dialog.call_id:
            return  # a copy; what it asks for is on its way, and repeated
        self.statuses = (180,) if self.answer_after else (180, self.answer_with)
        super()._invited(request)
        self.media.begin(request.get("Call-ID"))
        if self.on_invite is not None:
            self.on_invite(request)
        self._rung = request
        if self.answer_after:
            asyncio.get_running_loop().call_later(self.answer_after, self._answer, request)
        elif self.answer_with == 200:
            self._until_acknowledged(request, REPEATS)
        else:
            self.media.quiet()

    def _answer(self, request: Message) -> None:
        if self.ended.is_set() or self._closed:
            return
        if self.answer_with != 200:
            self._refuse(request)
            return
        self.reply(request, 200, "Content-Type: application/sdp\r\n", self.sdp())
        self._until_acknowledged(request, REPEATS)

    def _refuse(self, request: Message) -> None:
        """Silent from now on: Asterisk would take it for the party of the next leg that gets this port."""
        self.reply(request, self.answer_with)
        self.media.quiet()

    def _until_acknowledged(self, request: Message, waits: tuple[float, ...]) -> None:
        def again() -> None:
            if not self.ended.is_set() and not self._closed:
                self.reply(request, 200, "Content-Type: application/sdp\r\n", self.sdp())
                self._until_acknowledged(request, waits[1:])

        if waits:
            timer = asyncio.get_running_loop().call_later(waits[0], again)
            self._unacknowledged[request.get("Call-ID")] = timer

    def _ended(self, request: Message) -> None:
        if request.method == "CANCEL":
            number = re.sub(r"\D", "", request.get("CSeq"))
            invite = [(k, f"{number} INVITE" if k == "cseq" else v) for k, v in request.headers]
            self.reply(Message("", invite, ""), 487)
        if (timer := self._unacknowledged.pop(request.get("Call-ID"), None)) is not None:
            timer.cancel()
        super()._ended(request)

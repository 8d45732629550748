"""The cases of `others`, happening: who presses what is different, what everybody hears is judged as ever."""

import asyncio
import contextlib
import functools

from acd import events as e
from acd.ids import CallId
from simulators.partners import ADDRESS, tone
from simulators.plain_phone import Dialog
from tests.asterisk.transfer_proof.others import US, OtherCase
from tests.asterisk.transfer_proof.phones import SteadyPhone
from tests.asterisk.transfer_proof.plan import After, Scene, Who
from tests.asterisk.transfer_proof.town import Seat
from tests.asterisk.transfer_proof.trial import PARTNER_HERTZ, PATIENCE, Trial
from tests.asterisk.transfer_proof.witness import Witness


class OtherTrial(Trial):
    case: OtherCase


class ToColleague(OtherTrial):
    """The target is a seat that nobody waits for."""

    _colleague: Seat | None = None

    async def _prepare_partner(self) -> None:
        colleague = self._colleague = await self.town.colleagues.get()
        desk = lambda: self.town.desks[colleague.name].state  # noqa: E731
        if desk() != "ready":  # it has declined too often
            await self.town.until(lambda: desk() in ("ready", "not_ready"), "the colleague is free", PATIENCE)
            with contextlib.suppress(e.Refused):
                self.town.engine.submit(e.SeatReadied(seat=colleague.name))
            await self.town.until(lambda: desk() == "ready", "the colleague is ready", PATIENCE)
        phone, behaviour = colleague.phone, self.case.partner.behaviour
        phone.answer_after = behaviour.after
        phone.answer_with = 200 if self.case.partner.answers else behaviour.status
        phone.invited.clear()
        phone.on_invite = functools.partial(self._rung, phone)
        self._phone = phone

    def _rung(self, phone: SteadyPhone, invite: object) -> None:
        self._at = asyncio.get_running_loop().time()
        phone.media.speak(PARTNER_HERTZ)

    async def _ask(self, kind: str) -> None:
        assert self._colleague is not None
        wish = e.TransferAsked(seat=self.seat.name, target=self._colleague.name, kind=kind)
        self.town.engine.submit(wish)

    async def _invited(self) -> float:
        assert self._phone is not None
        async with asyncio.timeout(PATIENCE):
            await self._phone.invited.wait()
        return self._at

    def _transfers(self) -> tuple[tuple[str, str], ...]:
        assert self._colleague is not None
        return ((self._colleague.name, self.case.came_to),)

    async def _close(self) -> None:
        self.caller.close()
        if self._colleague is not None and self._phone is not None:
            if self.verdict.faults and self._phone.dialog is not None and not self._phone.ended.is_set():
                await self._phone.bye()
            self._phone.answer_after, self._phone.answer_with = 0.0, 200
            self.town.colleagues.put_nowait(self._colleague)


class ToEmergency(OtherTrial):
    """Caller and seat stay together while it rings, and all three speak as soon as it answers."""

    async def _ringing(self) -> None:
        await self._hear(caller={"seat"}, seat={"caller"})

    async def _consulting(self) -> None:
        await self._state("conference")
        await self._learn_partner()
        await self._hear(caller={"seat", "partner"}, seat={"caller", "partner"}, partner={"caller", "seat"})

    async def _conference(self) -> None:
        """They are three already."""


class ByButton(OtherTrial):
    """The phone's own transfer button: a blind transfer."""

    async def _ask(self, kind: str) -> None:
        status = await self.seat.phone.refer(f"sip:{self.case.line}@{self.town.province.sip}")
        assert status == 202, f"REFER was answered {status}"

    async def _blonde(self) -> None:
        await super()._blonde()
        await self.town.until(lambda: self.seat.phone.told(200), "NOTIFY 200", PATIENCE)


class ByTwoLines(OtherTrial):
    """The caller's line on hold, the consultation on a second one; both joined by REFER with Replaces."""

    _second: SteadyPhone | None = None

    async def _ask(self, kind: str) -> None:
        first, name = self.seat.phone, self.seat.name
        assert await first.hold(True) == 200
        second = self._second = await SteadyPhone.at(self.town.server, self.town.sound)
        second.invite(self.case.line, caller=f"<sip:{name}@127.0.0.1>")
        challenge = await second.final()
        assert challenge.status == 401, challenge.start
        second.prove(challenge, name, self.town.province.passwords[name])

    async def _consulting(self) -> None:
        second = self._second
        assert second is not None
        assert second.dialog is not None
        answer = await second.final(PATIENCE)
        assert answer.status == 200, answer.start
        second.media.begin(second.dialog.call_id)
        second.media.speak(self.seat.hertz)
        self.witness.ears["second"] = second.media
        await self._state("consulting")
        await self._learn_partner()
        await self._hear(caller=set(), second={"partner"}, partner={"seat"})

    async def _completed(self) -> None:
        first, second = self.seat.phone, self._second
        assert second is not None
        assert second.dialog is not None
        target = f"sip:{self.case.line}@{self.town.province.sip}"
        assert await first.refer(target, replaces(second.dialog)) == 202
        await self._together()

    async def _leave(self) -> None:
        if self.case.who is Who.SEAT:
            assert self._second is not None
            assert await self.seat.phone.hold(False) == 200
            await self._second.bye()
        else:
            await super()._leave()

    async def _afterwards(self, left: float) -> None:
        if self.case.who is Who.PARTNER and self.case.after is After.WITH_SEAT:
            await self._state("returned")
            await self._hear(caller={"seat"}, second={"caller"})
            self.verdict.to_hear = self.witness.since - left
            await self._caller_leaves()
        else:
            await super()._afterwards(left)

    def _ears(self) -> dict[str, tuple[SteadyPhone, str]]:
        second = self._second
        assert second is not None
        assert second.dialog is not None
        return {**super()._ears(), "second": (second, second.dialog.call_id)}

    async def _close(self) -> None:
        await super()._close()
        if self._second is not None:
            self._second.close()


class ByChoice(OtherTrial):
    """No seat: the flow hands the caller over."""

    async def _talk(self, hertz: int) -> None:
        self.call = await self.town.dial(self.caller, self.number, hertz, to=self.case.entrance)
        self.verdict.call = self.call
        witness = self.witness = Witness({"caller": hertz, "partner": tone(self.case.dials)}, ())
        witness.ears = {"caller": self.caller.media}

    async def _ask(self, kind: str) -> None:
        """The caller has asked by dialling."""

    async def _to_scene(self) -> None:
        await self._invited()
        if self.case.scene is Scene.COMPLETED:
            await self._together()
        else:
            await self._while_it_rings(caller=self._early)

    async def _together(self) -> None:
        await self._state("completed")
        await self._learn_partner()
        await self._hear(caller={"partner"}, partner={"caller"})

    async def _another(self) -> None:
        seat = self.seat = await self.town.talking(self.call, PATIENCE)
        assert seat.phone.dialog is not None
        self._seats_call = seat.phone.dialog.call_id
        self.witness.tones["seat"] = seat.hertz
        self.witness.ears["seat"] = seat.phone.media
        await self._hear(caller={"seat"}, seat={"caller"})

    def _ears(self) -> dict[str, tuple[SteadyPhone, str]]:
        found = {"caller": (self.caller, self.number)}
        if "seat" in self.witness.ears:
            found["seat"] = (self.seat.phone, self._seats_call)
        return found


class AndBack(OtherTrial):
    """The line has sent the caller to us with its story, and gets them back by a person."""

    async def _caller(self) -> tuple[SteadyPhone, str, int]:
        return await self.town.caller(ADDRESS)

    async def _call_us(self, hertz: int) -> CallId:
        story = tagged("their-call", self.case.line)
        return await self.town.dial(self.caller, self.number, hertz, extra=story)

    async def _invited(self) -> float:
        at = await super()._invited()
        view = self.town.live(self.call)
        context = view.context if view is not None else {}
        if context.get("call") != "their-call" or context.get("from") != self.case.line:
            self.verdict.faults.append(f"the seat was not shown whence the caller comes: {context}")
        received = self.town.partners.invite_of(self.number)
        assert received is not None
        payload = bytes.fromhex(received.header("User-to-User").partition(";")[0]).decode()
        if payload != f"{self.call};visited={self.case.line},{US}":
            self.verdict.faults.append(f"the line was told {payload!r}")
        return at


def tagged(call: str, visited: str) -> str:
    """A header that tells whence a caller comes (RFC 7433)."""
    payload = f"{call};visited={visited}".encode().hex()
    return f"User-to-User: {payload};encoding=hex;purpose=callrouter\r\n"


def replaces(dialog: Dialog) -> str:
    """Another line of this phone for Refer-To (RFC 3891), as its peer sees it: our remote tag is its own."""

    def tag(address: str) -> str:
        return address.partition("tag=")[2].partition(";")[0].rstrip(">")

    return f"?Replaces={dialog.call_id}%3Bto-tag%3D{tag(dialog.remote)}%3Bfrom-tag%3D{tag(dialog.local)}"

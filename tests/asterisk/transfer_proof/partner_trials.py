"""Cases of `others` in which partners do more than answer: they hand on, join calls, or are two."""

from typing import Final

from acd import events as e
from simulators.partners import ADDRESS, Behaviour, Kind, PartnerCall, tone
from tests.asterisk.transfer_proof import books
from tests.asterisk.transfer_proof.other_trials import OtherTrial, replaces, tagged
from tests.asterisk.transfer_proof.others import US
from tests.asterisk.transfer_proof.phones import SteadyPhone
from tests.asterisk.transfer_proof.plan import After, Who
from tests.asterisk.transfer_proof.trial import PARTNER_HERTZ, PATIENCE

FURTHER_HERTZ: Final = 2250
"""Of the seat that a partner's second call has reached."""


class PartnerRefers(OtherTrial):
    """Once the partner has the caller it hands them on."""

    async def _leave(self) -> None:
        partner = self._phone
        assert partner is not None
        if self.case.way == "nowhere":
            assert await partner.refer(f"sip:77777@{self.town.province.sip}") == 202
            await self.town.until(lambda: partner.told(603), "NOTIFY 603", PATIENCE)
            await self._hear(caller={"partner"}, partner={"caller"})
            await self._caller_leaves()
            return
        to = self.case.further if self.case.way == "another line" else US
        if to != US:
            self.town.partners.set(self.case.further_dials, Behaviour(record=True), caller=self.number)
        assert await partner.refer(f"sip:{to}@{self.town.province.sip}") == 202
        await self.town.until(lambda: partner.told(200), "NOTIFY 200", PATIENCE)

    async def _afterwards(self, left: float) -> None:
        if self.case.after is After.WITH_PARTNER:
            self.witness.tones["further"] = tone(self.case.further_dials)
            await self._hear(caller={"further"})
            await self._caller_leaves()
        elif self.case.after is After.WITH_ANOTHER:
            await self._another()
            self.verdict.to_hear = self.witness.since - left
            await self._caller_leaves()


class PartnerJoins(OtherTrial):
    """The partner has the caller, asks a person here about them on a second call, and joins the two."""

    _second: SteadyPhone | None = None

    async def _completed(self) -> None:
        await super()._completed()
        first = self._phone
        assert first is not None
        assert first.dialog is not None
        second = self._second = await SteadyPhone.at(self.town.server, self.town.sound, ADDRESS)
        number = f"138{self.case.number:08d}"
        story = tagged("their-call", self.case.line)
        self._joined = await self.town.dial(second, number, PARTNER_HERTZ, extra=story)
        assert second.dialog is not None
        seat = self._there = await self.town.talking(self._joined, PATIENCE)
        assert seat.phone.dialog is not None
        self._theirs = seat.phone.dialog.call_id
        seat.phone.media.speak(FURTHER_HERTZ)
        self.witness.tones["there"] = FURTHER_HERTZ
        self.witness.ears |= {"there": seat.phone.media, "second": second.media}
        await self._hear(there={"partner"}, second={"there"}, caller={"partner"})
        target = f"sip:{US}@{self.town.province.sip}"
        assert await first.refer(target, replaces(second.dialog)) == 202
        await self._hear(caller={"there"}, there={"caller"})

    async def _leave(self) -> None:
        if self.case.who is Who.CALLER:
            await self._caller_leaves()
        else:
            await self._there.phone.bye()

    async def _judge(self) -> None:
        await self._judge_first()
        self.call = self._joined
        record = await self.town.record(self.call, PATIENCE)
        if (record.caller, record.transfers, record.outcome) != (self.number, (), "answered"):
            self.verdict.faults.append(
                f"the joined call: {record.caller} {record.transfers} {record.outcome}"
            )
        self.verdict.faults += books.tiles(record)
        await self._no_leaks(record)
        await self._judge_by_ear()

    async def _judge_first(self) -> None:
        record = self.verdict.record = await self.town.record(self.call, PATIENCE)
        told = tuple((transfer.target, transfer.outcome) for transfer in record.transfers)
        if (record.caller, told, record.ended_by) != (self.number, self.case.transfers, "partner"):
            self.verdict.faults.append(f"the first call: {record.caller} {told}, ended by {record.ended_by}")
        self.verdict.faults += books.tiles(record)
        await self._no_leaks(record)

    def _ears(self) -> dict[str, tuple[SteadyPhone, str]]:
        return {**super()._ears(), "there": (self._there.phone, self._theirs)}

    async def _close(self) -> None:
        await super()._close()
        if self._second is not None:
            self._second.close()


class FourParties(OtherTrial):
    """A three-party call that brings in one more."""

    _further: PartnerCall | None = None

    async def _conference(self) -> None:
        await super()._conference()
        case, partners = self.case, self.town.partners
        rings = case.way == "rings"
        busy = "further one is busy" in case.partner.words
        kind = Kind.REJECT if busy else Kind.NO_ANSWER if rings else Kind.ANSWER
        behaviour = Behaviour(kind=kind, after=1.5 if busy else 0.0, status=486, record=not rings)
        partners.set(case.further_dials, behaviour, caller=self.number)
        self.witness.tones["further"] = tone(case.further_dials)
        self.town.engine.submit(e.TransferAsked(seat=self.seat.name, target=case.further))
        everybody = {"caller", "seat", "partner"}
        if rings:
            invited = lambda: (  # noqa: E731
                (newest := partners.invite_of(self.number)) and newest.number == case.further_dials
            )
            await self.town.until(invited, "the INVITE at the further line", PATIENCE)
            await self._hear(**{name: everybody - {name} for name in sorted(everybody)})
            return
        self._further = await partners.call_of(case.further_dials, caller=self.number, seconds=PATIENCE)
        everybody.add("further")
        await self._hear(**{name: everybody - {name} for name in sorted(everybody)})

    async def _leave(self) -> None:
        if "further one" not in self.case.partner.words:
            await super()._leave()
        elif self._further is not None:
            await self.town.partners.hang_up(self._further)

    async def _afterwards(self, left: float) -> None:
        case, speaks = self.case, self.case.way == "speaks"
        if case.after is After.GONE:
            return
        if case.after is After.WITH_PARTNER:
            stay = {"caller", "partner", *(["further"] if speaks else [])}
        elif "further one" in case.partner.words:
            target = lambda: (view := self.town.live(self.call)) and view.transfer_target  # noqa: E731
            await self.town.until(lambda: target() == case.line, "the three again", PATIENCE)
            stay = {"caller", "seat", "partner"}
        else:
            stay = {"caller", "seat", "further"}
        await self._hear(**{name: stay - {name} for name in sorted(stay)})
        self.verdict.to_hear = self.witness.since - left
        await self._caller_leaves()

    async def _judge_by_ear(self) -> None:
        await super()._judge_by_ear()
        if self._further is not None:
            self.verdict.faults += await self._at_partner(self._further, "further")

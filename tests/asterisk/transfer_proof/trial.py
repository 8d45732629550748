"""One case, happening: people press, speak, hang up; whoever must be heard is awaited by ear."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from acd import events as e
from acd.ids import CallId
from acd.record import CallRecord
from simulators.partners import ADDRESS, Kind, PartnerCall, tone
from tests.asterisk.transfer_proof import books
from tests.asterisk.transfer_proof.ears import story
from tests.asterisk.transfer_proof.phones import SteadyPhone
from tests.asterisk.transfer_proof.plan import BLONDE_WAYS, After, Case, Scene, Who
from tests.asterisk.transfer_proof.town import Seat, Town
from tests.asterisk.transfer_proof.witness import RINGBACK_PAUSE, SILENCE, Witness

PARTNER_HERTZ: Final = 2350
"""Of a partner that is a phone of ours: no line's tone."""
PATIENCE: Final = 90.0
"""Seconds for one step on a machine that does other things too."""
AT_MOST: Final = 400.0
EVERYBODY: Final = frozenset({"caller", "seat", "partner"})


@dataclass(slots=True)
class Verdict:
    """What came of a case. `faults` is empty when all was as it must be."""

    case: Case
    call: str = ""
    faults: list[str] = field(default_factory=list)
    lost: bool = False
    """Somebody who was still there did not get the person, or the word, that was due."""
    leaked: list[str] = field(default_factory=list)
    seconds: float = 0.0
    to_invite: float | None = None
    """Seconds from the key until the partner's side had the INVITE."""
    to_hear: float | None = None
    """Seconds from the departure until the caller heard whom it is with now."""
    record: CallRecord | None = None


class Trial:
    """Plays one case in the town; `run` gives the verdict."""

    def __init__(self, town: Town, case: Case) -> None:
        self.town, self.case = town, case
        self.verdict = Verdict(case)
        self._phone: SteadyPhone | None = None
        """The partner's, where it is a phone of this case."""
        self._partner: PartnerCall | None = None
        self._done = False
        """The caller has hung up, or been told the end: from here on nobody can be lost."""

    caller: SteadyPhone
    seat: Seat
    call: CallId
    witness: Witness
    _seats_call: str
    """The seat's phone may have other calls after this one."""

    async def run(self) -> Verdict:
        began = time.monotonic()
        self.caller, self.number, hertz = await self._caller()
        try:
            async with asyncio.timeout(AT_MOST):
                await self._prepare_partner()
                await self._talk(hertz)
                await self.pressed()
                await self._to_scene()
                left = time.monotonic()
                await self._leave()
                await self._afterwards(left)
                await self._judge()
        except (AssertionError, TimeoutError, e.Refused) as fault:
            self.verdict.faults.append(f"{str(fault) or repr(fault)}; {self._situation()}")
            self.verdict.lost = not self._done
            await self._clear_up()
        finally:
            await self._close()
        self.verdict.seconds = time.monotonic() - began
        return self.verdict

    async def _close(self) -> None:
        self.caller.close()
        if self._phone is not None:
            self._phone.close()

    async def _caller(self) -> tuple[SteadyPhone, str, int]:
        """Its phone, its number, its tone."""
        return await self.town.caller()

    def _situation(self) -> str:
        """Where everybody is, for whoever looks for the cause."""
        view = self.town.live(self.call) if self.verdict.call else None
        ours = f"{view.owner} {view.transfer_state} {[leg.party for leg in view.legs]}" if view else "no call"
        partner = self._partner
        theirs = f"{partner.states}, ended {partner.ended}, cause {partner.cause}" if partner else "none"
        return f"controller: {ours}; partner: {theirs}"

    async def pressed(self) -> None:
        """Just before the key is pressed; a crowd waits for each other here."""

    # --- until the scene is there

    async def _prepare_partner(self) -> None:
        behaviour = self.case.partner.behaviour
        if behaviour.kind is Kind.ELSEWHERE:
            phone = self._phone = await SteadyPhone.at(self.town.server, self.town.sound, ADDRESS)
            phone.answer_after = behaviour.after
            if self.town.listening is None:
                phone.on_invite = lambda _: phone.media.speak(PARTNER_HERTZ)
            behaviour = replace(behaviour, target=phone.contact)
        self.town.partners.set(self.case.dials, behaviour, caller=self.number)

    async def _talk(self, hertz: int) -> None:
        self.call = self.verdict.call = await self._call_us(hertz)
        self.seat = await self.town.talking(self.call, PATIENCE)
        assert self.seat.phone.dialog is not None
        self._seats_call = self.seat.phone.dialog.call_id
        partner = tone(self.case.dials) if self._phone is None else PARTNER_HERTZ
        tones = {"caller": hertz, "seat": self.seat.hertz, "partner": partner}
        witness = self.witness = Witness(tones, () if self.case.partner.speaks else ("partner",))
        witness.ears = {"caller": self.caller.media, "seat": self.seat.phone.media}
        if self._phone is not None:
            witness.ears["partner"] = self._phone.media
        await self._hear(caller={"seat"}, seat={"caller"})

    async def _call_us(self, hertz: int) -> CallId:
        return await self.town.dial(self.caller, self.number, hertz)

    async def _to_scene(self) -> None:
        case = self.case
        asked = asyncio.get_running_loop().time()
        await self._ask("blind" if case.way == "blind" else "consult")
        self.verdict.to_invite = await self._invited() - asked
        if case.scene is Scene.SEEKING:
            return
        if case.way in BLONDE_WAYS:
            await self._blonde()
            if case.scene is Scene.COMPLETED:
                await self._together()
            return
        if case.scene is Scene.RINGING or case.way == "while it rang":
            await self._ringing()
            if case.scene is Scene.RETURNED:
                await self._returned()
            return
        await self._consulting()
        if case.scene in _SCENES:
            await _SCENES[case.scene](self)

    async def _ask(self, kind: str) -> None:
        """The key."""
        self.town.engine.submit(e.TransferAsked(seat=self.seat.name, target=self.case.line, kind=kind))

    async def _invited(self) -> float:
        """When the partner's side had the INVITE, by the loop's clock."""
        invite = lambda: self.town.partners.invite_of(self.number)  # noqa: E731
        received = await self.town.until(invite, "the INVITE at the partner", PATIENCE)
        return float(received.at)

    async def _ringing(self) -> None:
        await self._while_it_rings(caller=set(), seat=self._early)

    async def _blonde(self) -> None:
        if self.case.way == "key":
            self.town.engine.submit(e.TransferCompleted(seat=self.seat.name))
        elif self.case.way == "receiver down":
            await self.seat.phone.bye()
        await self._state("blonde")
        await self._while_it_rings(caller=self._early)

    async def _consulting(self) -> None:
        await self._state("consulting")
        await self._learn_partner()
        await self._hear(caller=set(), seat={"partner"}, partner={"seat"})
        if self._phone is not None and self.case.partner.holds:
            await self._phone.hold(True)
            await self._hear(seat=set())
            await self._phone.hold(False)
            await self._hear(seat={"partner"}, partner={"seat"})

    async def _swapped(self) -> None:
        self.town.engine.submit(e.TransferSwapped(seat=self.seat.name))
        await self._hear(caller={"seat"}, seat={"caller"}, partner=set())

    async def _conference(self) -> None:
        self.town.engine.submit(e.ThreePartyAsked(seat=self.seat.name))
        await self._state("conference")
        await self._hear(**{name: set(EVERYBODY - {name}) for name in EVERYBODY})

    async def _completed(self) -> None:
        if self.case.way == "conference":
            await self._conference()
        self.town.engine.submit(e.TransferCompleted(seat=self.seat.name))
        await self._together()

    async def _returned(self) -> None:
        self.town.engine.submit(e.TransferCancelled(seat=self.seat.name))
        await self._state("returned")
        await self._hear(caller={"seat"}, seat={"caller"})

    async def _together(self) -> None:
        """Caller and partner, the seat is out."""
        await self._state("completed")
        await self._learn_partner()
        await self._hear(caller={"partner"}, partner={"caller"})
        await self.town.until(self.seat.phone.ended.is_set, "the seat's phone is free", PATIENCE)

    async def _learn_partner(self) -> None:
        if self._phone is None:
            self._partner = await self.town.partners.call_of(
                self.case.dials, caller=self.number, seconds=PATIENCE
            )

    # --- somebody leaves, and then

    async def _leave(self) -> None:
        case = self.case
        if case.who is Who.CALLER:
            await self._caller_leaves()
        elif case.who is Who.SEAT:
            await self.seat.phone.bye()
        elif not case.partner.leaves:
            if self._phone is not None:
                await self._phone.bye()
            else:
                assert self._partner is not None
                await self.town.partners.hang_up(self._partner)

    async def _caller_leaves(self) -> None:
        assert not self.caller.ended.is_set(), "the caller was dropped"
        self._done = True
        await self.caller.bye()

    async def _afterwards(self, left: float) -> None:
        after = self.case.after
        if after is After.GONE:
            return
        if after is After.TOLD:
            await self.town.until(self.caller.ended.is_set, "the end of the call, told", PATIENCE)
            self._done = True
            return
        if after is After.WITH_SEAT:
            await self._state("returned")
            await self._hear(caller={"seat"}, seat={"caller"})
        elif after is After.WITH_PARTNER:
            await self._together()
        else:
            if self._early and self.case.who is Who.SEAT:
                await self._while_it_rings(caller=self._early)
            await self._state("requeued")
            await self._another()
        self.verdict.to_hear = self.witness.since - left
        await self._caller_leaves()

    async def _another(self) -> None:
        """First in line: the next person, maybe the same, speaks with the caller."""
        seat = await self.town.talking(self.call, PATIENCE)
        name = "seat" if seat.hertz == self.seat.hertz else "next"
        self.witness.tones[name] = seat.hertz
        self.witness.ears["next"] = seat.phone.media
        await self._hear(caller={name}, next={"caller"})

    async def _state(self, wanted: str) -> None:
        await self.town.until(lambda: self.town.been(self.call, wanted), f"transfer {wanted}", PATIENCE)

    @property
    def _early(self) -> set[str]:
        """Who is heard by whoever waits for the partner to answer."""
        return {"partner"} if self.case.partner.behaviour.kind is Kind.EARLY_MEDIA else set()

    async def _while_it_rings(self, **expected: set[str]) -> None:
        """In a crowd the turn to listen might come when it rings no more."""
        if self.town.listening is None:
            await self.witness.hear(**expected)

    async def _hear(self, **expected: set[str]) -> None:
        if self.town.listening is None:
            await self.witness.hear(**expected)
            return
        async with self.town.listening:
            speaking = [name for name in self.witness.ears if name in self.witness.tones]
            for name in speaking:
                self.witness.ears[name].speak(self.witness.tones[name])
            await self.witness.hear(**expected)
            for name in speaking:
                self.witness.ears[name].pause()

    # --- judging

    async def _judge(self) -> None:
        town, case, verdict = self.town, self.case, self.verdict
        record = verdict.record = await town.record(self.call, PATIENCE)
        async with asyncio.timeout(PATIENCE):
            await self.caller.ended.wait()
        verdict.faults += books.of_record(record, case, self.number, self._transfers())
        await self._no_leaks(record)
        await self._judge_by_ear()

    def _transfers(self) -> tuple[tuple[str, str], ...]:
        """Target and outcome of each transfer's record."""
        return self.case.transfers

    async def _no_leaks(self, record: CallRecord) -> None:
        ours = lambda name: name.startswith(f"cr-{self.call}") or name == record.channel  # noqa: E731
        leaked = await self.town.leaks(ours)
        self.verdict.leaked += leaked
        if leaked:
            self.verdict.faults.append(f"left behind: {', '.join(leaked)}")

    async def _judge_by_ear(self) -> None:
        """All that each of them heard, from beginning to end."""
        witness, tones, faults = self.witness, self.witness.tones, self.verdict.faults
        strict = self.town.listening is None
        silence = 0.0
        for name, (phone, call) in self._ears().items():
            heard = await phone.media.heard(call, tones)
            faults += witness.contradictions(name, heard.story, strict)
            silence = heard.silence if name == "caller" else silence
        if self._partner is not None:
            faults += await self._at_partner(self._partner, "partner")
        limit = RINGBACK_PAUSE if self.case.rings else SILENCE
        if self.case.partner.speaks and strict and silence > limit:
            faults.append(f"the caller heard nothing for {silence:.1f} s")

    async def _at_partner(self, call: PartnerCall, name: str) -> list[str]:
        """What a partner's recording contradicts."""
        samples = await self.town.partners.heard(call, PATIENCE)
        told = await asyncio.to_thread(story, samples, self.witness.tones)
        return self.witness.contradictions(name, told, self.town.listening is None)

    def _ears(self) -> dict[str, tuple[SteadyPhone, str]]:
        """Phones of this case that were in its call, by who they are; and the name of that call there."""
        found = {"caller": (self.caller, self.number), "seat": (self.seat.phone, self._seats_call)}
        if self._phone is not None and self._phone.dialog is not None:
            found["partner"] = (self._phone, self._phone.dialog.call_id)
        return found

    async def _clear_up(self) -> None:
        """After a fault: whoever is still there hangs up."""
        for phone in (self.caller, *([self._phone] if self._phone else [])):
            if phone.dialog is not None and not phone.ended.is_set():
                try:
                    await phone.bye()
                except TimeoutError:
                    self.verdict.faults.append("BYE was not answered")


_SCENES: Final[Mapping[Scene, Callable[[Trial], Awaitable[None]]]] = {
    Scene.SWAPPED: lambda trial: trial._swapped(),
    Scene.CONFERENCE: lambda trial: trial._conference(),
    Scene.COMPLETED: lambda trial: trial._completed(),
    Scene.RETURNED: lambda trial: trial._returned(),
}

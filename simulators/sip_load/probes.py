"""Real phones inside the crowd: probes that call and listen, and seats that speak.

Every probe and every seat has a tone of its own, so that a recording tells who
was heard by whom. A ``sipp`` seat that echoes sends a probe's own tone back.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators import audio
from simulators.sip_load.crew import Seats
from simulators.sip_load.crowd import Crowd
from simulators.sip_load.emodel import call_quality
from simulators.sip_load.facts import Offer
from simulators.sip_load.scenario import Probes
from simulators.softphone import (
    CallEnded,
    PhoneCall,
    PhoneProcessLost,
    PhoneRefused,
    RegistrationFailed,
    RtpStats,
    Softphone,
    SoftphonePool,
)
from simulators.workload import stream

SEAT_TONE: Final = 400.0
PROBE_TONE: Final = 1800.0
TONE_STEP: Final = 40.0
PROBE_PREFIX: Final = "138"
SETTLE: Final = 0.4
"""Seconds after a seat's answer before speech is judged."""
GREETING_MARGIN: Final = 0.7
"""Seconds by which a greeting may begin late, without a seat that would tell that it is over."""
HEARD_SHARE: Final = 0.5
"""A tone counts as heard when it sounds for this share of the time."""


@dataclass(slots=True, kw_only=True)
class ProbeResult:
    """One probe call. None: not looked for, or the call did not come so far."""

    number: str
    began: float
    """Unix seconds."""
    code: int = 0
    setup: float | None = None
    """INVITE to 200."""
    first_rtp: float | None = None
    """INVITE to the first packet."""
    greeting: float | None = None
    """Score of the greeting, 0 … 1."""
    greeting_at: float | None = None
    """From INVITE to its first sample."""
    seat: str = ""
    wait: float | None = None
    """INVITE to the seat's answer."""
    hears_seat: bool | None = None
    seat_hears: bool | None = None
    keys_sent: str = ""
    keys_received: str | None = None
    mos: float | None = None
    rtp: RtpStats | None = None
    longest_gap: float | None = None
    """Silence while the seat was speaking."""
    ended: float | None = None
    """Unix seconds."""
    fault: str = ""
    """Why the probe itself could not go on."""

    @property
    def keys_right(self) -> bool:
        return self.keys_received == self.keys_sent


class PhoneSeats:
    """Seats of kind ``softphone``: registered, each speaking its tone."""

    def __init__(self, crowd: Crowd, group: Seats, seed: int, first_tone: int) -> None:
        self._crowd = crowd
        self._group = group
        self._seed = seed
        self._first = first_tone
        self.phones: dict[str, tuple[Softphone, float]] = {}

    async def register(self, pool: SoftphonePool, sip: str) -> list[str]:
        """Open and register them; returns what failed."""
        faults = []
        for index, (user, password) in enumerate(self._group.users):
            phone = await pool.phone(user, password, sip, keep_seconds=60)
            try:
                await phone.register()
            except (RegistrationFailed, TimeoutError) as error:
                faults.append(f"{user}: {error}")
            self.phones[user] = (phone, SEAT_TONE + TONE_STEP * (self._first + index))
        return faults

    async def work(self) -> None:
        """Take calls until cancelled."""
        async with asyncio.TaskGroup() as group:
            for user in self.phones:
                group.create_task(self._attend(user))

    async def _attend(self, user: str) -> None:
        phone, hertz = self.phones[user]
        luck = stream(self._seed, "phone seat", user)
        while True:
            ignores = luck.uniform() < self._group.never_answers
            delay = float(self._group.answer.sample(luck, 1)[0])
            refuses = luck.uniform() < self._group.refuses
            leaves = float(self._group.leaves.sample(luck, 1)[0])
            await phone.auto_answer(None if ignores or refuses or not np.isfinite(delay) else delay)
            call = await phone.incoming(within=None)
            offer = self._crowd.seat_note(
                self._group.name, f"{call.call_id} {user} {caller_of(call)}", unix(call.started)
            )
            with contextlib.suppress(CallEnded):
                if refuses:
                    await phone.decline(self._group.refusal)
                answered = await phone.wait_for("confirmed", within=None)
                if offer is not None:
                    offer.answered_at = unix(answered)
                    self._crowd.seat_answered(offer)
                await phone.play(hertz)
                if not await phone.until_over(leaves if np.isfinite(leaves) else None):
                    await phone.hangup()
                    if offer is not None:
                        offer.left_by = "seat"
            if offer is not None:
                self._close(offer, call, self._group.refusal if refuses else 0)

    def _close(self, offer: Offer, call: PhoneCall, refusal: int) -> None:
        ended = unix(call.reached.get("disconnected", time.monotonic()))
        if offer.answered_at is not None:
            offer.ended_at = ended
            offer.left_by = offer.left_by or "system"
        elif refusal:
            offer.refused = refusal
        else:
            offer.cancelled_at = ended
        self._crowd.seat_left(offer)


class Prober:
    """Probe callers: each calls again and again until cancelled."""

    def __init__(
        self,
        crowd: Crowd,
        plan: Probes,
        sip: str,
        seats: dict[str, tuple[Softphone, float]],
        silent_seats: Callable[[str], bool],
        has_seats: bool,
    ) -> None:
        self.results: list[ProbeResult] = []
        self._crowd = crowd
        self._plan = plan
        self._sip = sip
        self._seats = seats
        self._silent = silent_seats
        self._has_seats = has_seats
        self._greeting = audio.load(plan.greeting) if plan.greeting is not None else None

    async def work(self, pool: SoftphonePool) -> None:
        async with asyncio.TaskGroup() as group:
            for probe in range(self._plan.callers):
                group.create_task(self._probe(pool, probe))

    async def _probe(self, pool: SoftphonePool, probe: int) -> None:
        await asyncio.sleep(self._plan.every * probe / self._plan.callers)
        turn = 0
        while True:
            began = time.monotonic()
            result = ProbeResult(number=f"{PROBE_PREFIX}{probe:02d}{turn:06d}", began=time.time())
            self.results.append(result)
            try:
                await self._call(pool, probe, result)
            except CallEnded as error:
                result.code = error.code
            except (PhoneRefused, TimeoutError) as error:
                result.fault = type(error).__name__
            turn += 1
            await asyncio.sleep(max(0.0, self._plan.every - (time.monotonic() - began)))

    async def _call(self, pool: SoftphonePool, probe: int, result: ProbeResult) -> None:
        phone = await pool.caller(result.number, keep_seconds=90)
        hertz = PROBE_TONE + TONE_STEP * probe
        try:
            call = await phone.dial(f"sip:{self._plan.dial}@{self._sip}", headers=self._plan.headers)
            answered = await phone.wait_for("confirmed", within=self._plan.patience)
            result.code, result.setup = call.code, answered - call.started
            await phone.play(hertz)
            result.first_rtp = await phone.first_rtp_after_invite(within=self._plan.patience)
            offer = await self._meet(phone, result)
            met = monotonic(offer.answered_at) if offer is not None and offer.answered_at else answered
            if offer is not None:
                result.seat, result.wait = offer.seat, met - call.started
            elif self._has_seats:
                return
            await self._press(phone, result)
            enough = met + self._plan.talk
            if self._greeting is not None:
                enough = max(enough, answered + len(self._greeting) / audio.RATE + GREETING_MARGIN)
            await phone.until_over(max(0.0, enough - time.monotonic()))
            await self._listen(phone, hertz, met, result)
        finally:
            with contextlib.suppress(PhoneRefused, PhoneProcessLost, TimeoutError, CallEnded):
                result.rtp = await phone.stats()
                result.mos = call_quality(result.rtp) if result.rtp.received else None
                result.ended = time.time()
                await phone.hangup()
                await phone.close()

    async def _meet(self, phone: Softphone, result: ProbeResult) -> Offer | None:
        """Wait for a seat to answer this call, for as long as the probe is patient."""
        if not self._has_seats:
            return None
        deadline = time.monotonic() + self._plan.patience
        while time.monotonic() < deadline:
            offer = self._crowd.answered_for(result.number)
            if offer is not None:
                return offer
            if await phone.until_over(0.05):
                return None
        return None

    async def _press(self, phone: Softphone, result: ProbeResult) -> None:
        if self._plan.keys is None or result.seat not in self._seats:
            return
        seat, _ = self._seats[result.seat]
        await phone.send_digits(self._plan.keys)
        result.keys_sent = self._plan.keys
        with contextlib.suppress(TimeoutError):
            await seat.wait_digits(self._plan.keys, within=1.0)
        result.keys_received = seat.call.digits if seat.call is not None else ""

    async def _listen(self, phone: Softphone, hertz: float, met: float, result: ProbeResult) -> None:
        heard = await phone.heard()
        call = phone.call
        if self._greeting is not None and call is not None:
            match = await asyncio.to_thread(audio.find_prompt, heard.samples, self._greeting)
            result.greeting = match.score
            result.greeting_at = heard.started + match.offset - call.started
        if not result.seat:
            return
        speaking = heard.part(met + SETTLE - heard.started)
        if result.seat in self._seats:
            seat, tone = self._seats[result.seat]
            result.hears_seat = _sounds(speaking, tone, hertz)
            result.seat_hears = _sounds(await seat.heard(met + SETTLE), hertz, tone)
        elif not self._silent(result.seat):
            result.hears_seat = result.seat_hears = _sounds(speaking, hertz, SEAT_TONE)
        if result.hears_seat:
            result.longest_gap = audio.longest_gap(speaking.samples)


def _sounds(recording: audio.Recording, hertz: float, other: float) -> bool:
    if recording.seconds < 0.5:
        return False
    return audio.tone_seconds(recording.samples, hertz, [other]) > HEARD_SHARE * recording.seconds


def caller_of(call: PhoneCall) -> str:
    """The user part of a received INVITE's From."""
    value = call.header("from")
    start = value.find("sip:")
    return value[start + 4 :].split("@")[0].split(";")[0].split(">")[0] if start >= 0 else ""


def unix(monotonic_seconds: float) -> float:
    return monotonic_seconds - time.monotonic() + time.time()


def monotonic(unix_seconds: float) -> float:
    return unix_seconds - time.time() + time.monotonic()

"""The people of the demo: agents at their phones, and callers who ring 12345 all day.

Who calls when, how long each thinks before picking up and talks, is drawn from
one seed, so a demo can be repeated. Rest costs little: a phone process that has
nothing to do wakes twenty times a second, and nobody records what is heard.
"""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from callrouter.backoff import Backoff
from simulators.audio import Sound
from simulators.softphone import (
    CallEnded,
    PhoneProcessLost,
    PhoneRefused,
    PhonesUnavailable,
    RegistrationFailed,
    Softphone,
    SoftphonePool,
)

log = structlog.get_logger(__name__)

PICK_UP_MEDIAN: Final = 1.5
PICK_UP_SPREAD: Final = 0.35
CALL_MEDIAN: Final = 40.0
CALL_SPREAD: Final = 0.5
RETRY_SECONDS: Final = (1.0, 10.0)
ANSWER_SECONDS: Final = 60.0
FAULTS: Final = (PhoneProcessLost, PhoneRefused, PhonesUnavailable, RegistrationFailed, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatPerson:
    """An agent: registers as `user`, and picks up unless `picks_up` is false (then the desk answers)."""

    user: str
    password: str = field(repr=False)
    voice: Sound | None = None
    picks_up: bool = True


@dataclass(slots=True)
class Tally:
    """What the people have lived through so far."""

    seats_registered: int = 0
    seat_calls: int = 0
    placed: int = 0
    answered: int = 0
    refused: int = 0
    skipped: int = 0
    """Calls not placed because `most_callers` were on the line already."""


class DemoPeople:
    """Seats that register and answer, and `calls_per_minute` callers; `run` until cancelled.

    `sip` is "host:port" of the switch. `voices` are what callers and seats
    without a voice of their own say. At most `most_callers` call at once.
    """

    def __init__(
        self,
        sip: str,
        seats: Sequence[SeatPerson] = (),
        *,
        calls_per_minute: float = 0.0,
        number: str = "12345",
        voices: Sequence[Path] = (),
        most_callers: int = 12,
        seed: int = 12345,
    ) -> None:
        self.sip = sip
        self.seats = tuple(seats)
        self.calls_per_minute = calls_per_minute
        self.number = number
        self.voices = tuple(voices)
        self.most_callers = most_callers
        self.seed = seed
        self.tally = Tally()
        self.ready = asyncio.Event()
        """Set once every seat is registered."""
        self._on_line = 0

    async def run(self) -> None:
        """Live the demo; ends when cancelled, with every phone process ended.

        Raises PhonesUnavailable when no Python with pjsua2 is at hand.
        """
        async with SoftphonePool() as pool, asyncio.TaskGroup() as group:
            if not self.seats:
                self.ready.set()
            for index, seat in enumerate(self.seats):
                group.create_task(self._attend(pool, seat, index), name=f"seat {seat.user}")
            if self.calls_per_minute > 0:
                group.create_task(self._traffic(pool, group), name="callers")

    # --- seats ------------------------------------------------------------------------

    async def _attend(self, pool: SoftphonePool, seat: SeatPerson, index: int) -> None:
        """Keep one seat at its phone, whatever happens to the phone."""
        chance = random.Random(f"{self.seed} seat {seat.user}")
        pause = Backoff(*RETRY_SECONDS)
        while True:
            phone: Softphone | None = None
            try:
                phone = await pool.phone(seat.user, seat.password, self.sip, keep_seconds=0, expires=120)
                await phone.register()
                self._registered(1)
                pause.reset()
                try:
                    await self._answer_calls(phone, seat, index, chance)
                finally:
                    self._registered(-1)
            except FAULTS as error:
                log.warning("seat_phone_failed", seat=seat.user, error=str(error))
            if phone is not None:
                await _close(phone)
            await asyncio.sleep(pause.next())

    def _registered(self, change: int) -> None:
        self.tally.seats_registered += change
        if self.tally.seats_registered == len(self.seats):
            self.ready.set()

    async def _answer_calls(
        self, phone: Softphone, seat: SeatPerson, index: int, chance: random.Random
    ) -> None:
        voice = seat.voice if seat.voice is not None else self._voice(index)
        while True:
            if seat.picks_up:
                await phone.auto_answer(_lognormal(chance, PICK_UP_MEDIAN, PICK_UP_SPREAD))
            await phone.incoming(within=None)
            self.tally.seat_calls += 1
            try:
                await phone.wait_for("confirmed", within=None)
                await phone.play([(0.0, 0.4), voice, (0.0, 2.0)], loop=True)
                await phone.until_over(None)
            except CallEnded:
                continue

    def _voice(self, index: int) -> Sound:
        """A committed prompt when there is one, else two notes that no other seat has."""
        if self.voices:
            return self.voices[index % len(self.voices)]
        low = 400.0 + 40.0 * (index % 20)
        return [(low, 0.6), (0.0, 0.2), (low * 1.5, 0.6)]

    # --- callers ----------------------------------------------------------------------

    async def _traffic(self, pool: SoftphonePool, group: asyncio.TaskGroup) -> None:
        """Poisson arrivals; a caller who would be one too many does not call."""
        await self.ready.wait()
        chance = random.Random(f"{self.seed} callers")
        for index in itertools.count():
            await asyncio.sleep(chance.expovariate(self.calls_per_minute / 60.0))
            number = f"139{chance.randrange(10**8):08d}"
            seconds = _lognormal(chance, CALL_MEDIAN, CALL_SPREAD)
            if self._on_line >= self.most_callers:
                self.tally.skipped += 1
                continue
            group.create_task(self._call(pool, number, seconds, index), name=f"caller {index}")

    async def _call(self, pool: SoftphonePool, number: str, seconds: float, index: int) -> None:
        """One caller: ring, speak now and then, hang up after `seconds`."""
        self._on_line += 1
        phone: Softphone | None = None
        try:
            phone = await pool.caller(number, keep_seconds=0)
            self.tally.placed += 1
            await phone.dial(f"sip:{self.number}@{self.sip}")
            await phone.wait_for("confirmed", within=ANSWER_SECONDS)
            self.tally.answered += 1
            await phone.play([(0.0, 3.0), self._voice(index), (0.0, 5.0)], loop=True)
            await phone.until_over(seconds)
        except CallEnded as error:
            self.tally.refused += 1
            log.warning("caller_refused", caller=index, code=error.code, reason=error.reason)
        except FAULTS as error:
            # The texts of these name the caller's number.
            log.warning("caller_failed", caller=index, error=type(error).__name__)
        finally:
            self._on_line -= 1
            if phone is not None:
                await _close(phone)


async def _close(phone: Softphone) -> None:
    try:
        await phone.hangup()
        await phone.close()
    except FAULTS as error:
        log.warning("phone_did_not_close", error=type(error).__name__)


def _lognormal(chance: random.Random, median: float, spread: float) -> float:
    """Human durations: lognormal, `spread` is sigma of the logarithm."""
    return median * chance.lognormvariate(0.0, spread)

"""Two hundred transfers at once: everybody presses in the same moment, in ten different ways.

The trials are those of the matrix. They meet when all callers speak with their
seats; nobody presses before the last one is there.
"""

import asyncio
from typing import Final

from simulators.partners import Behaviour, Kind
from tests.asterisk.transfer_proof.plan import BLONDE_WAYS, SOMEWHERE, Case, Partner, Scene, Who, refuses
from tests.asterisk.transfer_proof.proving import Proof, prove
from tests.asterisk.transfer_proof.town import Town
from tests.asterisk.transfer_proof.trial import Trial, Verdict

CROWD: Final = 200
ARRIVING: Final = 8
"""Callers who are being connected at a time: the transfers are what comes at once, not the INVITEs."""
LISTENING: Final = 16
"""Cases that are heard at a time. Everybody speaking all the time would be a test of the machine."""


def _phone(words: str, after: float = 0.0) -> Partner:
    """Partners are phones like all others here, so that each of the two hundred is heard live."""
    return Partner(words, Behaviour(kind=Kind.ELSEWHERE, target=SOMEWHERE, after=after))


_AT_ONCE, _LATER, _LATE = (
    _phone("answers at once"),
    _phone("answers after 1 s", 1.0),
    _phone("after 4 s", 4.0),
)
WAYS: Final[tuple[tuple[Scene, Who, Partner, str], ...]] = (
    (Scene.COMPLETED, Who.CALLER, _AT_ONCE, "consulted"),
    (Scene.COMPLETED, Who.PARTNER, _LATER, "consulted"),
    (Scene.COMPLETED, Who.CALLER, _AT_ONCE, "conference"),
    (Scene.CONSULTING, Who.SEAT, _LATER, ""),
    (Scene.CONSULTING, Who.CALLER, _AT_ONCE, ""),
    (Scene.RETURNED, Who.SEAT, _AT_ONCE, "consulted"),
    (Scene.SWAPPED, Who.PARTNER, _AT_ONCE, ""),
    (Scene.RINGING, Who.PARTNER, refuses(486, 4.0, "busy after ringing"), ""),
    (Scene.RINGING, Who.SEAT, _LATE, ""),
    (Scene.BLONDE, Who.PARTNER, refuses(603, 6.0, "declines after ringing"), BLONDE_WAYS[2]),
)
SEATS: Final = CROWD + CROWD // 10 + 2
"""One each, and one more for everybody who gets another person."""
CASES: Final = tuple(Case(1000 + index, *WAYS[index % len(WAYS)]) for index in range(CROWD))


class Meeting:
    """Opens when everybody is there, or excused."""

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self._open = asyncio.Event()

    def arrived(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._open.set()

    async def meet(self) -> None:
        self.arrived()
        await self._open.wait()


class InCrowd(Trial):
    """A trial that waits for all others before the key."""

    def __init__(self, town: Town, case: Case, meeting: Meeting, door: asyncio.Semaphore) -> None:
        super().__init__(town, case)
        self._meeting, self._door = meeting, door
        self._met = False

    async def run(self) -> Verdict:
        verdict = await super().run()
        if not self._met:
            self._meeting.arrived()
        return verdict

    async def _talk(self, hertz: int) -> None:
        async with self._door:
            await super()._talk(hertz)

    async def pressed(self) -> None:
        self._met = True
        await self._meeting.meet()


async def all_at_once(town: Town, cases: tuple[Case, ...] = CASES) -> Proof:
    """Everybody talks, then everybody presses."""
    meeting, door = Meeting(len(cases)), asyncio.Semaphore(ARRIVING)
    town.listening = asyncio.Semaphore(LISTENING)
    try:
        return await prove(
            town,
            cases,
            side_by_side=len(cases),
            trial=lambda town, case: InCrowd(town, case, meeting, door),
        )
    finally:
        town.listening = None

"""The link to Asterisk breaks in each state of a transfer: all goes on; what happened meanwhile counts."""

import asyncio
import socket as net
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from acd import events as e
from simulators.partners import Behaviour, Kind
from tests.asterisk.transfer_proof.crowd import Meeting
from tests.asterisk.transfer_proof.phones import SteadyPhone
from tests.asterisk.transfer_proof.plan import (
    ANSWERING,
    LONG,
    SOMEWHERE,
    Case,
    Partner,
    Scene,
    Who,
    lines,
)
from tests.asterisk.transfer_proof.proving import Proof, prove
from tests.asterisk.transfer_proof.town import Town, open_town
from tests.asterisk.transfer_proof.trial import Trial, Verdict

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.timeout(300)]

WAITS = Partner("does not answer", Behaviour(kind=Kind.NO_ANSWER, after=LONG))
PICKS_UP = Partner("picks up meanwhile", Behaviour(kind=Kind.ELSEWHERE, target=SOMEWHERE, after=LONG))
ANSWERS = ANSWERING[0]
OF_THE_CUT = ("Web socket closed abruptly", "WebSocket read error")
"""What Asterisk says of it."""
ANSWERED = (Scene.CONSULTING, Scene.SWAPPED, Scene.CONFERENCE)
Happening = Callable[[], Awaitable[None]]
SHAPES = (
    (Scene.RINGING, Who.CALLER, WAITS, ""),
    (Scene.RINGING, Who.PARTNER, PICKS_UP, ""),
    (Scene.BLONDE, Who.CALLER, WAITS, "key"),
    *(
        (scene, who, ANSWERS, "")
        for scene in (Scene.CONSULTING, Scene.SWAPPED, Scene.CONFERENCE)
        for who in Who
    ),
    *((Scene.COMPLETED, who, ANSWERS, "consulted") for who in (Who.CALLER, Who.PARTNER)),
    *((Scene.RETURNED, who, ANSWERS, "consulted") for who in (Who.CALLER, Who.SEAT)),
)
AFTER = tuple(Case(900 + index, *shape) for index, shape in enumerate(SHAPES))
MEANWHILE = tuple(Case(950 + index, *shape) for index, shape in enumerate(SHAPES))


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with open_town(tmp_path_factory.mktemp("faults"), 40, lines((*AFTER, *MEANWHILE))) as town:
        yield town


class Faulty(Trial):
    """Waits for all others before anybody leaves; the last to come lets the fault happen."""

    def __init__(self, town: Town, case: Case, meeting: Meeting, fault: Happening) -> None:
        super().__init__(town, case)
        self._meeting, self._fault, self._met = meeting, fault, False

    async def run(self) -> Verdict:
        verdict = await super().run()
        if not self._met:
            self._meeting.arrived()
        return verdict

    async def _leave(self) -> None:
        self._met = True
        await self._meeting.meet()
        await self._fault()
        if self.case.partner is PICKS_UP:
            assert isinstance(self._phone, SteadyPhone)
            self._phone.pick_up()
        else:
            await super()._leave()

    async def _afterwards(self, left: float) -> None:
        if self.case.partner is not PICKS_UP:
            await super()._afterwards(left)
            return
        await self._consulting()
        self.town.engine.submit(e.TransferCompleted(seat=self.seat.name))
        await self._together()
        await self._caller_leaves()

    def _transfers(self) -> tuple[tuple[str, str], ...]:
        return ((self.case.line, "completed"),) if self.case.partner is PICKS_UP else super()._transfers()


def cut(town: Town) -> None:
    """Break the event socket under everybody's hands."""
    (client,) = town.province.app.ari.values()
    socket = client._socket
    assert client.connected
    assert socket is not None
    assert socket._tcp is not None
    socket._tcp.shutdown(net.SHUT_RDWR)


async def all_faulty(town: Town, cases: tuple[Case, ...], fault: Happening) -> Proof:
    meeting = Meeting(len(cases))
    proof = await prove(
        town, cases, side_by_side=len(cases), trial=lambda town, case: Faulty(town, case, meeting, fault)
    )
    proof.log = [line for line in proof.log if not any(word in line for word in OF_THE_CUT)]
    return proof


async def test_every_state_goes_on_after_the_link_was_broken(town: Town) -> None:
    cutting: asyncio.Future[None] | None = None

    async def broken_and_back() -> None:
        nonlocal cutting
        if cutting is None:
            cutting = asyncio.ensure_future(break_and_wait(town))
        await asyncio.shield(cutting)

    proof = await all_faulty(town, AFTER, broken_and_back)
    assert not proof.faults, "\n".join(proof.faults)
    assert proof.lost == 0


async def break_and_wait(town: Town) -> None:
    (client,) = town.province.app.ari.values()
    before = client.metrics.connections
    cut(town)
    await town.until(lambda: not client.connected, "the break is noticed")
    await town.until(lambda: client.connected and client.metrics.connections > before, "the link again", 20)


async def test_whoever_leaves_while_the_link_is_broken_has_left(town: Town) -> None:
    broken = False

    async def broken_now() -> None:
        nonlocal broken
        if not broken:
            broken = True
            cut(town)

    proof = await all_faulty(town, MEANWHILE, broken_now)
    assert not proof.faults, "\n".join(proof.faults)
    assert proof.lost == 0

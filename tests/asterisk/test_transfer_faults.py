"""The link to Asterisk breaks in each state of a transfer: all goes on; what happened meanwhile counts."""

import asyncio
import os
import signal
import socket as net
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from acd import events as e
from simulators.partners import Behaviour, Kind
from tests.asterisk.transfer_proof import books
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
KILLED = tuple(Case(870 + index, *shape) for index, shape in enumerate(SHAPES))
AFTER = tuple(Case(900 + index, *shape) for index, shape in enumerate(SHAPES))
MEANWHILE = tuple(Case(950 + index, *shape) for index, shape in enumerate(SHAPES))


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with open_town(tmp_path_factory.mktemp("faults"), 40, lines((*KILLED, *AFTER, *MEANWHILE))) as town:
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


class Killed(Faulty):
    """Asterisk is gone, and all calls with it."""

    async def _leave(self) -> None:
        self._met = True
        await self._meeting.meet()
        self._done = True
        await self._fault()

    async def _afterwards(self, left: float) -> None:
        """Nobody is there who could hear anything."""

    async def _judge(self) -> None:
        record = self.verdict.record = await self.town.record(self.call, 30)
        self.verdict.faults += books.tiles(record)
        (transfer,) = record.transfers
        outcomes = {"completed", "returned", "abandoned"}
        if (record.outcome, record.ended_by) != ("answered", "caller") or transfer.outcome not in outcomes:
            self.verdict.faults.append(f"{record.outcome}, ended by {record.ended_by}, {transfer.outcome}")
        await self._no_leaks(record)


async def test_asterisk_killed_in_each_state_leaves_exact_records_and_free_seats(town: Town) -> None:
    """The last one: the phones register anew afterwards, and the next caller is answered."""
    restarting: asyncio.Future[None] | None = None

    async def killed() -> None:
        nonlocal restarting
        if restarting is None:
            restarting = asyncio.ensure_future(kill_and_start(town))
        await asyncio.shield(restarting)

    meeting = Meeting(len(KILLED))
    verdicts = await asyncio.gather(*(Killed(town, case, meeting, killed).run() for case in KILLED))
    faults = [f"{one.case}: {fault}" for one in verdicts for fault in one.faults]
    assert not faults, "\n".join(faults)
    calls = [one.call for one in verdicts]
    await town.until(town.all_at_rest, "the end of all wrap-ups", 20)
    await town.province.app.writer.flush()
    database = town.province.app.settings.state_dir / "callrouter.sqlite"
    assert books.one_record_each(database, calls) == []
    assert books.seats_against_calls(database, calls) == []
    await town.come_back()
    caller, number, hertz = await town.caller()
    call = await town.dial(caller, number, hertz)
    seat = await town.talking(call, 20)
    assert (await caller.media.hears({"seat"}, {"seat": seat.hertz}, 20))[0]
    await caller.bye()
    caller.close()
    assert (await town.record(call)).outcome == "answered"


async def kill_and_start(town: Town) -> None:
    server = town.province.asterisk
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    (client,) = town.province.app.ari.values()
    await town.until(lambda: not client.connected, "the end is noticed")
    await server.stop()
    await server.start()
    await town.until(lambda: client.connected, "the link again", 30)

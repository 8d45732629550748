"""A controller that ends and another that begins: nobody stays behind with the music."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from acd import events as e
from acd.ids import CallId, SeatId
from callrouter.app import App
from callrouter.keeper import FILE
from callrouter.store import schema
from simulators.softphone import SoftphonePool
from tests.asterisk.floor_rig import PERSON, run_rig
from tests.asterisk.hotline import Hotline, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
async def hotline(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("restart"), phone_pool) as running:
        yield running


async def test_a_waiting_caller_is_asked_in_again_by_the_next_controller(hotline: Hotline) -> None:
    caller = await hotline.caller("13897110099")
    call = await hotline.call(caller)
    await caller.send_digits("1")
    await hotline.until(lambda: hotline.live(call).owner == "queue", "queue", 20)
    await hotline.province.app.__aexit__(None, None, None)
    hotline.province.app = App(hotline.province.app.settings)
    async with hotline.province.app as app:
        await app.ready(20)
        hotline.engine = app.controller
        await hotline.until(lambda: hotline.engine.snapshot().calls, "the caller is back", 20)
        again = hotline.engine.snapshot().calls[0]
        assert again.call != call
        assert again.dialled == "12345"
        await caller.hangup()
        record = await hotline.ended(str(again.call))
        assert record.ended_by == "caller"
        before = await app.records.call(CallId(call))
        assert before is not None
        assert (before.outcome, before.ended_by, before.offered) == ("interrupted", "system", False)
        assert before.ended <= record.ingress


async def test_promises_and_people_survive_a_controller_that_is_killed(
    tmp_path: Path, phone_pool: SoftphonePool
) -> None:
    """A callback promised, a seat at lunch: the next controller has both, and calls back once."""
    async with run_rig(tmp_path, phone_pool) as rig:
        town = rig.hotline.province
        rig.ready("m3", "m4")
        rig.engine.submit(e.SeatNotReadied(seat=SeatId("m4"), reason="lunch"))
        callers, _ = await rig.call("main", "13890000001")
        await rig.talking("13890000001")
        missed = await rig.hotline.call(rig.person, "12345")
        await rig.hotline.until(lambda: rig.hotline.live(missed).owner == "queue", "waiting")
        await rig.person.hangup()
        await rig.record(missed)
        callback = rig.engine.call_back(CallId(missed))
        file = town.app.settings.state_dir / FILE
        await rig.hotline.until(lambda: file.exists() and callback.encode() in file.read_bytes(), "on disk")
        as_killed = file.read_bytes()
        await town.app.__aexit__(None, None, None)
        file.write_bytes(as_killed)

        town.app = App(town.app.settings)
        async with town.app as app:
            rig.engine = rig.hotline.engine = app.controller
            (kept,) = app.controller.callbacks()
            assert (kept.callback, kept.number, kept.state) == (callback, PERSON, "waiting")
            assert (rig.view("m4").state, rig.view("m4").reason) == ("not_ready", "lunch")
            await app.ready(20)
            assert rig.view("m3").state == "talking", "nobody has cut it off"
            callers.hang_up("13890000001")
            await rig.person.incoming(20)
            assert rig.view("m3").state == "talking", "after its wrap-up, without signing in"
            await rig.person.answer()
            await rig.hotline.until(lambda: not app.controller.callbacks(), "reached")
            await rig.person.hangup()
            await rig.record(callback)
            await app.writer.flush()
            async with app.database.read() as connection:
                rows = (await connection.execute(select(schema.callbacks))).all()
            assert [(row.call, row.outcome, row.attempts) for row in rows] == [(callback, "reached", 1)]

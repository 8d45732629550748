"""A controller that ends and another that begins: nobody stays behind with the music."""

from collections.abc import AsyncIterator

import pytest

from callrouter.app import App
from simulators.softphone import SoftphonePool
from tests.asterisk.hotline import Hotline, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
async def hotline(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("restart"), phone_pool) as running:
        yield running


async def test_a_waiting_caller_is_asked_in_again_by_the_next_controller(hotline: Hotline) -> None:
    caller = await hotline.caller()
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

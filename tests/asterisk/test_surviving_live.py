"""A controller killed in the middle of a conversation: both speak on, before, between and after."""

from pathlib import Path

import pytest

from callrouter.app import App
from callrouter.keeper import FILE
from simulators.softphone import SoftphonePool
from tests.asterisk.ears import CALLER_HZ, SEAT_HZ, hears_tone, in_talk
from tests.asterisk.hotline import run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]


async def test_who_speaks_speaks_on_when_the_controller_is_killed(
    tmp_path: Path, phone_pool: SoftphonePool
) -> None:
    async with run_hotline(tmp_path, phone_pool) as hotline:
        caller, seat, call = await in_talk(hotline)
        town = hotline.province
        file = town.app.settings.state_dir / FILE
        wanted = f'"call":"{call}","node"'.encode()
        await hotline.until(lambda: file.exists() and wanted in file.read_bytes(), "on disk")
        as_killed = file.read_bytes()
        await town.app.__aexit__(None, None, None)
        file.write_bytes(as_killed)
        await hears_tone(caller, SEAT_HZ)  # nobody controls, and they speak on

        town.app = App(town.app.settings)
        async with town.app as app:
            hotline.engine = app.controller
            await app.ready(20)
            await hears_tone(caller, SEAT_HZ)
            await hears_tone(seat, CALLER_HZ)
            assert hotline.live(call).owner == "conversation"
            assert (hotline.view("a1002").state, hotline.view("a1002").call) == ("talking", call)
            await hotline.until(lambda: hotline.view("a1002").reachable, "the phone is known")
            await seat.hangup()
            record = await hotline.ended(call)
            assert (record.outcome, record.first_seat) == ("answered", "a1002")
            track = [one for one in record.segments if one.track == "caller"]
            assert [one.ended for one in track[:-1]] == [one.started for one in track[1:]]
            assert [one.activity.value for one in track].count("talk") == 1
            await hotline.clear()

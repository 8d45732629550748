"""Keys through the bridge: a code is heard by nobody, any other key arrives, whoever presses it."""

from collections.abc import AsyncIterator

import pytest

from simulators.partners import tone
from simulators.softphone import SoftphonePool
from tests.asterisk.ears import hears_tone, in_talk
from tests.asterisk.hotline import Hotline, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("keys"), phone_pool) as hotline:
        yield hotline


@pytest.fixture
async def hotline(province: Hotline) -> AsyncIterator[Hotline]:
    yield province
    await province.clear()


@pytest.mark.parametrize("method", ["rfc4733", "info"])
async def test_a_code_is_heard_by_nobody_and_a_menus_key_by_the_partner(
    hotline: Hotline, method: str
) -> None:
    caller, desk, call = await in_talk(hotline)
    partners = hotline.province.partners
    await desk.send_digits("7", method=method)
    await caller.wait_digits("7")
    await desk.send_digits("*212315", method=method)
    partner = await hotline.partner_call("12315")
    await hears_tone(desk, tone("12315"))
    await desk.send_digits("5**#", method=method)
    await partners.wait(lambda: partner.digits == "5*#")
    await desk.send_digits("*5", method=method)
    await hotline.until(lambda: hotline.live(call).transfer_state == "consulting", "swapped")
    await desk.send_digits("*5*1", method=method)
    await hears_tone(caller, tone("12315"))
    await caller.send_digits("42", method=method)
    await partners.wait(lambda: partner.digits == "5*#42")
    await partners.press(partner, "9")
    await caller.wait_digits("9")
    assert caller.call is not None
    assert caller.call.digits == "79", "no code of the seat's has reached the caller"
    await caller.hangup()
    assert [t.outcome for t in (await hotline.ended(call)).transfers] == ["completed"]

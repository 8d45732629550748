"""Three and four in one call, as each of them hears it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulators.audio import tone_seconds
from simulators.partners import Behaviour, Kind, PartnerCall, tone
from simulators.softphone import SoftphonePool
from tests.asterisk.ears import CALLER_HZ, SEAT_HZ, hears_tone, in_talk
from tests.asterisk.hotline import Hotline, run_hotline

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]
FIRST, FURTHER = "12315", "12333"


@pytest.fixture(scope="module")
async def province(
    tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool
) -> AsyncIterator[Hotline]:
    async with run_hotline(tmp_path_factory.mktemp("parties"), phone_pool) as hotline:
        yield hotline


@pytest.fixture
async def hotline(province: Hotline) -> AsyncIterator[Hotline]:
    yield province
    await province.clear()


async def at_partner(hotline: Hotline, partner: PartnerCall, hertz: float, *others: float) -> float:
    """Seconds that a partner has heard a tone."""
    heard = await hotline.province.partners.heard(partner)
    return tone_seconds(heard, hertz, others)


@pytest.mark.parametrize("by", ["keys", "api"])
async def test_four_hear_each_other_and_the_last_two_stay_joined(hotline: Hotline, by: str) -> None:
    caller, desk, call = await in_talk(hotline)
    partners = hotline.province.partners

    async def consult(number: str) -> PartnerCall:
        partners.set(number, Behaviour(record=True))
        if by == "keys":
            await desk.send_digits(f"*2{number}")
        else:
            status, said = await hotline.api("a1002", "POST", "/seats/a1002/transfer", target=number)
            assert status == 200, said
        return await hotline.partner_call(number)

    async def ask(wish: str, code: str) -> None:
        if by == "keys":
            await desk.send_digits(code)
        else:
            assert (await hotline.api("a1002", "POST", f"/seats/a1002/transfer/{wish}"))[0] == 200

    first = await consult(FIRST)
    await hears_tone(desk, tone(FIRST))
    await ask("three-party", "*3")
    await hears_tone(caller, tone(FIRST), others=(SEAT_HZ,))
    further = await consult(FURTHER)
    sounds = {SEAT_HZ, CALLER_HZ, tone(FIRST), tone(FURTHER)}
    for ear, own in ((caller, CALLER_HZ), (desk, SEAT_HZ)):
        for hertz in sounds - {own}:
            await hears_tone(ear, hertz, others=tuple(sounds - {hertz}))
    await ask("complete", "*1")
    await hotline.until(lambda: hotline.view("a1002").state == "wrap_up", "wrap-up")
    await hears_tone(caller, tone(FURTHER), others=(tone(FIRST),))
    await partners.hang_up(first)
    await hears_tone(caller, tone(FURTHER))
    await caller.hangup()
    record = await hotline.ended(call)
    assert [(t.number, t.target, t.outcome) for t in record.transfers] == [
        (1, FIRST, "completed"),
        (2, FURTHER, "completed"),
    ]
    both = (tone(FIRST), tone(FURTHER), CALLER_HZ, SEAT_HZ)
    heard = await asyncio.gather(
        *(
            at_partner(hotline, partner, hertz, *(x for x in both if x != hertz))
            for partner, other in ((first, FURTHER), (further, FIRST))
            for hertz in (CALLER_HZ, SEAT_HZ, tone(other))
        )
    )
    assert min(heard) > 0.5, "each partner has heard the three others"


async def test_a_further_party_that_is_busy_disturbs_nobody(hotline: Hotline) -> None:
    caller, desk, call = await in_talk(hotline)
    await desk.send_digits(f"*2{FIRST}")
    await hears_tone(desk, tone(FIRST))
    await desk.send_digits("*3")
    await hears_tone(caller, tone(FIRST), others=(SEAT_HZ,))
    partners = hotline.province.partners
    partners.set(FURTHER, Behaviour(kind=Kind.REJECT, status=486))
    asked = len(partners.received)
    await desk.send_digits(f"*2{FURTHER}")
    await hotline.until(lambda: len(partners.received) > asked, "the further line's INVITE")
    await hotline.until(lambda: hotline.live(call).transfer_target == FIRST, "the three-party call again")
    await hears_tone(caller, tone(FIRST), others=(SEAT_HZ,))
    await hears_tone(caller, SEAT_HZ, others=(tone(FIRST),))
    await desk.hangup()
    await hears_tone(caller, tone(FIRST))
    await caller.hangup()
    outcomes = [(t.target, t.outcome, t.cause) for t in (await hotline.ended(call)).transfers]
    assert outcomes == [(FIRST, "completed", ""), (FURTHER, "returned", "cause_17")]

"""How a seat of the demo comes back to its phone."""

import asyncio

import pytest

from simulators import demo_people
from simulators.demo_people import DemoPeople, SeatPerson
from simulators.softphone import PhoneProcessLost, PhoneRefused


class Phone:
    """Registers or not, as it was told; is lost in the first call that it waits for."""

    def __init__(self, good: bool) -> None:
        self._good = good

    async def register(self) -> None:
        if not self._good:
            raise PhoneRefused("not now")

    async def auto_answer(self, after: float | None) -> None: ...

    async def incoming(self, within: float | None) -> None:
        raise PhoneProcessLost("gone")

    async def hangup(self) -> None: ...

    async def close(self) -> None: ...


async def test_after_a_registration_the_pauses_are_short_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fates = [False] * 6 + [True, False]
    pauses: list[float] = []

    class Pool:
        async def phone(self, *_: object, **__: object) -> Phone:
            return Phone(fates[len(pauses)])

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == len(fates):
            raise asyncio.CancelledError

    monkeypatch.setattr(demo_people.asyncio, "sleep", pause)
    people = DemoPeople("127.0.0.1:1", [SeatPerson(user="a1", password="x")])
    with pytest.raises(asyncio.CancelledError):
        await people._attend(Pool(), people.seats[0], 0)  # type: ignore[arg-type]
    first, last = demo_people.RETRY_SECONDS
    assert pauses[0] <= first
    assert pauses[5] >= last / 2
    assert pauses[6] <= first, "the seat was at its phone: begin anew"
    assert people.tally.seats_registered == 0

"""A province with a real Asterisk in which a test plays every person: callers, seats, partners."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from acd import events as e
from acd.ids import AgentId, SeatId
from acd.record import CallRecord
from callrouter.cli.province import Province, Wishes
from callrouter.ports import Change
from simulators.audio import Samples, load
from simulators.partners import PartnerCall
from simulators.softphone import Softphone, SoftphonePool

SITE = Path(__file__).parents[2] / "ivr_flows"
PROMPTS = SITE / "prompts" / "zh"


class Hotline:
    """Shorthand for what tests do to a province."""

    def __init__(self, province: Province, pool: SoftphonePool, session: aiohttp.ClientSession) -> None:
        self.province = province
        self.pool = pool
        self.session = session
        self.engine = province.app.controller
        self._phones: list[Softphone] = []
        self._seats: list[SeatId] = []
        self._changed = asyncio.Event()
        self._end = self.engine.subscribe(self._on_change)
        self.began = time.time()

    def _on_change(self, change: Change) -> None:
        self._changed.set()

    async def until(self, test: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
        """Wait until `test` is true; looked at after each change of the screens."""
        deadline = time.monotonic() + seconds
        while not (found := test()):
            self._changed.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not within {seconds:g} s: {what}; {self.engine.snapshot().calls}")
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, 0.1))
            except TimeoutError:
                continue
        return found

    # --- people -----------------------------------------------------------------

    async def seat(self, name: str, *, auto_answer: float | None = None, ready: bool = True) -> Softphone:
        """A seat's phone: registered, signed in, ready."""
        phone = await self.pool.phone(
            name, self.province.passwords[name], self.province.sip, auto_answer=auto_answer
        )
        self._phones.append(phone)
        self._seats.append(SeatId(name))
        await phone.register()
        await self.until(lambda: self.view(name).reachable, f"{name} reachable")
        self.engine.submit(e.SeatSignedIn(seat=SeatId(name), agent=AgentId(name)))
        if ready:
            self.engine.submit(e.SeatReadied(seat=SeatId(name)))
        return phone

    async def caller(self, number: str = "13897110001", **options: Any) -> Softphone:
        phone = await self.pool.caller(number, **options)
        self._phones.append(phone)
        return phone

    async def call(self, phone: Softphone, number: str = "12345", **options: Any) -> str:
        """Dial; returns our id of the call once the controller has it."""
        before = {view.call for view in self.engine.snapshot().calls}
        await phone.dial(f"sip:{number}@{self.province.sip}", **options)
        new = await self.until(
            lambda: [v.call for v in self.engine.snapshot().calls if v.call not in before], "the call"
        )
        return str(new[0])

    async def partner_call(self, number: str) -> PartnerCall:
        return await self.province.partners.call_of(number, seconds=20)

    # --- what can be seen ------------------------------------------------------------

    def view(self, seat: str) -> Any:
        return next(v for v in self.engine.snapshot().seats if v.seat == seat)

    def live(self, call: str) -> Any:
        return next((v for v in self.engine.snapshot().calls if v.call == call), None)

    async def ended(self, call: str, seconds: float = 20.0) -> CallRecord:
        """The call's record, once it is stored; checks that nothing is left behind in Asterisk."""
        await self.until(lambda: self.live(call) is None, f"end of {call}", seconds)
        await self.province.app.writer.flush()
        record = await self.province.app.records.call(call)  # type: ignore[arg-type]
        assert record is not None, f"no record of {call}"
        await self.nothing_left()
        return record

    async def nothing_left(self) -> None:
        """No channel and no bridge in Asterisk once the dust has settled (2 s)."""
        deadline = time.monotonic() + 3
        while True:
            left = [await self.ari("channels"), await self.ari("bridges")]
            if left == [[], []] or time.monotonic() > deadline:
                assert left == [[], []], f"left behind: {left}"
                return
            await asyncio.sleep(0.02)

    async def ari(self, what: str) -> Any:
        rendered = self.province.asterisk.rendered
        auth = aiohttp.encode_basic_auth(rendered.ari_user, rendered.ari_password)
        async with self.session.get(f"{rendered.ari_url}/{what}", headers={"Authorization": auth}) as reply:
            return await reply.json()

    async def api(self, user: str, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """One request to the product's own API as `user`."""
        if not hasattr(self, "_tokens"):
            self._tokens: dict[str, str] = {}
        if user not in self._tokens:
            async with self.session.post(
                f"{self.province.http}/api/v1/sign-in",
                json={"user": user, "password": self.province.passwords[user]},
            ) as reply:
                assert reply.status == 200, await reply.text()
                self._tokens[user] = (await reply.json())["token"]
        async with self.session.request(
            method,
            f"{self.province.http}/api/v1{path}",
            json=body or None,
            headers={"Authorization": f"Bearer {self._tokens[user]}"},
        ) as reply:
            return reply.status, await reply.json(content_type=None)

    async def clear(self) -> None:
        """End of a test: phones hang up and close, seats sign out."""
        for phone in self._phones:
            await phone.hangup()
            await phone.close()
        self._phones.clear()
        await self.until(lambda: not self.engine.snapshot().calls, "no live call", 20)
        for seat in self._seats:
            if self.view(seat).state != "logged_out":
                self.engine.submit(e.SeatSignedOut(seat=seat, forced=True))
        self._seats.clear()
        self.province.partners.reset()
        await self.nothing_left()


def prompt(name: str) -> Samples:
    return load(PROMPTS / f"{name}.wav")


@asynccontextmanager
async def run_hotline(folder: Path, pool: SoftphonePool) -> AsyncIterator[Hotline]:
    wishes = Wishes(site=SITE, state_dir=folder, robots=0)
    async with Province(wishes) as province, aiohttp.ClientSession() as session:
        yield Hotline(province, pool, session)
        # Asterisk warns whenever somebody hangs up during a prompt.
        faults = [x for x in province.asterisk.log_faults() if "Playback failed" not in x]
        assert not faults, "\n".join(faults)

"""The hotline of the proof: many seats in one queue, a line for each case, everybody a light phone."""

import asyncio
import functools
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import aiohttp
import yaml

from acd import events as e
from acd.ids import AgentId, CallId, SeatId
from acd.record import CallRecord
from callrouter.cli.province import Province, Wishes
from callrouter.ports import CallView, Change, SeatView
from callrouter.toolchain.asterisk import AsteriskPlan
from tests.asterisk.hotline import SITE
from tests.asterisk.transfer_proof.phones import SteadyPhone
from tests.asterisk.transfer_proof.sound import SoundProcess

CALLER_HERTZ: Final = range(2450, 3150, 100)
SEAT_HERTZ: Final = range(3150, 3950, 100)
"""Above all partners' tones (`simulators.partners.tone`)."""
QUEUE, COLLEAGUES = "province", "colleagues"
WRAP_UP: Final = 0.3
FLOW: Final[dict[str, Any]] = {
    "flow": "main",
    "languages": ["zh"],
    "person": "seat",
    "start": "seat",
    "nodes": {"seat": {"queue": {"queue": QUEUE}}},
}


def make_site(
    folder: Path,
    seats: Iterable[str],
    lines: Mapping[str, dict[str, Any]],
    colleagues: Collection[str] = (),
    entrances: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write a site of one queue for callers; `lines` are directory entries by number.

    `colleagues`: seats that nobody waits for; `entrances`: numbers whose callers go to a line by themselves.
    """
    site = folder / "site"
    (site / "site").mkdir(parents=True)
    (site / "prompts").symlink_to(SITE / "prompts")
    trunks = {"carrier": {"name": "运营商"}, "departments": {"name": "部门", "refer": True}}
    directory = {
        "organisations": {"province": {"name": "青海省"}},
        "trunks": {**trunks, "emergency": {"name": "紧急", "options": 5}},
        "ingress": [
            {"numbers": ["12345"], "organisation": "province", "flow": "main"},
            *({"numbers": [one], "organisation": "province", "flow": f"own_{one}"} for one in entrances),
        ],
        "lines": {number: _line(entry) for number, entry in lines.items()},
    }
    floor = {
        "timezone": "Asia/Shanghai",
        "skills": {"mandarin": "普通话"},
        "rules": {"consult_wrap_up": WRAP_UP, "sticky_wait": 2, "consult_ring_for": 5},
        "queues": {
            QUEUE: {"ring_for": 30, "wrap_up": WRAP_UP, "announce_first": None},
            **({COLLEAGUES: {"wrap_up": WRAP_UP}} if colleagues else {}),
        },
        "seats": {
            **{seat: {"organisation": "province", "queues": [QUEUE]} for seat in seats},
            **{seat: {"organisation": "province", "queues": [COLLEAGUES]} for seat in colleagues},
        },
    }
    flows = {f"own_{number}": {**FLOW, **_choice(number, line)} for number, line in entrances.items()}
    for name, content in {"site/directory": directory, "site/floor": floor, "main": FLOW, **flows}.items():
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (site / f"{name}.yaml").write_text(text, encoding="utf-8")
    (site / "site" / "calendar.yaml").write_bytes((SITE / "site" / "calendar.yaml").read_bytes())
    return site


def _line(entry: dict[str, Any]) -> dict[str, Any]:
    kind = "emergency" if entry["trunks"] == ["emergency"] else "hotline"
    return {"name": "证", "kind": kind, "entries": [entry]}


def _choice(number: str, line: str) -> dict[str, Any]:
    """A flow that leads to a line, and to a person if that fails."""
    nodes = {"go": {"transfer": {"line": line, "otherwise": "seat"}}, **FLOW["nodes"]}
    return {"flow": f"own_{number}", "start": "go", "nodes": nodes}


class ProofProvince(Province):
    """Nobody signs in at a web page: two hundred password hashes would cost more than the proof.

    And phones are asked seldom whether they live: OPTIONS to each in each second are not what is proved.
    """

    def _plan(self, sip: int, ari: int, ami: int) -> AsteriskPlan:
        plan = super()._plan(sip, ari, ami)
        return replace(
            plan, seat_qualify=60, seat_qualify_timeout=10.0, trunk_rtp_timeout=120, seat_rtp_timeout=120
        )

    async def _create_users(self) -> None:
        self.passwords.pop("supervisor")


@dataclass(frozen=True, slots=True)
class Seat:
    """A phone at a desk, with a tone of its own."""

    name: SeatId
    phone: SteadyPhone
    hertz: int


class Town:
    """Everybody on the telephone, and what the controller shows of them."""

    def __init__(self, province: Province, sound: SoundProcess, session: aiohttp.ClientSession) -> None:
        self.province, self.sound = province, sound
        self.engine = province.app.controller
        self.partners = province.partners
        self.seats: dict[str, Seat] = {}
        self.colleagues: asyncio.Queue[Seat] = asyncio.Queue()
        """Seats that nobody waits for, free to be called by another seat; to be put back."""
        self.began = time.time()
        self.listening: asyncio.Semaphore | None = None
        """For crowds: how many cases are heard at a time; nobody speaks unless heard. None: all, always."""
        self._session = session
        self._serial = itertools.count(1)
        self._changed = asyncio.Event()
        self.calls: dict[CallId, CallView] = {}
        self.by_number: dict[str, CallId] = {}
        self.desks: dict[str, SeatView] = {}
        self._been: defaultdict[CallId, set[str]] = defaultdict(set)
        self._end = self.engine.subscribe(self._on_change)

    @property
    def server(self) -> tuple[str, int]:
        host, port = self.province.sip.split(":")
        return host, int(port)

    def _on_change(self, change: Change) -> None:
        if change.call is not None:
            self.calls[change.call.call] = change.call
            self.by_number[change.call.caller] = change.call.call
            self._been[change.call.call].add(change.call.transfer_state)
        elif change.seat is not None:
            self.desks[change.seat.seat] = change.seat
        elif change.ended is not None:
            self.calls.pop(change.ended, None)
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, test: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
        """Wait until `test` is true: looked at after each change of the screens and every 50 ms."""
        deadline = time.monotonic() + seconds
        while not (found := test()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}")
            try:
                await asyncio.wait_for(self._changed.wait(), 0.05)
            except TimeoutError:
                continue
        return found

    # --- people

    async def open_seats(self, names: Iterable[str]) -> None:
        """Phones register, agents sign in and are ready."""
        gate = asyncio.Semaphore(20)

        async def one(index: int, name: str) -> None:
            async with gate:
                phone = await SteadyPhone.at(self.server, self.sound)
                self.seats[name] = Seat(SeatId(name), phone, SEAT_HERTZ[index % len(SEAT_HERTZ)])
                phone.on_invite = functools.partial(self._answered, name)
                status = await phone.register(name, self.province.passwords[name], expires=3600)
                assert status == 200, f"{name} could not register: {status}"

        await asyncio.gather(*(one(index, name) for index, name in enumerate(names)))
        everybody = set(self.seats)
        self.desks = {view.seat: view for view in self.engine.snapshot().seats}
        seen = lambda: all(self.desks[name].reachable for name in everybody)  # noqa: E731
        await self.until(seen, "all seats reachable", 60)
        for seat in self.seats.values():
            self.engine.submit(e.SeatSignedIn(seat=seat.name, agent=AgentId(seat.name)))
            self.engine.submit(e.SeatReadied(seat=seat.name))

    async def come_back(self) -> None:
        """After a new start of Asterisk: all phones register again; who was ready is."""
        for name, seat in self.seats.items():
            status = await seat.phone.register(name, self.province.passwords[name], expires=3600)
            assert status == 200, f"{name} could not register: {status}"
        ready = lambda: all(self.desks[name].state == "ready" for name in self.seats)  # noqa: E731
        await self.until(ready, "all seats ready again", 60)

    def _answered(self, name: str, invite: object) -> None:
        if self.listening is None:
            self.seats[name].phone.media.speak(self.seats[name].hertz)

    async def caller(self, address: str = "127.0.0.1") -> tuple[SteadyPhone, str, int]:
        """A new phone, its number and its tone."""
        index = next(self._serial)
        phone = await SteadyPhone.at(self.server, self.sound, address)
        return phone, f"139{index:08d}", CALLER_HERTZ[index % len(CALLER_HERTZ)]

    async def dial(
        self, phone: SteadyPhone, number: str, hertz: int, *, to: str = "12345", extra: str = ""
    ) -> CallId:
        """Call us; returns our id once the call is answered."""
        phone.invite(to, caller=f"<sip:{number}@carrier.invalid>", extra=extra)
        answer = await phone.final(60)
        assert answer.status == 200, f"the caller was answered {answer.start}"
        phone.media.begin(number)
        if self.listening is None:
            phone.media.speak(hertz)
        return CallId(await self.until(lambda: self.by_number.get(number), "the call on the screens", 60))

    # --- what can be seen

    def live(self, call: CallId) -> CallView | None:
        return self.calls.get(call)

    def been(self, call: CallId, state: str) -> bool:
        """The call's transfer is in this state, or has been."""
        return state in self._been[call]

    def all_at_rest(self) -> bool:
        """No call, no wrap-up."""
        return not self.calls and all(view.call is None for view in self.desks.values())

    async def talking(self, call: CallId, seconds: float = 10.0) -> Seat:
        """The seat that speaks with the caller, once one does."""

        def find() -> SeatId | None:
            view = self.live(call)
            return view.seat if view is not None and view.owner == "conversation" and view.seat else None

        return self.seats[await self.until(find, "a seat in talk", seconds)]

    async def record(self, call: CallId, seconds: float = 15.0) -> CallRecord:
        """The record, once the call is over and written."""
        await self.until(lambda: self.live(call) is None, f"end of {call}", seconds)
        await self.province.app.writer.flush()
        record = await self.province.app.records.call(call)
        assert record is not None, f"no record of {call}"
        return record

    async def _ari(self, what: str) -> Any:
        rendered = self.province.asterisk.rendered
        auth = aiohttp.encode_basic_auth(rendered.ari_user, rendered.ari_password)
        async with self._session.get(f"{rendered.ari_url}/{what}", headers={"Authorization": auth}) as reply:
            return await reply.json()

    async def version(self) -> str:
        """Asterisk's own."""
        return str((await self._ari("asterisk/info"))["system"]["version"])

    async def leaks(self, ours: Callable[[str], bool] = bool, seconds: float = 5.0) -> list[str]:
        """Ids of channels and bridges that are still there after a moment's grace, if `ours` says so."""
        deadline = time.monotonic() + seconds
        while True:
            both = [*await self._ari("channels"), *await self._ari("bridges")]
            left = [one["id"] for one in both if ours(one["id"])]
            if not left or time.monotonic() > deadline:
                return left
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        self._end()
        for seat in self.seats.values():
            seat.phone.close()
        self.sound.close()


@asynccontextmanager
async def open_town(
    folder: Path,
    count: int,
    lines: Mapping[str, dict[str, Any]],
    *,
    colleagues: int = 0,
    entrances: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Town]:
    """A town with `count` seats at work, and as many `colleagues`; for the rest see `make_site`."""
    seats = [f"t{index:03d}" for index in range(count)]
    others = [f"c{index:02d}" for index in range(colleagues)]
    site = make_site(folder, seats, lines, others, entrances)
    province = ProofProvince(Wishes(site=site, state_dir=folder / "state", robots=0))
    async with province, aiohttp.ClientSession() as session:
        town = Town(province, SoundProcess(), session)
        try:
            await town.open_seats([*seats, *others])
            for name in others:
                town.colleagues.put_nowait(town.seats[name])
            yield town
        finally:
            await town.close()

"""Anybody asking anything of any seat, in any state: 200 for what is theirs and allowed, else a problem
document, and then nothing has changed. The floor, the router and the controller are the real ones.
"""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd import events as e
from acd.deeds import Deed
from acd.ids import AgentId, CallId, SeatId
from callrouter.controller import Controller
from callrouter.router import LookupWanted
from callrouter.router.notices import FlowAnswered
from callrouter.site import SeatAccountPlan
from tests.acd.floors import Q, small_plan
from tests.router.world import site
from tests.web.conftest import World
from tests.web.fakes import FakeEngine, Watch

pytestmark = pytest.mark.slow

SEATS = ("s1", "s2", "s3")
PEOPLE = ("", "nobody", "agent1", "agent2", "boss", "chief", "xining", "engineer", "auditor")
ODD_SEATS = ("s4", "S1", "s1 ", "..%2Fs1", "s1%00", "座席", "s" * 64, "s" * 65)
DEEDS = (*Deed, "fly")
BODIES: tuple[bytes, ...] = (
    *(b"", b"null", b"{}", b"[]", b"{", b"\xff\xfe", b'"ready"', b"1e999", b"[" * 5000),
    *(b'{"reason": "lunch"}', b'{"reason": ""}', b'{"reason": 7}', b'{"reason": "\\u0000\\ud800"}'),
    *(b'{"reason": "%s"}' % (b"x" * 500), b'{"reason": "a", "more": 1}', b'{"forced": true}'),
    *(b'{"target": "12315"}', b'{"target": "' + b"9" * 300 + b'"}', b'{"target": "s2", "kind": "warm"}'),
    *(b'{"disposition": "done"}', b'{"disposition": {"a": []}}'),
)
ALLOWED = {400, 401, 403, 404, 405, 409, 411, 413, 415, 422}

requests = st.tuples(
    st.just("ask"),
    st.sampled_from(PEOPLE),
    st.one_of(st.sampled_from(SEATS), st.sampled_from(SEATS), st.sampled_from(ODD_SEATS)),
    st.sampled_from(DEEDS),
    st.sampled_from(BODIES),
    st.sampled_from(("POST", "POST", "POST", "POST", "GET", "PUT", "DELETE")),
)
FACTS = ("call", "answer", "end", "reach", "lose", "wait")
facts = st.tuples(st.just("fact"), st.sampled_from(FACTS), st.sampled_from(SEATS))


class Records:
    def put(self, record: object) -> None:
        raise AssertionError(f"no call ends here: {record}")


async def no_lookup(wanted: LookupWanted) -> FlowAnswered:
    raise AssertionError(f"no flow asks here: {wanted}")


class Desk:
    """The application on a real controller; facts go to its floor alone."""

    def __init__(self) -> None:
        self.clock = Watch()
        plan = small_plan(len(SEATS), wrap_up=30.0)
        accounts = {
            SeatId(seat): SeatAccountPlan(SeatId(seat), seat, f"PJSIP/{seat}", "qinghai") for seat in SEATS
        }
        place = replace(site(), floor=plan, seats=accounts, organisations={})
        self.engine = Controller(place, [], Records(), self.clock, no_lookup)
        self.world = World(engine=cast(FakeEngine, self.engine), clock=self.clock)
        self.floor = self.engine.router.floor
        self.calls = 0
        self.answers: set[int] = set()

    def state(self) -> object:
        return (self.floor.seats(), self.floor.queues(), self.floor.callbacks(), self.engine.snapshot().calls)

    def fact(self, what: str, seat: str) -> None:
        floor, now = self.floor, self.clock.now()
        status = floor.seat(SeatId(seat))
        match what:
            case "reach":
                floor.handle(e.SeatReachable(seat=SeatId(seat)), now)
            case "lose":
                floor.handle(e.SeatUnreachable(seat=SeatId(seat)), now)
            case "call":
                self.calls += 1
                floor.handle(e.Enqueued(call=CallId(f"c{self.calls}"), queue=Q), now)
            case "end" if status.call is not None:
                floor.handle(e.ContactEnded(seat=SeatId(seat), call=status.call), now)
            case "wait":
                self.clock.at += 5.0
                floor.tick(self.clock.now())
            case "answer":
                for offer in list(floor._state.offers):
                    floor.handle(e.OfferAnswered(offer=offer), now)

    async def ask(self, who: str, seat: str, deed: str, body: bytes, method: str) -> None:
        before = self.state()
        async with self.world.client(who) as client:
            reply = await client.request(
                method,
                f"/api/v1/seats/{seat}/{deed}",
                content=body,
                headers={"Content-Type": "application/json"} if body else {},
            )
        self.answers.add(reply.status_code)
        if reply.status_code == 200:
            assert method == "POST"
            assert reply.json()["seat"] in SEATS
            assert who in ("agent1", "agent2", "boss", "chief"), "nobody else acts at seats"
            assert seat in {"agent1": ("s1", "s2"), "agent2": ("s2",)}.get(who, SEATS)
            return
        assert reply.status_code in ALLOWED, (reply.status_code, reply.text)
        assert reply.headers["content-type"] == "application/problem+json"
        document = reply.json()
        assert document["status"] == reply.status_code
        assert document["detail"], document
        assert document["reason"], document
        assert self.state() == before, f"{who} {method} {seat}/{deed}: refused, and yet something has changed"


async def walk(steps: list[tuple[Any, ...]]) -> None:
    desk = Desk()
    for step in steps:
        if step[0] == "ask":
            await desk.ask(*step[1:])
        else:
            desk.fact(*step[1:])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(requests, requests, facts), min_size=10, max_size=40))
def test_no_misuse_changes_anything(steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(walk(steps))


def test_every_pair_of_state_and_deed() -> None:
    """A seat brought into each of its states; then every deed by its agent, another and a supervisor."""

    async def all_pairs() -> None:
        seen, answers = set(), set()
        for ways in WAYS:
            for who in ("agent1", "agent2", "boss"):
                for deed in DEEDS:
                    desk = Desk()
                    for what in ways:
                        if what in WISHES:
                            desk.engine.submit(WISHES[what])
                        else:
                            desk.fact(what, "s1")
                    seen.add(desk.floor.seat(SeatId("s1")).state)
                    await desk.ask(who, "s1", deed, SENSIBLE.get(deed, b""), "POST")
                    answers |= desk.answers
                    if who == "agent2":
                        assert desk.answers <= {403, 404, 409}, "it is not this agent's seat"
        assert answers == {200, 403, 404, 409}
        assert seen == {"logged_out", "not_ready", "ready", "reserved", "talking", "wrap_up"}

    asyncio.run(all_pairs())


SENSIBLE = {"not-ready": b'{"reason": "lunch"}', "transfer": b'{"target": "12315"}'}
WISHES = {
    "in": e.SeatSignedIn(seat=SeatId("s1"), agent=AgentId("agent1")),
    "go": e.SeatReadied(seat=SeatId("s1")),
}
WAYS: tuple[tuple[str, ...], ...] = (
    (),
    ("in",),
    ("reach", "in", "go"),
    ("reach", "in", "go", "call"),
    ("reach", "in", "go", "call", "answer"),
    ("reach", "in", "go", "call", "answer", "end"),
)

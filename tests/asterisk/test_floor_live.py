"""Every feature of the floor at least once on a real Asterisk: 20 seats, 60 callers and more."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select

from acd import events as e
from acd.ids import AgentId, SeatId
from acd.skill import parse, satisfied
from callrouter.floor_log.replay import replay
from callrouter.store import schema
from simulators.audio import find_prompt, tone_seconds
from simulators.softphone import Softphone, SoftphonePool
from tests.asterisk.floor_rig import CREW, DIALLED, PERSON, Rig, run_rig
from tests.asterisk.hotline import prompt

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

A, B, C, D = (f"1380000000{number}" for number in range(1, 5))


@pytest.fixture(scope="module")
async def floor(tmp_path_factory: pytest.TempPathFactory, phone_pool: SoftphonePool) -> AsyncIterator[Rig]:
    async with run_rig(tmp_path_factory.mktemp("floor"), phone_pool) as rig:
        yield rig


@pytest.fixture
async def rig(floor: Rig) -> AsyncIterator[Rig]:
    yield floor
    await floor.clear()


async def phone(rig: Rig, seat: str, auto_answer: float | None = None) -> Softphone:
    found = await rig.hotline.seat(seat, auto_answer=auto_answer)
    await rig.state(seat, "ready")
    return found


# --- who is asked --------------------------------------------------------------------


async def test_longest_idle(rig: Rig) -> None:
    rig.ready("i1", "i2", "i3")
    met = {}
    for number in (A, B, C):
        met[number] = await rig.call("idle", number)
        assert await rig.talking(number) == f"i{len(met)}"
    for number in (B, A):
        await rig.over(met[number][0], number)
        await rig.state("i2" if number == B else "i1", "ready")
    await rig.call("idle", D)
    assert await rig.talking(D) == "i2", "it was free before i1"


async def test_round_robin(rig: Rig) -> None:
    rig.ready("r1", "r2", "r3")
    asked = []
    for number in (A, B, C, D):
        callers, _ = await rig.call("robin", number)
        asked.append(await rig.talking(number))
        await rig.over(callers, number)
        await rig.state(asked[-1], "ready")
        if number == A:
            # Away for a moment: by idle time it would be the last one now.
            rig.engine.submit(e.SeatNotReadied(seat=SeatId("r2"), reason="break"))
            rig.ready("r2")
    assert sorted(asked[:3]) == ["r1", "r2", "r3"]
    assert asked[3] == asked[0]


async def test_most_proficient(rig: Rig) -> None:
    rig.ready("s3", "s2", "s1")
    for number, seat in ((A, "s1"), (B, "s2"), (C, "s3")):
        await rig.call("skilled", number)
        assert await rig.talking(number) == seat


async def test_several_ring_at_once_and_one_has_the_caller(rig: Rig) -> None:
    rig.ready("v1", "v2", "v3")
    since = time.time()
    _, call = await rig.call("several", A)
    seat = await rig.talking(A)
    one, other = await rig.offers(call)
    assert abs(one.made - other.made) < 0.05
    assert {one.outcome, other.outcome} == {"answered", "answered_elsewhere"}
    loser = one.seat if other.outcome == "answered" else other.seat
    await rig.state(loser, "ready")
    assert "wrap_up" not in rig.states(loser, since)
    assert [v.seat for v in rig.engine.snapshot().seats if v.state == "talking"] == [seat]


async def test_the_seat_that_knows_the_caller(rig: Rig) -> None:
    rig.ready("i1", "i2")
    callers, _ = await rig.call("sticky", A)
    assert await rig.talking(A) == "i1"
    await rig.over(callers, A)
    await rig.state("i1", "ready")
    callers, again = await rig.call("sticky", A)
    assert await rig.talking(A) == "i1", "i2 has been idle for longer"
    # Busy: waited for as long as the rules say, then anybody.
    twice = await rig.dial(("sticky", A))
    busy = await rig.hotline.until(
        lambda: [v.call for v in rig.engine.snapshot().calls if v.caller == A and v.call != again], "waiting"
    )
    await rig.state("i2", "talking")
    (waited,) = await rig.offers(busy[0])
    assert waited.explanation["trigger"] == "sticky_over"
    assert float(str(waited.explanation["waited"])) >= 1.5
    (known,) = await rig.offers(again)
    assert known.explanation["trigger"] == "sticky"
    twice.hang_up(A)


async def test_a_wish_is_relaxed_step_by_step(rig: Rig) -> None:
    rig.ready("s3", "s2", "s1")
    for number, seat, step, waited in ((A, "s1", 0, 0.0), (B, "s2", 1, 1.5), (C, "s3", 2, 3.0)):
        _, call = await rig.call("picky", number)
        assert await rig.talking(number) == seat
        (offer,) = await rig.offers(call)
        assert offer.explanation["relaxation_step"] == step
        assert float(str(offer.explanation["waited"])) >= waited


async def test_priority_goes_before(rig: Rig) -> None:
    rig.ready("i1")
    first, _ = await rig.call("idle", A)
    await rig.talking(A)
    _, plain = await rig.call("idle", B)
    urgent, call = await rig.call("urgent", C)
    assert rig.hotline.live(call).place == 1
    assert rig.hotline.live(plain).place == 2
    await rig.over(first, A)
    assert await rig.talking(C) == "i1"
    await rig.over(urgent, C)
    assert await rig.talking(B) == "i1"


async def test_a_heavier_queue_goes_before(rig: Rig) -> None:
    rig.ready("i1")
    first, _ = await rig.call("idle", A)
    await rig.talking(A)
    await rig.call("idle", B)
    heavy, _ = await rig.call("heavy", C)
    await rig.over(first, A)
    assert await rig.talking(C) == "i1", "fifty seconds of waiting count for each one of it"
    await rig.over(heavy, C)
    assert await rig.talking(B) == "i1"


async def test_another_queues_seats_help_after_a_while(rig: Rig) -> None:
    rig.ready("h1", "i2")
    await rig.call("helped", A)
    assert await rig.talking(A) == "h1"
    _, call = await rig.call("helped", B)
    assert await rig.talking(B) == "i2"
    (offer,) = await rig.offers(call)
    assert offer.explanation["overflow"] == ["idle"]
    assert float(str(offer.explanation["waited"])) >= 1.0


async def test_another_queues_seats_help_when_nobody_is_at_work(rig: Rig) -> None:
    rig.ready("r1")
    _, call = await rig.call("alone", A)
    assert await rig.talking(A) == "r1"
    (offer,) = await rig.offers(call)
    assert (offer.explanation["overflow"], offer.explanation["waited"]) == (["robin"], 0.0)


async def test_another_queues_seats_help_when_the_line_is_long(rig: Rig) -> None:
    rig.ready("h1", "r1")
    await rig.call("long", A)
    assert await rig.talking(A) == "h1"
    _, first = await rig.call("long", B)
    assert rig.hotline.live(first).seat is None, "one may wait"
    await rig.call("long", C)
    assert await rig.talking(B) == "r1", "two may not: the first of them is helped"
    (offer,) = await rig.offers(first)
    assert (offer.explanation["trigger"], offer.explanation["overflow"]) == ("overflow", ["robin"])


async def test_another_queues_seats_help_when_it_will_take_long(rig: Rig) -> None:
    """Nobody can tell before eight calls have been measured."""
    rig.ready("h1")
    numbers = [f"1370000000{n}" for n in range(9)]
    callers = await rig.dial(*(("slow", number) for number in numbers))
    for _ in numbers[:8]:
        talking = await rig.hotline.until(
            lambda: [v.caller for v in rig.engine.snapshot().calls if v.seat == "h1"], "h1 in talk"
        )
        callers.hang_up(talking[0])
        gone = lambda: all(v.caller != talking[0] for v in rig.engine.snapshot().calls)  # noqa: B023, E731
        await rig.hotline.until(gone, "over")
    rig.ready("r1")
    await rig.hotline.until(lambda: rig.view("h1").state == "talking", "the ninth")
    assert rig.view("r1").state == "ready"
    _, call = await rig.call("slow", A)
    assert await rig.talking(A) == "r1"
    (offer,) = await rig.offers(call)
    assert (offer.explanation["overflow"], offer.explanation["waited"]) == (["robin"], 0.0)


# --- seats and their people ------------------------------------------------------------


async def test_an_agent_works_where_they_sit(rig: Rig) -> None:
    """Hot-desking: one agent, one seat at a time, any seat."""
    wang = AgentId("wang")
    rig.engine.submit(e.SeatSignedIn(seat=SeatId("i1"), agent=wang))
    rig.ready("i1")
    with pytest.raises(e.Refused, match="wang is signed in at seat i1: sign out there first"):
        rig.engine.submit(e.SeatSignedIn(seat=SeatId("i2"), agent=wang))
    for seat in ("i1", "i2"):
        callers, call = await rig.call("idle", A)
        assert await rig.talking(A) == seat
        await rig.over(callers, A)
        record = await rig.record(call)
        assert (record.first_seat, record.first_agent) == (seat, wang)
        await rig.state(seat, "ready")
        rig.engine.submit(e.SeatSignedOut(seat=SeatId(seat)))
        assert (rig.view(seat).state, rig.view(seat).agent) == ("logged_out", None)
        if seat == "i1":
            rig.engine.submit(e.SeatSignedIn(seat=SeatId("i2"), agent=wang))
            rig.ready("i2")


async def test_what_is_asked_for_during_a_call_comes_after_it(rig: Rig) -> None:
    rig.ready("i1")
    callers, _ = await rig.call("idle", A)
    await rig.talking(A)
    status, seat = await rig.hotline.api("i1", "POST", "/seats/i1/not-ready", reason="lunch")
    assert (status, seat["state"]) == (200, "talking")
    _, call = await rig.call("idle", B)
    since = time.time()
    await rig.over(callers, A)
    assert (await rig.state("i1", "not_ready")).reason == "lunch"
    assert rig.states("i1", since) == ["wrap_up", "not_ready"], "not even for a moment for who waits"
    assert rig.hotline.live(call).seat is None
    rig.ready("i1")
    assert await rig.talking(B) == "i1"


# --- offers that are not taken ---------------------------------------------------------


async def test_two_misses_make_a_seat_not_ready_and_say_so(rig: Rig) -> None:
    await phone(rig, "m1")
    rig.ready("m3", "m4")
    first, call = await rig.call("main", A)
    assert await rig.talking(A) == "m3"
    missed, taken = await rig.offers(call)
    assert (missed.seat, taken.seat) == ("m1", "m3")
    assert missed.outcome in ("expired", "missed")
    assert missed.ended - missed.made == pytest.approx(2.0, abs=0.5)
    assert taken.made - missed.ended < 0.1, "the next seat at once"
    assert rig.view("m1").state == "ready"
    rig.engine.submit(e.SeatNotReadied(seat=SeatId("m4"), reason="aside"))
    await rig.call("main", B)
    await rig.state("m1", "ringing")
    rig.ready("m4")
    assert await rig.talking(B) == "m4"
    view = await rig.state("m1", "not_ready")
    assert view.reason == "rona"
    first.hang_up(A)


async def test_declined_the_next_seat_at_once_and_never_the_same_twice_running(rig: Rig) -> None:
    desk = await phone(rig, "m1")
    rig.ready("m3")
    _, call = await rig.call("main", A)
    await desk.incoming()
    await rig.state("m1", "ringing")
    await desk.decline()
    assert await rig.talking(A) == "m3"
    declined, taken = await rig.offers(call)
    assert (declined.seat, declined.outcome) == ("m1", "declined")
    assert taken.made - declined.ended < 0.1
    assert taken.explanation["not_twice_running"] == "m1"
    assert rig.view("m1").state == "ready", "one decline is no offence"


async def test_the_caller_hangs_up_while_the_seat_rings(rig: Rig) -> None:
    desk = await phone(rig, "m1")
    callers, call = await rig.call("main", A)
    await desk.incoming()
    await rig.state("m1", "ringing")
    await rig.over(callers, A)
    await rig.state("m1", "ready")
    assert await desk.until_over(3), "the phone has stopped ringing"
    assert (await rig.record(call)).outcome == "abandoned_ringing"
    (offer,) = await rig.offers(call)
    assert offer.outcome == "caller_left"


async def test_no_call_is_delivered_into_wrap_up(rig: Rig) -> None:
    rig.ready("m3")
    first, _ = await rig.call("main", A)
    await rig.talking(A)
    await rig.over(first, A)
    before = (await rig.state("m3", "wrap_up")).until
    status, seat = await rig.hotline.api("m3", "POST", "/seats/m3/wrap-up/extend")
    assert status == 200
    assert before is not None
    assert seat["until"] == pytest.approx(before + 1.0, abs=0.01)
    status, problem = await rig.hotline.api("m3", "POST", "/seats/m3/wrap-up/extend")
    assert (status, problem["reason"]) == (409, "already_extended")
    _, call = await rig.call("main", B)
    assert rig.view("m3").state == "wrap_up", "the caller waits"
    assert await rig.talking(B) == "m3"
    (offer,) = await rig.offers(call)
    assert offer.made >= seat["until"]


# --- seats that go away ---------------------------------------------------------------------


async def test_forced_sign_out_in_a_call_and_the_caller_gets_another_person(rig: Rig) -> None:
    rig.ready("i1", "i2")
    callers, call = await rig.call("idle", A)
    assert await rig.talking(A) == "i1"
    status, problem = await rig.hotline.api("i2", "POST", "/seats/i1/sign-out", forced=True)
    assert (status, problem["reason"]) == (403, "not_a_supervisor")
    status, _ = await rig.hotline.api("supervisor", "POST", "/seats/i1/sign-out", forced=True)
    assert status == 200
    await rig.state("i2", "talking")
    assert await rig.talking(A) == "i2"
    await rig.state("i1", "logged_out")
    await rig.over(callers, A)
    record = await rig.record(call)
    assert record.outcome == "answered"
    assert {s.party for s in record.segments if s.activity.value == "talk" and s.role.value == "seat"} == {
        "i1",
        "i2",
    }


async def test_a_seat_whose_phone_vanishes_is_released_within_two_seconds(rig: Rig) -> None:
    desk = await phone(rig, "m1")
    rig.ready("m3")
    _, call = await rig.call("main", A)
    await desk.incoming()
    await rig.state("m1", "ringing")
    since = time.monotonic()
    await desk.unregister()
    view = await rig.state("m1", "not_ready", 5)
    assert time.monotonic() - since < 2.0
    assert view.reason == "phone_lost"
    assert await rig.talking(A) == "m3"
    lost, taken = await rig.offers(call)
    assert (lost.outcome, taken.seat) == ("seat_lost", "m3")


async def test_a_phone_that_dies_without_a_word(rig: Rig) -> None:
    """Its process is killed: ready, ringing or in talk, the seat is released and no caller is lost."""
    async with phones_of_their_own(rig) as (pool, open_phone):
        await open_phone("m1")
        released = await killed(rig, pool, "m1")
        print(f"ready: released after {released:.2f} s")
        assert released < RELEASED
    async with phones_of_their_own(rig) as (pool, open_phone):
        await open_phone("m1", auto_answer=0.1)
        _, spoken = await rig.call("main", A)
        assert await rig.talking(A) == "m1"
        await open_phone("m2")
        _, rung = await rig.call("main", B)
        await rig.state("m2", "ringing")
        rig.ready("m3", "m4")
        since = time.monotonic()
        released = await killed(rig, pool, "m2")
        print(f"ringing: released after {released:.2f} s")
        assert released < RELEASED
        assert await rig.talking(B) in ("m3", "m4")
        lost, taken = await rig.offers(rung)
        assert (lost.outcome, taken.made - lost.ended < 0.1) == ("seat_lost", True)
        helped = lambda: rig.hotline.live(spoken).seat in ("m3", "m4")  # noqa: E731
        await rig.hotline.until(helped, "another person for who was in talk")
        print(f"in talk: another person after {time.monotonic() - since:.2f} s")
        assert time.monotonic() - since < RELEASED + 1 + 1, (
            "given up after phone_lost_in_talk, then a new person"
        )
        assert (await rig.state("m1", "not_ready", 5)).reason == "phone_lost"


RELEASED = 2.0
"""Seconds."""

OpenPhone = Callable[..., Awaitable[Softphone]]


@asynccontextmanager
async def phones_of_their_own(rig: Rig) -> AsyncIterator[tuple[SoftphonePool, OpenPhone]]:
    """Phones in a process that may be killed."""

    async with SoftphonePool() as pool:

        async def open_phone(seat: str, auto_answer: float | None = None) -> Softphone:
            province = rig.hotline.province
            found = await pool.phone(seat, province.passwords[seat], province.sip, auto_answer=auto_answer)
            await found.register()
            await rig.hotline.until(lambda: rig.view(seat).reachable, f"{seat} reachable")
            if rig.view(seat).agent is None:
                rig.ready(seat)
            await rig.state(seat, "ready")
            return found

        yield pool, open_phone


async def killed(rig: Rig, pool: SoftphonePool, seat: str) -> float:
    """Seconds from the end of its phone's process until the seat is released."""
    (process,) = pool.pids
    os.kill(process, signal.SIGKILL)
    since = time.monotonic()
    view = await rig.state(seat, "not_ready", 5)
    assert view.reason == "phone_lost"
    return time.monotonic() - since


# --- waiting ----------------------------------------------------------------------------------


async def test_who_redials_has_the_place_again(rig: Rig) -> None:
    rig.ready("i1")
    await rig.call("idle", A)
    await rig.talking(A)
    first, call = await rig.call("idle", B)
    _, behind = await rig.call("idle", C)
    await rig.over(first, B)
    assert rig.hotline.live(behind).place == 1
    assert call in {view.call for view in rig.engine.missed()}
    _, again = await rig.call("idle", B)
    assert rig.hotline.live(again).place == 1
    assert rig.hotline.live(behind).place == 2
    assert call not in {view.call for view in rig.engine.missed()}


async def test_a_full_queue_says_so(rig: Rig) -> None:
    rig.engine.submit(e.SeatSignedIn(seat=SeatId("f1"), agent=AgentId("f1")))
    await rig.call("full", A)
    ears = await rig.hotline.caller(B)
    call = await rig.hotline.call(ears, "097512345")
    assert await ears.until_over(15), "told, and let go"
    assert find_prompt((await ears.heard()).samples, prompt("all_seats_busy")).score > 0.8
    record = await rig.record(call)
    assert (record.outcome, record.ended_by) == ("flow_ended", "flow")
    assert [step.branch for step in record.trace][-2:-1] == ["full"]


async def test_a_closed_queue_says_so(rig: Rig) -> None:
    rig.ready("h1")
    status, found = await rig.hotline.api("supervisor", "GET", "/queues")
    assert status == 200
    assert {one["queue"]: one["open"] for one in found}["shut"] is False
    ears = await rig.hotline.caller(B)
    call = await rig.hotline.call(ears, DIALLED["shut"])
    assert await ears.until_over(15), "told, and let go"
    assert find_prompt((await ears.heard()).samples, prompt("all_seats_busy")).score > 0.8
    record = await rig.record(call)
    assert (record.outcome, record.ended_by) == ("flow_ended", "flow")
    assert [step.branch for step in record.trace][-2:-1] == ["closed"]


async def test_waiting_is_announced_and_a_callback_keeps_the_place(rig: Rig) -> None:
    """Asked for by key, number confirmed, dialled when a seat is free, both hear each other, one outcome."""
    desk = await phone(rig, "m1", auto_answer=0.2)
    first, _ = await rig.call("main", A)
    assert await rig.talking(A) == "m1"
    person = rig.person
    call = await rig.hotline.call(person, "12345")
    await person.wait_for("confirmed")
    length = len(prompt("queue_next")) / 8000
    live = rig.engine.router.calls[call]  # type: ignore[index]
    await rig.hotline.until(lambda: live.callback is not None, "the offer of a callback")
    await asyncio.sleep(length + len(prompt("callback_offer")) / 8000 + 0.3)
    heard = (await person.heard()).samples
    assert find_prompt(heard, prompt("queue_next")).score > 0.8
    assert find_prompt(heard, prompt("callback_offer")).score > 0.8
    await person.send_digits("1")
    await asyncio.sleep(len(prompt("callback_number_before")) / 8000 + 0.3)
    assert find_prompt((await person.heard()).samples, prompt("callback_number_before")).score > 0.8
    await person.send_digits("1")
    assert await person.until_over(15), "let go with a promise"
    (promised,) = rig.engine.callbacks()
    assert (promised.origin, promised.number, promised.state) == (call, PERSON, "waiting")
    status, found = await rig.hotline.api("supervisor", "GET", "/callbacks")
    assert status == 200
    assert [one["number"] for one in found["open"]] == ["138****0001"]
    # The seat is free: it rings first, then the person does.
    await rig.over(first, A)
    await person.incoming()
    assert rig.view("m1").state == "talking"
    assert rig.engine.callbacks()[0].state == "dialling"
    status, problem = await rig.hotline.api("supervisor", "DELETE", f"/callbacks/{promised.callback}")
    assert (status, problem["reason"]) == (409, "being_dialled")
    await person.answer()
    await person.play(700)
    await desk.play(1100)
    for ear, hertz in ((person, 1100), (desk, 700)):
        await hears(ear, hertz)
    await person.hangup()
    record = await rig.record(promised.callback)
    assert (record.outcome, record.first_seat) == ("callback_reached", "m1")
    assert rig.engine.callbacks() == ()
    assert (await outcomes(rig))[promised.callback] == ("reached", 1)


async def hears(ear: Softphone, hertz: float, within: float = 6.0) -> None:
    since = time.monotonic()
    while tone_seconds((await ear.heard(since)).samples, hertz, ()) < 0.5:
        assert time.monotonic() - since < within, f"no {hertz} Hz"
        await asyncio.sleep(0.2)


async def outcomes(rig: Rig) -> dict[str, tuple[str, int]]:
    app = rig.hotline.province.app
    await app.writer.flush()
    async with app.database.read() as connection:
        rows = await connection.execute(select(schema.callbacks))
        return {row.call: (row.outcome, row.attempts) for row in rows}


async def test_a_missed_call_is_called_back_once(rig: Rig) -> None:
    """A supervisor promises it; the person is busy; the promise is taken back: one outcome."""
    rig.ready("m3")
    first, _ = await rig.call("main", A)
    await rig.talking(A)
    call = await rig.hotline.call(rig.person, "12345")
    await rig.hotline.until(lambda: rig.hotline.live(call).owner == "queue", "waiting")
    await rig.person.hangup()
    await rig.record(call)
    status, found = await rig.hotline.api("supervisor", "GET", "/callbacks")
    assert [one["caller"] for one in found["missed"] if one["call"] == call] == ["138****0001"]
    status, _ = await rig.hotline.api("m3", "POST", "/callbacks", call=call)
    assert status == 403
    status, one = await rig.hotline.api("supervisor", "POST", "/callbacks", call=call)
    assert (status, one["state"]) == (201, "waiting")
    await rig.over(first, A)
    await rig.person.incoming()
    await rig.person.decline(486)
    await rig.state("m3", "ready")
    paused = await rig.hotline.until(
        lambda: next((v for v in rig.engine.callbacks() if v.state == "paused"), None), "paused"
    )
    assert (paused.attempts, paused.due is not None) == (1, True)
    status, _ = await rig.hotline.api("supervisor", "DELETE", f"/callbacks/{one['callback']}")
    assert status == 204
    assert rig.engine.callbacks() == ()
    assert (await outcomes(rig))[one["callback"]] == ("cancelled", 1)


# --- all at once ----------------------------------------------------------------------------------


async def test_sixty_callers_and_twenty_seats_with_mixed_skills(rig: Rig) -> None:
    """Everybody is answered once, by a seat that may serve them then; nothing is delivered into wrap-up."""
    since = time.time()
    for seat in ("m1", "m2"):
        await phone(rig, seat, auto_answer=0.2)
    rig.ready(*CREW)
    flows = ("main", "idle", "skilled", "robin", "several", "helped", "picky", "urgent", "sticky", "idle")
    people = [(flows[n % len(flows)], f"1390000{n:04d}") for n in range(60)]
    callers = await rig.dial(*people, spread=0.05)
    met: dict[str, str] = {}
    left = {number for _, number in people}

    def look() -> bool:
        for view in rig.engine.snapshot().calls:
            if view.caller in left and view.seat is not None:
                met[view.caller] = view.call
                left.discard(view.caller)
                callers.hang_up(view.caller)
        return not left and not rig.engine.snapshot().calls

    await rig.hotline.until(look, "all served", 60)
    records = {number: await rig.record(call) for number, call in met.items()}
    assert Counter(record.outcome for record in records.values()) == {"answered": 60}
    used: Counter[str] = Counter()
    skills = {plan.seat: plan.skills for plan in rig.hotline.province.site.floor.seats}
    for number, call in met.items():
        offers = await rig.offers(call)
        taken = [one for one in offers if one.outcome == "answered"]
        assert len(taken) == 1, f"{number}: {[one.outcome for one in offers]}"
        used[taken[0].seat] += 1
        for one in offers:
            demand = parse(str(one.explanation["demand"]))
            assert satisfied(demand, skills[one.seat]), (
                f"{one.seat} may not serve {number}: {one.explanation}"
            )
    assert len(used) >= 15, used
    busy: dict[str, float] = {}
    for seen in rig.seen:
        view = seen.view
        if seen.at < since:
            continue
        if view.state == "wrap_up" and view.until is not None:
            busy[view.seat] = view.until
        elif view.state == "reserved":
            assert view.since >= busy.get(view.seat, 0.0) - 0.001, f"{view.seat} was asked in wrap-up"


async def test_nothing_is_left_and_every_call_has_its_record(rig: Rig) -> None:
    """Last: no channel, no bridge, records = calls, and the floor's log replays to the same decisions."""
    await rig.hotline.nothing_left()
    app = rig.hotline.province.app
    await app.writer.flush()
    async with app.database.read() as connection:
        rows = await connection.execute(select(schema.calls.c.call))
        stored = {row.call for row in rows}
    assert stored == rig.calls
    log = sorted((app.settings.state_dir / "floor-log").glob("*.jsonl"))[-1]
    await rig.hotline.until(lambda: log.stat().st_size > 0, "the log on disk")
    found = replay(log)
    assert found.difference is None, found.difference
    assert found.steps > 300
    # Two ends that hang up at once, a prompt that somebody hangs up on, and the order in which pjproject
    # starts its own modules are news to Asterisk only.
    usual = ("Playback failed", "Session already DISCONNECTED", "registered during operation")
    logged = rig.hotline.province.asterisk.log_faults()
    faults = [line for line in logged if not any(words in line for words in usual)]
    assert not faults, "\n".join(faults)

"""Columns against records: whatever happened, both ways of counting give the same figures."""

from collections import defaultdict
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import text

from acd import rolling
from acd.aftercall import Survey
from acd.commands import CallbackClosed, CallbackOpened
from acd.ids import AgentId, CallId, QueueId, SeatId
from acd.record import Activity, CallRecord, LateSegment, TransferRecord
from acd.rolling import DAY
from acd.service_level import (
    FIGURES,
    MICRO,
    TALLY_FIELDS,
    Tally,
    call_tally,
    micros,
    seat_tallies,
    summed,
    transfer_tally,
)
from acd.shift import SeatInterval
from callrouter.store.database import Database
from callrouter.store.entries import by_days
from callrouter.store.inserting import insert
from callrouter.store.kpi import SPANS, Key, Kpis, figures_of, kpis, worst_window
from callrouter.store.local_time import LocalTime
from callrouter.store.packed import Packed
from callrouter.store.packing import QUARTER
from tests.store.samples import record, segment

MIDNIGHT = 1_795_046_400.0
SINCE = micros(MIDNIGHT)
UNTIL = SINCE + 3 * DAY
LATER = MIDNIGHT + 30 * 86400
OUTCOMES = (
    "answered",
    "abandoned_flow",
    "abandoned_queue",
    "abandoned_ringing",
    "rejected",
    "interrupted",
    "flow_ended",
    "failed",
)


@st.composite
def histories(draw: st.DrawFn) -> list[CallRecord]:
    """Calls of three days: each ended somehow, some handed from seat to seat."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        at = MIDNIGHT + draw(st.integers(0, 3 * 86400 * 10 - 1)) / 10
        outcome = draw(st.sampled_from(OUTCOMES))
        gap = [draw(st.integers(0, 300)) / 10 for _ in range(5)]
        unqueued = outcome == "rejected" or (outcome == "abandoned_flow" and draw(st.booleans()))
        entered = None if unqueued else at + gap[0]
        answered = (entered or at) + gap[1] if outcome == "answered" else None
        ended = (answered or entered or at) + gap[2]
        call = f"c{number:02}"
        parts = []
        for track in range(draw(st.integers(0, 3)) if answered else 0):
            seat = draw(st.sampled_from(("s1", "s2", "s3")))
            start = ended
            for activity in draw(st.lists(st.sampled_from(list(Activity)), max_size=4)):
                parts.append(segment(call, str(track + 1), activity, start, start + gap[3], party=seat))
                start += gap[3]
        transfers = tuple(
            TransferRecord(
                call=CallId(call),
                number=n,
                kind="consult",
                by=SeatId("s1"),
                target=draw(st.sampled_from(("12315", "12333"))),
                asked=ended,
                answered=draw(st.sampled_from((None, ended + 3))),
                ended=ended + 5,
                outcome="completed",
                cause="",
            )
            for n in range(draw(st.integers(0, 2)))
        )
        found.append(
            replace(
                record(call, at),
                organisation=draw(st.sampled_from(("province", "xining"))),
                queue=draw(st.sampled_from((None, QueueId("main"), QueueId("bo")))),
                outcome=outcome,
                enqueued=entered,
                answered=answered,
                ended=ended,
                segments=tuple(parts),
                transfers=transfers,
            )
        )
    return found


def expected(calls: list[CallRecord], by: str, offset: int = 0) -> tuple[dict[Key, Tally], Tally]:
    """The same figures, record by record."""
    groups: defaultdict[Key, Tally] = defaultdict(Tally)
    total = Tally()
    for call in calls:
        parts: list[tuple[str, Tally]] = [("", call_tally(call))]
        parts += [(str(seat), tally) for seat, tally in seat_tallies(call.segments).items()]
        parts += [(str(one.by), transfer_tally(one)) for one in call.transfers]
        for seat, tally in parts:
            total.add(tally)
            if by in SPANS:
                groups[(micros(call.ingress) + offset) // SPANS[by] * SPANS[by] - offset].add(tally)
            elif by == "seat":
                groups[seat].add(tally)
            else:
                groups[str({"line": call.dialled}.get(by) or getattr(call, by, None) or "")].add(tally)
    groups.pop("", None)
    return dict(groups), total


async def fill(database: Database, *entries: Any) -> None:
    async with database.write() as connection:
        await insert(connection, entries)


async def emptied(database: Database) -> None:
    async with database.write() as connection:
        for table in ("calls", "packed_days"):
            await connection.execute(text(f"DELETE FROM {table}"))


async def asked(database: Database, by: str, **more: Any) -> Kpis:
    return await kpis(database, since=SINCE, until=UNTIL, by=by, now=LATER, **more)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    calls=histories(), by=st.sampled_from(("organisation", "line", "queue", "seat", "quarter", "hour", "day"))
)
async def test_columns_and_records_agree(database: Database, calls: list[CallRecord], by: str) -> None:
    await emptied(database)
    await fill(database, *calls)
    groups, total = expected(calls, by, 8 * 3600 * MICRO)
    for _ in range(2):  # from rows, then from packed days
        found = await asked(database, by, local=LocalTime.fixed(8 * 3600 * MICRO))
        assert found.total == total
        assert found.groups == groups


@given(
    st.lists(st.tuples(st.integers(0, 120), st.booleans()), max_size=25).map(sorted),
    st.integers(1, 140),
    st.integers(0, 4),
)
def test_the_worst_window_on_columns(calls: list[tuple[int, bool]], length: int, least: int) -> None:
    ingress = np.array([at for at, _ in calls], dtype=np.int64)
    answered = np.array([ok for _, ok in calls], dtype=np.bool_)
    found = worst_window(ingress, answered, 0, 121, length=length, least=least)
    assert found == rolling.worst_window(calls, 0, 121, length=length, least=least)


async def test_late_entries_reach_days_that_were_packed(database: Database) -> None:
    await fill(database, record("c1", MIDNIGHT + 10))
    assert (await asked(database, "seat")).total.wrap_up == 30 * MICRO
    late = segment("c1", "1", Activity.WRAP_UP, MIDNIGHT + 82, MIDNIGHT + 92, party="s1")
    async with database.write() as connection:
        await insert(connection, (LateSegment(id="c1/1/12", segment=late), record("c2", MIDNIGHT + 20)))
    found = await asked(database, "seat")
    assert (found.total.offered, found.groups["s1"].wrap_up) == (2, 70 * MICRO)


async def test_today_is_never_packed(database: Database) -> None:
    await fill(database, record("c1", MIDNIGHT + 10))
    await kpis(database, since=SINCE, until=UNTIL, by="day", now=MIDNIGHT + 86400 + 60)
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM packed_days"))).scalar_one() == 0


async def test_damaged_or_foreign_columns_are_made_anew(database: Database) -> None:
    await fill(database, record("c1", MIDNIGHT + 10))
    before = await asked(database, "queue")
    async with database.write() as connection:
        await connection.execute(text("UPDATE packed_days SET data = :data"), {"data": b"\0"})
    assert await asked(database, "queue") == before


async def test_seat_time_is_shared_out_among_quarters(database: Database) -> None:
    def interval(state: str, started: float, ended: float) -> SeatInterval:
        begin, end = MIDNIGHT + started, MIDNIGHT + ended
        return SeatInterval(
            seat=SeatId("s1"), agent=AgentId("a"), state=state, reason="", started=begin, ended=end, call=None
        )

    await fill(
        database,
        interval("ready", 800, 1000),
        interval("talking", 1000, 1900),
        interval("not_ready", 1900, 2000),
    )
    found = await asked(database, "quarter")
    assert {int(key) - SINCE: (tally.idle, tally.on_contact) for key, tally in found.groups.items()} == {
        0: (100 * MICRO, 0),
        QUARTER: (100 * MICRO, 800 * MICRO),
        2 * QUARTER: (0, 100 * MICRO),
    }
    assert (await asked(database, "seat")).groups["s1"] == Tally(idle=200 * MICRO, on_contact=900 * MICRO)


async def test_seat_time_over_midnight_counts_in_both_days(database: Database) -> None:
    one = SeatInterval(
        seat=SeatId("s1"),
        agent=AgentId("a"),
        state="ready",
        reason="",
        started=MIDNIGHT + 86400 - 600,
        ended=MIDNIGHT + 2 * 86400 + 300,
        call=None,
    )
    await fill(database, *by_days(one))
    for _ in range(2):  # from rows, then from packed days
        days = [
            await kpis(database, since=SINCE + n * DAY, until=SINCE + (n + 1) * DAY, by="seat", now=LATER)
            for n in range(3)
        ]
        assert [day.total.idle for day in days] == [600 * MICRO, DAY, 300 * MICRO]
        assert (await asked(database, "seat")).total.idle == DAY + 900 * MICRO


async def test_callbacks_and_grades(database: Database) -> None:
    def callback(name: str, outcome: str, minutes: float) -> list[Any]:
        common: dict[str, Any] = {"call": CallId(name), "origin": CallId("c1"), "queue": QueueId("main")}
        at = MIDNIGHT + 100
        opened = CallbackOpened(number="13812345678", at=at, **common)
        closed = CallbackClosed(outcome=outcome, attempts=1, asked=at, ended=at + minutes * 60, **common)
        return [opened, closed]

    grades = [
        Survey(id=str(n), call=CallId("c1"), seat=SeatId("s1"), agent=None, asked=MIDNIGHT + 90, grade=grade)
        for n, grade in enumerate((5, 4, 3, 2, None))
    ]
    await fill(
        database,
        record("c1", MIDNIGHT + 1),
        *callback("b1", "reached", 29),
        *callback("b2", "reached", 31),
        *callback("b3", "called_in", 1),
        *callback("b4", "unreached", 25)[:1],
        *callback("b5", "reached", 30),
        *grades,
    )
    found = await asked(database, "organisation")
    tally = found.groups["qinghai"]
    assert (tally.missed, tally.called_back, tally.surveyed, tally.rated, tally.satisfied) == (5, 3, 5, 4, 2)


async def test_who_hung_up_and_is_called_back_was_missed_once(database: Database) -> None:
    common: dict[str, Any] = {"call": CallId("b1"), "origin": CallId("c1"), "queue": QueueId("main")}
    at = MIDNIGHT + 100
    await fill(
        database,
        record("c1", MIDNIGHT + 1, outcome="abandoned_queue", answered=None),
        CallbackOpened(number="13812345678", at=at, **common),
        CallbackClosed(outcome="reached", attempts=1, asked=at, ended=at + 60, **common),
    )
    total = (await asked(database, "day")).total
    assert (total.missed, total.called_back) == (1, 1)


async def test_only_some_organisations(database: Database) -> None:
    await fill(
        database,
        record("c1", MIDNIGHT, organisation="xining"),
        record("c2", MIDNIGHT, organisation="province"),
    )
    found = await asked(database, "queue", organisations=["xining"])
    assert found.total.offered == 1
    assert summed(found.groups.values()).offered == 1
    assert (await asked(database, "queue", organisations=[])).total == Tally()


async def test_another_target(database: Database) -> None:
    await fill(database, record("c1", MIDNIGHT))
    assert (await asked(database, "day", target=1 * MICRO)).total.answered_in_target == 0


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=len(TALLY_FIELDS), max_size=len(TALLY_FIELDS))))
def test_all_figures_at_once_are_each_figure(counts: list[list[int]]) -> None:
    tallies = [Tally(**dict(zip(TALLY_FIELDS, row, strict=True))) for row in counts]
    found = figures_of(tallies)
    assert found == [[figure.of(tally) for tally in tallies] for figure in FIGURES]


async def test_columns_of_an_earlier_version_lack_skills_and_stay(database: Database) -> None:
    """Their rows may be gone: what they tell must not be thrown away."""
    await fill(database, record("c1", MIDNIGHT + 10, skills="zh"))
    before = await asked(database, "skill")
    assert before.groups["zh"].offered == 1
    async with database.write() as connection:
        rows = (await connection.execute(text("SELECT day, kind, data FROM packed_days"))).all()
        for row in rows:
            packed = Packed.from_bytes(row.data)
            assert packed is not None
            packed.names.pop("skills", None)
            changed = {"data": packed.to_bytes(), "day": row.day, "kind": row.kind}
            await connection.execute(
                text("UPDATE packed_days SET data = :data WHERE day = :day AND kind = :kind"), changed
            )
        await connection.execute(text("DELETE FROM segments"))
    after = await asked(database, "skill")
    assert after.total == before.total
    assert after.groups == {}


async def test_a_callback_is_no_offered_call(database: Database) -> None:
    await fill(
        database,
        record("c1", MIDNIGHT, outcome="abandoned_queue", answered=None),
        record("c1-c1", MIDNIGHT + 60, outcome="callback_reached"),
        record("c2-c1", MIDNIGHT + 90, outcome="callback_unreached", answered=None),
    )
    total = (await asked(database, "day")).total
    assert (total.offered, total.answered, total.missed) == (1, 0, 1)
    assert total.talk == 3 * 36 * MICRO, "the seats' time with them is contact"

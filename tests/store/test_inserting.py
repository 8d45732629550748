from dataclasses import replace

import pytest
from msgspec import structs
from sqlalchemy import text

from acd.aftercall import Recording, Survey, Voicemail, WorkOrder
from acd.commands import CallbackClosed, CallbackOpened, OfferClosed
from acd.ids import AgentId, CallId, OfferId, OrgId, QueueId, SeatId
from acd.record import Activity, LateSegment
from acd.shift import SeatInterval
from callrouter.mail import Outgoing
from callrouter.ports import AuditEntry
from callrouter.store.database import Database, Unfit
from callrouter.store.entries import Entry, decode, encode
from callrouter.store.inserting import insert, insert_new, silent
from tests.store.samples import T0, record, segment

C1, S1, MAIN = CallId("c1"), SeatId("s1"), QueueId("main")

INTERVAL = SeatInterval(
    seat=S1, agent=AgentId("a"), state="ready", reason="", started=T0, ended=T0 + 9, call=None
)
OFFER = OfferClosed(
    offer=OfferId("o1"),
    call=C1,
    seat=S1,
    queue=MAIN,
    made=T0,
    ended=T0 + 2,
    outcome="answered",
    explanation={"seats": [1, 2]},
)
OPENED = CallbackOpened(call=CallId("b1"), origin=C1, queue=MAIN, number="13812345678", at=T0)
CLOSED = CallbackClosed(
    call=CallId("b1"), origin=C1, queue=MAIN, outcome="reached", attempts=2, asked=T0, ended=T0 + 600
)
SURVEY = Survey(id="v1", call=C1, seat=S1, agent=None, asked=T0, grade=None)
VOICEMAIL = Voicemail(id="m1", call=C1, queue=None, number="", received=T0, seconds=12.5, file="m1.wav")
RECORDING = Recording(id="r1", call=C1, started=T0, ended=T0 + 5, file="r1.wav", size=80_000, sha256="ab")
ORDER = WorkOrder(
    source="12315",
    order="w1",
    organisation=OrgId("qinghai"),
    call="c1",
    topic="退款",
    state="accepted",
    handling_unit="",
    created=T0,
    due=None,
    closed=None,
    updated=T0,
)
LATE = LateSegment(id="c1/1/12", segment=segment("c1", "1", Activity.WRAP_UP, T0, T0 + 3, party="s1"))
AUDIT = AuditEntry(id="x", at=T0, who="a", action="b", subject="c")
ALL: tuple[Entry, ...] = (
    record(), LATE, INTERVAL, OFFER, OPENED, CLOSED, SURVEY, VOICEMAIL, RECORDING, ORDER, AUDIT,
)  # fmt: skip


async def put(database: Database, *found: Entry) -> int:
    async with database.write() as connection:
        return await insert(connection, found)


async def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def dump(database: Database) -> dict[str, list[tuple[object, ...]]]:
    tables = (
        "calls",
        "segments",
        "seat_intervals",
        "offers",
        "callbacks",
        "surveys",
        "voicemails",
        "recordings",
    )
    return {name: await rows(database, f"SELECT * FROM {name}") for name in (*tables, "work_orders", "audit")}


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: type(entry).__name__)
def test_every_kind_survives_the_disk(entry: Entry) -> None:
    assert decode(encode(entry)) == entry


async def test_writing_all_again_in_any_grouping_changes_nothing(database: Database) -> None:
    assert await put(database, *ALL) == len(ALL)
    before = await dump(database)
    assert all(before.values())
    for entry in reversed(ALL):
        assert await put(database, entry, entry) == 0
    assert await dump(database) == before


async def test_a_transaction_that_fails_late_leaves_nothing(database: Database) -> None:
    """What the driver itself wrote is in the transaction, too."""
    unfit = replace(AUDIT, at=1e30)
    for way in (insert, insert_new):
        with pytest.raises(Unfit):
            async with database.write() as connection:
                await way(connection, [record(f"c{n}") for n in range(20)] + [unfit], silent)
        assert not any((await dump(database)).values())


async def test_without_looking_first_what_is_there_is_refused(database: Database) -> None:
    once = (record(), LATE, INTERVAL, OFFER, OPENED, VOICEMAIL, RECORDING, AUDIT)
    async with database.write() as connection:
        assert await insert_new(connection, once) == len(once)
    before = await dump(database)
    for entry in once:
        with pytest.raises(Unfit):
            async with database.write() as connection:
                await insert_new(connection, [replace(AUDIT, id="new"), entry])
    assert await dump(database) == before


async def test_a_callback_is_closed_once(database: Database) -> None:
    await put(database, OPENED)
    await put(database, CLOSED)
    assert await put(database, structs.replace(CLOSED, outcome="expired")) == 0
    found = await rows(database, "SELECT number, outcome, attempts, ended - asked FROM callbacks")
    assert found == [("13812345678", "reached", 2, 600_000_000)]


async def test_a_grade_once_given_stays(database: Database) -> None:
    await put(database, SURVEY)
    await put(database, replace(SURVEY, grade=5))
    await put(database, SURVEY, replace(SURVEY, grade=1))
    assert await rows(database, "SELECT grade FROM surveys") == [(5,)]


async def test_the_newest_state_of_a_work_order_wins_in_any_order(database: Database) -> None:
    closed = replace(ORDER, state="closed", updated=T0 + 100, closed=T0 + 100)
    assert await put(database, closed) == 1
    assert await put(database, replace(ORDER, state="dispatched", updated=T0 + 50)) == 0
    assert await rows(database, "SELECT state FROM work_orders") == [("closed",)]


async def test_packed_days_go_stale_with_what_is_added(database: Database) -> None:
    async def packed() -> list[tuple[object, ...]]:
        return await rows(database, "SELECT day FROM packed_days ORDER BY day")

    day = int(T0 // 86400)

    async def pack() -> None:
        async with database.write() as connection:
            for one in (day, day + 1):
                values = {"day": one, "data": b""}
                await connection.execute(
                    text("INSERT INTO packed_days VALUES (:day, 'calls', :data) ON CONFLICT DO NOTHING"),
                    values,
                )

    for entry in (record(), LATE, INTERVAL):
        await pack()
        await put(database, entry)
        assert await packed() == [(day + 1,)]
        await pack()
        await put(database, entry)
        assert await packed() == [(day,), (day + 1,)]


async def test_messages_are_written_with_what_they_tell_and_only_once(database: Database) -> None:
    def publish(entry: Entry) -> list[Outgoing]:
        return [Outgoing(id=f"m{type(entry).__name__}", topic="t", payload=encode(entry), at=T0)]

    for _ in range(2):
        async with database.write() as connection:
            await insert(connection, (record(), CLOSED), publish)
    found = await rows(database, "SELECT id, payload FROM outbox ORDER BY seq")
    assert [name for name, _ in found] == ["mCallRecord", "mCallbackClosed"]
    payload = found[0][1]
    assert isinstance(payload, bytes)
    assert decode(payload) == record()
    assert list(silent(record())) == []


async def test_explanations_are_bounded(database: Database) -> None:
    await put(database, structs.replace(OFFER, explanation={"x": "y" * 100_000}))
    assert await rows(database, "SELECT explanation FROM offers") == [('{"too_long":100008}',)]

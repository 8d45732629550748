import pytest
from msgspec.structs import replace
from sqlalchemy import text

from acd.aftercall import WorkOrder
from acd.commands import OfferClosed
from acd.ids import CallId, OfferId, OrgId, QueueId, SeatId
from acd.record import FlowStep
from acd.service_level import micros
from callrouter.mail import RejectedMessage
from callrouter.store import person
from callrouter.store.database import Database, StoreError
from callrouter.store.entries import DAY
from callrouter.store.inserting import insert
from callrouter.store.kpi import Kpis, kpis
from tests.store.samples import T0, record

NUMBER = "13812345678"
DIGITS = NUMBER.encode()


async def everything(database: Database) -> str:
    """All rows of all tables as text."""
    tables = (
        *("calls", "segments", "transfers", "flow_steps", "offers", "callbacks", "packed_days", "audit"),
        *("dead_letters", "work_orders"),
    )
    async with database.read() as connection:
        return str([(await connection.execute(text(f"SELECT * FROM {name}"))).all() for name in tables])


async def figures(database: Database) -> Kpis:
    since = micros(T0) // DAY * DAY
    return await kpis(database, since=since, until=since + DAY, by="queue", now=T0 + 30 * 86400)


async def erase(database: Database, number: str = NUMBER) -> person.Erased:
    return await person.erase(database, number, at=T0 + 900, by="shell:li")


@pytest.fixture
async def filled(database: Database) -> Database:
    odd = FlowStep(
        at=T0, flow="f", node="n", line=1, variables={"n": int(NUMBER), "note": f"tel +86{NUMBER} ok"}
    )
    mine = record("c1", caller=f"+86{NUMBER}", trace=(*record().trace, odd))
    to_me = record("c2", T0 + 60, caller="13900000000")
    to_me = replace(to_me, transfers=(replace(to_me.transfers[0], target=NUMBER),))
    offer = OfferClosed(
        offer=OfferId("o"),
        call=CallId("c1"),
        seat=SeatId("s"),
        queue=QueueId("q"),
        made=T0,
        ended=T0,
        outcome="answered",
        explanation={"caller": NUMBER},
    )
    letter = RejectedMessage(
        id="dead/1",
        received=T0,
        partner="12315",
        topic="callrouter/v1/in/12315/calls",
        reason=f"unknown field {NUMBER}",
        payload=b'{"caller": "%s"}' % DIGITS,
    )
    order = WorkOrder(
        source="12315",
        order="w1",
        organisation=OrgId("12315"),
        call="c1",
        topic=f"call {NUMBER} back",
        state="accepted",
        handling_unit="",
        created=T0,
        due=None,
        closed=None,
        updated=T0,
    )
    async with database.write() as connection:
        await insert(connection, (mine, to_me, offer, letter, order))
    return database


async def test_all_of_a_person_is_found_however_the_number_is_written(filled: Database) -> None:
    for written in (NUMBER, f"+86{NUMBER}", f"0086{NUMBER}", "138-1234-5678", " 138 1234 5678 "):
        found, _ = await person.found(filled, written)
        assert [row["call"] for row in found["calls"]] == ["c1"]
        assert len(found["segments"]) == 12
    assert await person.found(filled, "13700000000") == ({}, [])


async def test_erasing_leaves_no_trace_and_every_total(filled: Database) -> None:
    before = await figures(filled)
    changed = (await erase(filled)).rows
    assert changed["calls.caller"] == 1
    assert changed["transfers.target"] == 1
    assert changed["offers.explanation"] == 1
    assert NUMBER not in await everything(filled)
    assert "13900000000" in await everything(filled)
    assert await figures(filled) == before
    assert (await erase(filled)).rows == {}


async def test_nothing_stays_in_the_file(filled: Database) -> None:
    if filled.path is None:
        return  # PostgreSQL's files are its own; VACUUM and its WAL settings decide there
    await erase(filled)
    await filled.close()
    kept = {file.name: file.read_bytes() for file in filled.path.parent.glob(f"{filled.path.name}*")}
    assert [name for name, content in kept.items() if DIGITS in content] == []


@pytest.mark.parametrize("number", ["", "110", "12315", "12345", "anonymous", "%"])
async def test_services_and_wildcards_are_no_persons(database: Database, number: str) -> None:
    with pytest.raises(StoreError, match="no person's number"):
        await erase(database, number)

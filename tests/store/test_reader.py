import pytest
from msgspec.structs import replace

from acd.ids import AgentId, CallId, OrgId
from callrouter.store import entries
from callrouter.store.database import Database
from callrouter.store.inserting import insert
from callrouter.store.reader import LIST_LIMIT, StoredRecords
from tests.store.samples import T0, record


async def put(database: Database, *found: entries.Entry) -> int:
    async with database.write() as connection:
        return await insert(connection, found)


async def test_a_record_comes_back_whole(database: Database) -> None:
    whole = record()
    await put(database, whole)
    assert await StoredRecords(database).call(whole.call) == whole


async def test_a_record_of_a_call_that_got_nowhere_comes_back_whole(database: Database) -> None:
    nothing = dict.fromkeys(("queue", "first_seat", "first_agent", "accepted", "menu_end"))
    bare = replace(record(), **nothing, enqueued=None, rang=None, answered=None)  # type: ignore[arg-type]
    bare = replace(bare, segments=(), transfers=(), trace=(), caller="", outcome="rejected")
    await put(database, bare)
    assert await StoredRecords(database).call(bare.call) == bare


async def test_an_unknown_call_is_none(database: Database) -> None:
    assert await StoredRecords(database).call(CallId("'; DROP TABLE calls; --")) is None


async def test_newest_first_with_half_open_bounds(database: Database) -> None:
    await put(database, *(record(f"c{n}", T0 + n) for n in range(5)))
    records = StoredRecords(database)
    found = await records.calls(since=T0 + 1, until=T0 + 4)
    assert [one.call for one in found] == ["c3", "c2", "c1"]
    assert [one.call for one in await records.calls(limit=2)] == ["c4", "c3"]
    assert await records.calls(limit=-1) == []


async def test_by_outcome(database: Database) -> None:
    await put(database, record("c1"), record("c2", outcome="rejected"))
    found = await StoredRecords(database).calls(outcome="rejected")
    assert [one.call for one in found] == ["c2"]


@pytest.mark.slow
async def test_the_list_is_bounded_and_the_stream_is_not(database: Database) -> None:
    count = LIST_LIMIT + 600
    # Several calls share each instant: paging must not lose or repeat any.
    await put(database, *(record(f"c{n:05}", T0 + n // 7) for n in range(count)))
    records = StoredRecords(database)
    assert len(await records.calls(limit=10**9)) == LIST_LIMIT
    streamed = [one.call async for one in records.stream(since=T0, until=T0 + count)]
    assert streamed == [f"c{n:05}" for n in range(count)]


async def test_writing_again_changes_nothing(database: Database) -> None:
    first, other = record("c1"), record("c2")
    assert await put(database, first, first) == 1
    assert await put(database, replace(first, caller="changed", segments=()), other) == 1
    assert await StoredRecords(database).call(first.call) == first


async def test_by_agent_and_by_organisation(database: Database) -> None:
    await put(
        database, record("c1"), record("c2", first_agent="agent-2"), record("c3", organisation="xining")
    )
    records = StoredRecords(database)
    assert [one.call for one in await records.calls(agent=AgentId("agent-2"))] == ["c2"]
    assert [one.call for one in await records.calls(organisations={OrgId("xining")})] == ["c3"]
    assert await records.calls(organisations=()) == []

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from acd.ids import CallId
from callrouter.store import migrate
from callrouter.store.database import Database, StoreError
from callrouter.store.reader import StoredRecords
from callrouter.store.schema import metadata


async def test_migrations_and_schema_describe_the_same_tables(database: Database) -> None:
    async with database.read() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    assert found == []


async def test_down_to_nothing_and_up_again(database: Database) -> None:
    down = await migrate.downgrade(database, "base")
    assert down.current is None
    async with database.read() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert tables == ["alembic_version"]
    up = await migrate.upgrade(database)
    assert up.up_to_date


async def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    assert (await migrate.upgrade(database)).up_to_date


async def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer callrouter"):
        await migrate.upgrade(database)


async def test_an_empty_database_has_no_revision(place: str) -> None:
    empty = Database(place)
    found = await migrate.revision(empty)
    assert found.current is None
    assert not found.up_to_date
    await empty.close()


FIRST_ROWS = (
    "INSERT INTO calls (call, node, channel, dialled, caller, trunk, organisation, flow, flow_version,"
    " language, ingress, ended, ended_by, cause, outcome)"
    " VALUES ('c1', 'n', 'ch', '12345', '138', 't', 'o', 'f', 'v', 'zh', 1, 2, 'caller', 16, 'rejected')",
    "INSERT INTO segments VALUES ('c1', 0, 'caller', 'caller', '', 'flow', 1, 2, '')",
    "INSERT INTO users VALUES ('u', 'U', 'hash', '[]', '', NULL, '[]', false, false, 1)",
    "INSERT INTO audit VALUES ('a', 1, 'who', 'what', 'whom', '', '')",
)


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0006"])
async def test_data_of_every_earlier_revision_survives(place: str, revision: str) -> None:
    database = Database(place)
    await migrate.upgrade(database, revision)
    async with database.write() as connection:
        for statement in FIRST_ROWS:
            await connection.execute(text(statement))
    assert (await migrate.upgrade(database)).up_to_date
    record = await StoredRecords(database).call(CallId("c1"))
    assert record is not None
    assert (record.caller, len(record.segments)) == ("138", 1)
    down = await migrate.downgrade(database, "0001")
    assert down.current == "0001"
    async with database.read() as connection:
        kept = await connection.execute(
            text("SELECT c.caller, s.ended FROM calls c JOIN segments s USING (call)")
        )
        assert kept.all() == [("138", 2)]
    await database.close()

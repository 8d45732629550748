import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from callrouter.ports import Unavailable
from callrouter.store.beside import at_once
from callrouter.store.database import Database, Unfit


async def count(database: Database) -> int:
    async def ask(connection: AsyncConnection) -> int:
        return int((await connection.execute(text("SELECT count(*) FROM t"))).scalar_one())

    return await database.transact(ask, writes=False)


@pytest.fixture
async def database(tmp_path: Path) -> Database:
    found = Database(tmp_path / "x.sqlite")
    async with found.write() as connection:
        await connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    return found


async def test_a_transaction_is_whole_or_nothing(database: Database) -> None:
    async def two(connection: AsyncConnection) -> str:
        await connection.execute(text("INSERT INTO t VALUES (1)"))
        await asyncio.sleep(0)
        await connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": 2})
        return "done"

    async def broken(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO t VALUES (3)"))
        raise LookupError("half-way")

    assert await database.transact(two) == "done"
    with pytest.raises(LookupError):
        await database.transact(broken)
    assert await count(database) == 2
    await database.close()


async def test_rows_by_the_driver_itself(database: Database) -> None:
    async def many(connection: AsyncConnection) -> None:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        cursor = await driver.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(50)])
        await cursor.close()

    await database.transact(many)
    assert await count(database) == 50
    await database.close()


async def test_errors_bear_the_stores_names(database: Database) -> None:
    async def twice(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO t VALUES (1), (1)"))

    async def nowhere(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO nothing VALUES (1)"))

    with pytest.raises(Unfit):
        await database.transact(twice)
    with pytest.raises(Unavailable):
        await database.transact(nowhere)
    await database.close()


async def test_one_given_up_does_not_disturb_the_next(database: Database) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def slow(connection: AsyncConnection) -> None:
        loop.call_soon_threadsafe(begun.set)
        await connection.execute(
            text(
                "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000) "
                "INSERT INTO t SELECT n FROM c"
            )
        )

    first = asyncio.create_task(database.transact(slow))
    await begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    # It goes on beside the loop: whoever comes next finds it done.
    assert await count(database) == 300_000
    await database.close()


def test_work_that_waits_for_something_else_is_a_defect() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)
        await asyncio.Event().wait()

    async def main() -> None:
        at_once(waits())

    with pytest.raises(RuntimeError, match="may wait for its connection only"):
        asyncio.run(main())

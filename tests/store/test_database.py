import pytest
from sqlalchemy import text

from callrouter.ports import Unavailable
from callrouter.store.database import Database, StoreError, Unfit, parse_url


@pytest.mark.parametrize(
    ("where", "driver"),
    [
        ("state/calls.sqlite", "sqlite+aiosqlite"),
        ("sqlite:////srv/calls.sqlite", "sqlite+aiosqlite"),
        ("postgresql://u:p@localhost/calls", "postgresql+asyncpg"),
        ("postgres://u:p@localhost/calls", "postgresql+asyncpg"),
        ("postgresql+psycopg://u:p@localhost/calls", "postgresql+asyncpg"),
    ],
)
def test_urls_get_the_driver_that_is_used(where: str, driver: str) -> None:
    assert parse_url(where).drivername == driver


@pytest.mark.parametrize("where", ["mysql://localhost/x", "postgresql://host:port/x", "://"])
def test_other_databases_are_refused_in_words(where: str) -> None:
    with pytest.raises(StoreError):
        parse_url(where)


async def test_readers_see_the_old_state_while_a_writer_works(database: Database) -> None:
    async with database.write() as writing:
        await writing.execute(text("INSERT INTO audit VALUES ('1', 0, 'a', 'b', 'c', '', '')"))
        async with database.read() as reading:
            assert (await reading.execute(text("SELECT count(*) FROM audit"))).scalar_one() == 0
    async with database.read() as reading:
        assert (await reading.execute(text("SELECT count(*) FROM audit"))).scalar_one() == 1


async def test_an_exception_rolls_back(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.write() as writing:
            await writing.execute(text("INSERT INTO audit VALUES ('1', 0, 'a', 'b', 'c', '', '')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    async with database.read() as reading:
        assert (await reading.execute(text("SELECT count(*) FROM audit"))).scalar_one() == 0


async def test_parents_are_required(database: Database) -> None:
    async def insert() -> None:
        async with database.write() as writing:
            await writing.execute(text("INSERT INTO tokens VALUES ('d', 'nobody', 0, 0)"))

    with pytest.raises(Unfit):
        await insert()


async def test_a_read_only_statement_of_a_reader_takes_no_lock(database: Database) -> None:
    async with database.read() as reading:
        await reading.execute(text("SELECT 1"))
        async with database.write() as writing:
            await writing.execute(text("INSERT INTO audit VALUES ('1', 0, 'a', 'b', 'c', '', '')"))


async def test_whatever_keeps_a_query_from_its_answer_is_named_unavailable(database: Database) -> None:
    async def ask() -> None:
        async with database.read() as reading:
            await reading.execute(text("SELECT * FROM absent"))

    with pytest.raises(Unavailable, match="absent"):
        await ask()


async def test_nobody_else_reads_the_file(database: Database) -> None:
    if database.path is None:
        return  # PostgreSQL keeps its own files
    async with database.write() as writing:
        await writing.execute(text("INSERT INTO audit VALUES ('1', 0, 'a', 'b', 'c', '', '')"))
    for file in database.path.parent.glob(f"{database.path.name}*"):
        assert file.stat().st_mode & 0o077 == 0, file

from pathlib import Path

import pytest

from callrouter.store import migrate
from callrouter.store.current import bring_up_to_date, newest, stands_at
from callrouter.store.database import Database, StoreError

pytestmark = pytest.mark.slow


def test_the_newest_revision_is_alembics_head() -> None:
    assert newest() == migrate.head()


async def test_a_child_process_brings_it_up_to_date_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path / "a.sqlite")
    try:
        assert await stands_at(database) is None
        await bring_up_to_date(database)
        assert await stands_at(database) == newest()
        monkeypatch.setattr("sys.executable", "/nonexistent")
        await bring_up_to_date(database)
    finally:
        await database.close()


async def test_what_the_child_says_is_told(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite")
    try:
        await bring_up_to_date(database)
        async with database.write() as connection:
            await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreError, match="newer"):
            await bring_up_to_date(database)
    finally:
        await database.close()

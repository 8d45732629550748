from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callrouter.store import migrate
from callrouter.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database(tmp_path / "callrouter.sqlite")
    await migrate.upgrade(found)
    yield found
    await found.close()

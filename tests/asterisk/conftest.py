"""Fixtures of real phones. A test's own Asterisk is its module's affair; `exchange` is a plain one."""

from collections.abc import AsyncIterator

import pytest

from simulators.softphone import SoftphonePool
from tests.asterisk.exchange import Exchange, run_exchange


@pytest.fixture(scope="session")
async def phone_pool() -> AsyncIterator[SoftphonePool]:
    """Softphones in processes shared by the whole session; close the phones you open."""
    async with SoftphonePool() as pool:
        yield pool


@pytest.fixture(scope="session")
async def exchange(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    """A plain Asterisk with seats a1001 … a1008 (password `exchange.PASSWORD`)."""
    seats = [f"a{number}" for number in range(1001, 1009)]
    async with run_exchange(tmp_path_factory.mktemp("exchange"), seats) as running:
        yield running

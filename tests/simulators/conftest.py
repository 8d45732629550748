from collections.abc import AsyncIterator

import pytest

from simulators.softphone import PhonesUnavailable, SoftphonePool


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[SoftphonePool]:
    try:
        opened = SoftphonePool()
    except PhonesUnavailable as error:
        pytest.skip(str(error))
    async with opened:
        yield opened

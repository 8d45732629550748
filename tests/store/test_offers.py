from msgspec.structs import replace

from acd.ids import CallId, OfferId
from callrouter.store.database import Database
from callrouter.store.inserting import insert
from callrouter.store.reader import StoredRecords
from tests.store.samples import T0
from tests.store.test_inserting import OFFER


async def test_offers_of_one_call_oldest_first(database: Database) -> None:
    later = replace(OFFER, offer=OfferId("o0"), made=T0 + 5, ended=T0 + 6.25, explanation={"step": 1})
    other = replace(OFFER, offer=OfferId("x"), call=CallId("c2"))
    async with database.write() as connection:
        await insert(connection, [later, other, OFFER])
    records = StoredRecords(database)
    assert list(await records.offers(CallId("c1"))) == [OFFER, later]
    assert list(await records.offers(CallId("nobody"))) == []

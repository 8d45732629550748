"""What reports show beside the key figures."""

from msgspec.structs import replace

from callrouter.store.database import Database
from callrouter.store.extras import transfer_rows
from callrouter.store.inserting import insert
from tests.store.samples import T0, record


async def test_seconds_to_answer_are_of_those_who_answered(database: Database) -> None:
    (one,) = record().transfers
    answered = replace(one, asked=T0, answered=T0 + 3, ended=T0 + 9, cause="")
    in_vain = replace(one, number=2, asked=T0, answered=None, ended=T0 + 30, outcome="returned", cause="busy")
    async with database.write() as connection:
        await insert(connection, [replace(record(), transfers=(answered, in_vain))])
    day = 86_400
    rows = await transfer_rows(database, round(T0 - day) * 10**6, round(T0 + day) * 10**6, T0 + 9 * day)
    (row,) = rows
    assert (row["attempts"], row["answered"], row["transfer_success"]) == (2, 1, 0.5)
    assert row["mean_seconds_to_answer"] == 3.0
    assert row["causes"] == "busy 1"

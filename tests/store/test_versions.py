"""Versions of the site in the records, on both databases."""

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from acd.record import CallRecord
from callrouter.config.versions import InForce, Version, digest_of, pack, unpack
from callrouter.site_history import SiteHistory
from callrouter.store import entries
from callrouter.store.database import Database
from callrouter.store.inserting import insert
from callrouter.store.retention import Retention, purge
from callrouter.store.versions import StoredVersions
from tests.store.samples import T0, record

FILES = {"province.yaml": "flow: 您好\n".encode(), "site/floor.yaml": b"queues: {}\n" * 400}
DAY = 86_400.0


def taken(digest: str, at: float, flows: str = "v1", note: str = "") -> InForce:
    return InForce(digest=digest, at=at, by="li (file)", note=note, flows=flows, files=pack(FILES))


async def put(database: Database, *found: entries.Entry) -> None:
    async with database.write() as connection:
        await insert(connection, found)


async def ran_on(database: Database, call: CallRecord) -> str | None:
    found = await StoredVersions(database).of_call(call)
    return found.digest if found is not None else None


def test_a_pack_is_the_same_for_the_same_files_and_small() -> None:
    assert pack(FILES) == pack(dict(reversed(FILES.items())))
    assert unpack(pack(FILES)) == FILES
    assert len(pack(FILES)) < 600
    with pytest.raises(ValueError, match="no archive"):
        unpack(b"rubbish")


def test_it_survives_the_spill() -> None:
    one = taken("aaaa", T0)
    assert entries.decode(entries.encode(one)) == one


async def test_a_call_ran_on_what_was_in_force_when_it_came(database: Database) -> None:
    await put(
        database,
        taken("aaaa", T0 - 100),
        taken("bbbb", T0 - 50, "v2", note="greeting"),
        taken("aaaa", T0 + 50),
        taken("cccc", T0 + 20, "other"),
    )
    call = record("c1")
    assert await ran_on(database, replace(call, flow_version="v1")) == "aaaa"
    assert await ran_on(database, replace(call, flow_version="v2")) == "bbbb"
    assert await ran_on(database, replace(call, flow_version="other")) == "cccc"
    assert await ran_on(database, replace(call, flow_version="")) == "bbbb"
    assert await ran_on(database, replace(call, flow_version="never")) is None
    assert await ran_on(database, replace(call, ingress=T0 - 500, flow_version="")) is None
    versions = StoredVersions(database)
    listed = await versions.taken()
    assert [(one.digest, one.at) for one in listed] == [
        ("aaaa", T0 + 50),
        ("cccc", T0 + 20),
        ("bbbb", T0 - 50),
        ("aaaa", T0 - 100),
    ]
    assert [one.digest for one in await versions.taken(until=T0 + 20, limit=1)] == ["bbbb"]
    assert listed[2].note == "greeting"


async def test_sources_by_the_beginning_of_a_name(database: Database) -> None:
    await put(database, taken("aab1", T0), taken("aab2", T0 + 1))
    await put(database, taken("aab1", T0))
    versions = StoredVersions(database)
    assert await versions.sources("aab1") == ("aab1", FILES)
    for unclear in ("aab", "", "x", "%", "aab_"):
        assert await versions.sources(unclear) is None


async def test_sources_stay_for_as_long_as_a_call_may_refer_to_them(database: Database) -> None:
    await put(
        database,
        taken("aaaa", T0),
        taken("bbbb", T0 + 10 * DAY),
        taken("cccc", T0 + 20 * DAY),
        record("c1", T0 + 15 * DAY, flow_version="v1"),
    )
    retention = Retention(calls=1098)
    await purge(database, retention, T0 + (1098 + 14) * DAY)
    assert [one.digest for one in await StoredVersions(database).taken()] == ["cccc", "bbbb"]
    assert await ran_on(database, record("c1", T0 + 15 * DAY, flow_version="v1")) == "bbbb"
    assert await StoredVersions(database).sources("aaaa") is None
    done = await purge(database, retention, T0 + 5000 * DAY)
    assert not any(one.left for one in done)
    assert [one.digest for one in await StoredVersions(database).taken()] == ["cccc"]
    async with database.read() as connection:
        kept = (await connection.execute(text("SELECT digest FROM site_sources"))).scalars().all()
    assert kept == ["cccc"]


async def test_what_comes_into_force_is_put_with_its_sources() -> None:
    found: list[InForce] = []
    history = SiteHistory(found.append)
    version = Version(digest_of(FILES), FILES, T0, "li (file)")
    history.in_force(version, flows="v1", at=T0 + 1, note="x" * 5000)
    await history.finish()
    [one] = found
    assert (one.digest, one.at, one.by, one.flows) == (version.digest, T0 + 1, "li (file)", "v1")
    assert len(one.note) == 2000
    assert unpack(one.files) == FILES

import hashlib
from pathlib import Path

import pytest

from acd.aftercall import Recording
from acd.ids import CallId
from callrouter.recordings import SoundAltered
from callrouter.store.database import Database
from callrouter.store.inserting import insert
from callrouter.store.recordings import StoredRecordings
from tests.store.samples import T0

SOUND = b"RIFF" + bytes(100)


def row(kind: str, at: float = T0, **changes: object) -> Recording:
    kept: dict[str, object] = {
        "id": f"cr-c1-{kind}",
        "call": CallId("c1"),
        "started": at,
        "ended": at + 30,
        "file": f"monitor/cr-c1-{kind}.wav",
        "size": len(SOUND),
        "sha256": hashlib.sha256(SOUND).hexdigest(),
    }
    return Recording(**{**kept, **changes})  # type: ignore[arg-type]


@pytest.fixture
async def kept(database: Database, tmp_path: Path) -> StoredRecordings:
    (tmp_path / "monitor").mkdir()
    (tmp_path / "secret").write_bytes(SOUND)
    rows = (
        row("talk1"),
        row("consult1", T0 + 9),
        row("talk2", T0 + 40, size=0, sha256=""),
        row("talk3", T0 + 80, file="../secret"),
        row("other", call=CallId("c2")),
    )
    for one in rows:
        (tmp_path / "monitor" / f"{one.id}.wav").write_bytes(SOUND)
    async with database.write() as connection:
        await insert(connection, rows)
    return StoredRecordings(database, lambda: [tmp_path / "monitor" / "..", tmp_path / "elsewhere"])


async def test_a_calls_recordings_in_order(kept: StoredRecordings) -> None:
    found = await kept.of_call(CallId("c1"))
    assert [(one.id, one.consult) for one in found] == [
        ("cr-c1-talk1", False),
        ("cr-c1-consult1", True),
        ("cr-c1-talk2", False),
        ("cr-c1-talk3", False),
    ]
    assert (found[0].started, found[0].ended, found[0].size) == (T0, T0 + 30, len(SOUND))
    assert await kept.of_call(CallId("c9")) == []


async def test_the_file_as_it_was_recorded(kept: StoredRecordings, tmp_path: Path) -> None:
    found = await kept.sound("cr-c1-talk1")
    assert found is not None
    assert found.read_bytes() == SOUND
    assert await kept.sound("nobody's") is None
    found.unlink()
    assert await kept.sound("cr-c1-talk1") is None


@pytest.mark.parametrize("changed", [SOUND[:-1], SOUND[:-1] + b"x"])
async def test_a_changed_file_is_noticed(kept: StoredRecordings, tmp_path: Path, changed: bytes) -> None:
    (tmp_path / "monitor" / "cr-c1-talk1.wav").write_bytes(changed)
    with pytest.raises(SoundAltered):
        await kept.sound("cr-c1-talk1")


async def test_what_was_never_measured_is_given_as_it_is(kept: StoredRecordings) -> None:
    assert await kept.sound("cr-c1-talk2") is not None


async def test_no_way_out_of_the_spool(kept: StoredRecordings) -> None:
    assert await kept.sound("cr-c1-talk3") is None

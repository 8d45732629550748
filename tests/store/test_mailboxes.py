import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from acd.aftercall import Voicemail
from acd.ids import CallId, OrgId, QueueId
from callrouter.mailboxes import SoundStuck
from callrouter.store import migrate
from callrouter.store.database import Database
from callrouter.store.housekeeping import keep_house
from callrouter.store.inserting import insert
from callrouter.store.mailboxes import StoredMailboxes
from callrouter.store.retention import Retention
from tests.store.samples import T0

ONE = Voicemail(
    id="m1",
    call=CallId("c1"),
    queue=QueueId("province"),
    number="13812345678",
    received=T0,
    seconds=12.5,
    file="recording/m1.wav",
    mailbox="complaints",
    organisation=OrgId("qinghai"),
)
TWO = replace(ONE, id="m2", mailbox="night", organisation=OrgId("yushu"), received=T0 + 5, queue=None)


@pytest.fixture
async def kept(database: Database, tmp_path: Path) -> StoredMailboxes:
    (tmp_path / "recording").mkdir()
    (tmp_path / "recording" / "m1.wav").write_bytes(b"RIFF")
    async with database.write() as connection:
        await insert(connection, (ONE, TWO))
    return StoredMailboxes(database, lambda: [tmp_path / "elsewhere", tmp_path])


async def ids(kept: StoredMailboxes, **wanted: object) -> list[str]:
    return [one.id for one in await kept.messages(**wanted)]  # type: ignore[arg-type]


async def test_lists_newest_first_and_narrowed(kept: StoredMailboxes) -> None:
    assert await ids(kept) == ["m2", "m1"]
    assert await ids(kept, mailbox="complaints") == ["m1"]
    assert await ids(kept, organisations=[OrgId("yushu")]) == ["m2"]
    assert await ids(kept, organisations=[]) == []
    assert await ids(kept, until=T0 + 5) == ["m1"]
    assert await ids(kept, limit=1) == ["m2"]
    view = await kept.message("m1")
    assert view is not None
    assert (view.seconds, view.received, view.queue, view.heard) == (12.5, T0, "province", None)
    assert await kept.message("nobody's") is None


async def test_marks_stay_and_go(kept: StoredMailboxes) -> None:
    await kept.mark("m1", T0 + 60, "boss")
    view = await kept.message("m1")
    assert view is not None
    assert (view.heard, view.heard_by) == (T0 + 60, "boss")
    assert await ids(kept, heard=True) == ["m1"]
    assert await ids(kept, heard=False) == ["m2"]
    await kept.mark("m1", None, None)
    assert await ids(kept, heard=True) == []


async def test_a_mark_survives_that_the_message_is_written_again(
    kept: StoredMailboxes, database: Database
) -> None:
    await kept.mark("m1", T0 + 60, "boss")
    async with database.write() as connection:
        await insert(connection, (ONE,))
    assert await ids(kept, heard=True) == ["m1"]


async def test_file_and_row_go_together(kept: StoredMailboxes, tmp_path: Path) -> None:
    assert await kept.sound("m1") == tmp_path / "recording" / "m1.wav"
    await kept.delete("m1")
    assert not (tmp_path / "recording" / "m1.wav").exists()
    assert await ids(kept) == ["m2"]
    await kept.delete("m1")
    # Its file is gone already, by hand: the row goes nevertheless.
    assert await kept.sound("m2") is None
    await kept.delete("m2")
    assert await ids(kept) == []


async def test_a_file_that_stays_keeps_its_row(database: Database, tmp_path: Path) -> None:
    outside = tmp_path / "secret.wav"
    outside.write_bytes(b"RIFF")
    (tmp_path / "spool" / "recording" / "m1.wav").mkdir(parents=True)
    async with database.write() as connection:
        await insert(connection, (ONE, replace(TWO, file="../secret.wav")))
    kept = StoredMailboxes(database, lambda: [tmp_path / "spool"])
    with pytest.raises(SoundStuck, match=r"m1\.wav: Is a directory"):
        await kept.delete("m1")
    assert await kept.sound("m2") is None
    with pytest.raises(SoundStuck, match="leads out of the spool"):
        await kept.delete("m2")
    assert outside.exists()
    blind = StoredMailboxes(database, list)
    with pytest.raises(SoundStuck, match="set `spool`"):
        await blind.delete("m1")
    assert await ids(kept) == ["m2", "m1"]


async def test_housekeeping_agrees(kept: StoredMailboxes, database: Database, tmp_path: Path) -> None:
    """Heard or not: what is old goes, file and row; what is left is playable."""
    await kept.mark("m1", T0 + 60, "boss")
    young = T0 + (Retention().voicemails - 1) * 86400
    await keep_house(database, Retention(), young, [tmp_path])
    assert await kept.sound("m1") is not None
    done = await keep_house(database, Retention(), young + 2 * 86400, [tmp_path])
    assert done.faults() == []
    assert await ids(kept) == []
    assert list((tmp_path / "recording").iterdir()) == []


def sounds_in(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*.wav"))


async def test_files_without_a_row_do_not_stay_for_ever(database: Database, tmp_path: Path) -> None:
    """Their controller ended before they were noted."""
    now = T0 + 400 * 86400
    old, young = now - (Retention().voicemails + 2) * 86400, now - 86400
    for name, written in (
        ("recording/cr-old.wav", old),
        ("recording/cr-young.wav", young),
        ("recording/somebody-elses.wav", old),
        ("monitor/cr-old.wav", old),
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"RIFF")
        os.utime(file, (written, written))
    (tmp_path / "monitor" / "cr-folder").mkdir()
    os.utime(tmp_path / "monitor" / "cr-folder", (old, old))
    done = await keep_house(database, Retention(), now, [tmp_path, tmp_path / "gone"])
    assert (done.files_removed, done.files_left) == (2, ["monitor/cr-folder"])
    assert sounds_in(tmp_path) == ["recording/cr-young.wav", "recording/somebody-elses.wav"]


async def test_messages_of_before_mailboxes_stay(place: str) -> None:
    database = Database(place)
    await migrate.upgrade(database, "0002")
    async with database.write() as connection:
        await connection.execute(
            text("INSERT INTO voicemails VALUES ('m0', 'c0', NULL, '138', 1000000, 2500000, 'm0.wav')")
        )
    await migrate.upgrade(database)
    (view,) = await StoredMailboxes(database, list).messages()
    assert (view.id, view.mailbox, view.organisation, view.seconds, view.heard) == ("m0", "", "", 2.5, None)
    await database.close()

"""What a person said: found, handed out, erased or held, on both databases."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from acd.aftercall import Recording, Voicemail
from acd.commands import CallbackClosed, CallbackOpened
from acd.ids import CallId, OrgId, QueueId
from callrouter.recordings import SoundErased
from callrouter.store import person, voice
from callrouter.store.database import Database
from callrouter.store.housekeeping import keep_house
from callrouter.store.inserting import insert
from callrouter.store.mailboxes import StoredMailboxes
from callrouter.store.recordings import StoredRecordings
from callrouter.store.retention import Retention
from tests.store.samples import T0, record
from tests.store.test_person import figures

pytestmark = pytest.mark.slow  # together seconds: not in `make check`

NUMBER = "13812345678"
THEIRS = (
    "monitor/cr-c1-talk1.wav",
    "monitor/cr-c1-consult1.wav",
    "monitor/cr-c9-c1-talk1.wav",
    "recording/cr-c1-r2.wav",
)
OTHERS = ("monitor/cr-c2-talk1.wav", "recording/cr-c9-r1.wav", "monitor/cr-c1-c1-talk1.wav")
UNNOTED = "monitor/cr-c1-talk2.wav"
LATER = T0 + 400 * 86400


def recording(file: str) -> Recording:
    id_ = Path(file).stem
    call = CallId(id_.removeprefix("cr-").rpartition("-")[0])
    return Recording(id=id_, call=call, started=T0, ended=T0 + 9, file=file, size=4, sha256="")


def message(file: str, number: str) -> Voicemail:
    id_ = Path(file).stem
    return Voicemail(
        id=id_,
        call=CallId(id_.removeprefix("cr-").rpartition("-")[0]),
        queue=QueueId("q"),
        number=number,
        received=T0,
        seconds=3.0,
        file=file,
        mailbox="complaints",
        organisation=OrgId("qinghai"),
    )


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for name in (*THEIRS, *OTHERS, UNNOTED):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"RIFF")
    return tmp_path


@pytest.fixture
async def filled(database: Database) -> Database:
    """c1: theirs; c9-c1: they were called back; c2, c9, and the callback c1-c1 to another number: not."""
    rows = (
        record("c1", caller=f"+86{NUMBER}"),
        record("c2", T0 + 60, caller="13900000000"),
        record("c9", T0 + 90, caller="13911111111"),
        CallbackOpened(
            call=CallId("c9-c1"), origin=CallId("c9"), queue=QueueId("q"), number=NUMBER, at=T0 + 100
        ),
        *(recording(file) for file in (*THEIRS, *OTHERS) if file.startswith("monitor")),
        message(THEIRS[3], f"0086{NUMBER}"),
        message(OTHERS[1], "13911111111"),
    )
    async with database.write() as connection:
        await insert(connection, rows)
    return database


def left(spool: Path) -> set[str]:
    return {str(file.relative_to(spool)) for file in spool.glob("*/*.wav")}


async def erase(database: Database, spools: Sequence[Path], held: str = "") -> person.Erased:
    return await person.erase(database, NUMBER, at=T0 + 500, by="shell:li", spools=spools, held=held)


async def test_the_voice_goes_with_the_number_and_nobody_elses_does(filled: Database, spool: Path) -> None:
    before = await figures(filled)
    done = await erase(filled, [spool])
    assert (done.sounds, done.stuck) == (5, ())
    assert left(spool) == set(OTHERS)
    assert await figures(filled) == before
    recordings = StoredRecordings(filled, lambda: [spool])
    views = await recordings.of_call(CallId("c1"))
    assert {(one.erased, one.erased_by, one.size) for one in views} == {(T0 + 500, "shell:li", 4)}
    with pytest.raises(SoundErased, match=r"erased on request on .* by shell:li"):
        await recordings.sound("cr-c1-talk1")
    assert await recordings.sound("cr-c2-talk1") is not None
    mailboxes = StoredMailboxes(filled, lambda: [spool])
    gone = await mailboxes.message("cr-c1-r2")
    assert gone is not None
    assert (gone.number, gone.erased, gone.erased_by) == ("erased", T0 + 500, "shell:li")
    with pytest.raises(SoundErased):
        await mailboxes.sound("cr-c1-r2")
    listed = await mailboxes.messages(mailbox="complaints")
    assert {one.id: one.erased for one in listed} == {"cr-c1-r2": T0 + 500, "cr-c9-r1": None}
    await mailboxes.delete("cr-c1-r2")
    assert await mailboxes.message("cr-c1-r2") is None


async def test_a_sound_that_cannot_be_removed_leaves_everything_to_be_tried_again(
    filled: Database, spool: Path
) -> None:
    done = await erase(filled, [])
    assert (done.rows, len(done.stuck)) == ({}, 4)
    assert "no spool folder can be reached" in done.stuck[0]
    (spool / THEIRS[0]).unlink()
    (spool / THEIRS[0]).mkdir()
    done = await erase(filled, [spool])
    assert done.rows == {}
    assert [reason.partition(":")[0] for reason in done.stuck] == ["cr-c1-talk1"]
    (spool / THEIRS[0]).rmdir()
    done = await erase(filled, [spool])
    assert done.rows["calls.caller"] == 1
    assert left(spool) == set(OTHERS)


async def test_a_hold_keeps_the_voice_past_its_retention_until_it_is_released(
    filled: Database, spool: Path
) -> None:
    done = await erase(filled, [], held="case 7")
    assert (done.rows["calls.caller"], done.sounds) == (1, 0)
    assert left(spool) == {*THEIRS, *OTHERS, UNNOTED}
    recordings = StoredRecordings(filled, lambda: [spool])
    assert await recordings.sound("cr-c1-talk1") is not None
    [hold] = await voice.holds(filled)
    assert (hold.reason, hold.since) == ("case 7", T0 + 500)
    night = await keep_house(filled, Retention(), LATER, [spool])
    assert night.faults() == []
    assert left(spool) == set(THEIRS)
    assert (await voice.release(filled, "case 8", [spool]))[0] == 0
    calls, gone, stuck = await voice.release(filled, "case 7", [])
    assert (calls > 0, gone, len(stuck)) == (True, 0, 4)
    calls, gone, stuck = await voice.release(filled, "case 7", [spool])
    assert (calls, gone, stuck) == (hold.calls, 4, [])
    assert await voice.holds(filled) == []
    with pytest.raises(SoundErased):
        await recordings.sound("cr-c1-talk1")
    night = await keep_house(filled, Retention(), LATER, [spool])
    assert night.faults() == []
    async with filled.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM recordings"))).scalar() == 0


async def test_the_traces_of_erasing_go_when_the_calls_do(filled: Database, spool: Path) -> None:
    await erase(filled, [spool])
    await keep_house(filled, Retention(), LATER, [spool])
    assert len(await _erasures(filled)) > 0
    await keep_house(filled, Retention(), T0 + 1200 * 86400, [spool])
    assert await _erasures(filled) == []


async def _erasures(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(text("SELECT call FROM erasures"))).scalars())


async def test_what_is_handed_out(filled: Database) -> None:
    rows, sounds = await person.found(filled, NUMBER)
    assert {one.file for one in sounds} == set(THEIRS)
    assert [one.id for one in sounds if one.consult] == ["cr-c1-consult1"]
    assert len(rows["recordings"]) == 3


async def test_one_who_has_called_very_often_is_erased_in_bounded_statements(database: Database) -> None:
    short = {"caller": NUMBER, "segments": (), "transfers": (), "trace": ()}
    many = [record(f"m{number}", T0 + number, **short) for number in range(1200)]
    closed = replace(recording("monitor/cr-m1-talk1.wav"), call=CallId("m1"))
    async with database.write() as connection:
        await insert(connection, [*many, closed])
    done = await person.erase(database, NUMBER, at=T0, by="x", held="why")
    assert done.rows["calls.caller"] == 1200
    [hold] = await voice.holds(database)
    assert hold.calls == 1200


async def test_an_erased_callback_that_is_closed_later_stays_erased(filled: Database, spool: Path) -> None:
    await erase(filled, [spool])
    closed = CallbackClosed(
        call=CallId("c9-c1"),
        origin=CallId("c9"),
        queue=QueueId("q"),
        outcome="cancelled",
        attempts=0,
        asked=T0 + 100,
        ended=T0 + 600,
    )
    async with filled.write() as connection:
        await insert(connection, [closed])
    async with filled.read() as connection:
        found = (await connection.execute(text("SELECT number, outcome FROM callbacks"))).all()
    assert found == [("erased", "cancelled")]

"""What is kept of a call besides its record."""

import asyncio
import hashlib
import wave
from pathlib import Path

import pytest

from acd.aftercall import Recording, Survey, Voicemail
from acd.ids import AgentId, CallId, NodeId, OrgId, QueueId, RecordingId, SeatId
from callrouter import aftercall
from callrouter.aftercall import AfterCall, Kept, complete
from callrouter.router.notices import AnswersSaved, RecordingMade, VoicemailLeft

NODE, CALL = NodeId("main"), CallId("C1")
MADE = RecordingMade(
    call=CALL, node=NODE, kind="talk", recording=RecordingId("cr-C1-talk1"), started=10.0, ended=25.0
)
LEFT = VoicemailLeft(
    call=CALL,
    node=NODE,
    mailbox="complaints",
    recording=RecordingId("cr-C1-r1"),
    seconds=12,
    caller="13800001111",
    queue=QueueId("province"),
    organisation=OrgId("qinghai"),
    at=30.0,
)


def sound(path: Path) -> bytes:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\1\2" * 800)
    return path.read_bytes()


async def test_a_recording_is_kept_once_asterisk_has_closed_it(tmp_path: Path) -> None:
    kept: list[Kept] = []
    path = tmp_path / "monitor" / "cr-C1-talk1.wav"
    whole = sound(path)
    path.write_bytes(whole[:4] + bytes(4) + whole[8:])
    after = AfterCall({NODE: tmp_path}, kept.append)
    after.noticed(MADE)
    await asyncio.sleep(0.15)
    assert not kept, "its length is not written yet"
    path.write_bytes(whole)
    await after.finish()
    assert kept == [
        Recording(
            id="cr-C1-talk1",
            call=CALL,
            started=10.0,
            ended=25.0,
            file="monitor/cr-C1-talk1.wav",
            size=len(whole),
            sha256=hashlib.sha256(whole).hexdigest(),
        )
    ]


async def test_a_file_that_never_comes_is_said_and_the_entry_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftercall, "COMPLETE_WITHIN", 0.05)
    kept: list[Kept] = []
    after = AfterCall({NODE: tmp_path}, kept.append)
    after.noticed(MADE)
    await after.finish()
    (recording,) = kept
    assert isinstance(recording, Recording)
    assert (recording.size, recording.sha256) == (0, "")


async def test_messages_and_grades(tmp_path: Path) -> None:
    kept: list[Kept] = []
    after = AfterCall({}, kept.append)
    after.noticed(LEFT)
    saved = AnswersSaved(
        id="C1/survey/1",
        call=CALL,
        kind="survey",
        values={"grade": 5, "of": 5},
        seat=SeatId("a1002"),
        agent=AgentId("li"),
        at=31.0,
    )
    after.noticed(saved)
    after.noticed("something else")
    await after.finish()
    assert {type(entry) for entry in kept} == {Voicemail, Survey}
    voicemail = next(entry for entry in kept if isinstance(entry, Voicemail))
    assert (voicemail.file, voicemail.number, voicemail.seconds) == (
        "recording/cr-C1-r1.wav",
        "13800001111",
        12,
    )
    assert (voicemail.mailbox, voicemail.organisation) == ("complaints", "qinghai")
    survey = next(entry for entry in kept if isinstance(entry, Survey))
    assert (survey.grade, survey.seat, survey.agent) == (5, "a1002", "li")


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFX\4\0\0\0WAVE", b"RIFF\5\0\0\0WAVEx.."])
def test_what_is_no_complete_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(data)
    assert not complete(tmp_path / "x.wav")
    assert not complete(tmp_path / "none.wav")

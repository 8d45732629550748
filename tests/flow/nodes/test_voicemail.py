"""`voicemail`."""

import pytest

from callrouter.flow.actions import ActionFailed, RecordVoice, StopRecord
from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
person: seat
start: message
nodes:
  message: {voicemail: {prompt: speak, mailbox: province, max_seconds: 60, empty_prompt: empty, next: saved}}
  saved: {hangup: {prompt: saved}}
  seat: {queue: {queue: xining}}
"""


@pytest.fixture
def caller() -> Walker:
    return Walker(flows(FLOW)).listen()


def test_records_after_the_prompt(caller: Walker) -> None:
    assert caller.last == RecordVoice(2, "province", 60, 5)
    assert caller.recorded(12).heard == ["speak.zh", "saved.zh"]


def test_a_key_starts_at_once_and_the_finish_key_ends() -> None:
    caller = Walker(flows(FLOW)).keys("5")
    assert isinstance(caller.last, RecordVoice)
    caller.keys("7")
    assert isinstance(caller.last, RecordVoice)
    assert caller.keys("#").last == StopRecord(2)
    assert caller.recorded(3).heard[-1] == "saved.zh"


def test_zero_throws_the_recording_away(caller: Walker) -> None:
    caller.keys("0")
    assert caller.actions[-2] == StopRecord(2, keep=False)
    assert caller.queued.queue == "xining"


def test_an_empty_message_twice_ends_at_a_person(caller: Walker) -> None:
    caller.recorded(0.4)
    assert caller.heard == ["speak.zh", "empty.zh", "speak.zh"]
    assert caller.listen().recorded(9, ok=False).queued.queue == "xining"


def test_a_refused_recording(caller: Walker) -> None:
    caller.give(ActionFailed("RecordVoice", "disk full")).listen()
    assert caller.give(ActionFailed("RecordVoice", "disk full")).queued


def test_a_recording_whose_end_is_lost(caller: Walker) -> None:
    caller.wait()
    assert StopRecord(2, keep=False) in caller.actions

"""`survey`."""

import pytest

from callrouter.flow.actions import SaveAnswers
from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
person: seat
start: grade
variables: {grade: {type: int}}
nodes:
  grade: {survey: {prompt: rate, into: grade, next: thanks, poor: why}}
  thanks: {hangup: {prompt: thanks}}
  why: {hangup: {prompt: why}}
  seat: {queue: {queue: xining}}
"""


@pytest.mark.parametrize(
    ("key", "heard"), [("5", "thanks.zh"), ("3", "thanks.zh"), ("2", "why.zh"), ("1", "why.zh")]
)
def test_grades(key: str, heard: str) -> None:
    caller = Walker(flows(FLOW)).keys(key)
    assert SaveAnswers("survey", {"grade": int(key), "of": 5}) in caller.actions
    assert caller.heard[-1] == heard
    assert caller.session.take_trace()[0].variables == {"grade": int(key)}


def test_silence_is_no_grade() -> None:
    caller = Walker(flows(FLOW)).listen().wait(5)
    assert caller.heard[-1] == "thanks.zh"
    assert not any(isinstance(action, SaveAnswers) for action in caller.actions)


def test_another_key_asks_once_more() -> None:
    caller = Walker(flows(FLOW)).keys("9")
    assert caller.heard == ["rate.zh", "rate.zh"]
    assert caller.keys("*").heard[-1] == "thanks.zh"


def test_a_person_is_still_a_key_away() -> None:
    assert Walker(flows(FLOW)).keys("0").queued

"""`consent`."""

import pytest

from callrouter.flow.actions import AllowRecording
from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
person: seat
start: ask
variables: {may: {type: bool}}
nodes:
  ask: {consent: {prompt: may_we, into: may, next: seat}}
  seat: {queue: {queue: xining}}
"""


@pytest.mark.parametrize(("key", "allowed"), [("1", True), ("2", False), ("9", False)])
def test_keys(key: str, allowed: bool) -> None:
    caller = Walker(flows(FLOW)).keys(key)
    assert caller.actions[-2] == AllowRecording(allowed)
    assert caller.session.take_trace()[0].variables == {"may": allowed}


@pytest.mark.parametrize(("silence", "allowed"), [("allow", True), ("forbid", False)])
def test_silence(silence: str, allowed: bool) -> None:
    caller = Walker(flows(FLOW.replace("into", f"silence: {silence}, into")))
    assert caller.listen().wait(4).actions[-2] == AllowRecording(allowed)


def test_zero_asks_for_a_person_and_allows_nothing() -> None:
    caller = Walker(flows(FLOW)).keys("0")
    assert caller.queued
    assert AllowRecording(True) not in caller.actions


def test_without_a_prompt_to_hear() -> None:
    caller = Walker(flows(FLOW.replace("may_we", "missing")))
    assert caller.wait(4).actions[-2] == AllowRecording(False)

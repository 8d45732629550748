"""`callback`."""

from callrouter.flow.actions import ActionFailed, BookCallback
from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
person: seat
start: promise
nodes:
  promise: {callback: {queue: province, skills: mandarin, priority: 6, next: filed, refused: sorry}}
  filed: {hangup: {prompt: filed}}
  sorry: {play: {prompt: sorry, next: seat}}
  seat: {queue: {queue: xining}}
"""


def test_filed() -> None:
    caller = Walker(flows(FLOW))
    assert caller.last == BookCallback(1, "province", "13900001111", "mandarin", 6, "zh")
    assert caller.found("cb-1").heard == ["filed.zh"]


def test_refused() -> None:
    assert Walker(flows(FLOW)).not_found("full").heard == ["sorry.zh"]
    assert Walker(flows(FLOW)).give(ActionFailed("BookCallback", "")).heard == ["sorry.zh"]


def test_no_answer_in_time() -> None:
    assert Walker(flows(FLOW)).wait().heard == ["sorry.zh"]


def test_number_withheld() -> None:
    assert Walker(flows(FLOW), caller="").heard == ["sorry.zh"]

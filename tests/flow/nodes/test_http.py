"""`http` (and what it shares with `sql`)."""

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.actions import ActionFailed, Lookup
from callrouter.flow.nodes.looking_up import plain
from tests.flow.walker import Walker, flow, flows

FLOW = """
flow: hotline
person: seat
start: ask
variables: {order: {type: string, default: "AB 1/2"}, state: {type: string}, days: {type: int}}
nodes:
  ask:
    http:
      service: orders
      path: /orders/{order}
      query: {caller: caller, urgent: hour > 5}
      prompt: wait
      timeout: 2
      into: {state: answer.state, days: answer.days}
      next: tell
      not_found: absent
      failed: broken
  tell: {hangup: {prompt: [{digits: state}, {number: days}]}}
  absent: {play: {prompt: absent, next: seat}}
  broken: {play: {prompt: broken, next: seat}}
  seat: {queue: {queue: xining}}
"""


@pytest.fixture
def caller() -> Walker:
    return Walker(flows(FLOW))


def test_request(caller: Walker) -> None:
    assert caller.last == Lookup(2, "http", {
        "service": "orders", "method": "GET", "path": "/orders/AB%201%2F2",
        "query": {"caller": "13900001111", "urgent": "true"}, "body": {},
    }, 2)  # fmt: skip


def test_the_answer_waits_for_the_end_of_the_prompt(caller: Walker) -> None:
    caller.found({"state": "done", "days": 3})
    assert caller.heard == ["wait.zh"]
    assert caller.listen().heard == ["wait.zh", "digits:done.zh", "number:3.zh"]


def test_the_prompt_ends_first(caller: Walker) -> None:
    caller.listen()
    assert caller.heard == ["wait.zh"]
    assert caller.found({"state": "done", "days": 3}).heard[-1] == "number:3.zh"


@pytest.mark.parametrize(
    "answer", [{"state": "done"}, {"state": 7, "days": 3}, {"state": "x", "days": "y"}, [], "text", 5]
)
def test_an_answer_of_another_shape_is_a_failure(caller: Walker, answer: object) -> None:
    assert caller.listen().found(answer).heard == ["wait.zh", "broken.zh"]


@pytest.mark.parametrize(
    ("reason", "heard"), [("not_found", "absent.zh"), ("timeout", "broken.zh"), ("503", "broken.zh")]
)
def test_failures(caller: Walker, reason: str, heard: str) -> None:
    assert caller.listen().not_found(reason).heard[-1] == heard


def test_nothing_found(caller: Walker) -> None:
    assert caller.listen().found(None).heard[-1] == "absent.zh"


def test_refused(caller: Walker) -> None:
    assert caller.listen().give(ActionFailed("Lookup", "no such service")).heard[-1] == "broken.zh"


def test_no_answer_ever(caller: Walker) -> None:
    assert caller.wait(3).heard == ["wait.zh", "broken.zh"]
    assert Walker(flows(FLOW)).listen().wait(3).heard == ["wait.zh", "broken.zh"]


def test_zero_does_not_wait_for_the_answer(caller: Walker) -> None:
    assert caller.keys("0").queued.queue == "xining"
    assert caller.found({"state": "late", "days": 1}).queued.queue == "xining"


def test_without_failed_and_not_found_a_person_is_next() -> None:
    text = FLOW.replace("      not_found: absent\n", "").replace("      failed: broken\n", "")
    for reason in ("not_found", "timeout"):
        assert Walker(flows(text)).listen().not_found(reason).queued.queue == "xining"


def test_plain_is_bounded() -> None:
    assert plain({1: (1, 2.5, None, True, b"x")}) == {"1": [1, 2.5, None, True, "b'x'"]}
    deep: object = "end"
    for _ in range(100):
        deep = [deep]
    assert "end" not in str(plain(deep))
    many = plain(["x"] * 100_000)
    assert isinstance(many, list)
    assert len(many) <= 5_000


@pytest.mark.parametrize("path", ["orders", "/orders?x=1", "/or ders", "http://x"])
def test_bad_paths(path: str) -> None:
    with pytest.raises(ConfigError, match="path"):
        flow(FLOW.replace("/orders/{order}", f"'{path}'"))

"""`collect`."""

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.actions import Answered
from tests.flow.walker import Walker, flow, flows

FLOW = """
flow: hotline
person: seat
start: ask
variables: {order: string, copy: string}
nodes:
  ask:
    collect:
      {prompt: enter, into: order, min: 4, max: 8, pattern: "[1-9][0-9]*", wrong_prompt: wrong, next: done}
  done: {set: {values: {copy: order}, next: bye}}
  bye: {hangup: {}}
  seat: {queue: {queue: xining}}
""".replace("order: string, copy: string", "order: {type: string}, copy: {type: string}")
CONFIRMED = FLOW.replace("next: done", "confirm: {prompt: [you_entered, {digits: order}]}, next: done")


@pytest.fixture
def caller() -> Walker:
    return Walker(flows(FLOW))


def entered(caller: Walker) -> object:
    return caller.session.take_trace()[0].variables.get("order")


def test_terminator(caller: Walker) -> None:
    caller.keys("1234#")
    assert caller.ended
    assert entered(caller) == "1234"


def test_full_length(caller: Walker) -> None:
    assert entered(caller.keys("12345678")) == "12345678"


def test_pause(caller: Walker) -> None:
    assert entered(caller.keys("12345").wait(3)) == "12345"


def test_star_clears(caller: Walker) -> None:
    assert entered(caller.keys("999*1234#")) == "1234"


def test_before_the_answer_and_all_at_once() -> None:
    caller = Walker(flows(FLOW), answer=False).keys("1234#")
    assert caller.give(Answered()).ended


@pytest.mark.parametrize("keys", ["12#", "0123#", "#", "A"])
def test_mistakes(caller: Walker, keys: str) -> None:
    assert caller.keys(keys).heard == ["enter.zh", "wrong.zh", "enter.zh"]
    caller.keys(keys)
    assert caller.keys(keys).queued.queue == "xining"


def test_silence_ends_at_a_person(caller: Walker) -> None:
    for _ in range(3):
        caller.listen().wait(5)
    assert caller.queued.queue == "xining"


@pytest.mark.parametrize("keys", ["0#", "0"])
def test_zero_alone_calls_a_person(caller: Walker, keys: str) -> None:
    caller.keys(keys)
    if keys == "0":
        caller.wait(3)
    assert caller.queued.queue == "xining"


def test_confirmation() -> None:
    caller = Walker(flows(CONFIRMED)).keys("1234#")
    assert caller.heard[-2:] == ["you_entered.zh", "digits:1234.zh"]
    assert caller.keys("1").ended


def test_correction_and_confirmation_ahead() -> None:
    caller = Walker(flows(CONFIRMED)).keys("1234#2")
    assert caller.heard[-1] == "enter.zh"
    assert "wrong.zh" not in caller.heard
    assert caller.keys("5678#1").ended
    assert [step.variables["order"] for step in caller.session.take_trace() if step.node == "ask"] == ["5678"]


def test_confirmation_refused_too_often() -> None:
    caller = Walker(flows(CONFIRMED))
    for _ in range(3):
        caller.keys("1234#2")
    assert caller.queued


@pytest.mark.parametrize("key", ["0", None])
def test_confirmation_left(key: str | None) -> None:
    caller = Walker(flows(CONFIRMED)).keys("1234#")
    if key is not None:
        assert caller.keys(key).queued
    else:
        assert caller.listen().wait(5).heard[-1] == "enter.zh"


def test_whole_numbers() -> None:
    caller = Walker(
        flows(
            FLOW.replace("order: {type: string}", "order: {type: int}").replace(
                "copy: order", "copy: string(order + 1)"
            )
        )
    )
    caller.keys("1234#")
    assert caller.session.take_trace()[1].variables == {"copy": "1235"}


def test_secret_digits_stay_out_of_the_trace() -> None:
    caller = Walker(flows(FLOW.replace("order: {type: string}", "order: {type: string, secret: true}")))
    assert entered(caller.keys("1234#")) == "•••"


def test_200_keys(caller: Walker) -> None:
    caller.keys("7" * 200)
    assert caller.session.finished


def test_an_evil_pattern_takes_linear_time() -> None:
    caller = Walker(flows(FLOW.replace("[1-9][0-9]*", "(1+)+2").replace("max: 8", "max: 32")))
    caller.keys("1" * 32)
    assert caller.heard[-2:] == ["wrong.zh", "enter.zh"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[1-9][0-9]*", "[1-9", "no regular expression"),
        ("min: 4", "min: 9", "above `max`"),
        ("into: order", "into: ordr", "Did you mean 'order'"),
        ("order: {type: string}", "order: {type: bool}", "need string or int"),
    ],
)
def test_bad_settings(old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        flow(FLOW.replace(old, new))

"""`subflow`."""

from tests.flow.walker import Walker, flows

MAIN = """
flow: hotline
languages: [zh, en]
person: seat
start: ask
variables: {number: {type: string, default: old}, kept: {type: string, default: kept}}
nodes:
  ask:
    subflow:
      {flow: number, arguments: {least: "4"}, results: {number: given}, next: tell, ways: {gave_up: sorry}}
  tell: {hangup: {prompt: [{digits: number}, {digits: kept}]}}
  sorry: {hangup: {prompt: [sorry, {digits: number}]}}
  seat: {queue: {queue: xining}}
"""
SUB = """
flow: number
subflow: true
languages: [zh, en]
start: speak
variables: {least: {type: int, argument: true}, given: {type: string}}
nodes:
  speak: {language: {to: en, next: enter}}
  enter: {collect: {prompt: enter, into: given, next: check, silence: gave_up, tries: 1}}
  check: {switch: {cases: [{when: size(given) >= least, next: done}], otherwise: gave_up}}
  done: {return: {}}
  gave_up: {return: {as: gave_up}}
"""


def caller() -> Walker:
    return Walker(flows(MAIN, SUB))


def test_arguments_and_results() -> None:
    one = caller()
    assert one.at == "number/enter"
    assert one.keys("1234#").heard == ["enter.en", "digits:1234.en", "digits:kept.en"]


def test_ways() -> None:
    assert caller().keys("12#").heard == ["enter.en", "sorry.en", "digits:12.en"]
    assert caller().listen().wait(5).heard == ["enter.en", "sorry.en", "digits:.en"]


def test_zero_within_reaches_the_callers_person() -> None:
    assert caller().keys("0#").queued.queue == "xining"
    assert caller().keys("0#").session.node == "seat"


def test_trace_tells_the_flow() -> None:
    one = caller().keys("1234#")
    path = [(step.flow, step.node, step.branch) for step in one.session.take_trace()]
    assert path == [
        ("hotline", "ask", "call"), ("number", "speak", "next"), ("number", "enter", "next"),
        ("number", "check", "case 1"), ("number", "done", "return"), ("hotline", "ask", "next"),
    ]  # fmt: skip

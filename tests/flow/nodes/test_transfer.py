"""`transfer`."""

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.actions import ActionFailed, ToTransfer
from tests.flow.walker import Walker, flow, flows

FLOW = """
flow: hotline
person: seat
start: out
variables: {line: {type: string, default: "12315"}}
nodes:
  out: {transfer: {line_from: line, ring_for: 20, busy: busy, unknown: busy, next: bye}}
  busy: {play: {prompt: busy}}
  bye: {hangup: {reason: served}}
  seat: {queue: {queue: xining}}
"""


@pytest.mark.parametrize(
    ("target", "kind", "value"),
    [
        ("line_from: line", "line", "12315"),
        ("line: '12333'", "line", "12333"),
        ("seat: a1001", "seat", "a1001"),
        ("number: 110", "number", "110"),
    ],
)
def test_targets(target: str, kind: str, value: str) -> None:
    caller = Walker(flows(FLOW.replace("line_from: line", target)))
    assert caller.transferred == ToTransfer(kind=kind, target=value, ring_for=20, comes_back=True)


def test_named_reason() -> None:
    assert Walker(flows(FLOW)).comes_back("busy", "transfer").heard == ["busy.zh"]


@pytest.mark.parametrize(
    ("reason", "branch"),
    [
        ("cause_17", "busy"),
        ("cause_1", "unknown"),
        ("unknown_target", "unknown"),
        ("cause_19", "otherwise"),
        ("cause_38", "otherwise"),
    ],
)
def test_q850_causes(reason: str, branch: str) -> None:
    caller = Walker(flows(FLOW)).comes_back(reason, "transfer")
    assert [step.branch for step in caller.session.take_trace() if step.node == "out"][-1] == branch


@pytest.mark.parametrize("reason", ["no_answer", "whatever"])
def test_every_other_failure_leads_to_a_person(reason: str) -> None:
    assert Walker(flows(FLOW)).comes_back(reason, "transfer").queued.queue == "xining"
    assert Walker(flows(FLOW)).give(ActionFailed("ToTransfer", reason)).queued.queue == "xining"


def test_conversation_over() -> None:
    assert Walker(flows(FLOW)).comes_back("partner_left", "conversation").ended.reason == "served"
    text = FLOW.replace(", next: bye", "")
    assert Walker(flows(text)).comes_back("", "conversation").ended.reason == "conversation over"


def test_no_line_given() -> None:
    assert Walker(flows(FLOW.replace('"12315"', '""'))).heard == ["busy.zh"]
    assert Walker(flows(FLOW.replace('"12315"', '""').replace("unknown: busy, ", ""))).queued


@pytest.mark.parametrize("target", ["line: '1', seat: a1", "ring_for: 20", "number: 'abc'"])
def test_exactly_one_target(target: str) -> None:
    with pytest.raises(ConfigError):
        flow(FLOW.replace("line_from: line, ring_for: 20", target))

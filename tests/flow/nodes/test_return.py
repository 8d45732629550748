"""`return`."""

from tests.flow.walker import Walker, flows

SUB = "{flow: sub, subflow: true, start: end, nodes: {end: {return: {as: %s}}}}"
MAIN = """
flow: hotline
person: seat
start: go
nodes:
  go: {subflow: {flow: sub, ways: {left: bye}}}
  bye: {hangup: {}}
  seat: {queue: {queue: xining}}
"""


def test_as_chooses_the_way() -> None:
    assert Walker(flows(MAIN, SUB % "left")).ended


def test_a_word_nobody_listens_to_takes_next_and_next_is_a_person() -> None:
    assert Walker(flows(MAIN, SUB % "right")).queued.queue == "xining"


def test_outside_a_subflow_it_leads_to_a_person() -> None:
    assert Walker(flows(MAIN.replace("{subflow: {flow: sub, ways: {left: bye}}}", "{return: {}}"))).queued

"""`switch`."""

import pytest

from callrouter.config.document import ConfigError
from tests.flow.walker import Walker, flow, flows

FLOW = """
flow: hotline
person: seat
start: way
nodes:
  way:
    switch:
      cases:
        - {when: 'dialled.endsWith("12315")', next: consumer}
        - {when: 'hour >= 9 && weekday == 5', next: friday}
      otherwise: area
  area:
    switch: {on: organisation, values: {xining: consumer, yushu: friday}}
  consumer: {hangup: {prompt: consumer}}
  friday: {hangup: {prompt: friday}}
  seat: {queue: {queue: xining}}
"""


@pytest.mark.parametrize(
    ("facts", "heard"),
    [
        ({"dialled": "097112315"}, ["consumer.zh"]),
        ({}, ["friday.zh"]),
    ],
)
def test_cases(facts: dict[str, str], heard: list[str]) -> None:
    assert Walker(flows(FLOW), **facts).heard == heard  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("organisation", "heard"), [("yushu", ["friday.zh"]), ("xining", ["consumer.zh"]), ("", [])]
)
def test_values(organisation: str, heard: list[str]) -> None:
    caller = Walker(flows(FLOW.replace("weekday == 5", "weekday == 4")), organisation=organisation)
    assert caller.heard == heard
    if not heard:
        assert caller.queued


def test_numbers_and_truths_as_values() -> None:
    text = FLOW.replace("on: organisation, values: {xining", "on: hour > 5, values: {true").replace(
        "== 5", "== 4"
    )
    assert Walker(flows(text)).heard == ["consumer.zh"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("hour >= 9 && weekday == 5", "hour", "is int, but bool is needed"),
        ("hour >= 9", "hours >= 9", "unknown name 'hours'.*Did you mean 'hour'"),
        ("hour >= 9", 'hour >= "9"', "does not work on"),
        ("hour >= 9", "hour => 9", "at character"),
        ("weekday == 5", "weekday = 5", "use == to compare"),
        ("on: organisation, ", "", "give either|belong together"),
        ("otherwise: area", "otherwise: aera", "Did you mean 'area'"),
    ],
)
def test_faults_at_load(old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        flow(FLOW.replace(old, new))

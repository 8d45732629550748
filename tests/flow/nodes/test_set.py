"""`set`."""

import pytest

from callrouter.config.document import ConfigError
from tests.flow.walker import Walker, flow, flows

FLOW = """
flow: hotline
person: seat
start: change
variables:
  a: {type: int, default: 1}
  b: {type: int, default: 2}
  rate: {type: double, default: 3}
  tags: {type: list, default: [x]}
nodes:
  change: {set: {values: {a: b, b: a, tags: 'tags + ["y"]'}, next: bye}}
  bye: {hangup: {}}
  seat: {queue: {queue: xining}}
"""


def test_all_values_are_those_from_before() -> None:
    caller = Walker(flows(FLOW))
    assert caller.session.take_trace()[0].variables == {"a": 2, "b": 1, "tags": ["x", "y"]}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a: b", 'a: "true"', "'a' is int, but is given bool"),
        ("a: b", "caller: dialled", "'caller' is read-only"),
        ("a: b", "aa: b", "not declared"),
        ("default: 1}", "default: x}", "default of 'a' is not int"),
        ("  a: {type", "  caller: {type", "'caller' is built in"),
        ("type: int, default: 1", "type: intt", "Did you mean 'int'"),
    ],
)
def test_types(old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        flow(FLOW.replace(old, new, 1))

"""`sql`."""

import pytest

from callrouter.config.document import ConfigError
from callrouter.flow.actions import Lookup
from tests.flow.walker import Walker, flow, flows

QUERY = "SELECT name FROM vip WHERE number = :number AND note <> 'a;:b'"
FLOW = f"""
flow: hotline
person: seat
start: ask
variables: {{name: {{type: string}}}}
nodes:
  ask:
    sql:
      database: customers
      query: "{QUERY}"
      parameters: {{number: caller}}
      into: {{name: 'answer[0].name'}}
      next: tell
      not_found: absent
  tell: {{hangup: {{prompt: [{{digits: name}}]}}}}
  absent: {{hangup: {{prompt: absent}}}}
  seat: {{queue: {{queue: xining}}}}
"""


def test_request_and_rows() -> None:
    caller = Walker(flows(FLOW))
    request = {"database": "customers", "query": QUERY, "parameters": {"number": "13900001111"}}
    assert caller.last == Lookup(1, "sql", request, 3)
    assert caller.found([{"name": "Zhaxi"}]).heard == ["digits:Zhaxi.zh"]


def test_no_rows() -> None:
    assert Walker(flows(FLOW)).found([]).heard == ["absent.zh"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DELETE FROM vip WHERE number = :number", "only SELECT"),
        ("SELECT 1 WHERE '1' = :number; DROP TABLE vip", "more than one statement"),
        ("SELECT name FROM vip WHERE number = :numbr", "no value for :numbr"),
        ("SELECT name FROM vip", "does not occur"),
    ],
)
def test_dangerous_queries(query: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        flow(FLOW.replace(QUERY, query))


def test_casts_are_no_parameters() -> None:
    flow(FLOW.replace(QUERY, "SELECT number::text FROM vip WHERE number = :number;"))

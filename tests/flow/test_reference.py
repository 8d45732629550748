"""Every verb has an example that is a sound node, and a page."""

from pathlib import Path

import pytest

from callrouter.flow.nodes import VERBS
from callrouter.flow.reference import example_of, pages
from callrouter.flow.schema import flow_schema
from tests.asterisk import test_flow_verbs, test_flow_waiting
from tests.flow.walker import flow


@pytest.mark.parametrize("verb", VERBS)
def test_examples_are_sound(verb: str) -> None:
    assert example_of(VERBS[verb]).verb == verb


@pytest.mark.parametrize("verb", VERBS)
def test_every_key_is_explained(verb: str) -> None:
    page = pages()[f"{verb}.md"]
    for name, field in VERBS[verb].model_fields.items():
        assert f"| `{field.alias or name}` |" in page
        assert field.description, f"{verb}.{name} needs a docstring"


def test_the_schema_has_every_verb() -> None:
    nodes = flow_schema()["properties"]["nodes"]["additionalProperties"]
    assert set(nodes["properties"]) == {*VERBS, "note"}


def test_every_verb_is_walked_on_a_real_asterisk() -> None:
    flows = (test_flow_verbs.VERBS, test_flow_verbs.PART, test_flow_waiting.FLOW)
    walked = {placed.body.verb for text in flows for placed in flow(text).nodes.values()}
    assert walked == set(VERBS)


def test_every_verb_has_its_unit_tests() -> None:
    folder = Path(__file__).parent / "nodes"
    assert {path.stem.removeprefix("test_") for path in folder.glob("test_*.py")} == set(VERBS)

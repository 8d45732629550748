"""Every verb has an example that is a sound node, and a page."""

import pytest

from callrouter.flow.nodes import VERBS
from callrouter.flow.reference import example_of, pages
from callrouter.flow.schema import flow_schema


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

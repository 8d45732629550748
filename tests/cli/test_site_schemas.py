"""Schemas of the site's two files, for editors: of today's models, and of what is shipped."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.stage import command, run

SHIPPED = Path("ivr_flows")
FILES = ("directory", "floor")


def schema(group: str) -> dict[str, Any]:
    result = run(command(group), group, "schema")
    assert result.exit_code == 0, result.output
    made: dict[str, Any] = json.loads(result.output)
    return made


@pytest.mark.parametrize("group", FILES)
def test_the_shipped_schema_is_of_today(group: str, tmp_path: Path) -> None:
    assert run(command(group), group, "schema", "--write", tmp_path).exit_code == 0
    fresh = (tmp_path / f"{group}.schema.json").read_text(encoding="utf-8")
    assert fresh == (SHIPPED / f"{group}.schema.json").read_text(encoding="utf-8"), "run `make docs`"
    assert json.loads(fresh) == schema(group)


@pytest.mark.parametrize("group", [*FILES, "flow"])
def test_a_folder_that_is_not_there_is_wrong_usage(group: str, tmp_path: Path) -> None:
    result = run(command(group), group, "schema", "--write", tmp_path / "nope")
    assert result.exit_code == 2
    assert not isinstance(result.exception, OSError)


class Reader:
    """As much of JSON Schema as an editor needs to underline a key or a word that does not belong."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self._definitions = whole["definitions"]
        self._whole = whole

    def slips(self, value: Any, part: dict[str, Any] | None = None, at: str = "") -> list[str]:
        part = self._whole if part is None else part
        if "$ref" in part:
            return self.slips(value, self._definitions[part["$ref"].rpartition("/")[2]], at)
        if "anyOf" in part:
            return min((self.slips(value, choice, at) for choice in part["anyOf"]), key=len)
        if part.get("type") == "null":
            return [] if value is None else [f"{at}: not empty"]
        if "enum" in part and value not in part["enum"]:
            return [f"{at}: {value}"]
        if isinstance(value, dict):
            return [slip for key, one in value.items() for slip in self._key(str(key), one, part, at)]
        if isinstance(value, list):
            return [slip for one in value for slip in self.slips(one, part.get("items", {}), at)]
        return [at] if part.get("type") in ("object", "array") else []

    def _key(self, key: str, value: Any, part: dict[str, Any], at: str) -> list[str]:
        if key in part.get("properties", {}):
            return self.slips(value, part["properties"][key], f"{at}/{key}")
        for pattern, found in part.get("patternProperties", {}).items():
            if re.search(pattern, key):
                return self.slips(value, found, f"{at}/{key}")
        return [f"{at}/{key}"] if part.get("additionalProperties") is False else []


@pytest.mark.parametrize("group", FILES)
def test_what_is_shipped_is_not_underlined(group: str) -> None:
    text = (SHIPPED / "site" / f"{group}.yaml").read_text(encoding="utf-8")
    assert Reader(schema(group)).slips(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("group", "text", "where"),
    [
        ("directory", "lines: {12315: {name: a, entries: [{mod: x}]}}", "/lines/12315/entries/mod"),
        ("directory", "trunks: {Carrier: {name: a}}", "/trunks/Carrier"),
        ("directory", "lines: {12315: {kind: shop}}", "/lines/12315/kind: shop"),
        ("floor", "queues: {province: {wrapup: 3}}", "/queues/province/wrapup"),
        ("floor", "queues: {province: {strategy: luck}}", "/queues/province/strategy: luck"),
        ("floor", "seats: {a1: {queues: province}}", "/seats/a1/queues"),
    ],
)
def test_a_slip_is(group: str, text: str, where: str) -> None:
    assert Reader(schema(group)).slips(yaml.safe_load(text)) == [where]


@pytest.mark.parametrize("group", FILES)
def test_every_key_is_explained(group: str) -> None:
    whole = schema(group)
    parts = {"": whole, **whole["definitions"]}
    silent = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, one in part.get("properties", {}).items()
        if "description" not in one and "$ref" not in one
    ]
    assert not silent

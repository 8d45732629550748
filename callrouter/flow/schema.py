"""JSON Schemas of the files that engineers write, for editors and for the reference pages."""

from typing import Any, Final

from pydantic import BaseModel

from callrouter.flow.calendar import CalendarFile
from callrouter.flow.cases import CaseFile
from callrouter.flow.compiling import NOTE
from callrouter.flow.node import Node
from callrouter.flow.nodes import VERBS
from callrouter.flow.program import FlowModel

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""What yaml-language-server understands best."""
Schema = dict[str, Any]


def flow_schema() -> Schema:
    """The schema of a flow file: every verb with its keys, defaults and explanations."""
    schema = _schema(FlowModel, "A flow of callrouter")
    definitions = schema.setdefault("definitions", {})
    choices: dict[str, Schema] = {NOTE: {"type": "string", "description": "A remark for colleagues."}}
    for verb, kind in VERBS.items():
        body = verb_schema(kind)
        definitions |= body.pop("definitions", {})
        definitions[kind.__name__] = body
        summary = body.get("description", "")
        choices[verb] = {"$ref": f"#/definitions/{kind.__name__}", "description": summary}
    schema["properties"]["nodes"].pop("patternProperties", None)
    schema["properties"]["nodes"]["additionalProperties"] = {
        "type": "object",
        "properties": choices,
        "additionalProperties": False,
        "oneOf": [{"required": [verb]} for verb in VERBS],
    }
    return schema


def verb_schema(kind: type[Node]) -> Schema:
    """The schema of one verb's body."""
    schema = _schema(kind, "")
    schema.pop("$schema", None)
    schema.pop("title", None)
    return schema


def case_schema() -> Schema:
    """The schema of a file of test cases."""
    schema = _schema(CaseFile, "Test cases for a flow of callrouter")
    step = schema["definitions"]["Step"]
    schema["definitions"]["Case"]["properties"]["caller"]["items"] = {
        "anyOf": [{"enum": ["silence", "listen"]}, step]
    }
    return schema


def calendar_schema() -> Schema:
    """The schema of a calendar file."""
    return _schema(CalendarFile, "Calendars of callrouter")


def _schema(model: type[BaseModel], title: str) -> Schema:
    schema = model.model_json_schema(ref_template="#/definitions/{model}")
    if "$defs" in schema:
        schema["definitions"] = schema.pop("$defs")
    tidy = _tidied(schema)
    assert isinstance(tidy, dict)
    return {"$schema": DIALECT, **tidy, **({"title": title} if title else {})}


def _tidied(part: Any, inside_properties: bool = False) -> Any:
    """Numbers may stand where text is wanted (`number: 110`); titles that only repeat a key's name go."""
    if isinstance(part, list):
        return [_tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _tidied(value, inside_properties=not inside_properties and key in ("properties", "definitions"))
        for key, value in part.items()
        if inside_properties or key != "title"
    }
    if not inside_properties and kept.get("type") == "string" and not {"enum", "const", "format"} & set(kept):
        kept["type"] = ["string", "number"]
    return kept

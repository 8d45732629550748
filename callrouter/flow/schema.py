"""JSON Schemas of flows, their test cases and calendars, for editors and for the reference pages."""

from callrouter.config.json_schema import Schema, schema_of
from callrouter.flow.calendar import CalendarFile
from callrouter.flow.cases import CaseFile
from callrouter.flow.compiling import NOTE
from callrouter.flow.node import Node
from callrouter.flow.nodes import VERBS
from callrouter.flow.program import FlowModel


def flow_schema() -> Schema:
    """The schema of a flow file: every verb with its keys, defaults and explanations."""
    schema = schema_of(FlowModel, "A flow of callrouter")
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
    schema = schema_of(kind, "")
    schema.pop("$schema", None)
    schema.pop("title", None)
    return schema


def case_schema() -> Schema:
    """The schema of a file of test cases."""
    schema = schema_of(CaseFile, "Test cases for a flow of callrouter")
    step = schema["definitions"]["Step"]
    schema["definitions"]["Case"]["properties"]["caller"]["items"] = {
        "anyOf": [{"enum": ["silence", "listen"]}, step]
    }
    return schema


def calendar_schema() -> Schema:
    """The schema of a calendar file."""
    return schema_of(CalendarFile, "Calendars of callrouter")

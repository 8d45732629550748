"""The reference pages, written from the schemas: one page a verb, and one for the file around them."""

import inspect
import re
from typing import Any, Final

from callrouter.config.document import parse, read_document
from callrouter.config.json_schema import Schema
from callrouter.flow.node import Choice, Exit, Listening, Node
from callrouter.flow.nodes import VERBS
from callrouter.flow.program import BUILT_IN
from callrouter.flow.schema import flow_schema, verb_schema

NOTICE: Final = (
    "<!-- Written by `callrouter flow schema --docs docs/reference/flow`; change the sources instead. -->\n"
)


def pages() -> dict[str, str]:
    """File name → Markdown."""
    made = {f"{verb}.md": _verb_page(verb, kind) for verb, kind in VERBS.items()}
    return {"README.md": _file_page(), **made}


def _verb_page(verb: str, kind: type[Node]) -> str:
    schema = verb_schema(kind)
    parts = [NOTICE, f"# `{verb}`\n", inspect.cleandoc(kind.__doc__ or "") + "\n"]
    parts += ["```yaml\n" + inspect.cleandoc(kind.example) + "\n```\n"]
    parts += [_keys(schema)]
    for name, definition in schema.get("definitions", {}).items():
        if name not in ("Say", *(other.__name__ for other in VERBS.values())) and "properties" in definition:
            parts += [f"\n## {definition.get('description', name)}\n", _keys(definition)]
    parts += ["\n## Ways on\n", _exits(kind)]
    parts += ["\n" + _behaviour(kind)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _file_page() -> str:
    schema = flow_schema()
    say = schema["definitions"]["Say"]
    variable = schema["definitions"]["Variable"]
    rows = "\n".join(f"| [`{verb}`]({verb}.md) | {_summary(kind)} |" for verb, kind in VERBS.items())
    names = "\n".join(f"| `{name}` | {kind} |" for name, kind in BUILT_IN.items())
    text = "\n".join(
        [
            NOTICE,
            "# Flow files\n",
            "One flow a file, `<flow>.yaml`. A node has exactly one verb and, if you like, a `note`.\n",
            _keys(schema),
            "\n## Verbs\n",
            f"| verb | what it does |\n|---|---|\n{rows}\n",
            "## Prompts\n",
            "A `prompt` is a prompt's id or a list; in a list an item may also be one of these:\n",
            _keys(say),
            "\n## Variables\n",
            _keys(variable),
            "\nThese names are always there to be read in expressions ([CEL](https://cel.dev)):\n",
            f"| name | type |\n|---|---|\n{names}\n",
            "`outcome` is how the last queue or transfer ended, `answer` the last look-up's result.\n",
        ]
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _summary(kind: type[Node]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _keys(schema: Schema) -> str:
    required = set(schema.get("required", ()))
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    own = sorted(schema.get("properties", {}).items(), key=lambda item: item[0] == "no_person_key")
    for name, part in own:
        default = "**needed**" if name in required else _default(part.get("default"))
        rows.append(f"| `{name}` | {_takes(part)} | {default} | {_cell(part.get('description', ''))} |")
    return "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _takes(part: Schema) -> str:
    for mark, words in (("x-node", "a node"), ("x-expression", "an expression"), ("x-prompts", "prompts")):
        if mark in part:
            return words
    if "$ref" in part:
        return str(part["$ref"]).rsplit("/", 1)[-1].lower()
    for key in ("anyOf", "oneOf", "allOf"):
        if key in part:
            kinds = [_takes(item) for item in part[key] if item.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in part:
        return ", ".join(f"`{value}`" if value else "nothing" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    kind = part.get("type", "anything")
    if kind == "array":
        return f"list of {_takes(part.get('items', {}))}"
    if kind == "object":
        inner = part.get("additionalProperties") or next(
            iter(part.get("patternProperties", {}).values()), None
        )
        return f"{_takes(inner)} by name" if isinstance(inner, dict) else "mapping"
    return _plain(kind, part)


def _plain(kind: Any, part: Schema) -> str:
    word = "text" if isinstance(kind, list) or kind == "string" else str(kind)
    word = {"integer": "whole number", "boolean": "true or false"}.get(word, word)
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None and high is not None:
        return f"{word} {low:g}–{high:g}"
    return word


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


CHOICES: Final = {
    Choice.CALLER: "the caller's key",
    Choice.MISTAKE: "silence or mistakes",
    Choice.SYSTEM: "done, data or time",
    Choice.FAILURE: "a failure",
}


def _exits(kind: type[Node]) -> str:
    exits = list(example_of(kind).exits())
    if not exits:
        return "None: the call (or subflow) ends here.\n"
    rows = "\n".join(f"| `{exit.label}` | {CHOICES[exit.choice]} | {_target(exit)} |" for exit in exits)
    return "In the example above:\n\n| branch | taken by | leads to |\n|---|---|---|\n" + rows + "\n"


def _target(exit: Exit) -> str:
    return f"`{exit.target}`" if exit.target is not None else "a person"


def _behaviour(kind: type[Node]) -> str:
    if issubclass(kind, Listening):
        return "`0` leads to a person unless `no_person_key` says why not.\n"
    if kind.hands_over:
        return "Keys pressed meanwhile are not the flow's.\n"
    return "Keys pressed meanwhile are kept for the next node that listens.\n"


def example_of(kind: type[Node]) -> Node:
    """The node of a verb's example."""

    document = read_document(inspect.cleandoc(kind.example), f"{kind.verb}.example")
    assert isinstance(document.root, dict)
    name = next(iter(document.root))
    return parse(document, kind, (name, kind.verb))

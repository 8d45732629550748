"""The API's reference page, made from its OpenAPI document: `python -m callrouter.web.reference FILE`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from callrouter.web.problems import MEDIA_TYPE

_HEAD: Final = """\
# HTTP API

Made from the OpenAPI document (`/api/openapi.json`) by `make docs`; a test keeps it up to date.

"""

Document = dict[str, Any]


def markdown(openapi: Document) -> str:
    """The whole page."""
    parts = [_HEAD, openapi["info"]["description"], "\n"]
    for tag in _tags(openapi):
        parts.append(f"\n## {tag.capitalize()}\n")
        for path, method, operation in _operations(openapi):
            if operation.get("tags", ["other"])[0] == tag:
                parts.append(_operation(path, method, operation))
    parts.append("\n## Documents\n")
    schemas = openapi["components"]["schemas"]
    parts.extend(
        _schema(name, schemas[name]) for name in sorted(schemas) if not name.startswith("HTTPValidation")
    )
    return "".join(parts).rstrip() + "\n"


def _operations(openapi: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _tags(openapi: Document) -> list[str]:
    return list(
        dict.fromkeys(operation.get("tags", ["other"])[0] for _, _, operation in _operations(openapi))
    )


def _operation(path: str, method: str, operation: Document) -> str:
    lines = [f"\n### `{method} {path}`\n\n", f"{operation.get('description', operation['summary'])}\n\n"]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            about = parameter.get("description", parameter["schema"].get("description", ""))
            lines.append(f"- query `{parameter['name']}`: {about or _type(parameter['schema'])}\n")
    body = operation.get("requestBody")
    if body is not None:
        needed = "" if body.get("required") else " (may be left out)"
        ((kind, content),) = body["content"].items()
        what = _type(content["schema"]) if kind == "application/json" else f"a file, `{kind}`"
        lines.append(f"- body{needed}: {what}\n")
    replies = operation["responses"]
    lines.append(f"- answers: {', '.join(_reply(code, replies[code]) for code in sorted(replies))}\n")
    return "".join(lines)


def _reply(code: str, reply: Document) -> str:
    content = reply.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if code.startswith("2") and schema:
        return f"{code} {_type(schema)}"
    return f"{code} {reply['description']}" if MEDIA_TYPE not in content else code


def _schema(name: str, schema: Document) -> str:
    lines = [f"\n### {name}\n\n"]
    if description := schema.get("description"):
        lines.append(f"{description}\n\n")
    required = schema.get("required", ())
    lines.append("| field | type | |\n|---|---|---|\n")
    for field, about in schema.get("properties", {}).items():
        optional = "" if field in required else " (optional)"
        text = about.get("description", "").replace("\n", " ")
        example = f" e.g. `{about['examples'][0]}`" if about.get("examples") else ""
        lines.append(f"| `{field}`{optional} | {_type(about)} | {text}{example} |\n")
    return "".join(lines)


def _type(schema: Document) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "any"))


def _openapi() -> Document:
    from callrouter.web.app import openapi_document

    return openapi_document()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(_openapi()), encoding="utf-8")

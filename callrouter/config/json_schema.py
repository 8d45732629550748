"""JSON Schemas of the files that engineers write: editors complete, explain and underline with them."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""What yaml-language-server understands best."""
Schema = dict[str, Any]


def schema_of(model: type[BaseModel], title: str) -> Schema:
    """The schema of what `model` reads; `title` heads it unless it is empty."""
    schema = model.model_json_schema(ref_template="#/definitions/{model}")
    if "$defs" in schema:
        schema["definitions"] = schema.pop("$defs")
    tidy = _tidied(schema)
    assert isinstance(tidy, dict)
    return {"$schema": DIALECT, **tidy, **({"title": title} if title else {})}


def printed(schema: Schema) -> str:
    """As it is written into a file."""
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def write_schema(folder: Path, name: str, schema: Schema) -> None:
    """Write ``NAME.schema.json``, where the first line of a file names it. Raises OSError."""
    (folder / f"{name}.schema.json").write_text(printed(schema), encoding="utf-8")


def _tidied(part: Any, inside_properties: bool = False) -> Any:
    """Numbers may stand where text is wanted (`number: 110`); titles that only repeat a key's name go.

    A name that does not look like one is a slip, hence underlined.
    """
    if isinstance(part, list):
        return [_tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _tidied(value, inside_properties=not inside_properties and key in ("properties", "definitions"))
        for key, value in part.items()
        if inside_properties or key != "title"
    }
    if not inside_properties and kept.get("format") == "date-time":
        del kept["format"]  # a time without a zone is the site's
    if not inside_properties and kept.get("type") == "string" and not {"enum", "const", "format"} & set(kept):
        kept["type"] = ["string", "number"]
    if not inside_properties and "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    return kept

"""Reference tables from pydantic models: key, what it takes, default, meaning."""

import inspect
import types
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", SecretStr: "text (secret)"}
SECONDS_MAX = 86_400


@dataclass(frozen=True)
class Group:
    """A model that stands under `path`, such as ``asterisk[]`` or ``queues.<name>``."""

    path: str
    model: type[BaseModel]


def groups(model: type[BaseModel], path: str = "") -> Iterator[Group]:
    """The model and all models beneath it, outer ones first."""
    yield Group(path, model)
    for name, field in model.model_fields.items():
        for inner, suffix in _models_in(field.annotation):
            yield from groups(inner, f"{path}.{name}{suffix}".lstrip("."))


def table(model: type[BaseModel], variables: str | None = None, taken: Collection[str] = frozenset()) -> str:
    """One row a key.

    `variables` is the prefix of environment variables (None: no such column), `taken` those that mean
    something else.
    """
    heads = [
        "key",
        "takes",
        "default",
        "meaning",
        *(["environment variable"] if variables is not None else []),
    ]
    rows = [heads, ["---"] * len(heads)]
    for name, field in model.model_fields.items():
        row = [f"`{field.alias or name}`", takes(field), _default(field), _meaning(field)]
        if variables is not None:
            variable = f"{variables}{name.upper()}"
            row.append(f"`{variable}`" if _is_single(field.annotation) and variable not in taken else "")
        rows.append(row)
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows) + "\n"
    )


def about(model: type[BaseModel]) -> str:
    """The model's own docstring, unwrapped."""
    return inspect.cleandoc(model.__doc__ or "").replace("\n", " ")


def takes(field: FieldInfo) -> str:
    """What may be written there, in words."""
    return _kind(field.annotation, [*field.metadata])


def _kind(annotation: Any, limits: list[Any]) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        extra = [
            part for item in inner[1:] for part in (item.metadata if isinstance(item, FieldInfo) else [item])
        ]
        return _kind(inner[0], limits + extra)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(one, limits) for one in inner if one is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (list, tuple):
        some = any(isinstance(limit, MinLen) and limit.min_length for limit in limits)
        return ("one or more of: " if some else "list of ") + _kind(inner[0], [])
    if origin is dict:
        return f"{_kind(inner[1], [])} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__.lower()}](#{annotation.__name__.lower()})"
    return WORDS.get(annotation, "path") + _range(limits)


def _range(limits: list[Any]) -> str:
    low = next((f"from {x.ge:g}" for x in limits if isinstance(x, Ge)), "")
    low = next((f"above {x.gt:g}" for x in limits if isinstance(x, Gt)), low)
    high = next((x.le for x in limits if isinstance(x, Le)), None)
    high = next((x.lt for x in limits if isinstance(x, Lt)), high)
    if high == SECONDS_MAX:
        return " of seconds" + (" above 0" if low == "above 0" else "")
    if not low:
        return ""
    return f" {low}" + (f" to {high:g}" if high is not None else "")


def _is_single(annotation: Any) -> bool:
    """One value, which an environment variable can hold: no list, no group."""
    return get_origin(annotation) not in (dict, list, tuple) and not _models_in(annotation)


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "**needed**"
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel) or value in ("", ()):
        return ""
    if isinstance(value, SecretStr):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(field: FieldInfo) -> str:
    if field.description:
        return field.description.replace("\n", " ").replace("<", "\\<")
    inner = _models_in(field.annotation)
    return about(inner[0][0]) if inner else ""


def _models_in(annotation: Any) -> list[tuple[type[BaseModel], str]]:
    """Models within an annotation, each with what its place adds to the path."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, "")]
    if origin is dict:
        return [(model, ".<name>" + rest) for model, rest in _models_in(inner[1])]
    if origin in (list, tuple):
        return [(model, "[]" + rest) for one in inner for model, rest in _models_in(one)]
    if origin in (Union, types.UnionType, Annotated):
        return [found for one in inner for found in _models_in(one)]
    return []

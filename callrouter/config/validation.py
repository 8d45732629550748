"""Typed models over documents: every pydantic error in plain words, at its line."""

import copy
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from callrouter.config.faults import ConfigError, Fault
from callrouter.config.syntax import wide_hint

if TYPE_CHECKING:
    from callrouter.config.document import Document

Model = TypeVar("Model", bound=BaseModel)


def parse(
    document: "Document",
    model: type[Model],
    at: Sequence[str | int] = (),
    unknown_keys: Literal["forbid", "ignore"] = "forbid",
) -> Model:
    """The document, or its part at path `at`, as `model`.

    Unknown keys are refused whatever the model says, unless they are to be
    ignored. A number where text is wanted is taken as it was written (`12345`,
    `1.10`). Raises ConfigError with every fault at once.
    """
    value: Any = document.root
    for step in at:
        value = value[step]
    try:
        return model.model_validate(value, extra=unknown_keys)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    texts = [loc for item in errors if (loc := _number_meant_as_text(document, at, item)) is not None]
    if texts:
        value = copy.deepcopy(value)
        for path in texts:
            _put(value, path, document.source((*at, *path)))
        try:
            return model.model_validate(value, extra=unknown_keys)
        except ValidationError as error:
            errors = error.errors(include_url=False)
    raise ConfigError(_faults(document, model, at, errors))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, ``""`` when none is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint: the nearest known word, or the list of all of them."""
    known = sorted(known)
    if near := nearest(word, known):
        return f"Did you mean {near!r}?"
    return "Known: " + ", ".join(known[:20]) + (" …" if len(known) > 20 else "") if known else ""


def _number_meant_as_text(
    document: "Document", at: Sequence[str | int], item: ErrorDetails
) -> tuple[str | int, ...] | None:
    if item["type"] != "string_type" or isinstance(item["input"], bool):
        return None
    if not isinstance(item["input"], int | float):
        return None
    return document.trodden((*at, *item["loc"]))[len(at) :]


def _put(value: Any, path: Sequence[str | int], text: str | None) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = text


def _faults(
    document: "Document", model: type[BaseModel], at: Sequence[str | int], errors: Sequence[ErrorDetails]
) -> list[Fault]:
    faults = []
    deepest = _deepest_branches(document, at, errors)
    for item in deepest:
        loc = tuple(step for step in item["loc"] if step != "[key]")
        path = (*at, *loc)
        message, hint = _words(item, model, loc, _label(document.trodden(path)[len(at) :] or loc))
        on_key = item["type"] in ("extra_forbidden", "missing") or "[key]" in item["loc"]
        faults.append(document.fault(path, message, hint, key=on_key))
    return faults


def _deepest_branches(
    document: "Document", at: Sequence[str | int], errors: Sequence[ErrorDetails]
) -> list[ErrorDetails]:
    """Of a union's many complaints about one value, those of the branch that came furthest."""
    reach: dict[tuple[str | int, ...], int] = {}
    paths = [document.trodden((*at, *item["loc"])) for item in errors]
    for path in paths:
        for length in range(len(path)):
            reach[path[:length]] = max(reach.get(path[:length], 0), len(path))
    kept = []
    for item, path in zip(errors, paths, strict=True):
        is_union_noise = len(path) < len(at) + len(item["loc"]) and item["type"].endswith("_type")
        # Entries with faults of their own are not counted as entries.
        is_union_noise |= item["type"] == "too_short" and len(item["input"] or ()) > 0
        if not (is_union_noise and reach.get(path, 0) > len(path)):
            kept.append(item)
    return kept


_KINDS: Final[Mapping[str, str]] = {
    "string_type": "text", "int_type": "a whole number", "int_parsing": "a whole number",
    "int_from_float": "a whole number", "float_type": "a number", "float_parsing": "a number",
    "bool_type": "true or false", "bool_parsing": "true or false", "list_type": "a list",
    "tuple_type": "a list", "dict_type": "a mapping (key: value)", "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)", "set_type": "a list", "frozen_set_type": "a list",
    "date_type": "a date such as 2027-02-17", "date_parsing": "a date such as 2027-02-17",
    "date_from_datetime_parsing": "a date such as 2027-02-17",
    "time_type": "a time such as 18:30", "time_parsing": "a time such as 18:30",
    "time_delta_type": "a duration", "time_delta_parsing": "a duration", "finite_number": "a finite number",
}  # fmt: skip


_WITH_UNIT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:s|sec|seconds?|ms|min|秒|秒钟|分钟?|%)")


NAME: Final = r"^[a-z][a-z0-9_-]{0,39}$"
"""How a seat, a queue, a skill may be called."""

_PATTERNS: Final = {
    NAME: "Begin with a small letter a to z, go on with small letters, digits, - or _; at most 40"
}


def in_words(item: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """What is wrong and what to do, of an error that stands in no document."""
    return _words(item, model, item["loc"], _label(item["loc"]))


def _words(
    item: ErrorDetails, model: type[BaseModel], loc: tuple[str | int, ...], label: str
) -> tuple[str, str]:
    kind, context = item["type"], item.get("ctx", {})
    name = str(loc[-1]) if loc else "the file"
    if kind == "extra_forbidden":
        return f"unknown key {name!r}", wide_hint(name) or did_you_mean(name, _keys_at(model, loc[:-1]))
    if kind == "missing":
        return f"{name!r} is missing", f"Add `{name}:`"
    if kind in _KINDS:
        if not loc and item["input"] is None:
            return "the file is empty", "Write something into it, or remove it"
        return f"{label} must be {_KINDS[kind]}, not {_show(item['input'])}", _instead(item)
    if kind in ("enum", "literal_error"):
        return f"{label} cannot be {_show(item['input'])}", _choice(str(item["input"]), context["expected"])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = str(context["discriminator"]).strip("'")
        if kind == "union_tag_not_found":
            return f"{label} does not say which {key} it is", f"Add `{key}:`"
        tag = str(context["tag"])
        return f"{key!r} of {label} cannot be {_show(tag)}", _choice(tag, context["expected_tags"])
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        sign = {"greater_than": "above", "less_than": "below", "greater_than_equal": "at least"}
        limit = next(iter(context.values()))
        limit = f"{limit:g}" if isinstance(limit, float) else limit
        return f"{label} must be {sign.get(kind, 'at most')} {limit}, not {_show(item['input'])}", ""
    if kind in ("value_error", "assertion_error"):
        message, _, hint = str(context.get("error", item["msg"])).partition(". ")
        return message, hint
    if kind == "string_pattern_mismatch":
        rule = _PATTERNS.get(context["pattern"], f"It must match {context['pattern']}")
        hint = wide_hint(str(item["input"])) or rule
        if "[key]" in item["loc"]:
            return f"{_show(item['input'])} cannot be a name here", hint
        return f"{label} cannot be {_show(item['input'])}", hint
    if kind in ("too_short", "too_long"):
        least = kind == "too_short"
        limit = context["min_length" if least else "max_length"]
        entries = "entry" if limit == 1 else "entries"
        return f"{label} must have at {'least' if least else 'most'} {limit} {entries}", ""
    return f"{label}: {item['msg'][:1].lower()}{item['msg'][1:]}", ""


def _choice(word: str, words: str) -> str:
    """`words`: ``'a', 'b' or 'c'``."""
    known = [one.strip("' ") for one in words.replace(" or ", ", ").split(",")]
    near = nearest(word, known)
    return f"Did you mean {near!r}?" if near else "Choose one of: " + ", ".join(known)


def _label(loc: tuple[str | int, ...]) -> str:
    names = [step for step in loc if isinstance(step, str)]
    if loc and isinstance(loc[-1], int):
        return f"item {loc[-1] + 1} of {names[-1]!r}" if names else f"item {loc[-1] + 1}"
    return repr(names[-1]) if names else "the file"


def _show(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _instead(item: ErrorDetails) -> str:
    """What was probably meant."""
    kind, given = _KINDS[item["type"]], item["input"]
    if isinstance(given, str) and (hint := wide_hint(given)):
        return hint
    if given is None:
        return "Add what belongs there, or remove the key"
    if kind == "text" and isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        return f"Leave the brackets out: {given[0]}"
    if kind == "text" and isinstance(given, bool):
        return "Put it in quotes if it is meant as text"
    if kind == "a list" and isinstance(given, str):
        return f"Put it in brackets: [{given}]"
    if kind.endswith("number") and isinstance(given, str) and (found := _WITH_UNIT.fullmatch(given)):
        return f"Leave the unit out: {found[1]}"
    return ""


def _keys_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that the models reached by `loc` know."""
    kinds: list[Any] = [model]
    for step in loc:
        deeper = [found for kind in kinds for found in _step(kind, step)]
        kinds = deeper or kinds  # a union's branch name is no step of its own
    keys: list[str] = []
    for kind in kinds:
        for part in _parts(kind):
            if isinstance(part, type) and issubclass(part, BaseModel):
                keys += [field.alias or name for name, field in part.model_fields.items()]
    return keys


def _parts(kind: Any) -> list[Any]:
    """The members of a union, without its Annotated wrappings."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _parts(get_args(kind)[0])
    if origin in (Union, UnionType):
        return [part for member in get_args(kind) for part in _parts(member)]
    return [kind]


def _step(kind: Any, step: str | int) -> list[Any]:
    found: list[Any] = []
    for part in _parts(kind):
        if isinstance(part, type) and issubclass(part, BaseModel):
            found += [
                field.annotation for name, field in part.model_fields.items() if (field.alias or name) == step
            ]
        elif get_origin(part) is not None:
            inner = [argument for argument in get_args(part) if argument is not Ellipsis]
            found += inner[-1:]
    return found

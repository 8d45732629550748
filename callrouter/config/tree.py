"""From YAML text to plain data, with the place of every value at hand.

libyaml composes the node tree; typing is ours, by the YAML 1.2 core schema
(https://yaml.org/spec/1.2.2/#103-core-schema) with two deviations: what looks
like a telephone number stays text (a leading zero as in `0971`, a plus sign as
in `+86971`, more than 18 digits), and `<<: *anchor` merges a mapping. Keys are
always text. Hostile documents are bounded: depth, number of values after
aliases are followed, cycles.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError
from yaml.resolver import BaseResolver

from callrouter.config.faults import ConfigError, Fault
from callrouter.config.syntax import syntax_fault

MAX_DEPTH: Final = 48
MAX_VALUES: Final = 200_000

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
Path = Sequence[str | int]

_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_BASED: Final = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)|-?\.[0-9]+")
_WORDS: Final[dict[str, bool | float | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": math.inf, ".Inf": math.inf, ".INF": math.inf, "-.inf": -math.inf,
    ".nan": math.nan, ".NaN": math.nan, ".NAN": math.nan,
}  # fmt: skip
_STANDARD: Final = "tag:yaml.org,2002:"
_PLAIN_TEXT: Final = "?"  # the tag we give untagged plain scalars: their type is found on construction
_UNTAGGED: Final = frozenset((_PLAIN_TEXT, *(_STANDARD + kind for kind in ("str", "map", "seq"))))


class TooDeep(YAMLError):
    """Nesting beyond `MAX_DEPTH`; raised while composing, before the C stack can overflow."""

    def __init__(self, node: Node | None) -> None:
        super().__init__("too deep")
        self.node = node


class _Composer(CParser, BaseResolver):
    """libyaml's composer with YAML 1.2's typing in place of 1.1's."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        BaseResolver.__init__(self)
        self._depth = 0

    def resolve(self, kind: type[Node], value: str | None, implicit: object) -> str:
        if kind is ScalarNode:
            assert isinstance(implicit, tuple)
            return _PLAIN_TEXT if implicit[0] else _STANDARD + "str"
        return _STANDARD + ("map" if kind is MappingNode else "seq")

    def descend_resolver(self, parent: Node | None, index: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooDeep(parent)

    def ascend_resolver(self) -> None:
        self._depth -= 1


def scalar(text: str) -> str | int | float | bool | None:
    """The value of an untagged plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


class Builder:
    """Turns composed nodes into plain data and gathers every fault on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self._left = MAX_VALUES
        self._open: set[int] = set()

    def build(self, node: Node) -> Plain:
        self._left -= 1
        if self._left < 0:
            raise ConfigError([self.fault(node, f"more than {MAX_VALUES} values once aliases are followed",
                                          "Use fewer aliases (*name), or split the file")])  # fmt: skip
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self.faults.append(self.fault(node, "this anchor contains itself", "Write the part out instead"))
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                self._tag(node)
                return [self.build(item) for item in node.value]
            return self._mapping(node)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: ScalarNode) -> Plain:
        if node.tag == _PLAIN_TEXT:
            return scalar(node.value)
        self._tag(node)
        text: str = node.value
        return text

    def _mapping(self, node: Node) -> dict[str, Plain]:
        self._tag(node)
        result: dict[str, Plain] = {}
        lines: dict[str, int] = {}
        merged: list[Node] = []
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.faults.append(self.fault(key, "a key must be a word, not a list or a mapping"))
                continue
            text = key.value
            if _is_merge(key):
                merged.append(value)
            elif text in lines:
                self.faults.append(
                    self.fault(
                        key,
                        f"key {text!r} is given twice",
                        f"The first is on line {lines[text]}: rename or remove one",
                    )
                )
            else:
                lines[text] = key.start_mark.line + 1
                result[text] = self.build(value)
        for value in merged:
            for text, given in self._merged(value).items():
                result.setdefault(text, given)
        return result

    def _merged(self, node: Node) -> dict[str, Plain]:
        values = self.build(node)
        parts = values if isinstance(values, list) else [values]
        if not all(isinstance(part, dict | None) for part in parts):
            hint = "Write `<<: *name`, where &name stands before a mapping"
            self.faults.append(self.fault(node, "only a mapping can be merged in", hint))
        return {key: part[key] for part in reversed(parts) if isinstance(part, dict) for key in part}

    def _tag(self, node: Node) -> None:
        if node.tag not in _UNTAGGED:
            tag = node.tag.replace(_STANDARD, "!!")
            self.faults.append(self.fault(node, f"tag {tag} is not used here", "Remove the tag"))

    def fault(self, node: Node, message: str, hint: str = "") -> Fault:
        mark = node.start_mark
        return Fault(self.name, mark.line + 1, mark.column + 1, message, hint)


def compose(text: str, name: str) -> Node | None:
    """The node tree of one document, None when it is empty. Raises ConfigError on bad syntax."""
    composer = _Composer(text)
    try:
        return composer.get_single_node()
    except TooDeep as error:
        mark = error.node.start_mark if error.node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = f"nested more than {MAX_DEPTH} levels deep"
        raise ConfigError([Fault(name, line, column, message, "No setting needs such depth")]) from None
    except MarkedYAMLError as error:
        raise ConfigError([syntax_fault(error, text, name)]) from None
    except ReaderError as error:
        raise ConfigError(
            [Fault(name, 1, 1, f"unreadable text: {error.reason}", "Save it as UTF-8")]
        ) from None
    finally:
        composer.dispose()


def child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """(key node, value node) of one step down, None when there is none; a list item is its own key."""
    if isinstance(node, MappingNode):
        own = next(((key, value) for key, value in node.value if key.value == str(step)), None)
        return own or next((found for part in _merge_sources(node) if (found := child(part, step))), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _is_merge(key: Node) -> bool:
    return key.tag == _PLAIN_TEXT and key.value == "<<"


def _merge_sources(node: MappingNode) -> Iterator[Node]:
    """The mappings that `node` takes keys from, first come first."""
    for key, value in node.value:
        if _is_merge(key):
            yield from value.value if isinstance(value, SequenceNode) else (value,)
